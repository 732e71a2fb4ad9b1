"""The protocol's real code in the worlds of its model: requests that land late, lists that lag, strangers, two deaths.

`make test` takes every world of the pay-per-use model and the slowest ones of the two-step model, dying at every eighth step,
and twice only where everything is slowest. With TEST_DEPTH=deep it is every world and every pair of steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, count, product
from typing import Any

import pytest
from support.depth import DEEP
from support.late_cloud import MINUTE, Happening
from support.retold import Retold, Stranger, View, World

from provisioner.model import purchasing
from provisioner.model.purchasing import Marker, Prepaid, PurchasePolicy

SLOWEST_LANDING, SLOWEST_SIGHT = 15 * MINUTE, 10 * MINUTE
BOUND = SLOWEST_LANDING + SLOWEST_SIGHT
NONCE = PurchasePolicy(marker=Marker.NONCE)
DEFAULT = PurchasePolicy()
TWO_STEP = PurchasePolicy(prepaid=Prepaid.TWO_STEP)
ALONE = (Stranger.NONE, Stranger.BEFORE)
STRIDE = 1 if DEEP else 8
"""Of the steps at which a run dies."""

Deaths = tuple[int | None, int | None]


ASKS = {"asked", "never bought", "not settled"}


def is_left_to_a_person(story: Retold) -> bool:
    """Nothing was bought, and what a stranger bought in the same minutes is alike: ours might have been given his name."""
    return story.world.stranger is Stranger.IN_THE_WINDOW and not story.cloud.bought


def landings(*happenings: Happening) -> tuple[float, ...]:
    return (MINUTE, 8 * MINUTE, SLOWEST_LANDING) if Happening.LATE in happenings else (0.0,)


def pay_per_use(purchase: Happening, strangers: tuple[Stranger, ...]) -> Iterator[World]:
    for landing, sight, stranger in product(landings(purchase), (0.0, 5 * MINUTE, SLOWEST_SIGHT), strangers):
        yield World(purchase, landing=landing, sight=sight, stranger=stranger)


def two_step(purchase: Happening, payment: Happening) -> Iterator[World]:
    for landing, sight in product(landings(purchase, payment), (0.0, SLOWEST_SIGHT)):
        world = World(purchase, payment, landing=landing, sight=sight)
        if DEEP or is_slowest(world):
            yield world


def is_slowest(world: World) -> bool:
    return world.landing in {0.0, SLOWEST_LANDING} and world.sight == SLOWEST_SIGHT


def told(
    world: World, policy: PurchasePolicy, *, twice: bool = False, **details: Any
) -> Iterator[tuple[Deaths, Retold]]:
    """With no death, with one in the first or the second run, and, where asked for, with one in each."""

    def tell(*deaths: int | None) -> tuple[bool, Retold]:
        story = Retold(world, policy, believable=BOUND, **details)
        return story.tell(*deaths), story

    for first in chain([None], count(0, STRIDE)):
        came_about, story = tell(first)
        if not came_about:
            return
        yield (first, None), story
        for second in count((first or 0) % STRIDE, STRIDE) if first is None or twice else ():
            came_about, story = tell(first, second)
            if not came_about:
                break
            yield (first, second), story


def violations(worlds: Iterator[World], policy: PurchasePolicy, **details: Any) -> list[str]:
    """The first ten, in words."""
    found = (
        f"{world}; dying at {deaths}: {', '.join(sorted(story.faults))}"
        for world in worlds
        for deaths, story in told(world, policy, **details)
        if story.faults and not (story.faults == ASKS and is_left_to_a_person(story))
    )
    return [violation for violation, _ in zip(found, range(10), strict=False)]


@pytest.mark.slow
@pytest.mark.parametrize("purchase", Happening, ids=lambda happening: happening.name)
class TestPayPerUse:
    def test_a_nonce_and_the_quiet_period_are_faultless_in_every_world(self, purchase):
        assert violations(pay_per_use(purchase, (*Stranger,)), NONCE, twice=DEEP) == []

    def test_the_default_marker_is_faultless_where_no_stranger_buys_in_the_same_minutes(self, purchase):
        assert violations(pay_per_use(purchase, ALONE), DEFAULT, twice=DEEP) == []

    def test_two_deaths_where_everything_is_slowest(self, purchase):
        slowest = filter(is_slowest, pay_per_use(purchase, (*Stranger,)))
        assert violations(slowest, NONCE, twice=True) == []


@pytest.mark.slow
@pytest.mark.parametrize("purchase", [Happening.REPLY_LOST, Happening.LATE, Happening.NEVER], ids=lambda one: one.name)
def test_looking_for_it_in_the_same_run_is_as_faultless(purchase):
    assert violations(pay_per_use(purchase, (*Stranger,)), NONCE, twice=DEEP, resolve_timeout=30.0) == []


@pytest.mark.slow
@pytest.mark.parametrize("purchase", Happening, ids=lambda happening: happening.name)
def test_two_steps_pay_exactly_one_order_in_every_world(purchase):
    for payment in Happening:
        assert violations(two_step(purchase, payment), TWO_STEP, prepaid=True, twice=DEEP) == []


@pytest.mark.slow
@pytest.mark.parametrize("purchase", Happening, ids=lambda happening: happening.name)
def test_what_pays_itself_is_never_bought_again_and_only_a_lost_request_asks(purchase):
    """A death before it is sent is a lost request too."""
    for deaths, story in chain.from_iterable(
        told(world, DEFAULT, prepaid=True) for world in pay_per_use(purchase, (Stranger.NONE,))
    ):
        assert story.faults in (set(), ASKS), deaths


@pytest.mark.slow
@pytest.mark.parametrize("view", [View.RENAMED, View.RESPELT], ids=lambda view: view.name)
@pytest.mark.parametrize("policy", [DEFAULT, NONCE], ids=["name", "nonce"])
@pytest.mark.parametrize("purchase", Happening, ids=lambda happening: happening.name)
def test_who_sees_it_under_another_name_buys_no_second_one(purchase, policy, view):
    """And once it is seen as it is, everything is as it should be."""
    worlds = (replace(world, view=view) for world in pay_per_use(purchase, (Stranger.NONE,)))
    assert violations(filter(is_slowest, worlds), policy) == []


@pytest.mark.slow
@pytest.mark.parametrize("policy", [DEFAULT, NONCE], ids=["name", "nonce"])
@pytest.mark.parametrize("purchase", Happening, ids=lambda happening: happening.name)
def test_a_colleague_who_sees_only_what_is_recorded_buys_no_second_one(purchase, policy):
    """Of what the first run has sent, for hours. Once its user runs again, everything is as it should be."""
    for world in pay_per_use(purchase, (Stranger.NONE,)):
        story = Retold(replace(world, view=View.COLLEAGUES), policy, believable=BOUND)
        story.tell()
        assert story.faults == set(), world


def test_of_two_that_fit_none_is_taken():
    """Under the default marker, where a stranger bought the same name in the same minutes: a person is asked."""
    story = Retold(World(Happening.REPLY_LOST, stranger=Stranger.IN_THE_WINDOW), DEFAULT, believable=BOUND)
    story.tell()
    assert story.faults == {"asked", "not settled", "untracked"}


class TestTheseWorldsCanFail:
    def test_where_silence_is_believed_too_early(self):
        hasty = PurchasePolicy(marker=Marker.NONCE, quiet_period=24 * purchasing.MINUTE)
        slowest = World(Happening.LATE, landing=SLOWEST_LANDING, sight=SLOWEST_SIGHT)
        assert "bought twice" in violations(iter([slowest]), hasty)[0]

    def test_where_a_stranger_buys_the_same_name_in_the_same_minutes_under_the_default_marker(self):
        found = violations(pay_per_use(Happening.NEVER, (Stranger.IN_THE_WINDOW,)), DEFAULT)
        assert "stranger's taken" in found[0]
