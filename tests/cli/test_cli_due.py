"""What a person reads right before yes: what is due and what is lost, in plan, prompt, saved plan and JSON; and how outputs change."""

from __future__ import annotations

import io

import pytest

YEAR = "{charging_mode: PRE_PAID, period_type: YEAR, period_num: 1, is_auto_pay: true}"
FLEET = f"servers: {{trainer: {{count: 5, charging_info: {YEAR}}}}}\n"
DUE = "Due now: 5 prepaid for 1 YEAR, Si2.large.4: ordered and paid at once."
OUTPUTS = """\
outputs:
  master: "{{ servers.trainer[0].private_address }}"
  names: "{{ servers.trainer | map(attribute='name') }}"
  team: {value: "{{ servers.trainer[0].labels.team }}"}
  token: {value: "{{ servers.trainer[0].id }}", sensitive: true}
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def fleet(cli):
    cli.write_specs(FLEET)
    return cli


def changes_of(out: str) -> list[str]:
    section = out.split("Changes to Outputs:\n")[1] if "Changes to Outputs:" in out else ""
    return [line.strip() for line in section.split("\n\n")[0].splitlines()]


def test_a_plan_a_saved_plan_and_the_prompt_say_what_is_due(fleet, monkeypatch):
    planned = fleet.run("plan", "--out", "tonight.plan")
    assert DUE in planned.out.splitlines()[-6:]
    assert fleet.run("show", "tonight.plan").out == planned.out
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    assert "Buy 5 prepaid for 1 YEAR, Si2.large.4: ordered and paid at once?" in fleet.run("apply").stderr_text
    assert fleet.bought() == []


def test_machines_get_it_too_also_from_a_saved_plan_and_in_the_stream(fleet):
    planned = fleet.run("plan", "--json", "--out", "tonight.plan").document
    (due,) = planned["due_now"]
    assert (due["flavor"], due["count"], due["auto_pay"], due["payment"]) == ("Si2.large.4", 5, True, "at_once")
    assert due["charging_info"]["period_type"] == "YEAR"
    assert fleet.run("show", "tonight.plan", "--json").document["due_now"] == [due]
    stream = fleet.run("apply", "--auto-approve", "--json").lines
    assert next(line["plan"]["due_now"] for line in stream if line["type"] == "plan") == [due]


def test_a_destroy_says_which_paid_terms_it_gives_up(fleet, monkeypatch):
    fleet.apply()
    allowed = ("--allow", "prepaid-delete", "--allow", "mass-change")
    assert fleet.run("plan", "--destroy", "--json", *allowed).document["terms_given_up"][:1] == ["trainer[0]"]
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    assert (
        "5 servers are released before their paid terms end: trainer[0]" in fleet.run("destroy", *allowed).stderr_text
    )


def test_a_saved_plan_is_condensed_as_the_plan_was_and_shown_in_full_where_asked(fleet):
    fleet.run("plan", "--out", "tonight.plan")
    assert "4 more will be created like trainer[0]" in fleet.run("show", "tonight.plan").out
    assert fleet.run("show", "tonight.plan", "--full").out == fleet.run("plan", "--full").out
    assert fleet.run("drift", "--full", "--allow", "no-state").code == 0


class TestOutputs:
    def test_before_the_first_apply_all_are_new_and_some_are_known(self, fleet):
        fleet.write_specs(f"{FLEET}{OUTPUTS.replace('.labels.team', '.name')}")
        planned = fleet.run("plan")
        assert changes_of(planned.out) == [
            "+ master = (known after apply)",
            '+ names  = ["trainer-0", "trainer-1", "trainer-2", "trainer-3", "trainer-4"]',
            '+ team   = "trainer-0"',
            "+ token  = (known after apply)",
        ]
        assert planned.out.splitlines()[-1].startswith("Plan: 5 to add")

    def test_an_update_a_replacement_and_a_destroy_say_what_becomes_of_them(self, fleet):
        labelled = FLEET.replace("count: 5,", "count: 5, labels: {team: vision},")
        fleet.write_specs(f"{labelled}{OUTPUTS}")
        fleet.apply()
        assert changes_of(fleet.run("plan").out) == []
        fleet.write_specs(f"{labelled.replace('vision', 'nlp')}{OUTPUTS}")
        assert changes_of(fleet.run("plan").out) == ['~ team = "vision" -> "nlp"']
        replaced = changes_of(fleet.run("plan", "--replace", "trainer[0]").out)
        assert replaced[0].endswith(" -> (known after apply)")
        assert replaced[-1] == "~ token  = (sensitive) -> (known after apply)"
        destroyed = fleet.run("plan", "--destroy", "--allow", "prepaid-delete", "--allow", "mass-change")
        assert [line[:8] for line in changes_of(destroyed.out)] == ["- master", "- names ", "- team  ", "- token "]
        assert changes_of(destroyed.out)[2:] == [
            '- team   = "nlp" -> null'.replace("nlp", "vision"),
            "- token  = (sensitive) -> null",
        ]

    def test_what_an_apply_first_brings_has_no_value_yet(self, fleet):
        fleet.apply()
        labelled = FLEET.replace("count: 5,", "count: 5, labels: {team: vision},")
        fleet.write_specs(f"{labelled}{OUTPUTS}")
        assert changes_of(fleet.run("plan").out) == ['+ team = "vision"']

    def test_machines_get_them_and_a_secret_is_in_no_file(self, fleet):
        fleet.write_specs(f"{FLEET}{OUTPUTS.replace('.labels.team', '.name')}")
        fleet.apply()
        identifier = fleet.run("output", "--raw", "token").out.strip()
        document = fleet.run("plan", "--json", "--replace", "trainer[0]", "--out", "next.plan").document
        assert document["output_changes"]["token"] == {
            "actions": ["update"],
            "before": "(sensitive)",
            "after": None,
            "after_unknown": True,
            "before_sensitive": True,
            "after_sensitive": True,
        }
        assert set(document["output_changes"]) == {"master", "token"}
        saved = fleet.run("show", "next.plan", "--json").document
        assert saved["output_changes"] == document["output_changes"]
        assert identifier not in str(saved["output_changes"])

    def test_one_that_cannot_be_worked_out_is_a_warning_and_the_plan_goes_on(self, fleet):
        fleet.apply()
        odd = 'outputs: {odd: "{{ servers.trainer[0].name + 1 }}"}\n'
        fleet.write_specs(f"{FLEET.replace('count: 5,', 'count: 5, labels: {team: vision},')}{odd}")
        planned = fleet.run("plan")
        assert (planned.code, "Warning[outputs-unknown]" in planned.err) == (0, True)
        assert "Plan: 0 to add, 5 to change" in planned.out
