"""A migration that dies or stands still at any step: never are there two places that can be used, and never is there a new
place that looks as if nothing had ever been bought.
"""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest
from support.builders import IDENTITY, a_purchase, a_run, an_intent
from support.depth import DEEP
from support.disks import Crash
from support.moving_worlds import Steps, World

from provisioner.model.diagnostic import ProvisionerError, StoreError
from provisioner.model.journal import Intended, RunStarted
from provisioner.model.state import State
from provisioner.store import StateStore
from provisioner.store.contract import JOURNAL
from provisioner.store.folder import FolderStore
from provisioner.store.migration import migrate_state
from provisioner.store.pulled_state import read_pulled
from provisioner.store.push import push_state

RUN = RunStarted("run-9", "state migrate", "ana@laptop", "0.1.0")
PAIRS = {
    "folders": (True, True),
    "into memory": (True, False),
    "out of memory": (False, True),
    "memory": (False, False),
}


def begin(world):
    """Two runs, of which the second one left a purchase in doubt behind its checkpoint."""
    store = StateStore(world.open("old", is_counted=True), marks=world.marks)
    with store.write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(a_run(*a_purchase("one")))
        session.checkpoint()
    with store.write(command="apply", who="ana", timeout=0) as session:
        session.append(a_run(Intended(an_intent("two"))))


def move(world, *, is_counted=False):
    old, new = (world.open(name, is_counted=is_counted) for name in ("old", "new"))
    return migrate_state(StateStore(old, marks=world.marks).access, new, RUN, timeout=0)


def apply(world, name, address):
    """A run that buys something, wherever the state can be used there."""
    store = StateStore(world.open(name), marks=world.marks)
    with store.write(command="apply", who="bob", timeout=0) as session:
        session.append(a_run(*a_purchase(address)))
        session.checkpoint()


def addresses(state):
    return {str(address) for address in state.resources}


def require_one_place(found):
    old, new = found
    usable = [one for one in found if isinstance(one, State)]
    assert len(usable) <= 1, found
    if isinstance(old, State):
        assert new in {None, "state-missing", "state-arriving"}, found
    else:
        assert old == "state-relocated", found
        assert new is not None, "everything would be bought again there"
        assert isinstance(new, State) or new == "state-arriving", found
    for state in usable:
        assert {"one"} <= addresses(state)
        assert len(state.intents) == 1


def require_moved(world, expected):
    old, new = world.standing()
    assert old == "state-relocated"
    assert isinstance(new, State)
    assert addresses(new) == expected
    assert len(new.intents) == 1
    target = StateStore(world.open("new"), marks=world.marks)
    assert target.verify().torn == 0
    apply(world, "new", "later")
    assert addresses(target.load()) == expected | {"later"}


MOVE = partial(move, is_counted=True)


def count(tmp_path, pair, action=MOVE):
    """How many steps there are before the action, and after it."""
    world = World(tmp_path / "counted", *pair)
    begin(world)
    before = world.steps.count
    action(world)
    return before, world.steps.count


def sampled(before, after):
    """The steps at which a run dies: all of them in `make crash`."""
    return range(before + 1, after + 1, 1 if DEEP else 11)


def broken_at(folder, pair, at, action=MOVE):
    """A world in which the action died before step `at`."""
    world = World(folder, *pair, steps=Steps(at))
    world.steps.on_step = world.steps.die
    begin(world)
    with pytest.raises(Crash):
        action(world)
    return world


@pytest.mark.crash_part("migration")
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_a_death_at_any_step_leaves_one_place_at_most_and_the_same_command_completes_it(tmp_path, pair, counters):
    before, after = count(tmp_path, pair)
    counters.points = after - before
    for at in sampled(before, after):
        counters.runs += 1
        world = broken_at(tmp_path / str(at), pair, at)
        require_one_place(world.standing())
        assert addresses(move(world).state) == {"one"}
        require_moved(world, {"one"})


@pytest.mark.crash_part("migration")
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_what_a_run_does_after_a_migration_that_died_is_not_lost(tmp_path, pair, counters):
    before, after = count(tmp_path, pair)
    counters.points = after - before
    for at in sampled(before, after):
        counters.runs += 2
        world = broken_at(tmp_path / str(at), pair, at)
        bought = set()
        for name in ("old", "new"):
            if isinstance(dict(zip(("old", "new"), world.standing(), strict=True))[name], State):
                apply(world, name, f"at_{name}")
                bought.add(f"at_{name}")
        assert len(bought) <= 1
        require_one_place(world.standing())
        move(world)
        require_moved(world, {"one"} | bought)


@pytest.mark.crash_part("migration")
def test_a_power_failure_at_any_step_leaves_one_place_at_most(tmp_path, counters):
    before, after = count(tmp_path, PAIRS["folders"])
    counters.points = after - before
    for at in sampled(before, after):
        counters.runs += 1
        world = broken_at(tmp_path / str(at), PAIRS["folders"], at)
        world.disk.lose_power((world.folder / "old", world.folder / "new"))
        require_one_place(world.standing())
        move(world)
        require_moved(world, {"one"})


@pytest.mark.crash_part("migration")
@pytest.mark.parametrize("other", ["migration", "apply"])
def test_another_run_that_takes_over_at_any_step_from_one_that_stands_still_loses_nothing(tmp_path, other, counters):
    """The run that stood still goes on afterwards, and finds out at its next append."""
    before, after = count(tmp_path, PAIRS["memory"])
    counters.points = after - before
    for at in sampled(before, after):
        counters.runs += 2
        world = World(tmp_path / str(at), *PAIRS["memory"], steps=Steps(at))
        bought = set()

        def meanwhile(world=world, bought=bought):
            world.elapsed += 1.0
            if other == "migration":
                move(world)
            else:
                for name in ("old", "new"):
                    with suppress(ProvisionerError):
                        if StateStore(world.open(name)).load() is not None:
                            apply(world, name, f"at_{name}")
                            bought.add(f"at_{name}")
            require_one_place(world.standing())

        world.steps.on_step = meanwhile
        begin(world)
        with suppress(ProvisionerError):
            move(world, is_counted=True)
        assert len(bought) <= 1
        require_one_place(world.standing())
        move(world)
        require_moved(world, {"one"} | bought)


@pytest.mark.crash_part("migration")
@pytest.mark.parametrize("error_number", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
def test_whichever_operation_on_a_disk_fails_the_migration_says_so_and_can_be_done_again(
    tmp_path, error_number, counters
):
    before, after = count(tmp_path, PAIRS["folders"])
    counters.points = after - before

    def fail():
        raise OSError(error_number, os.strerror(error_number))

    for at in sampled(before, after):
        counters.runs += 1
        world = World(tmp_path / str(at), *PAIRS["folders"], steps=Steps(at, on_step=fail))
        begin(world)
        with suppress(StoreError):
            move(world, is_counted=True)
        require_one_place(world.standing())
        move(world)
        require_moved(world, {"one"})


def test_of_two_migrations_at_the_same_time_one_moves_the_state_and_the_other_finds_it_moved(tmp_path):
    world = World(tmp_path, *PAIRS["folders"])
    begin(world)

    def run(_):
        old, new = (FolderStore(tmp_path / name, "demo.dev") for name in ("old", "new"))
        return migrate_state(StateStore(old, marks=world.marks).access, new, RUN, timeout=10)

    with ThreadPoolExecutor(4) as pool:
        moved = list(pool.map(run, range(4)))
    assert sorted(one.was_done for one in moved) == [False, True, True, True]
    require_moved(world, {"one"})


@pytest.mark.crash_part("migration")
@pytest.mark.parametrize("into_folder", [True, False])
def test_a_push_that_dies_leaves_nothing_that_could_be_planned_with_or_the_whole(tmp_path, into_folder, counters):
    pair, pulled = (True, into_folder), {}

    def push_it(world, *, is_counted=True):
        if world.folder not in pulled:
            pulled[world.folder] = StateStore(world.open("old"), marks=world.marks).pull().encode()
        target = world.open("new", is_counted=is_counted)
        access = StateStore(target, marks=world.marks).access
        return push_state(
            read_pulled(pulled[world.folder], target.words, name="demo.pull"), access, RUN, name="demo.pull", timeout=0
        )

    before, after = count(tmp_path, pair, push_it)
    counters.points = after - before
    for at in sampled(before, after):
        counters.runs += 1
        world = broken_at(tmp_path / str(at), pair, at, push_it)
        _, new = world.standing()
        assert new is None or new == "state-missing" or (addresses(new), len(new.intents)) == ({"one"}, 1), (at, new)
        assert addresses(push_it(world, is_counted=False)) == {"one"}
        target = StateStore(world.open("new"), marks=world.marks)
        assert target.verify().records == target.load().head.sequence
        journal = b"".join(world.open("new").log(JOURNAL).read())
        assert journal.startswith(b"".join(world.open("old").log(JOURNAL).read()))
