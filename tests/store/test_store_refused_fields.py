"""What a later version added to a record is written only where there is something to say, so that older files stay as they are."""

from __future__ import annotations

import pytest
from support.builders import a_state
from support.planning_builders import bought, wanted

from provisioner.model.journal import Imported, Moved, Remembered
from provisioner.model.replay import replay
from provisioner.model.resource import Phase
from provisioner.store.codec import entry_from_json, entry_to_json, state_from_json, state_to_json

REFUSED = {"volumes": {"value": ["v"], "code": None, "message": "only for A3"}}


@pytest.mark.parametrize("refused", [{}, REFUSED])
def test_a_record_comes_back_and_says_nothing_of_what_is_empty(refused):
    state = a_state(bought(wanted(), refused=refused))
    written = state_to_json(state)
    assert ["refused" in one for one in written["resources"].values()] == [bool(refused)]
    assert state_from_json(written).resources == state.resources


@pytest.mark.parametrize("refused", [None, {}, REFUSED])
def test_facts_come_back_and_an_empty_refusal_is_a_fact(refused):
    entry = Remembered(wanted().address, Phase.READY, refused=refused)
    written = entry_to_json(entry)
    assert ("refused" in written) is (refused is not None)
    assert entry_from_json(written) == entry


@pytest.mark.parametrize("refused", [{}, REFUSED])
def test_an_import_comes_back(refused):
    entry = Imported(bought(wanted(), refused=refused), "why")
    written = entry_to_json(entry)
    assert ("refused" in written["recorded"]) is bool(refused)
    assert entry_from_json(written) == entry


@pytest.mark.parametrize(("told", "kept"), [(None, REFUSED), ({}, {})])
def test_facts_that_say_nothing_of_it_leave_it(told, kept):
    state = a_state(bought(wanted(), refused=REFUSED))
    after = replay(state, [Remembered(wanted().address, Phase.READY, refused=told)])
    assert after.resources[wanted().address].refused == kept


BASELINE = {"flavor": "SI2.LARGE.4", "network": {"subnet_id": "S"}}


@pytest.mark.parametrize("baseline", [{}, BASELINE])
def test_a_baseline_comes_back_and_is_absent_where_there_is_none(baseline):
    record = bought(wanted(), baseline=baseline)
    state, entry = a_state(record), Imported(record, "why")
    written, imported = state_to_json(state), entry_to_json(entry)
    assert [("baseline" in one) for one in (*written["resources"].values(), imported["recorded"])] == [
        bool(baseline)
    ] * 2
    assert state_from_json(written).resources == state.resources
    assert entry_from_json(imported) == entry


@pytest.mark.parametrize("baseline", [None, {}, BASELINE])
def test_facts_tell_of_a_baseline_or_leave_it(baseline):
    entry = Remembered(wanted().address, Phase.READY, baseline=baseline)
    assert ("baseline" in entry_to_json(entry)) is (baseline is not None)
    assert entry_from_json(entry_to_json(entry)) == entry
    after = replay(a_state(bought(wanted(), baseline={"flavor": "F"})), [entry])
    assert after.resources[wanted().address].baseline == ({"flavor": "F"} if baseline is None else baseline)


@pytest.mark.parametrize("sold", [None, "PRE_PAID"])
def test_what_it_was_sold_as_comes_back_and_is_absent_where_it_is_as_it_was_wanted(sold):
    record = bought(wanted(), sold=sold)
    state, entry = a_state(record), Imported(record, "why")
    facts = Remembered(wanted().address, Phase.READY, sold=sold)
    written, imported, remembered = state_to_json(state), entry_to_json(entry), entry_to_json(facts)
    bodies = (*written["resources"].values(), imported["recorded"], remembered)
    assert ["sold" in one for one in bodies] == [sold is not None] * 3
    assert state_from_json(written).resources == state.resources
    assert (entry_from_json(imported), entry_from_json(remembered)) == (entry, facts)


def test_facts_that_say_nothing_of_how_it_was_sold_leave_it():
    state = a_state(bought(wanted(), sold="PRE_PAID"))
    after = replay(state, [Remembered(wanted().address, Phase.READY)])
    assert after.resources[wanted().address].sold == "PRE_PAID"


@pytest.mark.parametrize("given_up", [False, True])
def test_that_an_address_was_named_comes_back_and_is_absent_where_it_was_not(given_up):
    record = bought(wanted(), term_given_up=given_up)
    entry = Moved(record.address, record.address.as_deposed, given_up)
    written, moved = state_to_json(a_state(record)), entry_to_json(entry)
    assert ["term_given_up" in one for one in (*written["resources"].values(), moved)] == [given_up] * 2
    assert state_from_json(written).resources == a_state(record).resources
    assert entry_from_json(moved) == entry


@pytest.mark.parametrize("paid", [False, True])
def test_that_its_order_is_paid_comes_back_and_is_absent_where_that_is_not_known(paid):
    record = bought(wanted(), paid=paid)
    state, facts = a_state(record), Remembered(wanted().address, Phase.READY, paid=paid or None)
    written, remembered = state_to_json(state), entry_to_json(facts)
    assert ["paid" in one for one in (*written["resources"].values(), remembered)] == [paid] * 2
    assert state_from_json(written).resources == state.resources
    assert entry_from_json(remembered) == facts
    later = replay(state, [Remembered(wanted().address, Phase.READY)])
    assert later.resources[wanted().address].paid is paid
