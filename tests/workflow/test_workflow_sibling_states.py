"""How often the index of other states is asked, and what is read of them."""

from __future__ import annotations

from collections import Counter

import pytest
from support.builders import IDENTITY, a_plan, a_recorded, change_of
from support.fake_workspace import FakeWorkspace
from support.memory_backend import MemoryBackend, Place, shared_store

from provisioner.kinds import CATALOGUE
from provisioner.model.action import Action
from provisioner.model.journal import Forgotten, Imported
from provisioner.model.resource import Live
from provisioner.store import StateStore
from provisioner.store.shared_store import SharedStore
from provisioner.workflow.sibling_states import OtherStates

MANY = 1_000


def write(store, entries):
    state_store, (stack, _, environment) = StateStore(store), store.words.label.partition(".")
    with state_store.write(command="apply", who="ana", timeout=0) as session:
        session.create(stack, environment, identity=IDENTITY)
        session.append(entries)
        session.checkpoint()
    return state_store


def servers(prefix, count):
    return [
        Imported(a_recorded(f"{prefix}[{number}]", order_id=f"CS-{prefix}-{number}"), "named")
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def fleet():
    """A state with many servers, beside two with some, one of which once held one of them."""
    place = Place()
    write(shared_store(place, "demo.prod"), servers("theirs", 50))
    write(
        shared_store(place, "demo.test"), [*servers("ours", 1), Forgotten(a_recorded("ours[0]").address, "forgotten")]
    )
    return place, write(shared_store(place, "demo.dev"), servers("ours", MANY))


def test_a_plan_of_many_servers_asks_the_index_once_and_reads_no_state_without_a_hit(fleet):
    place, store = fleet
    state = store.load()
    live = {one.id: Live(one.kind, one.id, one.name, "RUNNING", one.order_id) for one in state.resources.values()}
    others = OtherStates(store, CATALOGUE, IDENTITY)
    read = Counter()
    place.questions.clear()
    place.before_step = lambda label, _log, _step: read.update([label])
    assert others.claims((), state, live, ()) == ({}, frozenset())
    assert others.held_twice(state).records == {}
    assert place.questions == [2 * MANY + 1]
    assert set(read) == {"demo.test"}, "it mentions a server that it has forgotten since; reading it shows that"
    release = change_of(a_recorded("ours[7]").address, "dev_server", Action.DELETE, recorded=a_recorded("ours[7]"))
    assert list(others.refusals(a_plan(release))) == []
    assert len(place.questions) == 2


def test_what_stands_in_two_shared_states_is_found_from_both():
    place = Place()
    ours = write(shared_store(place, "demo.dev"), servers("ours", 3))
    theirs = write(shared_store(place, "demo.prod"), [*servers("theirs", 3), *servers("ours", 1)])
    for store, label in ((ours, "demo.prod"), (theirs, "demo.dev")):
        held = OtherStates(store, CATALOGUE, IDENTITY).held_twice(store.load())
        assert held.records == {"id-of-ours[0]": label, "CS-ours-0": label}


def test_orders_are_read_from_all_states_only_where_they_are_needed():
    place = Place()
    write(shared_store(place, "demo.prod"), servers("theirs", 2))
    others = OtherStates(write(shared_store(place, "demo.dev"), servers("ours", 1)), CATALOGUE, IDENTITY)
    assert others.orders(needed=False) == frozenset()
    assert others.orders(needed=True) == {"CS-theirs-0", "CS-theirs-1"}


class SharedWorkspace(FakeWorkspace):
    """A workspace whose state is kept in a shared store, under a lease that outlasts a purchase."""

    place: Place

    def store(self):
        return StateStore(SharedStore(MemoryBackend(self.place), "demo"))


def test_apply_and_plan_in_a_shared_store_buy_and_see_one_server_each_whatever_the_other_state_holds(tmp_path):
    workspace = SharedWorkspace(tmp_path)
    workspace.place = Place()
    write(shared_store(workspace.place, "other.prod"), servers("theirs", 3))
    workspace.write("servers: {pool: {count: 3}}\n")
    assert workspace.apply().code == 0
    state = workspace.store().load()
    assert len(state.resources) == 3
    workspace.place.questions.clear()
    planned = workspace.plan()
    assert (planned.work, planned.findings, len(workspace.place.questions)) == ((), (), 1)
    (one, *_) = state.resources.values()
    write(shared_store(workspace.place, "other.dev"), [Imported(a_recorded("theirs", id=one.id), "named")])
    workspace.place.questions.clear()
    assert [(one.code, one.address) for one in workspace.plan().findings] == [("held-twice", one.address)]
    assert len(workspace.place.questions) == 1
