"""What the history tells after real processes were killed, refused and helped by hand, beside what the ledger knows."""

import getpass
import re
import socket

import pytest
from support.fault_proxy import answering, ending_run, message
from support.process_workspace import ONE, THREE
from support.secrecy import assert_unseen
from support.stack_text import PASSWORD

SECRET = 'servers: {alpha: {key_pair_name: null, admin_pass: {secret: "env:SERVER_PASSWORD"}}}\n'


def deeds(workspace, *arguments: str) -> list[tuple[str, str]]:
    """What was done to whom, line by line."""
    ran = workspace.run_in_process("history", *arguments)
    assert ran.code == 0, ran.text
    return re.findall(r"^  \S+Z  (\w+(?: \w+)*) {2,}(\S+)", ran.out, re.MULTILINE)


def test_every_purchase_of_the_ledger_is_in_the_history_with_its_order(workspace):
    workspace.write(THREE)
    assert workspace.run("apply", "--auto-approve", "--reason", "capacity").code == 0
    told = workspace.run_in_process("history").out
    bought = [row for row in workspace.ledger if row.kind == "purchase"]
    assert len(bought) == 3
    for row in bought:
        assert row.name in told
        assert row.order_id is None or f"order={row.order_id}" in told
    assert told.count("request=") == 3
    assert f"apply by {getpass.getuser()}@{socket.gethostname()}\n" in told
    assert "reason: capacity" in told


def test_a_killed_run_and_the_one_that_adopted_its_server_are_both_told(workspace, proxy):
    proxy.on(ending_run(lambda: running.kill(), when="after"))  # noqa: PLW0108 - it is started below
    running = workspace.start("apply", "--auto-approve")
    running.process.wait(60)
    assert deeds(workspace) == [("in doubt", "alpha")]
    assert "its end is not recorded" in workspace.run_in_process("history").out
    assert workspace.run("apply", "--auto-approve").code == 0
    assert deeds(workspace) == [("in doubt", "alpha"), ("adopted", "alpha")]
    assert "settled later" in workspace.run_in_process("history").out
    assert workspace.purchases == {"alpha": 1}
    assert workspace.run_in_process("history", "--verify").code == 0


def test_a_refusal_is_told_with_the_clouds_reason(workspace, proxy):
    refusal = b'{"error_code": "ModelArts.50005015", "error_msg": "sold \\u001b[2J out"}'
    proxy.on(answering(message("400 Bad Request", refusal), executed=False))
    assert workspace.run("apply", "--auto-approve").code == 7
    (line,) = [line for line in workspace.run_in_process("history").out.splitlines() if "refused" in line]
    assert "400 ModelArts.50005015" in line
    assert r"\u001b[2J" in line


def test_a_persons_decision_is_told_with_their_name_and_reason(workspace, proxy):
    proxy.on(answering(message("502 Bad Gateway", b"{}"), executed=False))
    assert workspace.run("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    assert workspace.run("resolve", "alpha", "--absent", "--reason", "the console shows no order").code == 0
    assert deeds(workspace) == [("in doubt", "alpha"), ("settled absent", "alpha")]
    told = workspace.run_in_process("history").out
    assert f"@{socket.gethostname()}: the console shows no order" in told


def test_a_run_at_work_is_told_so(workspace, proxy):
    gate = proxy.gate()
    proxy.on(gate.after)
    running = workspace.start("apply", "--auto-approve")
    gate.await_arrival()
    told = workspace.run_in_process("history").out
    gate.open()
    assert running.end().code == 0
    assert ", at work\n" in told
    assert "in flight" in told
    assert "in doubt" not in told
    assert deeds(workspace) == [("bought", "alpha")]


@pytest.mark.parametrize("arguments", [["history"], ["history", "--json"], ["history", "--verify", "--json"]])
def test_the_password_is_in_no_history(workspace, proxy, arguments):
    workspace.write(SECRET)
    workspace.environment["SERVER_PASSWORD"] = PASSWORD
    proxy.on(answering(message("502 Bad Gateway", PASSWORD.encode(), kind="text/plain"), executed=True))
    said = [workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0"), workspace.run(*arguments)]
    assert [ran.code for ran in said] == [6, 0]
    assert_unseen(PASSWORD, workspace.folder, said)


def test_a_stack_without_a_run_has_none(workspace):
    workspace.write(ONE)
    assert "Error[no-state]" in workspace.run("history").err
