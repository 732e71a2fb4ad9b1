"""The protocol's real code in the worlds of its model: requests carried out late, lists that lag, strangers, two crashes.

Also with anomalies (support/anomalies.py): other users' lists, rows that change their case or name, replies that name another
server, clocks that differ, a sibling state that cannot be read. There is one anomaly at a time, except for a sibling together with
another name, and one crash at most. Each rule that keeps these worlds faultless was removed by hand once, and a test failed.

`make test` takes every world of the pay-per-use model and the slowest ones of the two-step model, with a crash at every eighth
step, and two crashes only where everything is slowest. TEST_DEPTH=deep takes every world and every pair of steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from itertools import chain, count, product
from typing import Any

import pytest
from support.anomalies import Clocks, Reply, Sibling, View
from support.depth import DEEP
from support.late_cloud import MINUTE, Delivery
from support.protocol_simulation import ProtocolSimulation, Stranger, World

from provisioner.model import purchase_policy
from provisioner.model.purchase_policy import Marker, Prepaid, PurchasePolicy

MAX_EXECUTION_DELAY, MAX_LISTING_DELAY = 15 * MINUTE, 10 * MINUTE
BOUND = MAX_EXECUTION_DELAY + MAX_LISTING_DELAY
NONCE = PurchasePolicy(marker=Marker.NONCE)
DEFAULT = PurchasePolicy()
TWO_STEP = PurchasePolicy(prepaid=Prepaid.TWO_STEP)
ALONE = (Stranger.NONE, Stranger.BEFORE)
STRIDE = 1 if DEEP else 21
"""A run crashes at every STRIDE-th step."""
IN_UNTIDY = 1 if DEEP else 21
"""The same in worlds with an anomaly."""

BEYOND = [Clocks.NODES_FAR, Clocks.CLOUD_AHEAD]

Deaths = tuple[int | None, int | None]


ASKS = {"asked", "never bought", "not settled"}


def is_left_to_a_person(simulation: ProtocolSimulation) -> bool:
    """Whether nothing was bought, and a stranger's server of the same minutes looks like ours, so that only the operator can tell."""
    return simulation.world.stranger is Stranger.IN_THE_WINDOW and not simulation.cloud.bought


def execution_delays(*deliveries: Delivery) -> tuple[float, ...]:
    return (MINUTE, 8 * MINUTE, MAX_EXECUTION_DELAY) if Delivery.LATE in deliveries else (0.0,)


def pay_per_use(purchase: Delivery, strangers: tuple[Stranger, ...]) -> Iterator[World]:
    for execution_delay, listing_delay, stranger in product(
        execution_delays(purchase), (0.0, 5 * MINUTE, MAX_LISTING_DELAY), strangers
    ):
        yield World(purchase, execution_delay=execution_delay, listing_delay=listing_delay, stranger=stranger)


def two_step(purchase: Delivery, payment: Delivery) -> Iterator[World]:
    for execution_delay, listing_delay in product(execution_delays(purchase, payment), (0.0, MAX_LISTING_DELAY)):
        world = World(purchase, payment, execution_delay=execution_delay, listing_delay=listing_delay)
        if DEEP or is_slowest(world):
            yield world


def is_slowest(world: World) -> bool:
    return world.execution_delay in {0.0, MAX_EXECUTION_DELAY} and world.listing_delay == MAX_LISTING_DELAY


def simulations(
    world: World, policy: PurchasePolicy, *, twice: bool = False, stride: int = STRIDE, **details: Any
) -> Iterator[tuple[Deaths, ProtocolSimulation]]:
    """Yields simulations without a crash, with one in the first or the second run, and, if `twice`, with one in each."""

    def simulate(*deaths: int | None) -> tuple[bool, ProtocolSimulation]:
        simulation = ProtocolSimulation(world, policy, least_silence_bound=BOUND, **details)
        return simulation.simulate(*deaths), simulation

    for first in chain([None], count(0, stride)):
        came_about, simulation = simulate(first)
        if not came_about:
            return
        yield (first, None), simulation
        for second in count((first or 0) % stride, stride) if first is None or twice else ():
            came_about, simulation = simulate(first, second)
            if not came_about:
                break
            yield (first, second), simulation


def violations(
    worlds: Iterable[World], policy: PurchasePolicy, *, besides: AbstractSet[str] = frozenset(), **details: Any
) -> list[str]:
    """Describes the first ten violations. `besides`: faults that are expected in these worlds."""
    found = (
        f"{world}; dying at {deaths}: {', '.join(sorted(simulation.faults))}"
        for world in worlds
        for deaths, simulation in simulations(world, policy, **details)
        if not simulation.faults <= besides and not (simulation.faults == ASKS and is_left_to_a_person(simulation))
    )
    return [violation for violation, _ in zip(found, range(10), strict=False)]


@pytest.mark.slow
@pytest.mark.parametrize("purchase", Delivery, ids=lambda delivery: delivery.name)
class TestPayPerUse:
    def test_a_nonce_and_the_quiet_period_are_faultless_in_every_world(self, purchase):
        assert violations(pay_per_use(purchase, (*Stranger,)), NONCE, twice=DEEP) == []

    def test_the_default_marker_is_faultless_where_no_stranger_buys_in_the_same_minutes(self, purchase):
        assert violations(pay_per_use(purchase, ALONE), DEFAULT, twice=DEEP) == []

    def test_two_deaths_where_everything_is_slowest(self, purchase):
        slowest = filter(is_slowest, pay_per_use(purchase, (*Stranger,)))
        assert violations(slowest, NONCE, twice=True) == []


@pytest.mark.slow
@pytest.mark.parametrize("purchase", [Delivery.REPLY_LOST, Delivery.LATE, Delivery.NEVER], ids=lambda one: one.name)
def test_looking_for_it_in_the_same_run_is_as_faultless(purchase):
    assert violations(pay_per_use(purchase, (*Stranger,)), NONCE, twice=DEEP, resolve_timeout=30.0) == []


@pytest.mark.slow
@pytest.mark.parametrize("purchase", Delivery, ids=lambda delivery: delivery.name)
def test_two_steps_pay_exactly_one_order_in_every_world(purchase):
    for payment in Delivery:
        assert violations(two_step(purchase, payment), TWO_STEP, prepaid=True, twice=DEEP) == []


@pytest.mark.slow
@pytest.mark.parametrize("purchase", Delivery, ids=lambda delivery: delivery.name)
def test_what_pays_itself_is_never_bought_again_and_only_a_lost_request_asks(purchase):
    """A crash before the request is sent counts as a lost request, too."""
    for deaths, simulation in chain.from_iterable(
        simulations(world, DEFAULT, prepaid=True) for world in pay_per_use(purchase, (Stranger.NONE,))
    ):
        assert simulation.faults in (set(), ASKS), deaths


@pytest.mark.slow
@pytest.mark.parametrize("view", [View.RENAMED, View.RESPELT], ids=lambda view: view.name)
@pytest.mark.parametrize("policy", [DEFAULT, NONCE], ids=["name", "nonce"])
@pytest.mark.parametrize("purchase", Delivery, ids=lambda delivery: delivery.name)
def test_who_sees_it_under_another_name_buys_no_second_one(purchase, policy, view):
    """And everything is right once the server is seen as it is."""
    worlds = (replace(world, view=view) for world in pay_per_use(purchase, (Stranger.NONE,)))
    assert violations(filter(is_slowest, worlds), policy) == []


@pytest.mark.slow
@pytest.mark.parametrize("policy", [DEFAULT, NONCE], ids=["name", "nonce"])
@pytest.mark.parametrize("purchase", Delivery, ids=lambda delivery: delivery.name)
def test_a_colleague_who_sees_only_what_is_recorded_buys_no_second_one(purchase, policy):
    """The colleague does not see for hours what the first run has bought. Once its user runs again, everything is right."""
    for world in pay_per_use(purchase, (Stranger.NONE,)):
        simulation = ProtocolSimulation(replace(world, view=View.COLLEAGUES), policy, least_silence_bound=BOUND)
        simulation.simulate()
        assert simulation.faults == set(), world


UNCERTAIN = [Delivery.REPLY_LOST, Delivery.LATE, Delivery.NEVER]
PAID = [(DEFAULT, False), (NONCE, False), (DEFAULT, True), (TWO_STEP, True)]
PAID_AS = ["name", "nonce", "prepaid", "two-step"]


untidy_violations = partial(violations, stride=IN_UNTIDY)


def slowest(*purchases: Delivery, strangers: tuple[Stranger, ...] = ALONE[:1], **untidy: Any) -> list[World]:
    worlds = chain.from_iterable(pay_per_use(purchase, strangers) for purchase in purchases)
    return [replace(world, **untidy) for world in worlds if is_slowest(world)]


@pytest.mark.slow
class TestReplies:
    """Replies that name a server which is not ours."""

    @pytest.mark.parametrize(
        ("reply", "policy", "prepaid"),
        [(Reply.LISTED, *paid) for paid in PAID] + [(Reply.LISTED_ORDER, *paid) for paid in PAID[2:]],
        ids=[*PAID_AS, *(f"order, {paid}" for paid in PAID_AS[2:])],
    )
    def test_what_was_listed_before_is_no_answer(self, reply, policy, prepaid):
        worlds = [replace(world, reply=reply) for world in pay_per_use(Delivery.ANSWERED, ALONE[:1])]
        assert untidy_violations(worlds, policy, prepaid=prepaid) == []

    @pytest.mark.parametrize("policy", [DEFAULT, NONCE], ids=["name", "nonce"])
    def test_what_nobody_ever_lists_is_believed_and_nothing_is_bought_beside_it(self, policy):
        """To doubt such a reply would buy twice where it is right. What was bought is listed under its name, and every plan names it.

        The operator decides which of the two is real (`resolve --absent`, then `import`).
        """
        for world in pay_per_use(Delivery.ANSWERED, ALONE[:1]):
            simulation = ProtocolSimulation(replace(world, reply=Reply.UNHEARD_OF), policy, least_silence_bound=BOUND)
            simulation.simulate()
            assert simulation.faults == {"lost sight of", "untracked", "not settled"}, world
            (ours,) = simulation.cloud.ours
            named = [one.hint for one in simulation.diagnostics if ours.id in one.summary]
            assert named, world

    @pytest.mark.parametrize(("policy", "prepaid"), PAID[2:], ids=PAID_AS[2:])
    def test_beside_an_order_it_does_no_harm(self, policy, prepaid):
        worlds = [replace(world, reply=Reply.UNHEARD_OF) for world in pay_per_use(Delivery.ANSWERED, ALONE[:1])]
        assert untidy_violations(worlds, policy, prepaid=prepaid) == []


@pytest.mark.slow
class TestClocks:
    """Dates of services other than ModelArts are in test_protocol_clocks.py, through the real HTTP client."""

    @pytest.mark.parametrize("clocks", [one for one in Clocks if one not in BEYOND], ids=lambda one: one.name)
    def test_no_clock_makes_silence_believed_too_early(self, clocks):
        assert untidy_violations(slowest(*UNCERTAIN, clocks=clocks), DEFAULT) == []

    @pytest.mark.parametrize("clocks", BEYOND, ids=lambda one: one.name)
    def test_beyond_the_tolerance_a_person_is_asked_and_nothing_bought_twice(self, clocks):
        """By the cloud's dates the server is older than its intent. Under a nonce it is known by its name."""
        worlds = slowest(*UNCERTAIN, clocks=clocks)
        assert untidy_violations(worlds, DEFAULT, besides={"asked", "not settled", "untracked"}) == []
        assert untidy_violations(worlds, NONCE) == []


@pytest.mark.slow
@pytest.mark.parametrize("policy", [DEFAULT, NONCE], ids=["name", "nonce"])
class TestSiblings:
    @pytest.mark.parametrize("view", [View.WHOLE, View.RENAMED], ids=lambda view: view.name)
    def test_one_that_cannot_be_read_accounts_for_nothing(self, policy, view):
        """It may own the matching server, which is therefore not adopted; and it may not, so nothing is bought either."""
        assert untidy_violations(slowest(*UNCERTAIN, sibling=Sibling.OWNS_NOTHING, view=view), policy) == []

    def test_nothing_of_its_own_is_ever_taken(self, policy):
        worlds = slowest(*UNCERTAIN, strangers=(Stranger.IN_THE_WINDOW,), sibling=Sibling.OWNS_THE_STRANGER)
        assert untidy_violations(worlds, policy, besides=ASKS) == []


@pytest.mark.slow
@pytest.mark.parametrize("policy", [DEFAULT, NONCE], ids=["name", "nonce"])
@pytest.mark.parametrize("view", [View.OTHERWISE, View.ID, View.CHANGING], ids=lambda view: view.name)
def test_no_spelling_of_a_row_buys_wipes_or_loses_anything(policy, view):
    assert untidy_violations(slowest(Delivery.ANSWERED, *UNCERTAIN, view=view), policy) == []


def test_of_two_that_fit_none_is_taken():
    """Under the default marker, if a stranger buys the same name in the same minutes, the operator is asked."""
    simulation = ProtocolSimulation(
        World(Delivery.REPLY_LOST, stranger=Stranger.IN_THE_WINDOW), DEFAULT, least_silence_bound=BOUND
    )
    simulation.simulate()
    assert simulation.faults == {"asked", "not settled", "untracked"}


class TestTheseWorldsCanFail:
    def test_where_silence_is_believed_too_early(self):
        hasty = PurchasePolicy(marker=Marker.NONCE, quiet_period=24 * purchase_policy.MINUTE)
        slowest = World(Delivery.LATE, execution_delay=MAX_EXECUTION_DELAY, listing_delay=MAX_LISTING_DELAY)
        assert "bought twice" in violations(iter([slowest]), hasty)[0]

    def test_where_a_stranger_buys_the_same_name_in_the_same_minutes_under_the_default_marker(self):
        found = violations(pay_per_use(Delivery.NEVER, (Stranger.IN_THE_WINDOW,)), DEFAULT)
        assert "stranger's taken" in found[0]
