"""A lock that may end while its process lives: what is bought is sent only while the lock outlasts the call."""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import inf

import pytest
from support.simulation import CrashPlan, MemoryLedger

from provisioner.model.address import Address
from provisioner.model.diagnostic import LockLost, error
from provisioner.model.flow import Effect
from provisioner.model.journal import Answered, Intended, Settled

RENEWED, LATE = 85.0, 30.0
"""Seconds that a lease lasts: longer and shorter than a call may take."""


class LeasedLedger(MemoryLedger):
    """A ledger whose lock is lost with append number `lost_at`. An answer to it is kept elsewhere if `keeps`."""

    def __init__(self, harness, left, *, lost_at=None, keeps=True):
        super().__init__(harness.entries, CrashPlan())
        self.left, self._lost_at, self._keeps = left, lost_at, keeps

    def append(self, entries):
        if self._lost_at is not None and self._appends >= self._lost_at:
            raise LockLost(error("lock-lost", "another run has taken over"), kept_in="late" if self._keeps else "")
        super().append(entries)


@pytest.fixture
def leased(harness):
    """Returns a function that applies under a lease, of which `left()` is left each time."""

    def apply(*wanted, left, parallelism=10, **ledger):
        ledger = LeasedLedger(harness, left, **ledger)
        return harness.execute(harness.plan(*wanted), ledger=ledger, parallelism=parallelism)

    return apply


def test_a_late_renewal_is_waited_for_before_anything_is_noted(harness, servers, leased, result_types):
    result = leased(*servers(3), left=lambda: RENEWED if harness.clock.time >= 20 else LATE)
    assert result_types(result) == ["done"] * 3
    assert 20 <= harness.clock.time < 30
    assert len(harness.intents) == 3
    assert all(intent.sent_at - harness.intents[0].sent_at < 5_000 for intent in harness.intents)
    assert harness.settled_outcomes() == []


def test_an_answer_is_recorded_while_others_wait_for_the_renewal(harness, servers, leased, result_types):
    harness.cloud.latency = 5.0
    calls, began_at = itertools.count(), 10.0  # when the list has been read
    recorded_at = {}
    harness.cloud.answered = lambda: recorded_at.setdefault("answer", harness.clock.time)

    def left():
        """Just long enough for the call of the one that asks first, then late for 40 seconds."""
        number = next(calls)
        if harness.clock.time >= 50:
            return RENEWED
        return LATE if number == 1 or harness.clock.time > began_at else RENEWED

    other = servers(1, prefix="other", flavor="Si2.xlarge.4")
    others = [replace(one, address=Address("other")) for one in other]
    result = leased(*servers(1), *others, left=left)
    assert result_types(result) == ["done"] * 2
    entries = [one for one in harness.entries if isinstance(one, Intended | Answered)]
    assert [type(one) for one in entries] == [Intended, Answered, Intended, Answered]
    assert recorded_at["answer"] < 50


def test_a_renewal_that_never_comes_ends_the_run_after_five_minutes(harness, servers, leased):
    result = leased(*servers(3), left=lambda: LATE)
    assert {one.diagnostic.code for one in result.results} == {"lock-lost"}
    assert 300 <= harness.clock.time < 400
    assert (harness.intents, harness.cloud.sent(Effect.PURCHASE)) == ([], [])


def test_a_lock_that_is_known_to_be_lost_is_not_waited_for(harness, servers, leased):
    result = leased(*servers(3), left=lambda: -inf, lost_at=0)
    assert {one.diagnostic.code for one in result.results} == {"lock-lost"}
    assert harness.clock.time < 1
    assert harness.cloud.sent(Effect.PURCHASE) == []


def stand_still_once(harness, seconds):
    """The machine sleeps once between an intent and the bytes of its call."""
    sleeps = iter([seconds])

    def sleep():
        harness.clock.time += next(sleeps, 0)

    harness.cloud.before_sending = sleep


@pytest.mark.parametrize("left", [inf, RENEWED])
def test_a_machine_that_slept_after_its_intent_notes_a_new_one(harness, servers, leased, result_types, left):
    stand_still_once(harness, 3600)
    result = leased(*servers(1), left=lambda: left)
    assert result_types(result) == ["done"]
    assert [intent.attempt for intent in harness.intents] == [1, 2]
    assert harness.intents[1].server_time - harness.intents[0].server_time >= 3_600_000
    assert harness.settled_outcomes() == ["not_sent"]
    assert harness.cloud.purchases == {"trainer-0": 1}


def test_a_lease_that_shrinks_after_the_intent_is_waited_for_and_a_new_intent_written(
    harness, servers, leased, result_types
):
    stand_still_once(harness, 5)  # less than makes an intent stale
    result = leased(*servers(1), left=lambda: LATE if 0 < harness.clock.time < 20 else RENEWED)
    assert result_types(result) == ["done"]
    assert harness.settled_outcomes() == ["not_sent"]
    assert harness.cloud.purchases == {"trainer-0": 1}
    assert harness.clock.time >= 20


def test_what_is_never_sent_in_time_is_given_up_and_leaves_nothing_open(harness, servers, leased, only_result):
    def sleep():
        harness.clock.time += 3600

    harness.cloud.before_sending = sleep
    result = only_result(leased(*servers(1), left=lambda: RENEWED))
    assert (result.type.value, result.diagnostic.code) == ("failed", "not-sent-in-time")
    assert len(harness.intents) == 5
    assert (harness.state.intents, harness.cloud.purchases) == ({}, {})


@pytest.mark.parametrize(("keeps", "leaves_doubt"), [(True, False), (False, True)])
def test_a_withdrawal_that_the_journal_refuses_leaves_a_doubt_unless_it_is_kept(
    harness, servers, leased, only_result, keeps, leaves_doubt
):
    """The intent is in the journal, and only this run knows that it sent nothing."""
    stand_still_once(harness, 3600)
    result = only_result(leased(*servers(1), left=lambda: RENEWED, lost_at=1, keeps=keeps))
    assert (result.type.value, result.diagnostic.code, result.leaves_doubt) == ("failed", "lock-lost", leaves_doubt)
    assert "was not sent" in result.diagnostic.summary
    assert harness.cloud.purchases == {}
    assert not [one for one in harness.entries if isinstance(one, Settled)]


@pytest.mark.parametrize(("left", "must_be_signed"), [(inf, False), (RENEWED, True)])
def test_a_purchase_is_sent_with_the_clouds_time_of_its_intent(harness, servers, leased, left, must_be_signed):
    harness.cloud.clock_ahead = 300_000
    leased(*servers(1), left=lambda: left)
    (intent,) = harness.intents
    dispatch = harness.cloud.dispatches["buy trainer-0"]
    assert (dispatch.signed_at, dispatch.must_be_signed) == (intent.server_time, must_be_signed)
    assert intent.server_time - intent.sent_at == 300_000


def test_a_release_is_bound_to_its_intent_and_needs_no_key(harness, servers):
    harness.apply(*servers(1))
    harness.execute(
        harness.plan(*servers(1, flavor="larger")), ledger=LeasedLedger(harness, lambda: RENEWED), parallelism=1
    )
    (release,) = (harness.cloud.dispatches[what] for what in harness.cloud.sent(Effect.DESTRUCTIVE))
    assert not release.must_be_signed
