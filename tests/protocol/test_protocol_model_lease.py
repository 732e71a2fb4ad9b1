"""The specification of the lease, its fence and the late log: nothing is bought twice or lost, and nobody who lost the lock disturbs
who has it.

A world (support/lease_model.py) is one combination of what may happen. At any of its steps a machine stands still, with its clock
or without, or dies, or is cut off from its lease or from the whole store, but not from the cloud. A reply of the store is lost,
although the record is written, or is written later, or never. The cloud answers slowly, late or not at all. Then the second machine
takes over, which may have the same troubles, and a third one. Later ones go on until nothing is open. The parts of the protocol are
removed one by one, and every weaker one fails, which proves that the model can fail.

`make test` takes a part of the worlds, `make crash` all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from itertools import islice, product

import pytest
from support.depth import DEEP
from support.lease_model import Cut, Order, Rules, Store, Trouble, World, run_world, without

RULES = Rules()
STEPS = run_world(RULES, World()).first.steps + 2
"""A run that has no trouble takes two steps less than one that fences."""
PAUSES = (30.0, 100.0, 890.0, 1000.0, 2600.0)
"""Shorter than a lease, than a signature's validity, and than the quiet period; and just longer than each."""
TROUBLES = tuple(
    trouble
    for step in range(STEPS)
    for trouble in (
        *(Trouble(step, pause, clock_stops) for pause in PAUSES for clock_stops in (False, True)),
        Trouble(step, dies=True),
        Trouble(step, cut=Cut.LEASE),
        Trouble(step, cut=Cut.STORE),
    )
)
LOSING = tuple(one for one in TROUBLES if one.pause > PAUSES[0] or one.dies or one.cut is Cut.STORE)
"""Those by which a machine may lose its lease."""
ORDERS = tuple(one for one in Order if one is not Order.LATE_INSIDE)
STORES = (
    *((one, 0.0) for one in (Store.LOST_REPLY, Store.UNWRITTEN)),
    *((Store.ZOMBIE, after) for after in (4.0, 50.0, 70.0, 100.0, 150.0, 1000.0)),
)
OFTEN = (None, *TROUBLES)
BEGUN, THINKING = (False, True), (0.0, 30.0)


def one_trouble() -> Iterator[World]:
    for trouble, order, begun, thinks in islice_if(3, product(TROUBLES, ORDERS, BEGUN, THINKING)):
        yield World(trouble, order=order, begun=begun, thinks=thinks)


def one_lost_append() -> Iterator[World]:
    """Beside a trouble, one append of the first machine has an outcome that its store does not tell."""
    for trouble, order, begun, thinks, (store, after), number in islice_if(
        127, product(OFTEN, ORDERS, BEGUN, THINKING, STORES, (1, 2, 3))
    ):
        yield World(trouble, None, order, store, number, after, thinks, begun=begun)


def two_troubles() -> Iterator[World]:
    """Both the first and the second machine have one, and a third machine waits."""
    orders = (Order.ANSWERED, Order.SLOW, Order.LATE)
    for trouble, second, order, begun in islice_if(401, product(LOSING, TROUBLES, orders, BEGUN)):
        yield World(trouble, second, order, begun=begun, thinks=30.0, third=True)


def slow_replies() -> Iterator[World]:
    thoughts, lease, store = (10.0, 18.0, 30.0, 60.0, 85.0, 100.0), (0.0, 40.0, 70.0), (0.0, 5.0)
    for trouble, order, thinks, slow_lease, slow_store in islice_if(
        7, product(OFTEN, (Order.ANSWERED, Order.SLOW), thoughts, lease, store)
    ):
        yield World(
            trouble,
            order=order,
            begun=True,
            thinks=thinks,
            lease_replies_after=slow_lease,
            store_replies_after=slow_store,
        )


def closed_journals() -> Iterator[World]:
    """The second machine moves the state away."""
    for trouble, order, (store, after) in islice_if(11, product(OFTEN, ORDERS, ((None, 0.0), *STORES))):
        yield World(trouble, None, order, store, 2, after, begun=True, moves=True)


def clocks_that_differ() -> Iterator[World]:
    for trouble, order, begun in islice_if(3, product(OFTEN, (Order.ANSWERED, Order.SLOW), BEGUN)):
        yield World(trouble, order=order, begun=begun, ahead=200.0)


def islice_if(stride: int, worlds):
    return islice(worlds, 0, None, 1 if DEEP else stride)


WORLDS = {
    one.__name__.replace("_", " "): one
    for one in (one_trouble, one_lost_append, two_troubles, slow_replies, closed_journals, clocks_that_differ)
}


@cache
def worlds_of(name: str) -> tuple[World, ...]:
    return tuple(WORLDS[name]())


def faults(rules: Rules, worlds) -> Counter[str]:
    """Counts the worlds in which each fault occurs."""
    return Counter(fault for world in worlds for fault in run_world(rules, world).faults)


def first_with(fault: str, rules: Rules, worlds) -> World | None:
    return next((world for world in worlds if fault in run_world(rules, world).faults), None)


@pytest.mark.parametrize("name", WORLDS)
def test_the_protocol_is_faultless_in_every_world(name):
    assert worlds_of(name)
    assert faults(RULES, worlds_of(name)) == {}


def test_a_world_without_trouble_buys_one_server_with_one_intent():
    world = run_world(RULES, World())
    assert [one.type for one in world.journal.records] == ["created", "intended", "answered"]
    assert len(world.ledger) == 1


@pytest.mark.parametrize("step", range(STEPS))
def test_every_step_of_a_run_is_one_where_its_machine_can_die(step):
    world = run_world(RULES, World(Trouble(step, dies=True), begun=True))
    assert world.first.dead or step >= STEPS - 3


REFUSED, TWICE = "the holder was refused", "bought twice"
IN_FLIGHT = "a request was in flight at a take-over"
WEAKER = {
    "fence": ("one trouble", REFUSED),
    "fencer_is_holder": ("two troubles", REFUSED),
    "reader_is_holder": ("one trouble", REFUSED),
    "compares": ("one trouble", TWICE),
    "own_position": ("one lost append", "an intent stands there twice"),
    "gives_up": ("one trouble", TWICE),
    "from_sending": ("slow replies", "sent after the fence without standing still"),
    "own_clock": ("clocks that differ", "a live holder lost its lease"),
    "signature": ("one trouble", TWICE),
    "margin": ("slow replies", IN_FLIGHT),
    "keeps_late": ("closed journals", "a reply is lost"),
    "unsafe_release": ("one lost append", REFUSED),
}
"""By the rule that is left out: worlds that fail without it, and how."""


class TestTheseWorldsCanFail:
    @pytest.mark.parametrize(("rule", "name", "fault"), [(rule, *found) for rule, found in WEAKER.items()], ids=WEAKER)
    def test_without_one_rule(self, rule, name, fault):
        assert first_with(fault, without(rule), worlds_of(name))

    def test_each_rule_is_left_out_once(self):
        assert {one.name for one in fields(Rules) if one.default} == WEAKER.keys()

    def test_where_a_lease_alone_is_the_lock(self):
        """Neither a fence nor a comparison: what a lease in an object store often is."""
        alone = replace(RULES, fence=False, compares=False)
        assert first_with(TWICE, alone, worlds_of("one trouble"))

    def test_where_a_request_can_wait_behind_the_gateway_as_well(self):
        """A machine stands still after its intent, sends while the signature is valid, and the cloud carries that out as late again.

        Then the quiet period must be longer by the time for which a signature is valid.
        """
        worlds = [World(one, order=Order.LATE_INSIDE, begun=True) for one in TROUBLES]
        assert first_with(TWICE, RULES, worlds)
        assert faults(replace(RULES, waits_for_signature=True), worlds) == {}
