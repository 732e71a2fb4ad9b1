"""What may be believed to be ours when records are damaged or lost: an id that is recorded, and hardly ever a name alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from support.builders import a_state, an_address, an_intent
from support.planning_builders import (
    OTHER_IMAGE,
    PASSWORD,
    PREPAID,
    bought,
    codes,
    fingerprint,
    planned,
    shown,
    surveyed,
    wanted,
)
from support.planning_strategies import fleets

from provisioner.kinds import CATALOGUE
from provisioner.model.action import Action
from provisioner.model.flow import Effect
from provisioner.model.journal import Remembered
from provisioner.model.marker import add_marker
from provisioner.model.proposal import Confidence
from provisioner.model.replay import replay
from provisioner.model.resource import Phase
from provisioner.planning import SalvagedRecords, proposal_to_entries, propose

GATEWAY = wanted("gateway")
NOW = 1_700_000_000_000
LINEAGE = a_state().lineage


def proposed(
    *desired, recorded=(), intents=(), absent=(), unplaced=(), mentioned=(), live=(), complete=False, has_new_salt=False
):
    remains = SalvagedRecords(
        {one.address: one for one in recorded},
        {one.id: one for one in intents},
        {one.id: one for one in absent},
        tuple(unplaced),
        frozenset(mentioned),
        complete,
        has_new_salt,
        lineage=LINEAGE,
    )
    rows = {row.id: row for row in live}
    return propose(remains, tuple(desired), rows, catalogue=CATALOGUE, fingerprint=fingerprint, now=NOW)


def the_row(*desired, **rest):
    (row,) = proposed(*desired, **rest).rows
    return row


def retold(proposal):
    return replay(a_state(), proposal_to_entries(proposal, now=NOW, who="ana@laptop"))


def test_an_id_that_is_recorded_and_shown_under_its_name_is_certain():
    recorded = bought(GATEWAY)
    row = the_row(GATEWAY, recorded=[recorded], live=[shown(recorded)])
    assert row.confidence is Confidence.CERTAIN
    assert row.recorded == recorded


def test_a_recorded_server_that_is_not_listed_is_kept_as_it_was():
    recorded = bought(GATEWAY)
    proposal = proposed(GATEWAY, recorded=[recorded])
    assert proposal.rows[0].confidence is Confidence.RECORDED
    assert "does not list it" in proposal.rows[0].reason
    change = planned(surveyed(GATEWAY, state=retold(proposal))).changes[0]
    assert change.action is Action.NO_OP
    assert change.reason == "vanished"


def test_a_recorded_server_under_another_name_is_kept_and_the_names_are_told():
    recorded = bought(GATEWAY)
    row = the_row(GATEWAY, recorded=[recorded], live=[shown(recorded, name="renamed")])
    assert row.confidence is Confidence.RECORDED
    assert "'gateway'" in row.reason
    assert "'renamed'" in row.reason


def test_an_order_without_a_server_is_kept():
    ordered = bought(GATEWAY, id=None, order_id="CS1", phase=Phase.ORDERING, observed={})
    proposal = proposed(GATEWAY, recorded=[ordered])
    assert "order CS1 is recorded" in proposal.rows[0].reason
    assert retold(proposal).resources == {GATEWAY.address: ordered}


def test_the_only_server_of_a_wanted_name_that_fits_is_likely_when_records_are_missing():
    live = shown(bought(GATEWAY))
    row = the_row(GATEWAY, live=[live])
    assert row.confidence is Confidence.LIKELY
    assert row.by_specs
    assert (row.recorded.id, row.recorded.phase, row.recorded.observed) == (live.id, Phase.READY, live.observed)


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("RUNNING", Phase.READY),
        ("STOPPED", Phase.READY),
        ("CREATING", Phase.CREATING),
        ("CREATE_FAILED", Phase.FAILED),
        ("DELETING", Phase.CREATING),
    ],
)
def test_how_far_a_likely_server_has_come_is_what_its_kind_makes_of_its_status(status, phase):
    assert the_row(GATEWAY, live=[shown(bought(GATEWAY), status)]).recorded.phase is phase


def test_a_wanted_name_is_a_strangers_when_nothing_is_missing_from_the_records():
    row = the_row(GATEWAY, live=[shown(bought(GATEWAY))], complete=True)
    assert row.confidence is Confidence.UNKNOWN
    assert not row.is_kept


def test_a_server_of_a_wanted_name_that_differs_is_left_out():
    row = the_row(GATEWAY, live=[shown(bought(GATEWAY), image_id=OTHER_IMAGE)])
    assert row.confidence is Confidence.UNKNOWN
    assert not row.is_kept
    assert len(row.candidates) == 1


@pytest.mark.parametrize("differing", [{}, {"image_id": OTHER_IMAGE}])
def test_of_several_of_one_name_none_is_chosen_even_if_only_one_fits(differing):
    live = [shown(bought(GATEWAY)), shown(bought(GATEWAY, id="another"), **differing)]
    row = the_row(GATEWAY, live=live)
    assert row.confidence is Confidence.AMBIGUOUS
    assert not row.is_kept
    assert len(row.candidates) == 2


def test_a_wanted_address_that_no_server_bears_the_name_of_is_no_row():
    assert proposed(GATEWAY, live=[shown(bought(wanted("other")))]).rows == ()


def test_what_nothing_is_about_is_listed():
    stranger = shown(bought(wanted("other")))
    assert proposed(GATEWAY, live=[stranger, shown(bought(GATEWAY))]).unclaimed == (stranger,)


def test_a_server_of_a_recorded_order_is_nobody_elses():
    building = bought(GATEWAY, id=None, order_id="CS1", phase=Phase.ORDERING, observed={})
    row = replace(shown(bought(GATEWAY)), order_id="CS1")
    proposal = proposed(GATEWAY, recorded=[building], live=[row])
    assert proposal.rows[0].confidence is Confidence.CERTAIN
    assert proposal.unclaimed == ()


def test_a_purchase_in_doubt_stays_so_and_its_server_is_given_to_nobody():
    live = shown(bought(GATEWAY))
    intent = an_intent("gateway", declared=bought(GATEWAY).declared, server_time=0, earlier_ids=())
    namesake = wanted("second", name="gateway")
    proposal = proposed(GATEWAY, namesake, intents=[intent], live=[live])
    (row,) = proposal.rows
    assert row.confidence is Confidence.IN_DOUBT
    assert retold(proposal).intents == {intent.id: intent}


def test_a_release_in_doubt_stays_beside_its_record():
    recorded = bought(GATEWAY)
    intent = an_intent("gateway", effect=Effect.DESTRUCTIVE, target_id=recorded.id)
    state = retold(proposed(GATEWAY, recorded=[recorded], intents=[intent], live=[shown(recorded)]))
    assert state.resources == {GATEWAY.address: recorded}
    assert state.intents == {intent.id: intent}


@pytest.mark.parametrize("held", [True, False], ids=["bought again since", "free"])
@pytest.mark.parametrize("again", [True, False], ids=["and again in doubt", "nothing open"])
def test_a_purchase_that_was_believed_absent_stays_known_as_ours(held, again):
    """So that a late server of it is still named, and may be adopted."""
    recorded = bought(GATEWAY)
    ghost = an_intent("gateway", id="ghost", declared=recorded.declared, server_time=0, earlier_ids=())
    doubt = an_intent("gateway", id="open", declared=recorded.declared, server_time=NOW, earlier_ids=(recorded.id,))
    before = a_state(*([recorded] * held), intents={"open": doubt} if again else {}, absent={"ghost": ghost})
    known = {"recorded": [recorded] * held, "intents": [doubt] * again, "absent": [ghost]}
    proposal = proposed(GATEWAY, live=[shown(recorded)] * held, **known)
    assert len(proposal.rows) == held + again, "the ghost is no row"
    told_apart = replace(ghost, earlier_ids=(recorded.id,) if held else ())
    assert retold(proposal) == replace(before, absent={"ghost": told_apart})
    late = shown(replace(recorded, id="late"))
    told = "in-doubt" if again else "bought-twice" if held else "untracked"
    plan = planned(surveyed(GATEWAY, state=retold(proposal), live=(late,)))
    assert told in codes((*plan.findings, *plan.refusals))


def test_an_id_whose_purchase_cannot_be_read_is_certain_and_its_body_is_the_specs():
    recorded = bought(GATEWAY)
    facts = Remembered(GATEWAY.address, Phase.READY, id=recorded.id, observed=recorded.observed)
    row = the_row(GATEWAY, unplaced=[facts], live=[shown(recorded)], complete=True)
    assert row.confidence is Confidence.CERTAIN
    assert row.recorded == recorded
    assert row.by_specs


def test_an_id_that_neither_specs_nor_purchase_describe_is_told_and_left_out():
    row = the_row(unplaced=[Remembered(an_address("lost"), Phase.READY, id="id-7")])
    assert row.confidence is Confidence.UNKNOWN
    assert "id-7" in row.reason


def test_with_a_new_lineage_secrets_are_taken_to_be_what_they_are_now():
    desired = wanted("gateway", admin_pass=PASSWORD, key_pair_name=None)
    recorded = bought(desired)
    stale = replace(recorded, declared={**recorded.declared, "admin_pass": {"fingerprint": "of old"}})
    assert the_row(desired, recorded=[stale], live=[shown(recorded)]).recorded == stale
    row = the_row(desired, recorded=[stale], live=[shown(recorded)], has_new_salt=True)
    assert row.recorded == recorded
    assert row.by_specs
    intent = an_intent("gateway", declared=stale.declared)
    (absent,) = proposed(desired, absent=[intent], has_new_salt=True).absent
    assert absent.declared == recorded.declared
    assert the_row(desired, intents=[intent], has_new_salt=True).intent.declared == recorded.declared


def test_an_address_that_an_unreadable_line_is_about_is_not_bought_before_that_is_settled():
    proposal = proposed(GATEWAY, mentioned=[GATEWAY.address])
    (row,) = proposal.rows
    assert row.confidence is Confidence.IN_DOUBT
    assert row.intent.server_time == NOW
    assert planned(surveyed(GATEWAY, state=retold(proposal))).changes[0].action is Action.RESUME
    late = replace(shown(bought(GATEWAY)), created_at=NOW + 1000)
    assert CATALOGUE["dev_server"].match(row.intent, [late]) == (late,)
    assert the_row(GATEWAY, mentioned=[GATEWAY.address], live=[late]).confidence is Confidence.LIKELY


@settings(deadline=None)
@given(fleets())
def test_a_fleet_whose_records_are_all_lost_is_found_again_and_planned_as_unchanged(fleet):
    records = [bought(desired) for desired in fleet]
    live = tuple(map(shown, records))
    proposal = proposed(*fleet, live=live)
    assert {row.confidence for row in proposal.rows} <= {Confidence.LIKELY}
    survey = surveyed(*fleet, state=retold(proposal), live=live)
    assert not planned(survey).work
    assert codes(planned(survey).findings) == []


@settings(deadline=None)
@given(fleets())
def test_a_proposal_is_told_as_entries_that_lead_to_exactly_it(fleet):
    records = [bought(desired, order_id=f"CS-{desired.address}") for desired in fleet]
    proposal = proposed(*fleet, recorded=records, live=[shown(one) for one in records[::2]])
    state = retold(proposal)
    assert state.resources == {one.address: one for one in records}
    assert not list(state.problems())


def test_what_is_assumed_of_a_server_is_told_again():
    record = replace(bought(GATEWAY), assumed={"arch": "X86"}, baseline={"flavor": "SI2.LARGE.4"})
    state = retold(proposed(GATEWAY, recorded=[record], live=[shown(record)]))
    assert state.resources == {record.address: record}


def test_a_prepaid_server_is_found_again_by_its_name():
    desired = wanted("gateway", charging_info=PREPAID)
    assert the_row(desired, live=[shown(bought(desired))]).confidence is Confidence.LIKELY


def a_marked(base="gateway", identifier="found", lineage=LINEAGE):
    name = add_marker(base, lineage=lineage, salt=b"12345678", longest=64)
    return shown(bought(GATEWAY, id=identifier), name=name)


@pytest.mark.parametrize("complete", [False, True])
def test_a_server_that_still_carries_our_marker_is_ours_whatever_the_records_say(complete):
    row = the_row(GATEWAY, live=[a_marked()], complete=complete)
    assert (row.confidence, row.recorded.id) == (Confidence.CERTAIN, "found")
    assert row.recorded.declared["name"] == "gateway", "so that the next apply renames it"


def test_a_long_name_that_was_shortened_for_its_marker_is_found_again():
    long = wanted("gateway", name="n" * 60)
    row = the_row(long, live=[shown(bought(long, id="found"), name=a_marked("n" * 60).name)])
    assert (row.confidence, row.recorded.id) == (Confidence.CERTAIN, "found")


def test_a_marked_server_that_was_feared_and_shows_later_is_named_and_found_again():
    """The guess does not know its marker: no purchase is made while it is open, the sweep names it, a rebuild places it."""
    guessed = retold(proposed(GATEWAY, mentioned=[GATEWAY.address]))
    plan = planned(surveyed(GATEWAY, state=guessed, live=(a_marked(),)))
    assert [change.action for change in plan.changes] == [Action.RESUME]
    (untracked,) = [finding for finding in plan.findings if finding.code == "untracked"]
    assert "found" in untracked.summary
    row = the_row(GATEWAY, intents=guessed.intents.values(), live=[a_marked()])
    assert (row.confidence, row.recorded.id) == (Confidence.CERTAIN, "found")


def test_a_guess_stays_open_while_no_marked_server_is_surely_it():
    guessed = retold(proposed(GATEWAY, mentioned=[GATEWAY.address]))
    both = [a_marked(), a_marked(identifier="second")]
    (row,) = proposed(GATEWAY, intents=guessed.intents.values(), live=both).rows
    assert row.intent in guessed.intents.values()


def test_a_purchase_that_is_really_in_doubt_is_not_ended_by_another_marked_server():
    intent = an_intent("gateway", declared=bought(GATEWAY).declared)
    (row,) = proposed(GATEWAY, intents=[intent], live=[a_marked()]).rows
    assert row.intent == intent


def test_another_states_marker_makes_a_server_nobodys():
    assert proposed(GATEWAY, live=[a_marked(lineage="another")]).rows == ()


ALIKE = ("g\u0430teway", "gateway\u00a0", " gateway", "gate\u200bway", "\uff47ateway")


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.parametrize("complete", [True, False])
def test_a_server_whose_name_only_reads_like_the_wanted_one_is_left_out_and_told(name, complete):
    odd = replace(shown(bought(GATEWAY)), name=name)
    proposal = proposed(GATEWAY, live=[odd], complete=complete)
    (row,) = proposal.rows
    assert (row.confidence, row.is_kept, row.candidates) == (Confidence.ALIKE, False, (odd,))
    assert ascii(name) in row.reason
    assert (proposal.unclaimed, retold(proposal).resources) == ((), {})


def test_where_one_bears_the_very_name_those_that_read_like_it_are_nobodys():
    ours, odd = shown(bought(GATEWAY)), replace(shown(bought(GATEWAY)), id="another", name=ALIKE[0])
    proposal = proposed(GATEWAY, live=[ours, odd])
    assert ([row.confidence for row in proposal.rows], proposal.unclaimed) == ([Confidence.LIKELY], (odd,))


def test_an_address_that_is_feared_for_stays_so_beside_a_name_that_reads_like_it():
    odd = replace(shown(bought(GATEWAY)), name=ALIKE[0])
    assert the_row(GATEWAY, live=[odd], mentioned=[GATEWAY.address]).confidence is Confidence.IN_DOUBT


def test_a_recorded_server_that_is_shown_under_a_name_which_reads_the_same_is_told_by_numbers():
    recorded = bought(GATEWAY)
    row = the_row(GATEWAY, recorded=[recorded], live=[replace(shown(recorded), name=ALIKE[0])])
    assert (row.confidence, "\\u0430" in row.reason) == (Confidence.RECORDED, True)


@pytest.mark.parametrize("name", ALIKE)
def test_a_plan_that_would_buy_beside_such_a_name_says_so(name):
    odd = replace(shown(bought(wanted("other"))), name=name)
    found = planned(surveyed(GATEWAY, live=(odd,))).findings
    assert codes(found) == ["name-alike"]
    assert ascii(name) in found[0].summary
    assert planned(surveyed(GATEWAY, live=(replace(odd, name="g\u00e4stehaus"),))).findings == ()
