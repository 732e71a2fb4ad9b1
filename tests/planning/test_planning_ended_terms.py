"""A prepaid server whose term is over is left alone until a person renews it, releases it, or says otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state
from support.planning_builders import OTHER_IMAGE, PREPAID, bought, codes, planned, shown, surveyed, wanted

from provisioner.kinds import CATALOGUE
from provisioner.model.guards import Allowance
from provisioner.model.plan import Mode
from provisioner.model.release_facts import ReleaseFacts
from provisioner.model.term import Term
from provisioner.planning import collect_questions

NOW = 1_000_000
OVER, LATER = Term(NOW - 1, renews=False, seen_at=1), Term(NOW + 1, renews=False, seen_at=1)
OTHERS = frozenset(Allowance) - {Allowance.TERM_ENDED}


def surveyed_of(term=OVER, *, listed=True, **fields):
    desired = wanted(charging_info=PREPAID, **fields)
    recorded = replace(bought(wanted(charging_info=PREPAID)), term=term)
    live = (shown(recorded),) if listed else ()
    return surveyed(desired, state=a_state(recorded), live=live, server_time=NOW, allowed=OTHERS)


CHANGES = [{"name": "omega"}, {"image_id": OTHER_IMAGE}, {"power": "stopped"}, {"flavor": "other"}]


@pytest.mark.parametrize("fields", CHANGES)
def test_no_change_is_made_to_it(fields):
    (refusal,) = [one for one in planned(surveyed_of(**fields)).refusals if one.code == "term-ended"]
    assert "usermanual-server-0025" in refusal.hint
    assert "--allow term-ended" in refusal.hint


def test_it_is_not_released():
    assert codes(planned(surveyed_of(), mode=Mode.DESTROY).refusals) == ["term-ended"]


@pytest.mark.parametrize("fields", CHANGES)
def test_a_person_may_allow_it(fields):
    plan = planned(replace(surveyed_of(**fields), allowed=frozenset(Allowance)))
    assert "term-ended" not in codes(plan.refusals)
    assert "term-ended" in codes(plan.lifted)


def test_nothing_to_do_is_told_and_neither_refused_nor_asked_about():
    plan = planned(surveyed_of())
    assert (codes(plan.findings), plan.refusals) == (["expired"], ())
    assert "usermanual-server-0025" in plan.findings[0].hint
    assert collect_questions(plan, CATALOGUE).is_empty


def test_billing_is_asked_about_it_before_a_change_and_has_the_last_word():
    survey = surveyed_of(name="omega")
    assert collect_questions(planned(survey), CATALOGUE).terms == ("id-of-gateway",)
    renewed = replace(survey, release_facts=ReleaseFacts({"id-of-gateway": NOW + 5}))
    assert codes(planned(renewed).refusals) == []


@pytest.mark.parametrize(
    "term", [None, LATER, Term(NOW - 1, renews=True, seen_at=1), Term(None, renews=None, seen_at=1)]
)
def test_a_term_that_goes_on_or_is_unknown_refuses_nothing(term):
    assert codes(planned(surveyed_of(term, name="omega")).refusals) == []


def test_billing_may_know_of_an_end_that_is_not_recorded():
    survey = replace(surveyed_of(None), release_facts=ReleaseFacts({"id-of-gateway": NOW}))
    assert codes(planned(survey, mode=Mode.DESTROY).refusals) == ["term-ended"]


def test_labels_are_no_change_to_the_server():
    survey = surveyed_of()
    (desired,) = survey.desired
    assert codes(planned(replace(survey, desired=(replace(desired, labels={"team": "a"}),))).refusals) == []


def test_what_is_gone_already_is_not_held_back():
    assert codes(planned(surveyed_of(listed=False), mode=Mode.DESTROY).refusals) == []


def test_its_release_is_refused_once_and_allowed_once():
    survey = replace(surveyed_of(), allowed=frozenset())
    plan = planned(survey, mode=Mode.DESTROY)
    assert (codes(plan.findings), codes(plan.refusals)) == ([], ["term-ended"])
    allowed = planned(replace(survey, allowed=frozenset({Allowance.TERM_ENDED})), mode=Mode.DESTROY)
    assert (codes(allowed.findings), codes(allowed.refusals), codes(allowed.lifted)) == ([], [], ["term-ended"])


@pytest.mark.parametrize("named", [False, True])
def test_so_is_its_replacement(named):
    addresses = frozenset({wanted().address}) if named else frozenset()
    survey = replace(surveyed_of(**({} if named else {"flavor": "other"})), allowed=frozenset(), replace=addresses)
    assert codes(planned(survey).refusals) == ["term-ended"]
    assert codes(planned(replace(survey, allowed=frozenset({Allowance.TERM_ENDED}))).refusals) == []


def test_a_release_before_its_end_is_called_so():
    earlier = replace(surveyed_of(LATER), allowed=frozenset())
    (told,) = planned(earlier, mode=Mode.DESTROY).refusals
    assert (told.code, told.summary.endswith("would be released before its term ends")) == ("prepaid-delete", True)
    assert told.detail.startswith("you would lose its term until ")


@pytest.mark.parametrize(("term", "says_why"), [(OVER, True), (LATER, False), (None, False)])
def test_that_it_is_gone_is_told_with_the_end_of_its_term(term, says_why):
    (told,) = [one for one in planned(surveyed_of(term, listed=False)).findings if one.code == "vanished"]
    assert ("its paid term ended" in told.detail) is says_why


def test_a_deposed_server_is_not_released_though_its_successor_stands():
    recorded = replace(bought(wanted(charging_info=PREPAID)), term=LATER)
    old = replace(recorded, address=recorded.address.as_deposed, id="old", term=OVER)
    survey = surveyed(
        wanted(charging_info=PREPAID), state=a_state(recorded, old), live=(shown(recorded), shown(old)), server_time=NOW
    )
    assert codes(planned(survey).refusals) == ["term-ended"]
