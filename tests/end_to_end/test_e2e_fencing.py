"""The lock is taken away from under a run that is buying: whoever comes next, every server is bought once."""

import re
import shutil

import pytest
from support.process_workspace import THREE

EACH_ONCE = {"alpha": 1, "beta": 1, "gamma": 1}


@pytest.fixture
def at_work(workspace, proxy):
    """An apply whose first purchase is carried out and not yet answered, and the gate that holds the answer back."""
    workspace.write(THREE)
    gate = proxy.gate()
    proxy.on(gate.after)
    running = workspace.start("apply", "--auto-approve", "--parallelism", "1")
    gate.await_arrival()
    yield running, gate
    gate.open()
    running.end()


def lose_lock(workspace) -> None:
    (workspace.folder / "state" / "test.lock").unlink()


def ends(running, gate):
    gate.open()
    return running.end()


def test_two_processes_that_both_believe_to_hold_the_lock_buy_each_server_once(workspace, at_work):
    """The second one finds the first one's purchase and adopts it; the first one comes back and stops."""
    lose_lock(workspace)
    second = workspace.run("apply", "--auto-approve")
    assert (second.code, workspace.purchases) == (0, EACH_ONCE)
    recorded = {path.name: path.read_bytes() for path in (workspace.folder / "state").glob("test.j*")}
    first = ends(*at_work)
    assert first.code == 5, "its one answer is kept beside the journal, so nothing is in doubt"
    assert "somebody else has written to it" in first.words
    assert "BOUGHT (id " in first.text, "what it cannot record it prints"
    assert workspace.purchases == EACH_ONCE
    assert {path.name: path.read_bytes() for path in (workspace.folder / "state").glob("test.j*")} == recorded
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    assert workspace.run_in_process("history", "--verify").code == 0


def test_a_run_without_its_lock_file_records_what_it_has_and_buys_nothing_more(workspace, at_work):
    lose_lock(workspace)
    first = ends(*at_work)
    assert first.code == 5
    assert "Error[lock-lost]" in first.err or "lock-lost" in first.text
    assert workspace.purchases == {"alpha": 1}
    assert list(workspace.outputs) == ["alpha"]
    assert workspace.apply().code == 0
    assert workspace.purchases == EACH_ONCE


def test_a_run_whose_state_was_changed_behind_it_buys_nothing_more(workspace, at_work):
    state = workspace.folder / "state" / "test.json"
    before = state.read_bytes()
    state.write_bytes(b"{}\n")
    first = ends(*at_work)
    assert first.code == 7
    assert workspace.purchases == {"alpha": 1}
    assert state.read_bytes() == b"{}\n", "what somebody else wrote stays as it is"
    assert workspace.run_in_process("plan").code == 1
    state.write_bytes(before)
    assert workspace.apply().code == 0
    assert workspace.purchases == EACH_ONCE


def test_a_run_whose_journal_was_replaced_behind_it_buys_nothing_more(workspace, at_work):
    journal = workspace.folder / "state" / "test.journal"
    shutil.copy(journal, journal.with_suffix(".copy"))
    journal.with_suffix(".copy").replace(journal)
    before = journal.read_bytes()
    first = ends(*at_work)
    assert first.code == 5
    assert "moved or removed" in first.words
    assert (workspace.purchases, journal.read_bytes()) == ({"alpha": 1}, before)
    assert workspace.apply().code == 0
    assert workspace.purchases == EACH_ONCE


def test_an_answer_that_could_not_be_journaled_is_known_to_every_run_after_it(workspace, at_work):
    """Nobody has to look for its server: what was answered stands beside the journal until the next run notes it there."""
    journal = workspace.folder / "state" / "test.journal"
    shutil.copy(journal, journal.with_suffix(".copy"))
    journal.with_suffix(".copy").replace(journal)
    before = journal.read_bytes()
    journal.with_suffix(".copy").unlink(missing_ok=True)
    first = ends(*at_work)
    assert "test.late: the next run reads it" in first.words
    assert list(workspace.outputs) == ["alpha"]
    assert "in doubt" not in workspace.run_in_process("show").text
    assert journal.read_bytes() == before
    assert workspace.apply().code == 0
    assert workspace.purchases == EACH_ONCE
    assert b'"adopted"' not in journal.read_bytes()
    assert workspace.run_in_process("history", "--verify").code == 0
    assert "late-answer" not in workspace.run_in_process("plan").err


def test_an_answer_that_could_be_written_nowhere_is_printed_in_full(workspace, at_work):
    journal = workspace.folder / "state" / "test.journal"
    shutil.copy(journal, journal.with_suffix(".copy"))
    journal.with_suffix(".copy").replace(journal)
    late = workspace.folder / "state" / "test.late"
    late.mkdir()
    first = ends(*at_work)
    (bought,) = (row for row in workspace.ledger if row.kind == "purchase")
    errors = " ".join(first.err.split())
    assert first.code == 6
    assert "Error[answer-unrecorded]" in errors
    for fact in ("alpha: the purchase was carried out", f"server id {bought.server_id}", "request id "):
        assert fact in errors
    late.rmdir()
    assert workspace.apply().code == 0
    assert workspace.purchases == EACH_ONCE
    assert workspace.outputs["alpha"]["id"] == bought.server_id


def test_a_live_run_keeps_its_lock_from_force_unlock_and_a_dead_one_has_none(workspace, at_work):
    running, gate = at_work
    refused = workspace.run("apply", "--auto-approve")
    lock_id = re.search(r"lock ([0-9a-f]{12}) in ", " ".join(refused.err.split()))[1]
    asked = workspace.run("force-unlock", lock_id)
    assert asked.code == 5
    assert f"kill {running.process.pid}" in asked.err
    assert "Warning[in-flight]" in asked.err
    running.kill()
    freed = workspace.run("force-unlock", lock_id)
    assert freed.code == 1
    assert "Error[lock-free]" in freed.err
    assert "Warning[in-doubt]" in freed.err
    gate.open()
    assert workspace.apply().code == 0
    assert workspace.purchases == EACH_ONCE
