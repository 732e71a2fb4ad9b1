"""How a run ends that has lost its lock: it sends nothing more, and says of each address what happened to it."""

from __future__ import annotations

import pytest
from support.simulation import CrashPlan, MemoryLedger

from provisioner.cli.exit_codes import of_apply
from provisioner.model.diagnostic import LockLost, error
from provisioner.model.flow import Effect, Outcome
from provisioner.model.journal import Answered, Intended, Settled
from provisioner.model.plan import Mode
from provisioner.workflow.apply import ApplyResult

LATE = "memory://late"


class TakenOver(MemoryLedger):
    """A ledger that loses its lock with append number `lost_at`. Answers are kept elsewhere if `keeps`."""

    def __init__(self, entries, crash_plan, *, lost_at, keeps):
        super().__init__(entries, crash_plan)
        self.lost_at, self.keeps, self.kept = lost_at, keeps, []

    def append(self, entries):
        if self.lost_at > 0:
            self.lost_at -= 1
            return super().append(entries)
        answers = [one for one in entries if isinstance(one, Answered | Settled)]
        self.kept += [one for one in answers if self.keeps and one not in self.kept]
        raise LockLost(error("lock-lost", "another run has taken over"), kept_in=LATE if answers and self.keeps else "")


@pytest.fixture
def taken_over(harness):
    """Returns a function that applies, loses the lock, and returns the result with its exit code and the ledger."""

    def apply(*wanted, lost_at, keeps, mode=Mode.APPLY):
        plan = harness.plan(*wanted, mode=mode)
        ledger = TakenOver(harness.entries, CrashPlan(), lost_at=lost_at, keeps=keeps)
        result = harness.execute(plan, ledger=ledger, parallelism=1)
        trouble = (error("lock-lost", "another run has taken over"),)
        code = of_apply(ApplyResult(plan, approved=True, result=result, state=None, trouble=trouble))
        return result, code, ledger

    return apply


def test_an_intent_that_the_journal_refuses_sends_nothing_and_leaves_no_doubt(harness, servers, taken_over):
    result, code, _ = taken_over(*servers(3), lost_at=0, keeps=False)
    assert not harness.cloud.sent(Effect.PURCHASE)
    assert {one.diagnostic.code for one in result.results} == {"lock-lost"}
    assert (code, result.findings, any(one.leaves_doubt for one in result.results)) == (5, (), False)


def test_an_answer_that_is_kept_elsewhere_leaves_no_doubt(harness, servers, taken_over):
    result, code, ledger = taken_over(*servers(3), lost_at=1, keeps=True)
    assert harness.cloud.purchases == {"trainer-0": 1}
    assert [type(one) for one in ledger.kept] == [Answered]
    first, *others = result.results
    assert (first.type.value, first.diagnostic.code) == ("incomplete", "lock-lost")
    assert "BOUGHT (id id-1)" in first.diagnostic.summary
    assert LATE in first.diagnostic.summary
    assert {one.diagnostic.code for one in others} == {"lock-lost"}
    assert (code, result.findings) == (5, ())


def test_an_answer_that_is_kept_nowhere_is_told_in_full(harness, servers, taken_over):
    result, code, _ = taken_over(*servers(2, prepaid=True), lost_at=1, keeps=False)
    first = result.results[0]
    assert (first.diagnostic.code, first.leaves_doubt, code) == ("bought-unrecorded", True, 6)
    (finding,) = result.findings
    assert (finding.code, str(finding.address)) == ("answer-unrecorded", "trainer[0]")
    for fact in ("trainer[0]", "order id CS1", "name trainer-0"):
        assert fact in finding.summary
    assert "same command again" in finding.hint
    assert len(harness.state.intents) == 1


def test_a_purchase_whose_outcome_is_unknown_is_in_doubt(harness, servers, taken_over):
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True)
    result, code, _ = taken_over(*servers(1), lost_at=1, keeps=True)
    assert (result.results[0].type.value, code) == ("in_doubt", 6)


@pytest.mark.parametrize(("keeps", "code"), [(True, 5), (False, 6)])
def test_a_refusal_counts_like_an_answer(harness, servers, taken_over, keeps, code):
    """The journal holds its intent as open, so that without the refusal the next run would have to look for a server."""
    harness.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, status=400)
    result, ended, _ = taken_over(*servers(1), lost_at=1, keeps=keeps)
    assert (ended, result.results[0].type.value) == (code, "failed")
    assert "refused" in result.results[0].diagnostic.summary


def test_a_release_that_is_answered_leaves_no_purchase_in_doubt_and_is_told_too(harness, servers, taken_over):
    harness.apply(*servers(1))
    harness.cloud.release_seconds = 60.0
    intents = len([one for one in harness.entries if isinstance(one, Intended)])
    result, code, _ = taken_over(*servers(1), lost_at=1, keeps=False, mode=Mode.DESTROY)
    assert len([one for one in harness.entries if isinstance(one, Intended)]) - intents in {0, 1}
    assert code == 5
    assert {one.code for one in result.findings} <= {"answer-unrecorded"}
    assert "id-1" in result.results[0].diagnostic.summary


def test_a_group_that_is_bought_together_tells_its_order_for_each_address(harness, servers, taken_over):
    result, code, _ = taken_over(*servers(2, prepaid=True), lost_at=1, keeps=True)
    assert code == 5
    assert "ORDERED (order CS1)" in result.results[0].diagnostic.summary
