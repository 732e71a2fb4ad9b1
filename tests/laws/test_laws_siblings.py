"""Whatever two states have recorded, each finds out what the other one holds."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders import IDENTITY, a_state
from support.memory_backend import Place, shared_store
from support.strategies import histories

from provisioner.model.replay import replay
from provisioner.model.resource import Live
from provisioner.store import StateStore, row_tokens
from provisioner.store.folder import FolderStore
from provisioner.store.mentions import mentions_of, mentions_of_state


@settings(max_examples=50)
@given(histories(), st.data())
def test_what_a_state_holds_was_mentioned_by_an_append(entries, data):
    cut = data.draw(st.integers(0, len(entries)))
    state, mentioned = replay(a_state(), entries[:cut]), mentions_of(entries[:cut])
    assert mentions_of_state(state) <= mentioned
    for intent in state.purchases_in_doubt:
        assert mentioned & row_tokens([Live(intent.kind, "new", intent.name, "RUNNING")])
    for record in state.resources.values():
        row = Live(record.kind, (record.id or "unknown").upper(), "", "RUNNING", record.order_id)
        assert mentioned & row_tokens([row])


def write(store, entries, cut):
    with StateStore(store).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", store.words.label.partition(".")[2], identity=IDENTITY)
        session.append(entries[:cut])
        session.checkpoint()
        session.append(entries[cut:])
    return StateStore(store)


@settings(max_examples=8, deadline=None)
@given(histories(servers=3), histories(servers=3), st.booleans(), st.data())
def test_each_of_two_states_finds_in_the_other_exactly_what_it_holds(one, other, is_shared, data):
    with tempfile.TemporaryDirectory() as folder:
        opened = partial(shared_store, Place()) if is_shared else partial(FolderStore, Path(folder) / "state")
        stores = [
            write(opened(label), entries, data.draw(st.integers(0, len(entries))))
            for label, entries in (("demo.dev", one), ("demo.prod", other))
        ]
        for ours, theirs in (stores, reversed(stores)):
            state = theirs.load()
            ids = {each for record in state.resources.values() for each in (record.id, record.order_id)} - {None}
            for each in ids:
                (found,) = ours.siblings_recording([each.upper()]).states.values()
                assert found == state
            assert ours.siblings_recording(["no such id"]).states == {}
