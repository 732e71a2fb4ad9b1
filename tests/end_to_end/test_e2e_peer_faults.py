"""Nine faults under which Terraform with the vendor's provider pays twice, loses a server or gives one up.

Each is played over real HTTP. The sandbox's ledger says what was bought, released and paid, the state and the open intents
have to name every server that it has, and a person has to read what to do next.
"""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from functools import partial

import pytest
from crash.crash_environment import Account
from support.fault_proxy import answering, message, resetting
from support.process_workspace import ONE, PREPAID
from support.stack_text import PASSWORD

import provisioner.cloud
from provisioner.cloud import connect
from provisioner.cloud.clock import Clock
from provisioner.sandbox import create_app
from provisioner.sandbox.serving import LoopbackOnly

MINUTE = 60
APPROVAL_SECONDS = 10 * MINUTE
OTHER_IMAGE = "7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7"
APPLY = ("apply", "--auto-approve")
TURNED_AWAY = message(
    "429 Too Many Requests",
    b'{"error_code": "APIG.0308", "error_msg": "The throttling threshold has been reached: limit:100,time:1 minute"}',
)


def prepaid(more: str = "", *, charging: str = PREPAID) -> str:
    return f"servers: {{alpha: {{{more}charging_info: {charging}}}}}\n"


@pytest.fixture
def running(workspace):
    """A prepaid server that is bought, paid and built."""
    workspace.write(prepaid())
    assert workspace.apply().code == 0
    return workspace


def recorded(workspace) -> dict[str, dict]:
    return {one["address"]: one for one in json.loads(workspace.run_in_process("show", "--json").out)["resources"]}


def bought_and_not_released(workspace) -> set[str]:
    released = {row.server_id for row in workspace.ledger if row.kind == "release"}
    return {row.server_id for row in workspace.ledger if row.kind == "purchase"} - released


def assert_every_server_is_known(workspace) -> None:
    """Each is recorded once, and nothing is recorded that is not there."""
    resources = recorded(workspace)
    assert {one["id"] for one in resources.values()} == bought_and_not_released(workspace)
    assert workspace.run_in_process("state", "list").out.split() == sorted(resources)


def assert_nothing_is_left_to_do(workspace) -> None:
    assert workspace.run("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("build_seconds", [600.0])
def test_interrupted_while_prepaid_servers_are_built(workspace, clock):
    """The peer's provider panics, and all five are paid for and in no state."""
    workspace.write(f"servers: {{node: {{count: 5, charging_info: {PREPAID}}}}}\n")
    running = workspace.start(*APPLY)
    for rank in range(5):
        running.wait_for_stderr(f"node[{rank}]: Ordered")
    running.process.send_signal(signal.SIGINT)
    running.wait_for_stderr("Stopping: nothing new is sent")
    interrupted = running.end()
    assert interrupted.code == 8
    assert "run `provisioner apply` again" in interrupted.words
    assert_every_server_is_known(workspace)
    clock.advance(700)
    assert workspace.run(*APPLY).code == 0
    assert sorted(workspace.purchases.values()) == [1] * 5
    assert workspace.ledger_counts("payment") == workspace.purchases
    assert workspace.ledger_counts("release") == {}
    assert_every_server_is_known(workspace)
    assert_nothing_is_left_to_do(workspace)


@pytest.fixture
def approving(workspace, server, sandbox_db, clock, tmp_path):
    """Somebody has to approve every order of this account."""
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text(json.dumps(Account(approval_seconds=APPROVAL_SECONDS).document()))
    server.app = LoopbackOnly(create_app(sandbox_db, build_seconds=0, clock=clock, accounts=accounts), clock)
    return workspace


def test_an_order_that_awaits_approval(approving, clock):
    """The peer fails at once, keeps no order, and the next apply orders a second server."""
    approving.write(prepaid())
    first = approving.run(*APPLY)
    assert first.code == 7
    assert (
        "have it approved, then run `provisioner apply` again; it continues with this order and buys nothing new"
        in first.words
    )
    (ordered,) = approving.ledger
    assert recorded(approving)["alpha"]["order_id"] == ordered.order_id
    assert ordered.order_id in approving.run_in_process("orders", "list").out
    assert approving.run_in_process(*APPLY).code == 7
    assert approving.ledger == [ordered]

    clock.advance(APPROVAL_SECONDS)
    approved = approving.run_in_process(*APPLY)
    assert approved.code == 7
    assert "orders pay" in approved.words
    assert approving.run_in_process("orders", "pay", "alpha", "--auto-approve").code == 0
    assert approving.run_in_process(*APPLY).code == 0
    assert approving.purchases == approving.ledger_counts("payment") == {"alpha": 1}
    assert recorded(approving)["alpha"]["order_id"] == ordered.order_id
    assert_nothing_is_left_to_do(approving)


@pytest.mark.parametrize("specs", [ONE, prepaid()], ids=["pay-per-use", "prepaid"])
def test_a_reset_after_the_purchase_was_accepted(workspace, proxy, specs):
    """The peer sends the purchase again and again, ends in an error about its length, and has the server in no state."""
    workspace.write(specs)
    proxy.on(resetting(executed=True))
    lost = workspace.run(*APPLY, "--resolve-timeout", "0")
    assert lost.code == 6
    assert "run `provisioner apply` again" in lost.words
    assert workspace.run_in_process("state", "list").out.split() == ["alpha"]
    (doubt,) = json.loads(workspace.run_in_process("show", "--json").out)["in_doubt"]
    assert (doubt["address"], doubt["effect"]) == ("alpha", "purchase")

    found = workspace.run(*APPLY)
    assert found.code == 0
    assert "alpha: Adopted" in found.err
    assert len(proxy.purchases) == sum(workspace.purchases.values()) == 1
    assert_every_server_is_known(workspace)
    assert_nothing_is_left_to_do(workspace)


@pytest.fixture
def timed(workspace, monkeypatch):
    """The cloud's pauses count by the clock by which the rest of the run is timed, and take no time."""
    clock = Clock(monotonic=workspace.clock.monotonic, sleep=workspace.clock.sleep, chance=lambda: 1.0)
    monkeypatch.setattr(provisioner.cloud, "connect", partial(connect, clock=clock))
    return workspace


def test_a_429(timed, proxy):
    """The peer sleeps for whole minutes, runs out of a minute in which to create, and marks a running server for replacement."""
    timed.write(prepaid("timeouts: {create: 1m}, "))
    proxy.on(answering(TURNED_AWAY, executed=False))
    proxy.on(answering(TURNED_AWAY, executed=False), method="GET", ending="/dev-servers/all", nth=2)
    applied = timed.run_in_process(*APPLY)
    assert applied.code == 0
    assert applied.err.count("The cloud asks for fewer requests: going on in 8s") == 2
    assert 0 < timed.clock.slept < MINUTE / 2
    assert len(proxy.purchases) == 2, "one was turned away"
    assert timed.purchases == timed.ledger_counts("payment") == {"alpha": 1}
    assert timed.ledger_counts("release") == {}
    assert_every_server_is_known(timed)
    assert_nothing_is_left_to_do(timed)


def test_a_creation_that_failed(workspace):
    """The peer marks it for replacement: the next apply unsubscribes it and buys another one, with no word about money."""
    workspace.write(prepaid("flavor: sandbox.fails, "))
    failed = workspace.run(*APPLY)
    assert failed.code == 7
    assert (
        "it exists and may cost money; remove it from the specs to release it, or `provisioner apply --replace 'alpha'`"
        in failed.words
    )
    assert_every_server_is_known(workspace)

    workspace.write(prepaid())
    before = workspace.ledger
    again = workspace.run(*APPLY)
    assert again.code == 7
    assert "`provisioner apply --replace 'alpha'` releases it and buys a new one" in again.words
    assert recorded(workspace)["alpha"]["phase"] == "failed"
    assert workspace.ledger == before

    assert workspace.run(*APPLY, "--replace", "alpha").code == 0
    assert (workspace.purchases, workspace.ledger_counts("release"), workspace.ledger_counts("refund")) == (
        {"alpha": 2},
        {"alpha": 1},
        {"alpha": 1},
    )
    assert_every_server_is_known(workspace)
    assert_nothing_is_left_to_do(workspace)


def test_a_server_in_the_status_error(running):
    """The peer says that nothing has changed, and exits with 0."""
    with closing(sqlite3.connect(running.sandbox_db)) as connection, connection:
        connection.execute("UPDATE servers SET status = 'ERROR'")
    before = running.ledger
    for command in ("plan", "drift"):
        looked = running.run(command, "--detailed-exitcode")
        assert looked.code == 2
        assert "alpha: the cloud reports status ERROR" in looked.words
        assert "`provisioner apply --replace 'alpha'` releases it and buys a new one" in looked.words
    running.run_in_process(*APPLY)
    assert running.ledger == before
    assert_every_server_is_known(running)

    assert running.run_in_process(*APPLY, "--replace", "alpha").code == 0
    assert (running.purchases, running.ledger_counts("release")) == ({"alpha": 2}, {"alpha": 1})
    assert_every_server_is_known(running)


def test_imported_and_then_planned(workspace):
    """The peer's next plan replaces it, as its import leaves twelve fields empty."""
    workspace.environment["ALPHA_PASSWORD"] = PASSWORD
    secret = 'key_pair_name: null, admin_pass: {secret: "env:ALPHA_PASSWORD"}, '
    workspace.write(prepaid(f"{secret}root_volume: {{type: SSD, size: 200}}, userdata: hidden, "))
    assert workspace.apply().code == 0
    before, identifier = workspace.ledger, recorded(workspace)["alpha"]["id"]
    assert workspace.run_in_process("state", "rm", "alpha", "--auto-approve").code == 0
    assert recorded(workspace) == {}

    imported = workspace.run("import", "alpha", identifier)
    assert imported.code == 0, imported.text
    planned = workspace.run("plan", "--detailed-exitcode")
    assert (planned.code, planned.out) == (0, "No changes. Your servers match the specs.\n")
    told = workspace.run_in_process("show")
    assert "The cloud never shows" in told.out
    hidden = json.loads(workspace.run_in_process("show", "--json").out)["unverifiable"]
    assert all(field in hidden for field in (["admin_pass"], ["network", "security_group_id"]))
    assert all(".".join(field) in told.out for field in hidden)
    assert workspace.ledger == before
    assert_every_server_is_known(workspace)


def test_another_period(running):
    """The peer plans to give up the running server and its term, and to buy another one."""
    before, term = running.ledger, recorded(running)["alpha"]["term"]
    running.write(prepaid(charging=PREPAID.replace("period_num: 1", "period_num: 3")))
    for command in (("plan",), APPLY):
        refused = running.run(*command)
        assert refused.code == 4
        assert "Error[prepaid-replace]: alpha is prepaid; changing charging_info.period_num" in refused.words
        assert "you would lose its term until" in refused.words
        assert "undo the change" in refused.words
        assert "--replace 'alpha'" in refused.words
    assert running.ledger == before
    assert recorded(running)["alpha"]["term"] == term
    assert_every_server_is_known(running)


def test_another_image(running):
    """The peer releases the server in the middle of its paid term, and buys another one."""
    before = recorded(running)["alpha"]
    running.write(prepaid(f"image_id: {OTHER_IMAGE}, "))
    planned = running.run("plan")
    assert "will be reinstalled, its system disk is wiped" in planned.words
    assert "data disks, addresses and the paid term are kept" in planned.words.replace("# ", "")
    assert running.run(*APPLY).code == 0
    assert running.purchases == running.ledger_counts("payment") == running.ledger_counts("wipe") == {"alpha": 1}
    assert running.ledger_counts("release") == running.ledger_counts("refund") == {}
    after = recorded(running)["alpha"]
    assert after["observed"]["image"]["image_id"] == OTHER_IMAGE
    assert all(after[kept] == before[kept] for kept in ("id", "order_id"))
    assert after["term"]["expires_at"] == before["term"]["expires_at"]
    assert_nothing_is_left_to_do(running)
