"""Ids are written as they are spelt, and what is read compares in any letter case."""

from __future__ import annotations

from support.builders import a_recorded, a_state, an_address, an_intent

from provisioner.model.canonical import canonical, parse_json
from provisioner.model.flow import Effect
from provisioner.model.journal import Answered, Forgotten, Imported, Intended, Listed, Remembered
from provisioner.model.replay import replay
from provisioner.model.resource import Phase
from provisioner.store.codec import entry_from_json, entry_to_json, state_from_json, state_to_json

UPPER, LOWER = "0A-BC", "0a-bc"


def test_a_state_keeps_the_spelling_and_finds_it_in_any():
    intent = an_intent("c", id="i", earlier_ids=(UPPER,), listed=(UPPER,))
    state = a_state(
        a_recorded("a", id=UPPER), released={UPPER: an_address("b")}, listed=(UPPER,), intents={"i": intent}
    )
    written = canonical(state_to_json(state))
    assert (written.count(UPPER.encode()), LOWER.encode() in written) == (5, False)
    read = state_from_json(parse_json(written))
    assert read.released[LOWER] == an_address("b")
    assert LOWER in {read.resources[an_address("a")].id, None}
    assert LOWER in read.intents["i"].known_before


def test_so_do_entries():
    entries = [
        Answered("i", 200, id=UPPER),
        Imported(a_recorded("a", id=UPPER), "named"),
        Listed((UPPER,)),
        Forgotten(an_address("a"), "released", UPPER),
        Intended(an_intent(effect=Effect.DESTRUCTIVE, target_id=UPPER)),
    ]
    read = [entry_from_json(parse_json(canonical(entry_to_json(entry)))) for entry in entries]
    assert read == entries
    assert [entry_to_json(entry) for entry in read] == [entry_to_json(entry) for entry in entries]
    assert {LOWER, None} >= {read[0].id, read[1].id, *read[2].ids, read[3].id, read[4].intent.target_id}


def test_the_record_keeps_the_id_as_it_was_first_spelt():
    state = a_state(a_recorded("a", id=UPPER))
    seen = replay(state, [Remembered(an_address("a"), Phase.READY, id=LOWER)])
    assert str(seen.resources[an_address("a")].id) == UPPER
    gone = replay(seen, [Forgotten(an_address("a"), "released", LOWER)])
    assert (dict(gone.resources), gone.released[LOWER]) == ({}, an_address("a"))
