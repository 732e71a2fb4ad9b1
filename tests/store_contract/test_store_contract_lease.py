"""A lease as the lock of a shared store: who holds it, who takes it over, and what a run may do that has lost it."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from support.builders import IDENTITY, a_purchase, a_run, an_address, an_intent
from support.memory_backend import Fault, MemoryBackend, Place

from provisioner.model.diagnostic import LockHeld, StoreError
from provisioner.model.journal import Answered, Fenced, Intended
from provisioner.store import StateStore
from provisioner.store.clock import StoreClock
from provisioner.store.contract import JOURNAL
from provisioner.store.lease_record import LEASE, LeaseTerms
from provisioner.store.shared_store import SharedStore, renewal_thread

from .conftest import HOLDER

BOB = replace(HOLDER, who="bob@build", id="cd34")
TERMS = LeaseTerms()


class Machine:
    """One machine with a clock of its own, at a place that it shares. Renewals happen only when a test says so."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.time = 0.0
        self.held: list = []
        clock = StoreClock(now=lambda: int(self.time * 1000), elapsed=lambda: self.time, sleep=self.sleep)
        backend = MemoryBackend(place)
        backend.wait = lambda _label, seconds: self.sleep(seconds)
        self.store = SharedStore(backend, "demo.dev", clock=clock, renewal=self._renewal)
        self.states = StateStore(self.store, clock=clock)
        self.meanwhile = lambda: None

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.meanwhile()

    @contextmanager
    def _renewal(self, held, _terms):
        self.held.append(held)
        yield

    def renew(self) -> bool:
        return self.held[-1].renew()


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def ana(place):
    return Machine(place)


@pytest.fixture
def bob(place):
    return Machine(place)


def writing(machine):
    return machine.states.write(command="apply", who="someone", timeout=0)


def begun(session):
    session.create("demo", "dev", identity=IDENTITY)
    session.append(a_run(*a_purchase("one")))


def abandon(machine):
    """A run that dies without releasing anything."""
    context = machine.store.lock(HOLDER, timeout=0)
    held = context.__enter__()
    machine.abandoned = context  # else its generator would be closed, which releases the lock
    return held


class TestTaking:
    def test_a_released_lock_is_taken_at_once(self, ana, bob):
        with ana.store.lock(HOLDER, timeout=0):
            pass
        with bob.store.lock(BOB, timeout=0):
            assert bob.time == 0
            assert ana.store.holder() == BOB

    def test_a_live_holder_is_known_by_its_renewal(self, ana, bob):
        with ana.store.lock(HOLDER, timeout=0):
            bob.meanwhile = lambda: bob.time < 20 or ana.renew()
            with pytest.raises(LockHeld) as caught, bob.store.lock(BOB, timeout=0):
                pytest.fail("two held the lock")
        assert 20 <= bob.time < 22
        assert caught.value.diagnostics[0].code == "lock-held"

    def test_a_holder_without_a_sign_of_life_is_taken_over_after_a_whole_lease(self, ana, bob):
        abandon(ana)
        with bob.store.lock(BOB, timeout=0):
            assert TERMS.seconds <= bob.time < TERMS.seconds + 2

    def test_each_renewal_begins_the_watch_anew(self, ana, bob):
        abandon(ana)
        renewals = [50.0, 120.0]
        bob.meanwhile = lambda: renewals and bob.time >= renewals[0] and renewals.pop(0) and ana.renew()
        with bob.store.lock(BOB, timeout=3600):
            assert 120 + TERMS.seconds <= bob.time < 120 + TERMS.seconds + 2

    def test_who_waits_is_told_by_whom_the_lock_is_held_and_gets_it_when_it_is_free(self, ana, bob):
        told = []
        with ExitStack() as held:
            held.enter_context(ana.store.lock(HOLDER, timeout=0))
            bob.meanwhile = lambda: bob.time > 30 and held.close()
            with bob.store.lock(BOB, timeout=60, on_wait=told.append):
                assert 30 < bob.time < 33
        assert {wait.holder for wait in told} == {HOLDER}
        assert [wait.waited for wait in told] == sorted(wait.waited for wait in told)
        assert not any(wait.is_taken_over for wait in told), "it was given back"

    def test_of_two_that_take_it_over_at_the_same_time_one_has_it(self, place, ana, bob):
        abandon(ana)
        carol = Machine(place)
        with ExitStack() as stack:

            def carol_first(_label, log, step):
                if (log, step) == (LEASE, "append") and bob.time >= TERMS.seconds:
                    place.before_step = lambda *_: None
                    stack.enter_context(carol.store.lock(replace(BOB, who="carol"), timeout=0))
                    bob.meanwhile = carol.renew

            place.before_step = carol_first
            with pytest.raises(LockHeld, match="carol"), bob.store.lock(BOB, timeout=0):
                pytest.fail("two held the lock")

    def test_a_stale_lease_is_taken_over_at_once_where_the_store_knows_its_age(self, ana, bob, monkeypatch):
        abandon(ana)
        last = MemoryBackend(ana.place).log("demo.dev", LEASE).__class__.last
        monkeypatch.setattr(
            "support.memory_backend.MemoryLog.last",
            lambda self: replace(last(self), age=TERMS.stale) if last(self) else None,
        )
        assert bob.store.holder() is None
        with bob.store.lock(BOB, timeout=0):
            assert bob.time == 0

    @pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.UNDECIDED])
    def test_a_lost_reply_to_the_taking_does_not_leave_it_held(self, place, ana, bob, fault):
        place.faults[LEASE] = [fault]
        with ana.store.lock(HOLDER, timeout=0):
            assert ana.store.holder() == HOLDER
        with bob.store.lock(BOB, timeout=0):
            assert bob.time == 0

    def test_what_is_no_lease_is_no_free_lock(self, place, ana):
        place.of("demo.dev").logs[LEASE] = b"something else\n"
        with pytest.raises(StoreError) as caught, ana.store.lock(HOLDER, timeout=0):
            pytest.fail("it was locked")
        assert caught.value.diagnostics[0].code == "lock-unusable"


class TestHolding:
    def test_it_counts_from_when_the_last_renewal_was_sent(self, ana):
        with ana.store.lock(HOLDER, timeout=0) as held:
            assert held.seconds_left() == TERMS.seconds
            ana.time += 80
            assert held.seconds_left() == TERMS.seconds - 80
            assert ana.renew()
            assert held.seconds_left() == TERMS.seconds

    @pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.UNDECIDED])
    def test_a_renewal_of_unknown_outcome_counts_from_its_first_sending(self, place, ana, fault):
        with ana.store.lock(HOLDER, timeout=0) as held:
            ana.time += 20
            place.faults[LEASE] = [fault]
            assert not ana.renew()
            assert held.seconds_left() == TERMS.seconds - 20
            ana.time += 5
            assert ana.renew()
            assert held.seconds_left() == TERMS.seconds - 5

    def test_one_that_ran_out_is_renewed_where_nobody_has_taken_it_over(self, ana):
        with ana.store.lock(HOLDER, timeout=0) as held:
            ana.time += 3600
            assert held.seconds_left() < 0
            assert held.intrusion() is None
            assert held.seconds_left() == TERMS.seconds

    def test_one_that_cannot_be_renewed_in_time_is_not_relied_on(self, place, ana):
        with ana.store.lock(HOLDER, timeout=0) as held:
            ana.time += 100
            place.faults[LEASE] = [Fault.UNDECIDED]
            assert held.intrusion().code == "lock-lost"

    @pytest.mark.parametrize(("seconds", "attempts"), [(0, 5), (60, 2), (100, 1)])
    def test_a_store_that_hangs_does_not_prolong_its_release(self, place, ana, seconds, attempts):
        lasts, begun_at = 20, []

        def hang(_label, _log, _step):
            begun_at.append(ana.time)
            ana.time += lasts

        with ana.store.lock(HOLDER, timeout=0):
            ana.time += seconds
            place.faults[LEASE] = [Fault.UNDECIDED] * 9
            place.before_step = hang
        assert len(begun_at) == attempts

    def test_a_thread_renews_it(self, place):
        terms = LeaseTerms(seconds=5, renew_after=0.01)
        store = SharedStore(MemoryBackend(place), "demo.dev", terms=terms)
        renewed = threading.Event()
        with store.lock(HOLDER, timeout=0):
            place.before_step = lambda _label, log, step: (log, step) == (LEASE, "append") and renewed.set()
            assert renewed.wait(10)

    def test_the_thread_ends_with_the_lock(self, ana):
        with ana.store.lock(HOLDER, timeout=0), renewal_thread(ana.held[-1], TERMS):
            assert "lease" in {thread.name for thread in threading.enumerate()}
        for thread in threading.enumerate():
            if thread.name == "lease":
                thread.join(5)
                assert not thread.is_alive()


class TestFence:
    def test_who_takes_over_fences_off_the_former_holder(self, ana, bob):
        stack = ExitStack()
        first = stack.enter_context(writing(ana))
        begun(first)
        first.append([Intended(an_intent("two"))])
        with writing(bob) as second:
            assert [intent.address for intent in second.state.in_doubt] == [an_address("two")]
            for entries in ([Intended(an_intent("three"))], [Answered("intent-for-two", 200, id="id-of-two")]):
                with pytest.raises(StoreError):
                    first.append(entries)
            assert bob.states.load().in_doubt == (), "the answer is kept beside the journal"
            second.append(a_purchase("four"))
        stack.close()
        fences = [record.entry for record in bob.states.history() if isinstance(record.entry, Fenced)]
        assert [(fence.epoch, fence.who) for fence in fences] == [(2, "someone")]
        state = bob.states.load()
        assert {str(address) for address in state.resources} == {"one", "two", "four"}
        assert state.in_doubt == ()

    def test_after_a_release_no_fence_is_needed(self, ana, bob):
        with writing(ana) as session:
            begun(session)
        with writing(bob) as session:
            session.append(a_purchase("two"))
        assert not any(isinstance(record.entry, Fenced) for record in bob.states.history())

    def test_a_fence_that_was_never_written_is_written_by_the_next_holder(self, place, ana, bob):
        stack = ExitStack()
        begun(stack.enter_context(writing(ana)))
        place.faults[JOURNAL] = [Fault.UNDECIDED] * 3
        with pytest.raises(StoreError), writing(bob):
            pytest.fail("it was not fenced")
        with writing(bob):
            assert any(isinstance(record.entry, Fenced) for record in bob.states.history())
        stack.close()

    def test_what_the_former_holder_appends_in_the_meantime_stands_before_the_fence(self, place, ana, bob):
        stack = ExitStack()
        first = stack.enter_context(writing(ana))
        begun(first)

        def ana_first(_label, log, step):
            if (log, step) == (JOURNAL, "append"):
                place.before_step = lambda *_: None
                first.append(a_purchase("two"))

        place.before_step = ana_first
        with writing(bob) as second:
            assert {str(address) for address in second.state.resources} == {"one", "two"}
        stack.close()

    def test_of_two_that_begin_the_journal_one_has_a_conflict(self, ana, bob):
        """Nothing can be fenced before there is a journal."""
        stack = ExitStack()
        first = stack.enter_context(writing(ana))
        with writing(bob) as second:
            second.create("demo", "dev", identity=IDENTITY)
            with pytest.raises(StoreError):
                first.create("demo", "dev", identity=IDENTITY)
            second.append(a_run(*a_purchase("one")))
        stack.close()
        assert {str(address) for address in bob.states.load().resources} == {"one"}

    def test_a_lock_that_was_lost_is_not_released_for_the_one_who_has_it(self, ana, bob):
        with ExitStack() as stack:
            context = ana.store.lock(HOLDER, timeout=0)
            held = context.__enter__()
            stack.enter_context(bob.store.lock(BOB, timeout=0))
            assert not ana.renew()
            assert held.intrusion().code == "lock-lost"
            context.__exit__(None, None, None)
            assert bob.store.holder() == BOB
            assert bob.renew()


class TestCheckpoints:
    def test_one_is_written_only_when_the_journal_has_grown(self, place, ana):
        with writing(ana) as session:
            begun(session)
            first = session.checkpoint()
        assert place.of("demo.dev").checkpoints == {}
        assert ana.states.load() == first
        with writing(ana) as session:
            for number in range(400):
                session.append(a_purchase(f"server-{number}"))
            second = session.checkpoint()
        assert len(place.of("demo.dev").checkpoints) == 1
        assert (first.serial, second.serial) == (1, 2)
        assert ana.states.load() == second
        with writing(ana) as session:
            session.append(a_purchase("another"))
            third = session.checkpoint()
        assert len(place.of("demo.dev").checkpoints) == 1
        assert ana.states.load() == third


def test_several_threads_may_renew_at_once(ana):
    with ana.store.lock(HOLDER, timeout=0):
        threads = [threading.Thread(target=ana.renew) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ana.held[-1].lost is None


class TestStandingStill:
    """What a run does that lost its lock before it has fenced or read anything, and does not know it by its clock."""

    def test_who_lost_it_before_fencing_does_not_fence_off_the_next_holder(self, place, ana, bob):
        with writing(ana) as session:
            begun(session)
        abandon(ana)
        carol = Machine(place)
        with ExitStack() as stack:
            sessions = []

            def bob_stands_still(_label, log, step):
                if (log, step) == (JOURNAL, "last"):
                    place.before_step = lambda *_: None
                    sessions.append(stack.enter_context(writing(carol)))

            place.before_step = bob_stands_still
            with pytest.raises(LockHeld), writing(bob):
                pytest.fail("two held the lock")
            assert sessions[0].append(a_purchase("two"))

    def test_who_lost_it_before_reading_does_not_write_behind_the_next_holder(self, place, ana, bob):
        with writing(ana) as session:
            begun(session)
        with ExitStack() as stack:
            sessions = []

            def ana_stands_still(_label, log, step):
                if (log, step) == (JOURNAL, "read"):
                    place.before_step = lambda *_: None
                    sessions.append(stack.enter_context(writing(bob)))

            place.before_step = ana_stands_still
            with pytest.raises(StoreError, match="taken it over") as caught, writing(ana):
                pytest.fail("two held the lock")
            assert caught.value.diagnostics[0].code == "lock-lost"
            assert sessions[0].append(a_purchase("two"))

    def test_an_append_that_may_still_be_carried_out_makes_the_next_holder_fence(self, place, ana, bob):
        with writing(ana) as session:
            begun(session)
            place.faults[JOURNAL] = [Fault.UNDECIDED] * 99
            with pytest.raises(StoreError):
                session.append(a_purchase("two"))
        place.faults.clear()
        with writing(bob):
            assert any(isinstance(record.entry, Fenced) for record in bob.states.history())
