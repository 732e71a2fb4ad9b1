"""history: who bought what, when and why, from files alone; and whether they can be believed."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import an_intent
from support.stack_text import PASSWORD

from provisioner.model.journal import Intended, RunStarted
from provisioner.store import open_store

SECRET = 'servers: {gateway: {key_pair_name: null, admin_pass: {secret: "env:GATEWAY_PASSWORD"}}}\n'


def words(text: str) -> list[str]:
    """What was done, line by line."""
    return re.findall(r"^  \S+Z  (\w+(?: \w+)*)  ", text, re.MULTILINE)


def test_a_servers_life_is_told_with_its_reasons(cli) -> None:
    assert cli.run("apply", "--auto-approve", "--reason", "the demo").code == 0
    cli.write_specs("servers: {gateway: {name: renamed}}\n")
    cli.apply()
    assert cli.run("destroy", "--auto-approve", "--reason", "budget\x1b[2J is gone").code == 0
    ran = cli.run("history")
    assert words(ran.out) == ["bought", "renamed", "asked to release", "released"]
    assert "reason: the demo" in ran.out
    assert r"reason: budget\u001b[2J is gone" in ran.out
    assert "gateway -> renamed" in ran.out
    assert ran.out.count(" by ") == 3
    assert ran.err == ""


def test_the_history_survives_what_it_tells_of(applied) -> None:
    assert applied.run("destroy", "--auto-approve").code == 0
    assert words(applied.run("history", "gateway").out) == ["bought", "asked to release", "released"]


def test_the_ids_are_those_of_the_cloud(applied) -> None:
    identifier = json.loads(applied.run("output", "--json", "gateway").out)["id"]
    assert f"id={identifier} request=" in applied.run("history").out


def test_one_address_and_every_record_of_it(applied) -> None:
    applied.write_specs("servers: {gateway: {}, second: {}}\n")
    applied.apply()
    assert "gateway" not in applied.run("history", "second").out
    records = applied.run("history", "second", "--json").document["records"]
    assert [record["type"] for record in records] == ["intended", "answered", "remembered"]
    whole = applied.run("history", "--json").document["records"]
    assert [record["sequence"] for record in whole] == list(range(1, len(whole) + 1))


def test_a_dead_run_is_not_at_work_because_somebody_plans(applied) -> None:
    store = open_store(applied.state, "demo")
    with store.write(command="apply", who="ana@laptop", timeout=0) as session:
        session.append([RunStarted("run-2", "apply", "ana@laptop", "0.1.0"), Intended(an_intent("second"))])
    with store.write(command="apply", who="bob@build", timeout=0):
        told = applied.run("history").out
    assert "apply by ana@laptop, its end is not recorded" in told
    assert words(told) == ["bought", "in doubt"]


@pytest.mark.parametrize("address", ["nobody", "gateway[0]", 'gateway["a"]'])
def test_an_address_that_was_never_there(applied, address: str) -> None:
    assert "is not in the history" in applied.assert_fails("history", address, code="unknown-address").stderr_text


@pytest.mark.parametrize("address", ["", "1st", "gateway[", "\x1b[31m"])
def test_what_is_no_address(applied, address: str) -> None:
    ran = applied.run("history", address)
    assert ran.code == 1
    assert "Traceback" not in ran.text


def test_the_password_is_nowhere_in_it(cli, monkeypatch) -> None:
    monkeypatch.setenv("GATEWAY_PASSWORD", PASSWORD)
    cli.write_specs(SECRET)
    cli.apply()
    for arguments in (["history"], ["history", "--json"], ["history", "--verify"], ["history", "gateway", "--json"]):
        ran = cli.run(*arguments)
        assert ran.code == 0
        assert PASSWORD not in ran.text
        assert "fingerprint" not in ran.text
    assert "(sensitive)" in cli.run("history", "--json").out


def test_it_needs_neither_the_cloud_nor_a_lock(applied, monkeypatch) -> None:
    for service in ("MODELARTS", "BSS", "IAM"):
        monkeypatch.setenv(f"PROVISIONER_ENDPOINT_{service}", "http://127.0.0.1:1")
    with open_store(applied.state, "demo").write(command="apply", who="ana@laptop", timeout=0):
        assert applied.run("history").code == 0
        assert applied.run("history", "--verify").code == 0


def test_a_whole_history_is_verified(applied) -> None:
    ran = applied.run("history", "--verify")
    last = (applied.state / "demo.journal").read_text().splitlines()[-1]
    assert ran.code == 0
    assert json.loads(last)["hash"] in ran.out
    document = applied.run("history", "--verify", "--json").document
    assert document["verified"] is True
    assert (
        document["head"]
        == document["checkpoint"]
        == {
            "sequence": json.loads(last)["sequence"],
            "hash": json.loads(last)["hash"],
        }
    )


def test_nothing_to_verify_is_no_success(cli) -> None:
    cli.assert_fails("history", "--verify", code="nothing-recorded")


def test_verify_is_about_the_whole_journal(applied) -> None:
    ran = applied.run("history", "gateway", "--verify")
    assert ran.code == 1
    assert "leave ADDRESS out" in ran.err


def test_damage_names_file_line_and_the_way_back(applied) -> None:
    journal = applied.state / "demo.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"attempt":1', b'"attempt":2')
    journal.write_bytes(b"".join(lines))
    for arguments in (["history"], ["history", "--verify"]):
        said = applied.assert_fails(*arguments, code="journal-damaged").stderr_text
        assert f"{journal}, line 4: " in said
        assert f"{journal}:4:1" in said
    said = applied.assert_fails("history", "--verify", code="journal-damaged").stderr_text
    assert "provisioner state rebuild" in said
    document = applied.run("history", "--verify", "--json").document
    assert document["errored"] is True
    assert document["diagnostics"][0]["range"]["start"]["line"] == 4


@pytest.fixture
def whole(applied) -> dict[str, bytes]:
    """What stands in the files of a stack that was applied."""
    return {
        f"demo.{name}": (applied.state / f"demo.{name}").read_bytes() for name in ("json", "journal", "lock", "backup")
    }


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_no_bytes_give_a_traceback(applied, whole, data) -> None:
    for name, content in whole.items():
        (applied.state / name).write_bytes(content)
    for name in data.draw(st.sets(st.sampled_from(sorted(whole)), min_size=1)):
        content = whole[name]
        at = data.draw(st.integers(0, 1_000)) * len(content) // 1_000
        inserted, dropped = data.draw(st.binary(max_size=20)), data.draw(st.integers(0, 40))
        (applied.state / name).write_bytes(content[:at] + inserted + content[at + dropped :])
    for arguments in (["history"], ["history", "--verify"], ["history", "--json"], ["force-unlock", "x"]):
        ran = applied.run(*arguments)
        assert ran.code in {0, 1}
        assert "Traceback" not in ran.text
        assert "internal error" not in ran.text
