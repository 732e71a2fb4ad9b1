"""What holds of every approval, whatever was planned, done since, and wanted now: nothing is bought, wiped or released that it does not allow."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from support.depth import DEEP
from support.planning_builders import applied, planned
from support.planning_strategies import surveys

from provisioner.model.action import Action
from provisioner.model.approval import Approval, ApprovalUse
from provisioner.model.approved_content import (
    ApprovalScope,
    approved_changes,
    approved_content,
    body_digest,
    identifier_of,
)
from provisioner.model.plan import Mode
from provisioner.planning import differences, uncovered

SCOPE = ApprovalScope(place="../state")
TEXT = "the approval"


def purchases(plan):
    """What the plan would buy: addresses with what is wanted there."""
    return {
        (change.address, body_digest(change.desired))
        for change in plan.work
        if change.action in {Action.CREATE, Action.REPLACE}
    }


def releases(plan):
    return {identifier_of(change) for change in plan.work if change.action in {Action.DELETE, Action.REPLACE}}


def wipes(plan):
    return {
        (change.address, change.recorded.id, body_digest(change.desired))
        for change in plan.work
        if change.action is Action.REINSTALL
    }


def approval_of(plan):
    return Approval.of(approved_content(plan, SCOPE), created=0, expires=1, head="0")


@settings(max_examples=100 if DEEP else 30)
@given(surveys(), st.sampled_from(Mode), surveys(), st.sampled_from(Mode))
def test_a_first_run_sends_what_was_approved(survey, mode, later, other_mode):
    """An approval fits a plan exactly where nothing differs, and then both buy, wipe and release the same."""
    approved, now = planned(survey, mode=mode), planned(later, mode=other_mode)
    approval = approval_of(approved)
    assert approval.fits(approved_content(approved, SCOPE))
    content, today = approved_content(approved, SCOPE), approved_content(now, SCOPE)
    assert approval.fits(today) == (not tuple(differences(content, today)))
    if approval.fits(today):
        assert (purchases(now), releases(now), wipes(now)) == (purchases(approved), releases(approved), wipes(approved))


@settings(max_examples=100 if DEEP else 30)
@given(surveys(), st.sampled_from(Mode), surveys(), st.sampled_from(Mode), st.data())
def test_a_later_run_sends_what_is_left_of_it(survey, mode, later, other_mode, data):
    approved = planned(survey, mode=mode)
    now = planned(data.draw(st.sampled_from([survey, later, applied(approved, survey)])), mode=other_mode)
    allowed = approved_changes(approved)
    addresses = sorted({change.address for change in allowed})
    ids = sorted({change.id for change in allowed if change.id is not None})
    use = ApprovalUse(
        TEXT,
        allowed,
        bought=tuple(data.draw(st.lists(st.sampled_from(addresses), unique=True)) if addresses else ()),
        wiped=tuple(data.draw(st.lists(st.sampled_from(addresses), unique=True)) if addresses else ()),
        released=tuple(data.draw(st.lists(st.sampled_from(ids), unique=True)) if ids else ()),
    )
    if tuple(uncovered(use, now, later.state)):
        return
    assert {one for one in purchases(now) if one[0] not in use.bought} == purchases(now)
    assert purchases(now) <= purchases(approved)
    assert releases(now) <= releases(approved)
    assert wipes(now) <= wipes(approved)
    assert not {address for address, *_ in wipes(now)} & set(use.wiped)


@settings(max_examples=100 if DEEP else 30)
@given(surveys(), st.sampled_from(Mode))
def test_a_run_that_died_before_it_sent_anything_goes_on(survey, mode):
    plan = planned(survey, mode=mode)
    use = ApprovalUse(TEXT, approved_changes(plan))
    doubts = [change for change in plan.work if change.recorded is None and change.action is Action.RESUME]
    plan = replace(plan, changes=tuple(change for change in plan.changes if change not in doubts))
    assert tuple(uncovered(replace(use, changes=approved_changes(plan)), plan, survey.state)) == ()
