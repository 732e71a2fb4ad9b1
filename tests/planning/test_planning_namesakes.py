"""Servers that bear the name of one that a run has bought, and that no state here holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address, an_intent
from support.planning_builders import bought, codes, planned, settled, shown, surveyed, wanted

from provisioner.kinds import CATALOGUE
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase
from provisioner.planning import bought_records, find_namesakes

RECORD = bought(wanted())
STATE = a_state(RECORD)
OURS = replace(shown(RECORD), created_at=1_790_000_000_000)
STRAY = replace(shown(bought(wanted(), id="stray")), created_at=1_790_000_060_000)


def found(*rows, state=STATE, records=None, **rest):
    records = {RECORD.address: RECORD} if records is None else records
    return tuple(find_namesakes(records, state, {row.id: row for row in rows}, CATALOGUE, **rest))


def test_a_namesake_is_named_with_both_ids_and_times_and_a_way_out():
    (finding,) = found(OURS, STRAY)
    assert (finding.code, finding.address) == ("namesake", an_address("gateway"))
    assert "'gateway': id-of-gateway" in finding.summary
    assert "stray (RUNNING)" in finding.summary
    assert (
        finding.detail
        == "id-of-gateway was created 2026-09-21 14:13:20 UTC, stray was created 2026-09-21 14:14:20 UTC; both cost money"
    )
    assert "destroy --target" in finding.hint


def test_an_order_of_which_nobody_knows_that_it_is_paid_is_not_called_bought():
    ordered = bought(wanted(), phase=Phase.AWAITING_PAYMENT, id=None, order_id="CS1", observed={})
    (finding,) = found(STRAY, state=a_state(ordered), records={ordered.address: ordered})
    assert "order CS1, which was ordered for gateway" in finding.summary
    assert "both cost money" not in finding.detail


@pytest.mark.parametrize("moment", [None, 0, 1_790_000_000])
def test_a_time_that_cannot_be_is_not_told(moment):
    (finding,) = found(OURS, replace(STRAY, created_at=moment))
    assert "stray was created at an unknown time" in finding.detail


def test_what_the_list_does_not_show_of_ours_may_be_the_other_one():
    (finding,) = found(STRAY)
    assert "provisioner resolve" in finding.hint


def test_our_own_other_addresses_strangers_and_other_states_are_none():
    second = bought(wanted("second"), id="second")
    state = a_state(RECORD, second)
    stranger = replace(shown(bought(wanted(name="strange"), id="stranger")), created_at=None)
    renamed = replace(shown(second), name="gateway")
    assert found(OURS, renamed, stranger, state=state) == ()
    assert found(OURS, STRAY, claims={"stray"}) == ()
    assert found(OURS, STRAY, records={}) == ()


def test_what_is_being_released_or_was_released_from_here_is_none():
    assert found(OURS, replace(STRAY, status="DELETING")) == ()
    assert found(OURS, STRAY, state=a_state(RECORD, released={"stray": RECORD.address})) == ()


def test_what_a_purchase_in_doubt_may_have_made_is_left_to_it():
    intent = an_intent("other", name="gateway", declared={"name": "gateway"}, server_time=0, earlier_ids=())
    assert found(OURS, STRAY, state=a_state(RECORD, intents={intent.id: intent})) == ()


def test_a_run_looks_for_what_it_bought_or_finished_buying():
    begun = bought(wanted("begun"), phase=Phase.CREATING, id="begun")
    survey = surveyed(wanted(), wanted("begun"), state=a_state(begun), live=(shown(begun, "CREATING"),))
    after = a_state(RECORD, bought(wanted("begun"), id="begun"))
    assert set(bought_records(planned(survey), after)) == {an_address("gateway"), an_address("begun")}
    assert bought_records(planned(survey, mode=Mode.DESTROY), after) == {}
    assert bought_records(planned(settled(wanted())), after) == {}
    assert bought_records(planned(survey), a_state()) == {}


def test_a_plan_tells_of_it_later_as_a_warning():
    assert codes(planned(surveyed(wanted(), state=STATE, live=(OURS, STRAY))).findings) == ["namesake"]
