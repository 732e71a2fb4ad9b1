"""The journal in a run: shared by many, skipped by none, and when it fails nothing leaves any more."""

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
    """What became of each writer that came after so many turns of the loop, and the ledger they wrote to."""
    ledger = MemoryLedger([], CrashPlan(), fail_at=fail_at, failure=failure)
    reasons = []
    writer = JournalWriter(ledger, on_failure=reasons.append)

    async def write(number, turns):
        for _ in range(turns):
            await asyncio.sleep(0)
        entry = Forgotten(an_address(), str(number))
        try:
            await writer.write(entry)
        except StoreError:
            return False
        assert entry in ledger.entries, "told it was written before it was"
        return True

    async def run():
        asyncio.get_running_loop().set_default_executor(InlineExecutor())
        return await asyncio.gather(*(write(*one) for one in enumerate(arrivals)), return_exceptions=True)

    return asyncio.run(run()), ledger, reasons


@given(st.lists(st.integers(0, 12), max_size=30))
def test_every_entry_is_written_once_in_the_order_of_arrival_whoever_comes_when(arrivals):
    outcomes, ledger, _ = written(arrivals)
    assert outcomes == [True] * len(arrivals)
    order = sorted(range(len(arrivals)), key=lambda number: arrivals[number])
    assert [int(entry.reason) for entry in ledger.entries] == order
    assert all(ledger.batches)


@given(st.lists(st.integers(0, 12), max_size=30), st.integers(0, 10))
def test_after_a_failure_nobody_is_told_that_his_entry_is_safe(arrivals, fail_at):
    outcomes, ledger, reasons = written(arrivals, fail_at=fail_at)
    assert sum(outcomes) == len(ledger.entries)
    assert len(reasons) == (0 if all(outcomes) else 1)


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


class Held(MemoryLedger):
    """A disk that has begun and does not come to an end."""

    def __init__(self):
        super().__init__([], CrashPlan())
        self.begun, self.released = threading.Event(), threading.Event()

    def append(self, entries):
        self.begun.set()
        assert self.released.wait(10)
        super().append(entries)


def test_a_write_that_is_cancelled_is_taken_as_lost_by_all_who_shared_it():
    """The thread goes on: nobody knows whether the bytes are safe."""
    ledger = Held()
    writer = JournalWriter(ledger, on_failure=lambda _: None)

    async def run():
        first = asyncio.ensure_future(writer.write(a_release()))
        second = asyncio.ensure_future(writer.write(a_release()))
        await asyncio.to_thread(ledger.begun.wait)
        first.cancel()
        ended = await asyncio.gather(first, second, return_exceptions=True)
        ledger.released.set()
        return ended

    cancelled, mate = asyncio.run(run())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert isinstance(mate, StoreError)


@pytest.mark.parametrize("which", [0, 1])
def test_a_write_that_is_cancelled_before_it_began_never_happens(which):
    """Nobody sends what it would announce, so that it would be a doubt about nothing."""
    ledger = MemoryLedger([], CrashPlan())
    writer = JournalWriter(ledger, on_failure=lambda _: None)

    async def run():
        both = [asyncio.ensure_future(writer.write(Intended(an_intent(name)))) for name in "ab"]
        await asyncio.sleep(0)
        both[which].cancel()
        await asyncio.gather(*both, return_exceptions=True)

    asyncio.run(run())
    assert [str(entry.intent.address) for entry in ledger.entries] == ["ba"[which]]


class Fenced(MemoryLedger):
    """Takes no new intents any more, and everything else."""

    def append(self, entries):
        if any(isinstance(entry, Intended) for entry in entries):
            raise StoreError(error("lock-lost", "somebody else has the lock", hint="look"))
        super().append(entries)


def test_what_was_sent_is_recorded_even_where_nothing_more_may_be_sent():
    ledger = Fenced([], CrashPlan())
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
def test_nothing_is_sent_after_the_journal_failed(world, servers, parallelism, fail_at):
    world.apply(*servers(4), parallelism=parallelism, fail_at=fail_at)
    """What was on its way when the write began had its own intent on disk; nothing else leaves."""
    steps = world.crash_plan.steps
    writes = [at for at, step in enumerate(steps) if step.startswith("before writing")]
    durable = {f"before buy {entry.intent.name}" for entry in world.entries if isinstance(entry, Intended)}
    if len(writes) > fail_at:
        assert durable.issuperset(step for step in steps[writes[fail_at] :] if step.startswith("before buy"))


def test_without_a_journal_nothing_is_bought(world, servers, types):
    result = world.apply(*servers(3), fail_at=0)
    assert types(result) == ["failed"] * 3
    assert {one.diagnostic.code for one in result.results} == {"journal-not-durable"}
    assert not world.cloud.sent(PURCHASE)


def test_the_ids_of_a_purchase_that_could_not_be_recorded_are_said(world, servers, only):
    result = only(world.apply(*servers(1, prepaid=True), fail_at=1))
    assert (result.type, result.diagnostic.code) == ("failed", "bought-unrecorded")
    assert "CS1" in result.diagnostic.summary
    assert len(world.state.intents) == 1  # and the next run looks for it
    assert world.apply(*servers(1, prepaid=True)) is not None
    assert {one.order_id for one in world.state.resources.values()} == {"CS1"}
    assert world.cloud.purchases == {"trainer-0": 1}


def test_a_journal_that_fails_during_the_build_ends_the_wait_and_names_what_is_under_way(world, servers, types):
    """Nothing that comes of waiting could be recorded; an hour of it would help nobody."""
    world.cloud.build_seconds = 3000.0
    world.cloud.latency = 5.0
    result = world.apply(*servers(3), parallelism=1, fail_at=3)
    assert world.clock.time < 60.0
    assert types(result)[0] == "incomplete"
    first = result.results[0].diagnostic
    assert next(iter(world.state.resources.values())).id in first.summary
    assert first.code == "journal-not-durable"


def test_a_rename_needs_no_note_and_yet_does_not_leave_once_the_journal_failed(world, servers, types):
    world.apply(*servers(1))
    other = a_desired("another", fields={"name": "another", "flavor": "Si2.large.4"})
    result = world.apply(other, *servers(1, prefix="renamed"), parallelism=1, fail_at=0)
    assert types(result) == ["failed", "failed"]
    assert not world.cloud.sent(Effect.REPEATABLE)


def test_a_refusal_that_cannot_be_recorded_is_a_failure_of_the_journal(world, servers, only):
    world.cloud.fails(PURCHASE, Outcome.REFUSED, status=400)
    result = only(world.apply(*servers(1), fail_at=1))
    assert result.diagnostic.code == "journal-not-durable"
    assert len(world.state.intents) == 1


def test_what_broke_the_journal_is_raised_at_the_end_when_it_was_an_error_of_ours(world, servers):
    with pytest.raises(ZeroDivisionError):
        world.apply(*servers(3), fail_at=0, failure=ZeroDivisionError())
    assert not world.cloud.sent(PURCHASE)


def test_a_full_disk_is_one_error_for_all(world, servers):
    full = StoreError(error("journal-not-durable", "no space left", hint="make room"))
    result = world.apply(*servers(2), fail_at=2, failure=full)
    assert all("no space left" in one.diagnostic.summary for one in result.results)
