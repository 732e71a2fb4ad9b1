"""An approval as text: it reads back as it was, and what is mistyped, cut or of something else is found out."""

from __future__ import annotations

import dataclasses
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.builders import a_change, a_desired, a_plan, a_purchase, an_address, an_intent
from support.strategies import plans

from provisioner.model.action import Action, FieldChange
from provisioner.model.approval import Approval, ApprovalUse, ApprovedChange
from provisioner.model.approved_content import ApprovalScope, approved_changes, approved_content, body_digest
from provisioner.model.flow import Effect
from provisioner.model.identity import Identity
from provisioner.model.journal import Answered, Approved, Intended, Settled
from provisioner.model.replay import replay
from provisioner.model.secret import SecretReference, SecretSource
from provisioner.model.state import State

SCOPE = ApprovalScope(place="../state")
CONTENT = {"changes": {"gateway": {"action": "create"}}}
MADE = Approval.of(CONTENT, created=1_700_000_000, expires=1_700_086_400, head="57-9f0c1d2e3a4b")
TEXT = str(MADE)


def test_an_approval_reads_back_as_it_was() -> None:
    assert Approval.parse(TEXT) == MADE
    assert Approval.parse(f" {TEXT}\n") == MADE
    assert TEXT.startswith("20231114T221320Z.20231115T221320Z.-.57-9f0c1d2e3a4b.")
    assert MADE.head_sequence == 57
    assert MADE.fits(CONTENT)
    assert not MADE.fits({"changes": {}})


@given(st.integers(0, len(TEXT) - 1), st.sampled_from(string.ascii_letters + string.digits + ".-é٣"))
def test_a_character_that_is_mistyped_is_found_out(position: int, character: str) -> None:
    assume(TEXT[position] != character)
    with pytest.raises(ValueError, match=r"approval|mistyped"):
        Approval.parse(TEXT[:position] + character + TEXT[position + 1 :])


@given(st.integers(0, len(TEXT) - 1), st.integers(1, 12))
def test_a_piece_that_is_missing_is_found_out(position: int, length: int) -> None:
    with pytest.raises(ValueError, match=r"approval|mistyped"):
        Approval.parse(TEXT[:position] + TEXT[position + length :])


@pytest.mark.parametrize("fact", ["created", "expires", "head", "due"])
def test_no_part_of_an_approval_can_be_exchanged(fact: str) -> None:
    other = {"created": 1_700_000_001, "expires": 1_800_000_000, "head": "0", "due": "100CNY"}[fact]
    assert not dataclasses.replace(MADE, **{fact: other}).fits(CONTENT)


@given(plans)
def test_every_plan_has_content_that_can_be_approved(plan) -> None:
    content = approved_content(plan, SCOPE)
    made = Approval.of(content, created=0, expires=1, head="0")
    assert Approval.parse(str(made)).fits(content)
    assert len(approved_changes(plan)) == len(plan.work)


def test_what_the_cloud_is_shown_to_have_now_is_not_approved() -> None:
    """Nor fingerprints: a plan before the first apply does not know the lineage that they are made with."""
    one = a_plan(a_change(fields=(FieldChange(("flavor",), "a", "b"),), after={"pw": {"fingerprint": None}}))
    other = a_plan(a_change(fields=(FieldChange(("flavor",), "x", "b"),), after={"pw": {"fingerprint": "abc"}}))
    assert approved_content(one, SCOPE) == approved_content(other, SCOPE)


def test_a_secret_is_approved_by_where_it_comes_from() -> None:
    def digest(reference: SecretReference) -> str:
        return body_digest(a_desired(fields={"name": "x", "admin_pass": reference}))

    first = SecretReference(SecretSource.ENVIRONMENT, "ONE")
    assert digest(first) == digest(SecretReference(SecretSource.ENVIRONMENT, "ONE"))
    assert digest(first) != digest(SecretReference(SecretSource.ENVIRONMENT, "TWO"))


def begun(*changes: ApprovedChange) -> Approved:
    return Approved(TEXT, changes)


def state() -> State:
    return State("demo", None, "lineage", 1, Identity("account", "project", "region"))


def use_after(*entries) -> ApprovalUse:
    return replay(state(), entries).approvals[TEXT]


GATEWAY = an_address("gateway")
CREATE = ApprovedChange(GATEWAY, Action.CREATE, None, "body")


def purchase(*, identifier: str = "intent-1"):
    return an_intent("gateway", id=identifier, approval=TEXT)


def test_a_purchase_is_used_up_once_it_is_answered() -> None:
    assert use_after(begun(CREATE)).bought == ()
    assert use_after(begun(CREATE), Intended(purchase())).bought == ()
    answered = use_after(begun(CREATE), Intended(purchase()), Answered("intent-1", 200, id="id-1", order_id="o-1"))
    assert answered.bought == (GATEWAY,)
    assert answered.is_spent


@pytest.mark.parametrize("outcome", ["not_sent", "refused", "absent"])
def test_a_purchase_that_came_to_nothing_is_not_used_up(outcome: str) -> None:
    ended = use_after(begun(CREATE), Intended(purchase()), Settled("intent-1", outcome, "so it was"))
    assert not ended.is_spent


def test_a_purchase_that_is_in_doubt_again_is_not_used_up() -> None:
    entries = (Intended(purchase()), Answered("intent-1", 200, id="id-1", order_id="o-1"), Intended(purchase()))
    assert use_after(begun(CREATE), *entries).bought == ()


def test_a_wipe_whose_outcome_was_only_observed_is_used_up() -> None:
    """Nobody knows whether it was carried out, so it is not sent again."""
    wipe = ApprovedChange(GATEWAY, Action.REINSTALL, "id-of-gateway", "body")
    intent = an_intent("gateway", id="intent-2", effect=Effect.WIPE, target_id="id-of-gateway", approval=TEXT)
    entries = (*a_purchase("gateway"), begun(wipe), Intended(intent))
    assert use_after(*entries).wiped == ()
    assert use_after(*entries, Settled("intent-2", "observed", "a row shows it")).wiped == (GATEWAY,)


def test_a_call_of_another_run_uses_nothing_up() -> None:
    other = an_intent("gateway", id="intent-1")
    answered = Answered("intent-1", 200, id="id-1", order_id="o-1")
    assert use_after(begun(CREATE), Intended(other), answered).bought == ()


def test_an_approval_is_kept_until_it_expires() -> None:
    def later(created: int) -> Approved:
        text = str(Approval.of(CONTENT, created=created, expires=created + 60, head="0"))
        return Approved(text, ())

    kept = replay(state(), [begun(CREATE), later(MADE.expires - 1)]).approvals
    assert TEXT in kept
    assert TEXT not in replay(state(), [begun(CREATE), later(MADE.expires + 1)]).approvals


def test_records_that_a_state_has_already_lead_to_the_same() -> None:
    """As a verification replays them. The expired approval comes in again, and goes again."""
    later = str(Approval.of(CONTENT, created=MADE.expires + 1, expires=MADE.expires + 60, head="0"))
    bought = (Intended(purchase()), Answered("intent-1", 200, id="id-1", order_id="o-1"))
    again = an_intent("portal", id="intent-2", approval=later)
    entries = (
        begun(CREATE),
        *bought,
        Approved(later, (ApprovedChange(an_address("portal"), Action.CREATE, None, "body"),)),
        Intended(again),
        Answered("intent-2", 200, id="id-2", order_id="o-2"),
    )
    once = replay(state(), entries)
    assert set(once.approvals) == {later}
    twice = replay(dataclasses.replace(once, resources={}, intents={}), entries)
    assert twice == once
