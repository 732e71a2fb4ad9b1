"""The journal in a run: callers share its writes, none is skipped, and once it has failed nothing more is sent."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_desired, a_release, an_address, an_intent
from support.event_loop import InlineExecutor
from support.simulation import CrashPlan, MemoryLedger

from provisioner.applying.journal_writer import JournalWriter
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.flow import Effect, Outcome
from provisioner.model.journal import Forgotten, Intended

PURCHASE = Effect.PURCHASE


def written(arrivals, *, fail_at=None, failure=None):
    """Starts one writer for each of `arrivals`, after so many passes of the event loop. Returns what became of each
    writer, the ledger, and the failures that were reported.
    """
    ledger = MemoryLedger([], CrashPlan(), fail_at=fail_at, failure=failure)
    failures = []
    writer = JournalWriter(ledger, on_failure=failures.append)

    async def write(number, passes):
        for _ in range(passes):
            await asyncio.sleep(0)
        entry = Forgotten(an_address(), str(number))
        try:
            await writer.write(entry)
        except StoreError:
            return False
        assert entry in ledger.entries, "reported as written before it was"
        return True

    async def run():
        asyncio.get_running_loop().set_default_executor(InlineExecutor())
        return await asyncio.gather(*(write(*one) for one in enumerate(arrivals)), return_exceptions=True)

    return asyncio.run(run()), ledger, failures


@given(st.lists(st.integers(0, 12), max_size=30))
def test_every_entry_is_written_once_in_the_order_of_arrival_whoever_comes_when(arrivals):
    outcomes, ledger, _ = written(arrivals)
    assert outcomes == [True] * len(arrivals)
    order = sorted(range(len(arrivals)), key=lambda number: arrivals[number])
    assert [int(entry.reason) for entry in ledger.entries] == order
    assert all(ledger.batches)


@given(st.lists(st.integers(0, 12), max_size=30), st.integers(0, 10))
def test_after_a_failure_nobody_is_told_that_his_entry_is_safe(arrivals, fail_at):
    outcomes, ledger, failures = written(arrivals, fail_at=fail_at)
    assert sum(outcomes) == len(ledger.entries)
    assert len(failures) == (0 if all(outcomes) else 1)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=30), st.integers(0, 10))
def test_an_error_of_ours_while_writing_is_as_final_as_a_full_disk(arrivals, fail_at):
    outcomes, ledger, _ = written(arrivals, fail_at=fail_at, failure=ZeroDivisionError())
    assert sum(outcome is True for outcome in outcomes) == len(ledger.entries)
    assert sum(isinstance(outcome, ZeroDivisionError) for outcome in outcomes) <= 1


def test_with_real_threads_it_is_the_same():
    ledger = MemoryLedger([], CrashPlan())
    writer = JournalWriter(ledger, on_failure=lambda _: None)

    async def run():
        await asyncio.gather(*(writer.write(Forgotten(an_address(), str(number))) for number in range(500)))

    asyncio.run(run())
    assert [int(entry.reason) for entry in ledger.entries] == list(range(500))
    assert len(ledger.batches) < 10


def test_those_who_come_together_share_a_write():
    _, ledger, _ = written([0] * 50)
    assert len(ledger.entries) == 50
    assert [len(batch) for batch in ledger.batches] == [50]


def test_a_batch_that_fails_fails_everyone_in_it():
    outcomes, ledger, _ = written([0] * 50, fail_at=0)
    assert outcomes == [False] * 50
    assert ledger.entries == []


class BlockingLedger(MemoryLedger):
    """A ledger whose write has begun and does not end until it is released."""

    def __init__(self):
        super().__init__([], CrashPlan())
        self.begun, self.released = threading.Event(), threading.Event()

    def append(self, entries):
        self.begun.set()
        assert self.released.wait(10)
        super().append(entries)


def test_a_write_that_is_cancelled_is_taken_as_lost_by_all_who_shared_it():
    """The thread continues, so nobody knows whether the bytes are on disk."""
    ledger = BlockingLedger()
    writer = JournalWriter(ledger, on_failure=lambda _: None)

    async def run():
        first = asyncio.ensure_future(writer.write(a_release()))
        second = asyncio.ensure_future(writer.write(a_release()))
        await asyncio.to_thread(ledger.begun.wait)
        first.cancel()
        ended = await asyncio.gather(first, second, return_exceptions=True)
        ledger.released.set()
        return ended

    cancelled, other = asyncio.run(run())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert isinstance(other, StoreError)


@pytest.mark.parametrize("which", [0, 1])
def test_a_write_that_is_cancelled_before_it_began_never_happens(which):
    """Its caller sends nothing, so the intent would be a doubt about nothing."""
    ledger = MemoryLedger([], CrashPlan())
    writer = JournalWriter(ledger, on_failure=lambda _: None)

    async def run():
        both = [asyncio.ensure_future(writer.write(Intended(an_intent(name)))) for name in "ab"]
        await asyncio.sleep(0)
        both[which].cancel()
        await asyncio.gather(*both, return_exceptions=True)

    asyncio.run(run())
    assert [str(entry.intent.address) for entry in ledger.entries] == ["ba"[which]]


class FencedLedger(MemoryLedger):
    """A ledger that takes everything except new intents."""

    def append(self, entries):
        if any(isinstance(entry, Intended) for entry in entries):
            raise StoreError(error("lock-lost", "somebody else has the lock", hint="look"))
        super().append(entries)


def test_what_was_sent_is_recorded_even_where_nothing_more_may_be_sent():
    ledger = FencedLedger([], CrashPlan())
    writer = JournalWriter(ledger, on_failure=lambda _: None)

    async def run():
        writes = [a_release("a"), Intended(an_intent("b")), a_release("c"), Intended(an_intent("d")), a_release("e")]
        together = await asyncio.gather(*map(writer.write, writes), return_exceptions=True)
        return [*together, *await asyncio.gather(writer.write(a_release("f")), return_exceptions=True)]

    outcomes = asyncio.run(run())
    assert [isinstance(one, StoreError) for one in outcomes] == [False, True, False, True, False, False]
    assert [str(entry.address) for entry in ledger.entries] == ["a", "c", "e", "f"]
    with pytest.raises(StoreError):
        writer.check()


def test_all_who_shared_a_write_that_broke_hear_of_it():
    ledger = MemoryLedger([], CrashPlan(), fail_at=0, failure=ZeroDivisionError())
    writer = JournalWriter(ledger, on_failure=lambda _: None)

    async def run():
        return await asyncio.gather(*(writer.write(a_release()) for _ in range(5)), return_exceptions=True)

    assert all(isinstance(one, StoreError | ZeroDivisionError) for one in asyncio.run(run()))


@pytest.mark.parametrize("parallelism", [1, 2, 10])
@pytest.mark.parametrize("fail_at", range(8))
def test_nothing_is_sent_after_the_journal_failed(harness, servers, parallelism, fail_at):
    harness.apply(*servers(4), parallelism=parallelism, fail_at=fail_at)
    """A call that was on its way when the write began had its own intent on disk. Nothing else is sent."""
    steps = harness.crash_plan.steps
    writes = [at for at, step in enumerate(steps) if step.startswith("before writing")]
    durable = {f"before buy {entry.intent.name}" for entry in harness.entries if isinstance(entry, Intended)}
    if len(writes) > fail_at:
        assert durable.issuperset(step for step in steps[writes[fail_at] :] if step.startswith("before buy"))


def test_without_a_journal_nothing_is_bought(harness, servers, result_types):
    result = harness.apply(*servers(3), fail_at=0)
    assert result_types(result) == ["failed"] * 3
    assert {one.diagnostic.code for one in result.results} == {"journal-not-durable"}
    assert not harness.cloud.sent(PURCHASE)


def test_the_ids_of_a_purchase_that_could_not_be_recorded_are_said(harness, servers, only_result):
    result = only_result(harness.apply(*servers(1, prepaid=True), fail_at=1))
    assert (result.type, result.diagnostic.code) == ("failed", "bought-unrecorded")
    assert "CS1" in result.diagnostic.summary
    assert len(harness.state.intents) == 1  # the next run looks for it
    assert harness.apply(*servers(1, prepaid=True)) is not None
    assert {one.order_id for one in harness.state.resources.values()} == {"CS1"}
    assert harness.cloud.purchases == {"trainer-0": 1}


def test_a_journal_that_fails_during_the_build_ends_the_wait_and_names_what_is_under_way(
    harness, servers, result_types
):
    """Nothing that a wait leads to could be recorded, so waiting for an hour would help nobody."""
    harness.cloud.build_seconds = 3000.0
    harness.cloud.latency = 5.0
    result = harness.apply(*servers(3), parallelism=1, fail_at=3)
    assert harness.clock.time < 60.0
    assert result_types(result)[0] == "incomplete"
    first = result.results[0].diagnostic
    assert next(iter(harness.state.resources.values())).id in first.summary
    assert first.code == "journal-not-durable"


def test_a_rename_needs_no_note_and_yet_does_not_leave_once_the_journal_failed(harness, servers, result_types):
    harness.apply(*servers(1))
    other = a_desired("another", fields={"name": "another", "flavor": "Si2.large.4"})
    result = harness.apply(other, *servers(1, prefix="renamed"), parallelism=1, fail_at=0)
    assert result_types(result) == ["failed", "failed"]
    assert not harness.cloud.sent(Effect.REPEATABLE)


def test_a_refusal_that_cannot_be_recorded_is_a_failure_of_the_journal(harness, servers, only_result):
    harness.cloud.fails(PURCHASE, Outcome.REFUSED, status=400)
    result = only_result(harness.apply(*servers(1), fail_at=1))
    assert result.diagnostic.code == "journal-not-durable"
    assert len(harness.state.intents) == 1


def test_what_broke_the_journal_is_raised_at_the_end_when_it_was_an_error_of_ours(harness, servers):
    with pytest.raises(ZeroDivisionError):
        harness.apply(*servers(3), fail_at=0, failure=ZeroDivisionError())
    assert not harness.cloud.sent(PURCHASE)


def test_a_full_disk_is_one_error_for_all(harness, servers):
    full = StoreError(error("journal-not-durable", "no space left", hint="make room"))
    result = harness.apply(*servers(2), fail_at=2, failure=full)
    assert all("no space left" in one.diagnostic.summary for one in result.results)
