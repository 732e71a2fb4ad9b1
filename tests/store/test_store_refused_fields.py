"""What a server was refused is written only where there is something to say, so that older files stay as they are."""

from __future__ import annotations

import pytest
from support.builders import a_state
from support.planning_builders import bought, wanted

from provisioner.model.journal import Imported, Remembered, replay
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
