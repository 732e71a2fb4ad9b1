import re
from dataclasses import replace
from textwrap import dedent

import pytest
from rendering.samples import COLORED, FINGERPRINT, PLAIN, create, plan, recorded
from support.builders import a_state, change_of
from support.planning_builders import bought, refreshed, shown, surveyed, wanted

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.diagnostic import error, warning
from provisioner.model.plan import Mode
from provisioner.model.resource import Desired, Phase
from provisioner.rendering.plan import render_plan


def change(action: Action, address: str = "gateway", **parts) -> Change:
    parts.setdefault("recorded", recorded(address))
    return change_of(Address.parse(address), "dev_server", action, **parts)


def test_a_server_to_buy_is_shown_whole_without_its_secrets():
    assert render_plan(plan(create("gateway")), PLAIN) == dedent("""\
        Provisioner will perform the following actions:
            +  create

          # gateway will be created
          + dev_server "gateway" {
              + id              = (known after apply)
              + private_address = (known after apply)
              + admin_pass      = (sensitive)
              + flavor          = "Si2.large.4"
              + name            = "gateway"
              + userdata        = (content, sha256 1a2b3c4d)
              + root_volume {
                  + size = 200
                  + type = "SSD"
                }
            }

        To be done in environment dev, account account-1.

        Plan: 1 to add, 0 to change, 0 to destroy.
        """)


def test_an_update_shows_only_what_changes():
    fields = (
        FieldChange(("name",), "a", "b"),
        FieldChange(("labels", "team"), "vision", None),
        FieldChange(("labels", "rack 7"), None, "left"),
        FieldChange(("admin_pass",), {"fingerprint": "x"}, "y", sensitive=True),
    )
    text = render_plan(plan(change(Action.UPDATE, fields=fields, after=create("b").after)), PLAIN)
    assert text == dedent("""\
        Provisioner will perform the following actions:
            ~  update in place

          # gateway will be updated in place
          ~ dev_server "b" {
                id         = "62383738-e52a-450a-9f84-f9e705402be8"
              ~ admin_pass = (sensitive) -> (sensitive)
              ~ name       = "a" -> "b"
              ~ labels {
                  + "rack 7" = "left"
                  - team     = "vision" -> null
                }
                # (4 unchanged fields hidden)
            }

        To be done in environment dev, account account-1.

        Plan: 0 to add, 1 to change, 0 to destroy.
        """)


def test_a_replacement_says_which_field_forces_it_and_how_the_old_server_is_released():
    fields = (
        FieldChange(("flavor",), "Si2.large.4", "Si2.large.8", forces_replacement=True),
        FieldChange(("root_volume", "size"), 100, 200, forces_replacement=True, drift=True),
    )
    text = render_plan(plan(change(Action.REPLACE, fields=fields, after=create("gateway").after)), PLAIN)
    assert text == dedent("""\
        Provisioner will perform the following actions:
          -/+  replace (destroy, then create)

          # gateway must be replaced
        -/+ dev_server "gateway" {
              ~ id     = "62383738-e52a-450a-9f84-f9e705402be8" -> (known after apply)
              ~ flavor = "Si2.large.4" -> "Si2.large.8" # forces replacement
              ~ root_volume {
                  ~ size = 100 -> 200 # forces replacement, changed outside of the specs
                }
                # (4 unchanged fields hidden)
                # will be unsubscribed, once billing confirms the subscription
            }

        To be done in environment dev, account account-1.

        ! 1 server is released, and its system disk is lost: gateway

        Plan: 1 to add, 0 to change, 1 to destroy.
        """)


def test_a_release_names_what_ends_and_why():
    text = render_plan(plan(change(Action.DELETE, reason=Reason.NOT_IN_SPECS)), PLAIN)
    assert text == dedent("""\
        Provisioner will perform the following actions:
            -  destroy

          # gateway will be destroyed
          # (because it is no longer in the specs)
          - dev_server "gateway" {
              - id            = "62383738-e52a-450a-9f84-f9e705402be8"
              - name          = "gateway"
              - order_id      = "CS2311"
              - charging_mode = "PRE_PAID"
                # will be unsubscribed, once billing confirms the subscription
            }

        To be done in environment dev, account account-1.

        ! 1 server is released, and its system disk is lost: gateway

        Plan: 0 to add, 0 to change, 1 to destroy.
        """)


@pytest.mark.parametrize(
    ("charging_mode", "way"),
    [
        ("POST_PAID", "will be deleted, or unsubscribed if billing shows a paid term"),
        (None, "will be deleted or unsubscribed, depending on what billing shows"),
    ],
)
def test_the_way_of_a_release_follows_the_charging_mode(charging_mode, way):
    gone = change(Action.DELETE, recorded=recorded(charging_mode=charging_mode))
    assert f"        # {way}\n" in render_plan(plan(gone, mode=Mode.DESTROY), PLAIN)


def test_what_has_a_fault_is_deleted_whatever_its_charging_mode():
    gone = change(Action.DELETE, recorded=recorded(charging_mode="PRE_PAID"), deleted_alone=True)
    text = render_plan(plan(gone, mode=Mode.DESTROY), PLAIN)
    assert ("will be deleted, because it was not built or has a fault" in text, "unsubscribed" in text) == (
        True,
        False,
    )


def test_what_is_resumed_or_forgotten_is_shown_and_counted_at_the_end():
    slow = change(Action.RESUME, "slow", recorded=recorded("slow", phase=Phase.AWAITING_PAYMENT))
    gone = change(Action.FORGET, "gone", reason=Reason.VANISHED)
    assert render_plan(plan(slow, gone), PLAIN) == dedent("""\
        Provisioner will perform the following actions:
            .  forget (nothing is sent)
           >>  resume what is under way

          # slow will be resumed
          # (its order awaits payment or approval)
         >> dev_server "slow" {
                id            = "62383738-e52a-450a-9f84-f9e705402be8"
                name          = "slow"
                order_id      = "CS2311"
                charging_mode = "PRE_PAID"
                phase         = "awaiting_payment"
            }

          # gone will be forgotten
          # (because it is gone from the cloud)
          . dev_server "gone" {
                id            = "62383738-e52a-450a-9f84-f9e705402be8"
                name          = "gone"
                order_id      = "CS2311"
                charging_mode = "PRE_PAID"
            }

        To be done in environment dev, account account-1.

        Plan: 0 to add, 0 to change, 0 to destroy, 1 to resume, 1 to forget.
        """)


def test_counted_servers_are_told_in_a_line_each_when_they_read_alike():
    servers = [create(f"trainer[{index}]") for index in range(11)]
    servers[10] = create("trainer[10]", root_volume={"type": "SSD", "size": 400})
    first, rest = render_plan(plan(*servers), PLAIN).split("    }\n\n", 1)
    assert "# trainer[0] will be created" in first
    assert rest == dedent("""\
          # 10 more will be created like trainer[0], except for the fields shown
          + trainer[1]   "trainer-1"
          + trainer[2]   "trainer-2"
          + trainer[3]   "trainer-3"
          + trainer[4]   "trainer-4"
          + trainer[5]   "trainer-5"
          + trainer[6]   "trainer-6"
          + trainer[7]   "trainer-7"
          + trainer[8]   "trainer-8"
          + trainer[9]   "trainer-9"
          + trainer[10]  "trainer-10"  root_volume.size = 400
            # trainer alone: provisioner apply --target 'trainer'; all but trainer: --exclude 'trainer'

        To be done in environment dev, account account-1.

        Plan: 11 to add, 0 to change, 0 to destroy.
        """)


def test_a_field_that_only_one_server_has_or_lacks_is_named_with_it():
    servers = [create(f"trainer[{index}]") for index in range(5)]
    servers[2] = create("trainer[2]", availability_zone="cn-north-4b")
    servers[4] = change_of(
        servers[4].address, "dev_server", Action.CREATE, after={"name": "x", **create("y", name="x").after}
    )
    del servers[4].after["userdata"]
    lines = render_plan(plan(*servers), PLAIN).splitlines()
    assert '  + trainer[2]  "trainer-2"  availability_zone = "cn-north-4b"' in lines
    assert '  + trainer[4]  "x"          userdata = (not set)' in lines


def test_a_server_that_differs_in_much_is_another_model_and_the_rest_stay_short():
    other = dict.fromkeys(("flavor", "availability_zone", "arch", "server_type"), "other")
    servers = [create(f"trainer[{index}]", **(other if index % 2 else {})) for index in range(6)]
    assert re.findall(r"  # (.*)", render_plan(plan(*servers), PLAIN))[:4] == [
        "trainer[0] will be created",
        "2 more will be created like trainer[0]",
        "trainer[1] will be created",
        "2 more will be created like trainer[1]",
    ]


def test_few_servers_other_groups_and_full_are_never_shortened():
    three = [create(f"trainer[{index}]") for index in range(3)]
    mixed = [create(f"pool{index}") for index in range(6)]
    many = [create(f"trainer[{index}]") for index in range(6)]
    assert "more will be" not in render_plan(plan(*three), PLAIN)
    assert "more will be" not in render_plan(plan(*mixed), PLAIN)
    assert "more will be" not in render_plan(plan(*many), PLAIN, full=True)


def test_labels_of_the_specs_are_part_of_the_picture():
    wanted = Desired(Address("gateway"), "dev_server", {"name": "gateway"}, labels={"team": "vision"})
    text = render_plan(plan(change(Action.CREATE, recorded=None, desired=wanted, after={"name": "gateway"})), PLAIN)
    assert '      + labels {\n          + team = "vision"\n        }\n' in text


def test_what_was_noticed_and_what_is_refused_stands_before_the_last_line():
    text = render_plan(
        plan(
            create("gateway"),
            findings=[warning("vanished", "edge is gone from the cloud")],
            refusals=[error("protected", "gateway is protected")],
        ),
        PLAIN,
    )
    assert text.endswith(
        dedent("""\
        Warning[vanished]: edge is gone from the cloud

        Error[protected]: gateway is protected

        To be done in environment dev, account account-1.

        ! Refused: protected. Nothing would be done.

        Plan: 1 to add, 0 to change, 0 to destroy.
        """)
    )


def test_nothing_to_do_is_one_line():
    unchanged = change(Action.NO_OP)
    assert render_plan(plan(unchanged), PLAIN) == "No changes. Your servers match the specs.\n"
    assert render_plan(plan(mode=Mode.DESTROY), PLAIN) == "No changes. There is nothing to destroy.\n"


def test_no_changes_never_claims_a_match_when_something_was_found():
    text = render_plan(plan(findings=[warning("vanished", "edge is gone from the cloud")]), PLAIN)
    assert text == (
        "Warning[vanished]: edge is gone from the cloud\n\n"
        "No changes. Nothing would be done about the 1 finding above.\n"
    )


def test_a_secret_is_hidden_by_its_path_as_well_as_by_its_shape():
    path = ("admin_pass",)
    servers = [create(f"t[{index}]", admin_pass=f"clear-{index}") for index in range(5)]
    hidden = [change_of(one.address, one.kind, one.action, after=one.after, sensitive=(path,)) for one in servers]
    fields = (FieldChange(("admin_pass", "fingerprint"), "clear-a", "clear-b"),)
    text = render_plan(plan(*hidden, change(Action.UPDATE, fields=fields, sensitive=(path,))), PLAIN)
    assert "clear" not in text
    assert FINGERPRINT not in text


def test_color_adds_nothing_but_color():
    colored = plan(create("a"), change(Action.DELETE), change(Action.REPLACE, "b", reason=Reason.REQUESTED))
    assert re.sub(r"\x1b\[[0-9;]*m", "", render_plan(colored, COLORED)) == render_plan(colored, PLAIN)


def test_a_refresh_says_which_fields_it_leaves_on_record_as_they_were_declared():
    desired = wanted(arch="X86", power="running")
    record = replace(bought(desired), assumed={"server_type": "ECS"})
    row = shown(record, "STOPPED", arch="ARM", server_type="BMS", power="stopped", name="portal")
    text = render_plan(refreshed(surveyed(desired, state=a_state(record), live=(row,))), PLAIN)
    assert "# (a refresh does not record arch, server_type: what was declared of that stays on record)" in text
