"""What the history tells after real processes were killed, refused and helped by hand, beside what the ledger knows."""

import re
import socket

import pytest
from support.fault_proxy import answering, ending_run, message
from support.secrecy import assert_unseen
from support.site import ONE, PASSWORD, THREE

SECRET = 'servers: {alpha: {key_pair_name: null, admin_pass: {secret: "env:SERVER_PASSWORD"}}}\n'


def deeds(site, *arguments: str) -> list[tuple[str, str]]:
    """What was done to whom, line by line."""
    ran = site.here("history", *arguments)
    assert ran.code == 0, ran.text
    return re.findall(r"^  \S+Z  (\w+(?: \w+)*) {2,}(\S+)", ran.out, re.MULTILINE)


def test_every_purchase_of_the_ledger_is_in_the_history_with_its_order(site):
    site.write(THREE)
    assert site.run("apply", "--auto-approve", "--reason", "capacity").code == 0
    told = site.here("history").out
    bought = [row for row in site.ledger if row.kind == "purchase"]
    assert len(bought) == 3
    for row in bought:
        assert row.name in told
        assert row.order_id is None or f"order={row.order_id}" in told
    assert told.count("request=") == 3
    assert f"@{socket.gethostname()}, plan " in told
    assert "reason: capacity" in told


def test_a_killed_run_and_the_one_that_adopted_its_server_are_both_told(site, proxy):
    proxy.on(ending_run(lambda: running.kill(), when="after"))  # noqa: PLW0108 - it is started below
    running = site.start("apply", "--auto-approve")
    running.process.wait(60)
    assert deeds(site) == [("in doubt", "alpha")]
    assert "its end is not recorded" in site.here("history").out
    assert site.run("apply", "--auto-approve").code == 0
    assert deeds(site) == [("in doubt", "alpha"), ("adopted", "alpha")]
    assert "settled later" in site.here("history").out
    assert site.purchases == {"alpha": 1}
    assert site.here("history", "--verify").code == 0


def test_a_refusal_is_told_with_the_clouds_reason(site, proxy):
    refusal = b'{"error_code": "ModelArts.50005015", "error_msg": "sold \\u001b[2J out"}'
    proxy.on(answering(message("400 Bad Request", refusal), executed=False))
    assert site.run("apply", "--auto-approve").code == 7
    (line,) = [line for line in site.here("history").out.splitlines() if "refused" in line]
    assert "400 ModelArts.50005015" in line
    assert r"\u001b[2J" in line


def test_a_persons_decision_is_told_with_their_name_and_reason(site, proxy):
    proxy.on(answering(message("502 Bad Gateway", b"{}"), executed=False))
    assert site.run("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    assert site.run("resolve", "alpha", "--absent", "--reason", "the console shows no order").code == 0
    assert deeds(site) == [("in doubt", "alpha"), ("settled absent", "alpha")]
    told = site.here("history").out
    assert f"@{socket.gethostname()}: the console shows no order" in told


def test_a_run_at_work_is_told_so(site, proxy):
    gate = proxy.gate()
    proxy.on(gate.after)
    running = site.start("apply", "--auto-approve")
    gate.await_arrival()
    told = site.here("history").out
    gate.open()
    assert running.end().code == 0
    assert ", at work\n" in told
    assert "in flight" in told
    assert "in doubt" not in told
    assert deeds(site) == [("bought", "alpha")]


@pytest.mark.parametrize("arguments", [["history"], ["history", "--json"], ["history", "--verify", "--json"]])
def test_the_password_is_in_no_history(site, proxy, arguments):
    site.write(SECRET)
    site.environment["SERVER_PASSWORD"] = PASSWORD
    proxy.on(answering(message("502 Bad Gateway", PASSWORD.encode(), kind="text/plain"), executed=True))
    said = [site.here("apply", "--auto-approve", "--resolve-timeout", "0"), site.run(*arguments)]
    assert [ran.code for ran in said] == [6, 0]
    assert_unseen(PASSWORD, site.folder, said)


def test_a_stack_without_a_run_has_none(site):
    site.write(ONE)
    assert "Nothing is recorded yet" in site.run("history").out
