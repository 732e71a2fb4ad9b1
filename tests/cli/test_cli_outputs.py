"""Declared outputs at the desk, as a user of Terraform expects them; without any, what is recorded of every server."""

from __future__ import annotations

import json

import pytest
from support.cli_runner import STACK

SPECS = """\
servers:
  gateway: {}
  trainer: {count: 2}
outputs:
  master: "{{ servers.trainer[0].private_address }}"
  trainers: {value: "{{ servers.trainer | map(attribute='name') }}", description: in the order of ranks}
  token: {value: "id {{ servers.gateway.id }}", sensitive: true}
"""


@pytest.fixture
def fleet(cli):
    cli.write_specs(SPECS)
    cli.apply()
    return cli


def test_all_of_them_with_the_sensitive_ones_masked(fleet):
    ran = fleet.run("output")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith('master = "192.168.')
    assert lines[1:] == ["token  = (sensitive)", "trainers = [", '  "trainer-0",', '  "trainer-1",', "]"]


def test_a_long_value_is_whole_by_its_name_and_among_the_others(cli):
    cli.write_specs('servers: {gateway: {}}\noutputs: {long: "{{ servers.gateway.name * 200 }}", other: 1}\n')
    cli.apply()
    assert cli.run("output", "long").out == f'long = "{"gateway" * 200}"\n'
    assert cli.run("output").out == f'long  = "{"gateway" * 200}"\nother = 1\n'


def test_machines_get_every_value_and_what_is_sensitive_is_marked(fleet):
    document = fleet.run("output", "--json").document
    assert document["trainers"] == {
        "sensitive": False,
        "known": True,
        "value": ["trainer-0", "trainer-1"],
        "description": "in the order of ranks",
    }
    assert document["token"]["sensitive"] is True
    assert document["token"]["value"].startswith("id ")


def test_one_by_its_name(fleet):
    token = fleet.run("output", "--json", "token").document
    assert fleet.run("output", "--raw", "token").out == f"{token}\n"
    assert fleet.run("output", "token").out == f"token = {json.dumps(token)}\n"
    assert fleet.run("output", "--raw", "trainers").out == "trainer-0\ntrainer-1\n"


def test_addresses_can_still_be_asked_for(fleet):
    identifier = fleet.run("output", "--raw", "gateway.id").out.strip()
    assert fleet.run("output", "--raw", "token").out == f"id {identifier}\n"


def test_no_cloud_is_asked(fleet, point_to):
    point_to("http://127.0.0.1:9")
    assert fleet.run("output").code == 0


@pytest.fixture
def emptied(cli):
    """A stack whose servers are gone again."""
    cli.apply()
    assert cli.run("destroy", "--auto-approve").code == 0
    return cli


def test_where_nothing_is_recorded_nothing_is_known_and_nothing_fails(emptied):
    cli = emptied
    cli.write_specs(SPECS)
    ran = cli.run("output")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "master   = (known after apply)")
    assert cli.run("output", "--json").document["master"] == {"sensitive": False, "known": False, "value": None}


def test_what_is_not_known_is_no_empty_text_for_a_script(emptied):
    cli = emptied
    cli.write_specs(SPECS)
    for arguments in (("--raw",), ("--json",), ()):
        ran = cli.assert_fails("output", *arguments, "master", code="output-not-known")
        assert "apply first" in ran.err


def test_a_name_that_is_none_is_told(fleet):
    fleet.assert_fails("output", "mastr", code="unknown-output")


def test_a_slip_in_an_output_is_told_by_validate_and_nothing_is_bought(cli):
    cli.write_specs(SPECS.replace("servers.gateway.id", "servers.gatway.id"))
    ran = cli.assert_refused("undefined-variable")
    assert "servers.gatway does not exist" in ran.err
    assert "did you mean gateway?" in ran.err
    assert cli.run("validate").code == 1


def test_without_declared_outputs_there_are_the_servers(cli):
    cli.write_specs("servers: {gateway: {}}\n")
    cli.apply()
    assert list(cli.run("output", "--json").document) == ["gateway"]


class TestWhatAnApplyEndsWith:
    def test_a_block_below_its_last_line_in_terraforms_manner(self, cli):
        cli.write_specs(SPECS)
        ran = cli.apply()
        summary, block = ran.out.split("\n\nOutputs:\n\n")
        assert summary.endswith("Apply complete! Servers: 3 added, 0 changed, 0 destroyed.")
        assert block == cli.run("output").out

    def test_also_when_there_was_nothing_to_do(self, fleet):
        ran = fleet.apply()
        assert ran.out.startswith("No changes.")
        assert ran.out.endswith(f"\n\nOutputs:\n\n{fleet.run('output').out}")

    def test_a_stream_has_them_behind_its_summary_without_the_sensitive_ones(self, cli):
        cli.write_specs(SPECS)
        summary, outputs = cli.run("apply", "--auto-approve", "--json").lines[-2:]
        assert (summary["type"], outputs["type"]) == ("change_summary", "outputs")
        assert outputs["@message"] == "Outputs: 3"
        assert outputs["outputs"]["trainers"] == {
            "sensitive": False,
            "known": True,
            "value": ["trainer-0", "trainer-1"],
        }
        assert outputs["outputs"]["token"] == {"sensitive": True, "known": True}

    def test_a_saved_plan_ends_with_those_of_the_specs_as_they_are_now(self, cli):
        cli.write_specs(SPECS)
        cli.run("plan", "--out", "plan.json")
        assert cli.run("apply", "plan.json").out.endswith(f"\n\nOutputs:\n\n{cli.run('output').out}")

    def test_where_none_are_declared_nothing_is_said_of_them(self, cli):
        cli.write_specs("servers: {gateway: {}}\n")
        assert "Outputs" not in cli.apply().out
        assert cli.run("apply", "--auto-approve", "--json").lines[-1]["type"] == "change_summary"

    def test_a_run_that_is_not_done_ends_without(self, cli):
        cli.write_specs(SPECS.replace("gateway: {}", "gateway: {flavor: sandbox.fails}"))
        for options in ((), ("--json",)):
            ran = cli.run("apply", "--auto-approve", *options)
            assert (ran.code, "utputs" in ran.out.splitlines()[-1]) == (7, False)
        assert "\nOutputs:" not in cli.run("apply", "--no-input").out

    def test_a_release_ends_without(self, fleet):
        ran = fleet.run("destroy", "--auto-approve")
        assert (ran.code, "\nOutputs:" in ran.out) == (0, False)

    @pytest.mark.parametrize("saved", [False, True], ids=["planned", "saved"])
    def test_one_that_cannot_be_worked_out_undoes_nothing(self, cli, saved):
        cli.write_specs(f'{SPECS}  odd: "{{{{ servers.gateway.name + 1 }}}}"\n')
        cli.run("plan", "--out", "plan.json")
        ran = cli.run("apply", *(["plan.json"] if saved else ["--auto-approve"]))
        assert (ran.code, "Apply complete!" in ran.out, "\nOutputs:" in ran.out) == (0, True, False)
        assert "Warning[outputs-unknown]" in ran.err
        assert "`provisioner output` shows them" in ran.stderr_text
        assert len(cli.bought()) == 3

    def test_values_that_a_saved_plan_was_made_with_are_kept_in_it(self, cli):
        cli.write_stack(f"{STACK}variables: {{port: {{type: integer}}}}\n")
        cli.write_specs('servers: {gateway: {}}\noutputs: {port: "{{ var.port }}"}\n')
        cli.run("plan", "--out", "plan.json", "--var", "port=8080")
        ran = cli.run("apply", "plan.json")
        assert ran.out.endswith("\n\nOutputs:\n\nport = 8080\n")
        assert cli.run("output", "--var", "port=8080").out == "port = 8080\n"
