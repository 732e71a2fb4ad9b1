from dataclasses import replace
from textwrap import dedent

from rendering.samples import PLAIN, intent, recorded, state

from provisioner.model.address import Address
from provisioner.model.flow import Effect
from provisioner.model.resource import Phase
from provisioner.model.state import Member
from provisioner.rendering.state import render_outputs, render_resource, render_state, render_state_list
from provisioner.rendering.style import Style

GATEWAY = """\
# gateway: ready
dev_server "gateway" {
    id         = "62383738-e52a-450a-9f84-f9e705402be8"
    order_id   = "CS2311"
    admin_pass = (sensitive)
    flavor     = "Si2.large.4"
    name       = "gateway"
    userdata   = (content, sha256 1a2b3c4d)
    root_volume {
        size = 200
        type = "SSD"
    }
    labels {
        team = "vision"
    }
    observed {
        charging_mode = "PRE_PAID"
        status        = "RUNNING"
    }
}
"""

DOUBT = """\
# trainer[2]: in doubt, the outcome of a purchase is not known
dev_server "trainer-2" {
    intent  = "intent-1"
    attempt = 1
    sent_at = 2023-11-14 22:13:20 UTC
    sent_by = "ann@build-1"
}
"""


def test_the_list_is_one_address_a_line_doubts_included():
    assert render_state_list(state(recorded("b"), recorded("a[10]"), recorded("a[9]"), intents=(intent(),))) == (
        "a[9]\na[10]\nb\ntrainer[2]\n"
    )
    assert render_state_list(state()) == ""


def test_one_server_says_once_what_the_cloud_never_confirms():
    unverifiable = [("userdata",), ("admin_pass",), ("network", "security_group_id")]
    note = (
        "# The cloud never shows 2 declared fields, so changes made outside are not noticed: admin_pass,\n# userdata.\n"
    )
    assert render_resource(recorded(), PLAIN, unverifiable=unverifiable) == f"{GATEWAY}\n{note}"
    assert render_resource(recorded(), PLAIN) == GATEWAY


def test_a_doubt_about_a_server_is_shown_with_it():
    assert render_resource(recorded(), PLAIN, intent=intent()) == f"{GATEWAY}\n{DOUBT}"


def test_a_release_without_an_answer_names_the_server_it_would_end():
    doubt = replace(intent("gateway"), effect=Effect.DESTRUCTIVE, target_id="6238")
    text = render_resource(recorded(phase=Phase.DELETING), PLAIN, intent=doubt)
    assert text.startswith("# gateway: deleting\n")
    assert "# gateway: unsettled, the outcome of a release or other change is not known\n" in text
    assert '    target_id = "6238"\n' in text


def test_while_its_run_is_at_work_a_purchase_is_in_flight_and_no_doubt():
    text = render_state(state(intents=(intent(),)), PLAIN, in_flight=True)
    assert "# trainer[2]: in flight, a purchase of a run at work\n" in text
    assert "doubt" not in text


def test_the_whole_state():
    assert render_state(state(recorded(), intents=(intent(),)), PLAIN) == (
        f"demo, environment dev (account account-1, project project-1, region cn-north-4), serial 3\n\n{GATEWAY}\n{DOUBT}"
    )


def test_a_state_without_servers_says_so():
    assert render_state(state(), PLAIN).endswith("\n\nNo servers are recorded.\n")


def test_outputs_are_aligned_and_those_of_a_server_stand_in_a_block():
    outputs = {"addresses": ["192.168.0.3"], "count": 1, 'pool["a b"]': {"id": None, "labels": {"x": "y"}}}
    assert render_outputs(outputs, PLAIN) == dedent("""\
        addresses = [
          "192.168.0.3",
        ]
        count = 1
        pool["a b"] = {
          id = null
          labels = {
            x = "y"
          }
        }
        """)
    assert render_outputs({}, PLAIN) == ""


def test_outputs_are_whole_and_each_item_has_a_line():
    long = "x" * 5_000
    nested = {"empty": [], "nothing": {}, "pairs": [{"a b": 1, "id": None}, ["one", True]], "z": 2.5}
    assert render_outputs({"long": long, "nested": nested}, Style(color=False, width=20, columns=20)) == dedent(f"""\
        long = "{long}"
        nested = {{
          empty   = []
          nothing = {{}}
          pairs = [
            {{
              "a b" = 1
              id    = null
            }},
            [
              "one",
              true,
            ],
          ]
          z       = 2.5
        }}
        """)


def test_a_record_is_whole_also_on_a_terminal():
    long = {"note": "x" * 5_000}
    style = Style(color=False, width=80, columns=80)
    assert f'note = "{long["note"]}"' in render_resource(replace(recorded(), labels=long), style)


def test_a_doubt_about_several_names_all_of_them():
    members = tuple(Member(Address.parse(f"pool[{index}]"), f"pool-{index}") for index in range(12))
    doubt = replace(intent("pool[0]"), members=members)
    text = render_state(state(intents=(doubt,)), PLAIN)
    assert "# pool[0], pool[1], pool[2]," in text
    assert "pool[9] and 2 more: in doubt, the outcome of a purchase is not known" in text
    assert "    servers = 12\n" in text
    assert render_state_list(state(intents=(doubt,))) == "".join(f"pool[{index}]\n" for index in range(12))
