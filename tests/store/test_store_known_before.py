"""What a run notes before it buys, and what of it stands with each purchase: it says nothing where there is nothing to say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_intent

from provisioner.model.journal import Intended, Listed, RunEnded
from provisioner.model.replay import replay
from provisioner.store.codec import entry_from_json, entry_to_json, state_from_json, state_to_json

NOTED = Listed(("id-7",), complete=True, orders=("CS1", "CS2"), all_orders=True)


@pytest.mark.parametrize("entry", [Listed(()), Listed(("id-7",)), NOTED])
def test_it_is_read_as_it_was_written(entry):
    assert entry_from_json(entry_to_json(entry)) == entry


def test_what_is_empty_is_not_written():
    assert entry_to_json(Listed(("id-7",))).keys() == {"ids", "type"}
    intent = entry_to_json(Intended(an_intent("late")))["intent"]
    assert intent.keys().isdisjoint({"all_listed", "listed_orders", "all_orders", "answered_id"})
    assert state_to_json(a_state()).keys().isdisjoint({"listed", "all_listed", "listed_orders", "all_orders"})


def test_a_purchase_keeps_what_was_noted_before_it_also_when_it_is_noted_again():
    intent = an_intent("late")
    state = replay(a_state(), [NOTED, Intended(intent), RunEnded("r", "ended"), Listed(())])
    state = replay(state, [Intended(replace(intent, unknown_since=1, answered_id="ID-9"))])
    (kept,) = state.intents.values()
    assert (kept.listed, kept.all_listed, kept.listed_orders) == (NOTED.ids, True, NOTED.orders)
    assert kept.all_orders
    assert kept.answered_id == "id-9"
    assert state_from_json(state_to_json(state)) == state
