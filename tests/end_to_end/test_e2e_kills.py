"""kill -9 at exact moments, then the same command again: three servers bought and tracked, or exit 6; never one twice.

The moments are requests, as the proxy sees them, and writes of the journal, as the dying process writes them: nothing here
depends on how fast a machine is.
"""

import signal

import pytest
from support.fault_proxy import FaultProxy, ending_run
from support.process_workspace import ONE, THREE

EACH_ONCE = {"alpha": 1, "beta": 1, "gamma": 1}
BUY = ("apply", "--auto-approve", "--parallelism", "1")

DIE_WHILE_WRITING = """
import os, signal, sys
from provisioner.store.folder import log
number, part = int(sys.argv.pop(1)), sys.argv.pop(1)
write_all, written = log.write_all, 0

def write_and_die(disk, descriptor, data):
    global written
    written += 1
    if written == number:
        kept = {"before": b"", "half": data[: len(data) // 2], "after": data}[part]
        write_all(disk, descriptor, kept)
        os.kill(os.getpid(), signal.SIGKILL)
    write_all(disk, descriptor, data)

log.write_all = write_and_die
from provisioner.cli.main import main
main()
"""
"""The tool, which kills itself with the nth write of the journal not done, half done or whole."""


@pytest.fixture
def three(workspace):
    workspace.write(THREE)
    return workspace


def die_at_request(workspace, proxy, *arguments: str, when: str, **which) -> None:
    def kill() -> None:
        running.kill()

    proxy.on(ending_run(kill, when=when), **which)
    running = workspace.start(*arguments)
    assert running.end().code == -signal.SIGKILL
    proxy.clear()


def die_while_writing(workspace, number: int, part: str, *arguments: str) -> None:
    ran = workspace.run(str(number), part, *arguments, program=("-c", DIE_WHILE_WRITING))
    assert ran.code == -signal.SIGKILL


def assert_all_bought_once_and_tracked(workspace) -> None:
    assert workspace.purchases == EACH_ONCE
    assert {address: server["id"] for address, server in workspace.outputs.items()} == {
        row.name: row.server_id for row in workspace.ledger if row.kind == "purchase"
    }
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def go_on(workspace) -> int:
    """The promise: all three are bought and tracked, or the exit code is 6 and the missing one is not bought blindly."""
    code = workspace.apply().code
    if code == 0:
        assert_all_bought_once_and_tracked(workspace)
        return 0
    assert code == 6
    assert workspace.apply().code == 6
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 6
    assert (max(workspace.purchases.values()), sum(workspace.purchases.values())) == (1, 2)
    return 6


class TestKilledWhileBuying:
    @pytest.mark.parametrize("when", ["before", "executed", "answered"])
    @pytest.mark.parametrize("nth", [1, 2, 3])
    def test_at_a_purchase(self, three, proxy, nth, when):
        die_at_request(three, proxy, *BUY, when=when, nth=nth)
        assert go_on(three) == (6 if when == "before" else 0)

    @pytest.mark.parametrize("when", ["before", "answered"])
    def test_at_the_look_before_the_plan(self, three, proxy, when):
        die_at_request(three, proxy, *BUY, when=when, method="GET", ending="/all")
        assert not three.ledger
        assert go_on(three) == 0

    @pytest.mark.parametrize("when", ["before", "answered"])
    def test_at_the_look_after_the_first_purchase(self, three, proxy, when):
        """The second purchase may be on its way at that moment, so only the promise holds."""
        die_at_request(three, proxy, *BUY, when=when, nth=2, method="GET", ending="/all")
        go_on(three)

    @pytest.mark.parametrize("when", ["held", "executed"])
    def test_while_three_purchases_are_in_flight(self, three, proxy, when):
        """None has been answered, and the ids stand nowhere but in the cloud. Each is the first of its flavor or mode."""
        three.write(THREE.replace("gamma: {}", "gamma: {flavor: Si2.xlarge.4}"))
        gate = proxy.gate()
        for name in ("alpha", "beta"):
            proxy.on(gate.after, name=name)

        third = proxy.gate()
        proxy.on(third.after if when == "executed" else third.never, name="gamma")
        running = three.start("apply", "--auto-approve")
        for arrival in (gate, gate, third):
            arrival.await_arrival()
        running.kill()
        assert running.end().code == -signal.SIGKILL
        proxy.clear()
        assert three.purchases == (EACH_ONCE if when == "executed" else {"alpha": 1, "beta": 1})
        assert go_on(three) == (0 if when == "executed" else 6)

    @pytest.mark.parametrize(("number", "part"), [*((n, "after") for n in range(1, 8)), (2, "half"), (3, "half")])
    def test_at_a_write_of_the_journal(self, three, number, part):
        """The run's beginning, an intent, twice the ids of one with the intent of the next, ids, what the list shows, the end."""
        die_while_writing(three, number, part, *BUY)
        noted = [record for record in three.journal_records if record["type"] == "intended"]
        lost = len(noted) > len(three.purchases)
        assert go_on(three) == (6 if lost else 0)

    def test_again_and_again(self, three, proxy):
        """Every run dies at its first purchase, after it was carried out; each next one adopts and goes on."""
        for _ in EACH_ONCE:
            die_at_request(three, proxy, *BUY, when="executed")
        assert three.apply().code == 0
        assert_all_bought_once_and_tracked(three)

    def test_before_its_state_is_complete(self, workspace, proxy):
        """The lock of the dead is free, and what it did is read from its journal by commands that only look."""
        die_at_request(workspace, proxy, *BUY, when="before", method="GET", ending="/all", nth=2)
        (bought,) = [row for row in workspace.ledger if row.kind == "purchase"]
        assert workspace.outputs["alpha"]["id"] == bought.server_id
        assert "resumed" in workspace.run_in_process("plan").out
        assert workspace.apply().code == 0


DESTROY = ("destroy", "--auto-approve", "--allow", "prepaid-delete")


class TestKilledWhileReleasing:
    @pytest.fixture
    def bought(self, three):
        three.apply()
        return three

    @pytest.mark.parametrize("when", ["before", "executed", "answered"])
    @pytest.mark.parametrize(("method", "ending"), [("DELETE", ""), ("POST", "/unsubscribe")])
    def test_at_a_release(self, bought, proxy, method, ending, when):
        die_at_request(bought, proxy, *DESTROY, "--parallelism", "1", when=when, method=method, ending=ending)
        assert bought.run_in_process(*DESTROY).code == 0
        assert bought.ledger_counts("release") == bought.purchases == EACH_ONCE
        assert bought.ledger_counts("refund") == {"beta": 1}
        assert bought.outputs == {}

    @pytest.mark.parametrize("part", ["half", "after"])
    @pytest.mark.parametrize("number", [2, 3, 4])
    def test_at_a_record_of_the_journal(self, workspace, number, part):
        """The intent to release, the answer, and the server's leave from the state."""
        workspace.apply()
        die_while_writing(workspace, number, part, *DESTROY)
        assert workspace.run_in_process(*DESTROY).code == 0
        assert workspace.ledger_counts("release") == workspace.purchases == {"alpha": 1}
        assert workspace.outputs == {}

    def test_it_buys_nothing_for_what_a_dead_destroy_left(self, bought, proxy):
        """An apply after it buys anew what was released, once, and keeps what was not."""
        die_at_request(
            bought,
            proxy,
            *DESTROY,
            "--parallelism",
            "1",
            when="executed",
            method="DELETE",
            ending="",
        )
        released = bought.ledger_counts("release")
        assert sum(released.values()) == 1
        assert bought.apply().code == 0
        assert {name: count - released[name] for name, count in bought.purchases.items()} == EACH_ONCE


class TestKilledWhileReplacing:
    BIGGER = "servers: {alpha: {flavor: Si2.xlarge.4}}\n"

    @pytest.mark.parametrize("when", ["before", "executed", "answered"])
    @pytest.mark.parametrize("method", ["DELETE", "POST"])
    def test_at_either_half(self, workspace, proxy, method, when):
        workspace.apply()
        workspace.write(self.BIGGER)
        die_at_request(
            workspace, proxy, *BUY, when=when, method=method, ending="" if method == "DELETE" else "/dev-servers"
        )
        again = workspace.apply()
        lost = (method, when) == ("POST", "before")
        assert again.code == (6 if lost else 0)
        assert workspace.ledger_counts("release") == {"alpha": 1}
        assert workspace.purchases == {"alpha": 1 if lost else 2}
        if not lost:
            assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
            assert [row.detail for row in workspace.ledger if row.kind == "purchase"] == ["Si2.large.4", "Si2.xlarge.4"]


class TestTheCloudDies:
    """SIGKILL of the sandbox's own process, in the middle of a purchase; it comes back with the same world."""

    def serve(self, workspace):
        server = workspace.popen("sandbox", "serve", "--build-seconds", "0", "--world", str(workspace.sandbox_db))
        return server, server.stdout.readline().split()[-1]

    @pytest.mark.parametrize("executed", [True, False])
    def test_during_a_purchase(self, workspace, proxy: FaultProxy, executed):
        server, proxy.upstream = self.serve(workspace)

        async def die(exchange):
            if executed:
                await exchange.carry_out()
            server.kill()
            server.wait()
            exchange.cut()

        proxy.on(die)
        broken = workspace.run("apply", "--auto-approve", "--resolve-timeout", "0")
        assert broken.code == 6
        _, proxy.upstream = self.serve(workspace)
        assert workspace.apply().code == (0 if executed else 6)
        assert workspace.purchases == ({"alpha": 1} if executed else {})

    def test_a_cloud_that_is_not_there_is_an_error_and_no_doubt(self, workspace):
        server, workspace.endpoint = self.serve(workspace)
        server.kill()
        server.wait()
        workspace.write(ONE)
        refused = workspace.run("plan")
        assert refused.code == 1
        assert "connection refused" in refused.err
