"""Ctrl-C, TERM and HUP while money is being spent, and readers who walk away: nothing new is bought, nothing bought is lost."""

import os
import pty
import signal
import subprocess
from pathlib import Path
from shlex import quote

import pytest
from support.process_workspace import THREE

BUY = ("apply", "--auto-approve", "--parallelism", "1")
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
STOPPING = "Stopping: nothing new is sent"


@pytest.fixture(autouse=True)
def new_interpreters(workspace):
    """Their handling of signals from the first moment on is what counts here."""
    workspace.fork_server = None


@pytest.fixture
def three(workspace):
    workspace.write(THREE)
    return workspace


def interrupt(running, number: int, *, heard: str = STOPPING) -> None:
    running.process.send_signal(number)
    running.wait_for_stderr(heard)


def assert_the_rest_is_bought_once(workspace) -> None:
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1, "beta": 1, "gamma": 1}
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


class TestWhileAPurchaseIsInFlight:
    @SIGNALS
    def test_its_answer_is_recorded_and_no_other_is_sent(self, three, proxy, number):
        gate = proxy.gate()
        proxy.on(gate.after)
        running = three.start(*BUY)
        gate.await_arrival()
        interrupt(running, number)
        gate.open()
        ended = running.end()
        assert ended.code == 8
        assert three.purchases == {"alpha": 1}
        (bought,) = [row for row in three.ledger if row.kind == "purchase"]
        assert three.outputs["alpha"]["id"] == bought.server_id
        summary = ended.out[ended.out.index("Not done:") :]
        assert "alpha  under way" in summary
        assert bought.server_id in summary
        assert "beta   not started" in summary
        assert "again; it continues from what is recorded" in ended.words
        assert summary.splitlines()[-1].startswith("Apply interrupted.")
        assert_the_rest_is_bought_once(three)

    def test_the_second_signal_does_not_wait_for_it_and_leaves_a_doubt(self, three, proxy):
        gate = proxy.gate()
        proxy.on(gate.after)
        running = three.start(*BUY)
        gate.await_arrival()
        interrupt(running, signal.SIGINT)
        interrupt(running, signal.SIGINT, heard="Not waiting for replies")
        ended = running.end()
        assert ended.code == 6
        assert three.purchases == {"alpha": 1}
        gate.open()
        assert_the_rest_is_bought_once(three)

    def test_a_release_in_flight_is_recorded_too(self, three, proxy):
        three.apply()
        gate = proxy.gate()
        proxy.on(gate.after, method="DELETE", ending="")
        running = three.start("destroy", "--auto-approve", "--parallelism", "1", "--allow", "prepaid-delete")
        gate.await_arrival()
        interrupt(running, signal.SIGINT)
        gate.open()
        assert running.end().code == 8
        assert sum(three.ledger_counts("release").values()) == 1
        assert three.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete").code == 0
        assert three.ledger_counts("release") == three.purchases


class TestWhileServersBuild:
    @pytest.mark.parametrize("build_seconds", [600.0])
    @SIGNALS
    def test_they_are_left_to_build_and_the_next_apply_goes_on(self, three, clock, number):
        running = three.start("apply", "--auto-approve")
        for name, word in (("alpha", "Bought"), ("beta", "Ordered"), ("gamma", "Bought")):
            running.wait_for_stderr(f"{name}: {word}")
        interrupt(running, number)
        ended = running.end()
        assert ended.code == 8
        assert ended.out.splitlines()[-1].endswith("; 3 under way.")
        assert all(row.server_id in ended.out for row in three.ledger if row.kind == "purchase")
        assert "resumed" in three.run_in_process("plan").out
        clock.advance(700)
        assert_the_rest_is_bought_once(three)


class TestBeforeAnythingIsSent:
    @SIGNALS
    def test_the_run_ends_and_owns_nothing(self, three, proxy, number):
        """While it looks at the cloud there is nothing to record, so it may simply end."""
        gate = proxy.gate()
        proxy.on(gate.after, method="GET", ending="/all")
        running = three.start(*BUY)
        gate.await_arrival()
        running.process.send_signal(number)
        ended = running.end()
        assert ended.code in {8, -number}
        assert "Traceback" not in ended.err
        assert not three.ledger
        assert three.run_in_process("plan").code == 0

    def test_an_answer_that_is_an_interruption_is_no_approval(self, three):
        terminal, theirs = pty.openpty()
        process = three.popen("apply", stdin=theirs, start_new_session=True)
        os.close(theirs)
        asked = ""
        while "Enter a value" not in asked:
            asked += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        process.wait(30)
        os.close(terminal)
        assert process.returncode == 8
        assert not three.ledger

    def test_who_was_started_to_outlive_its_terminal_does(self, three, proxy):
        """`nohup` has HUP ignored, and it stays so."""
        gate = proxy.gate()
        proxy.on(gate.after)
        running = three.start(*BUY, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        gate.await_arrival()
        running.process.send_signal(signal.SIGHUP)
        gate.open()
        assert running.end().code == 0
        assert three.purchases == {"alpha": 1, "beta": 1, "gamma": 1}


class TestReadersWhoLeave:
    """`apply | head -1`, full disks, and terminals that close: what is bought is recorded all the same."""

    @pytest.mark.parametrize("gone", ["stdout", "stderr", "both"])
    @pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
    def test_a_pipe_without_a_reader(self, workspace, gone, options):
        reader, writer = os.pipe()
        os.close(reader)
        streams = {name: writer for name in ("stdout", "stderr") if gone in {name, "both"}}
        ended = workspace.run("apply", "--auto-approve", *options, **streams)
        os.close(writer)
        assert ended.code == 0
        assert_bought_and_recorded(workspace)

    def test_a_disk_with_no_room_for_words(self, workspace):
        """The words are lost, which is an error to whoever wanted them; the server is not."""
        with Path("/dev/full").open("w") as full:
            ended = workspace.run("apply", "--auto-approve", stdout=full)
        assert ended.code == 1
        assert "No space left" in ended.err
        assert_bought_and_recorded(workspace)

    @pytest.mark.parametrize(("closed", "code"), [("0<&-", 0), ("1>&-", 1), ("2>&-", 0), ("0<&- 1>&- 2>&-", 1)])
    def test_a_stream_that_was_never_there(self, workspace, closed, code):
        """Files opened later would take its number, and what was meant for a reader would end up in them. A result that nobody can
        have read is an error.
        """
        tool = f"exec {quote(workspace.python)} -m provisioner apply --auto-approve {closed}"
        ended = subprocess.run(["sh", "-c", tool], cwd=workspace.folder, env=workspace.environ, check=False)
        assert ended.returncode == code
        assert_bought_and_recorded(workspace)

    def test_head(self, workspace):
        shell = f"{quote(workspace.python)} -m provisioner apply --auto-approve | head -1"
        subprocess.run(
            ["sh", "-c", shell], cwd=workspace.folder, env=workspace.environ, capture_output=True, check=True
        )
        assert_bought_and_recorded(workspace)

    def test_a_terminal_that_closes_under_the_live_table(self, workspace, proxy):
        gate = proxy.gate()
        proxy.on(gate.after)
        terminal, theirs = pty.openpty()
        process = workspace.popen("apply", "--auto-approve", stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        gate.await_arrival()
        os.close(terminal)
        gate.open()
        process.wait(30)
        assert [record["type"] for record in workspace.journal_records][-1] == "run_ended"
        assert_bought_and_recorded(workspace)


def assert_bought_and_recorded(workspace) -> None:
    assert workspace.purchases == {"alpha": 1}
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
