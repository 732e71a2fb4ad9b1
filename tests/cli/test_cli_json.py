"""Output for machines: one document or one stream on stdout, nothing else there, and no secret in it."""

import errno
import json

import pytest
from support.stack_text import PASSWORD

from provisioner import __version__
from provisioner.disk import Disk


@pytest.fixture
def with_password(cli, monkeypatch):
    monkeypatch.setenv("PW", PASSWORD)
    cli.write_specs('servers:\n  gateway: {key_pair_name: null, admin_pass: {secret: "env:PW"}}\n')
    return cli


def test_valid_specs(cli) -> None:
    assert cli.run("validate").out == "Success! The specs are valid: 1 server.\n"
    document = cli.run("validate", "--json").document
    assert (document["valid"], document["error_count"], document["diagnostics"]) == (True, 0, [])


def test_mistakes_in_specs_come_with_their_places(cli) -> None:
    cli.write_specs("servers:\n  gateway:\n    flavour: x\n    imageid: z\n")
    ran = cli.run("validate", "--json")
    assert (ran.code, ran.err) == (1, "")
    assert (ran.document["valid"], ran.document["error_count"]) == (False, 2)
    first, second = ran.document["diagnostics"]
    assert (first["code"], first["address"]) == ("unknown-field", "gateway")
    assert first["range"]["filename"] == "specs/servers.yaml"
    assert first["range"]["start"] == {"line": 3, "column": 5}
    assert second["range"]["start"] == {"line": 4, "column": 5}


def test_a_plan(with_password) -> None:
    ran = with_password.run("plan", "--json")
    assert (ran.code, ran.err) == (0, "")
    (change,) = ran.document["resource_changes"]
    assert (change["address"], change["change"]["actions"]) == ("gateway", ["create"])
    assert ran.document["applyable"] is True
    assert PASSWORD not in ran.out


def test_the_state_before_and_after_the_first_apply(with_password) -> None:
    assert "resources" not in with_password.run("show", "--json").document
    with_password.apply()
    ran = with_password.run("show", "--json")
    assert ran.err == ""
    assert "gateway" in json.dumps(ran.document)
    assert PASSWORD not in ran.out
    assert PASSWORD not in with_password.run("state", "show", "--json", "gateway").out


def test_the_fields_that_the_cloud_never_shows_are_named_once(with_password) -> None:
    with_password.write_specs(
        'servers:\n  trainer: {count: 2, key_pair_name: null, admin_pass: {secret: "env:PW"}, root_volume: {type: SSD, size: 200}}\n'
    )
    with_password.apply()
    hidden = [["admin_pass"], ["network", "security_group_id"]]
    assert with_password.run("show", "--json").document["unverifiable"] == hidden
    assert with_password.run("state", "show", "--json", "trainer[0]").document["unverifiable"] == hidden


def test_apply_is_a_stream_that_begins_with_the_version_and_ends_with_the_sum(with_password) -> None:
    ran = with_password.run("apply", "--auto-approve", "--json")
    assert (ran.code, ran.err) == (0, "")
    kinds = [line["type"] for line in ran.lines]
    assert kinds[:2] == ["version", "plan"]
    assert kinds[-1] == "change_summary"
    assert {"apply_start", "apply_complete"} <= set(kinds)
    assert all({"@level", "@message", "@module", "@timestamp"} <= line.keys() for line in ran.lines)
    assert ran.lines[-1]["changes"]["add"] == 1
    assert ran.lines[-1]["not_done"] == []
    assert PASSWORD not in ran.out


def test_the_stream_of_a_run_with_nothing_to_do_ends_with_the_sum_too(applied) -> None:
    lines = applied.run("apply", "--auto-approve", "--json").lines
    assert [line["type"] for line in lines] == ["version", "plan", "change_summary"]
    assert lines[-1]["changes"]["add"] == 0


def test_a_warning_before_the_plan_does_not_come_before_the_version(applied) -> None:
    applied.state.chmod(0o777)
    lines = applied.run("apply", "--auto-approve", "--json").lines
    assert [line["type"] for line in lines] == ["version", "log", "plan", "change_summary"]
    assert lines[1]["diagnostic"]["code"] == "store-folder-open"


def test_the_stream_names_who_is_not_done(cli) -> None:
    cli.write_specs("servers: {good: {}, bad: {flavor: sandbox.fails}}\n")
    ran = cli.run("apply", "--auto-approve", "--json")
    assert ran.code == 7
    (missing,) = ran.lines[-1]["not_done"]
    assert (missing["address"], missing["outcome"]) == ("bad", "failed")
    assert missing["diagnostic"]["hint"]


def test_the_sum_is_plain_text_even_where_colour_is_forced(cli, monkeypatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\\u001b" not in cli.run("apply", "--auto-approve", "--json").out


def test_destroying_is_a_stream_too(applied) -> None:
    lines = applied.run("destroy", "--auto-approve", "--json").lines
    assert lines[-1]["changes"]["remove"] == 1
    assert lines[-1]["@message"] == "Destroy complete! Servers: 1 destroyed."


def test_outputs(applied) -> None:
    everything = applied.run("output", "--json").document
    assert everything["gateway"]["private_addresses"]
    identifier = everything["gateway"]["id"]
    assert applied.run("output", "--raw", "gateway.id").out == f"{identifier}\n"
    assert applied.run("output", "--json", "gateway.id").document == identifier
    addresses = applied.run("output", "--raw", "gateway.private_addresses").out
    assert addresses.splitlines() == everything["gateway"]["private_addresses"]


def test_outputs_of_what_was_destroyed(applied) -> None:
    cli = applied
    assert cli.run("destroy", "--auto-approve").code == 0
    assert cli.run("output", "--json").document == {}
    assert cli.run("state", "list").out == ""


def test_the_ledger_of_the_sandbox(applied) -> None:
    (entry,) = applied.run("sandbox", "ledger", "--json").document["ledger"]
    assert (entry["kind"], entry["name"]) == ("purchase", "gateway")
    assert "gateway" in applied.run("sandbox", "ledger").out


def test_the_version(cli) -> None:
    assert cli.run("version", "--json").document == {"provisioner_version": __version__}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["plan", "--json"], "wrong-type"),
        (["show", "--json", "gone.plan"], "plan-unreadable"),
        (["output", "--json", "gatway"], "unknown-output"),
        (["state", "show", "--json", "gatway"], "unknown-address"),
        (["plan", "--json", "--specs", "\udcff"], "stack-missing"),
    ],
)
def test_an_error_is_a_document_for_the_machine_and_words_for_people(applied, arguments: list[str], code: str) -> None:
    cli = applied
    cli.write_specs("servers: 3\n")
    ran = cli.run(*arguments)
    assert ran.code == 1
    assert f"Error[{code}]" in ran.err
    assert (ran.document["format_version"], ran.document["errored"]) == ("2.0", True)
    (finding,) = ran.document["diagnostics"]
    assert (finding["severity"], finding["code"]) == ("error", code)


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_an_error_is_a_line_of_a_stream_each(cli, command: str) -> None:
    cli.write_specs("servers: {a: {flavour: x}, b: {flavour: x}}\n")
    ran = cli.run(command, "--auto-approve", "--json")
    assert ran.code == 1
    assert "Error[unknown-field]" in ran.err
    assert [line["type"] for line in ran.lines] == ["version", "diagnostic", "diagnostic"]
    assert [line.get("diagnostic", {}).get("address") for line in ran.lines] == [None, "a", "b"]
    assert ran.lines[1]["@level"] == "error"
    assert all({"@level", "@message", "@module", "@timestamp"} <= line.keys() for line in ran.lines)


def test_an_error_after_the_plan_goes_on_with_the_stream(applied) -> None:
    applied.write_specs("servers: {gateway: {lifecycle: {prevent_destroy: true}}}\n")
    ran = applied.run("destroy", "--auto-approve", "--json")
    assert ran.code == 4
    assert [line["type"] for line in ran.lines] == ["version", "plan", "diagnostic"]
    assert ran.lines[-1]["diagnostic"]["code"] == "protected"


def test_an_error_after_the_document_adds_no_second_one(cli, monkeypatch) -> None:
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Disk, "write", full)
    ran = cli.run("plan", "--json", "--out", "one.plan")
    assert ran.code == 1
    assert "resource_changes" in ran.document
    assert "Error[plan-not-written]" in ran.err
