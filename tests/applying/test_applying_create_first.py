"""`create_before_destroy`: the new server is there before the old one goes, and the old one stays where no new one comes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.event import EventType, ResultType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Mode
from provisioner.model.purchase_policy import Marker, PurchasePolicy
from provisioner.model.resource import Lifecycle

SERVER = Address.parse("trainer[0]")
DEPOSED = SERVER.as_deposed
BIGGER = {"flavor": "Si2.xlarge.4"}


@pytest.fixture
def wanted(servers):
    def made(**fields):
        (one,) = servers(1, **fields)
        return replace(one, lifecycle=Lifecycle(create_before_destroy=True))

    return made


@pytest.fixture(params=Marker)
def bought(request, new_world, wanted):
    """Worlds in which the old server runs, under either marker."""

    def made():
        world = new_world(policy=PurchasePolicy(marker=request.param))
        world.apply(wanted())
        return world

    return made


def flavors(world):
    return sorted(one.flavor for one in world.cloud.ours)


def ended(result):
    return {str(one.address): one.type.value for one in result.results}


def test_the_old_server_runs_until_the_new_one_does(bought, wanted):
    world = bought()
    seen: list[tuple[str, list[str]]] = []
    world.listeners.append(
        lambda event: seen.append((str(event.address), flavors(world))) if event.type is EventType.STARTED else None
    )
    world.cloud.build_seconds = 9.0
    assert ended(world.apply(wanted(**BIGGER))) == {"trainer[0]": "done", "trainer[0]@deposed": "done"}
    assert dict(seen)["trainer[0]@deposed"] == ["Si2.large.4", "Si2.xlarge.4"]
    assert flavors(world) == ["Si2.xlarge.4"]
    assert set(world.state.resources) == {SERVER}
    assert not world.plan(wanted(**BIGGER)).work


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.NOT_SENT])
def test_a_purchase_that_is_refused_leaves_everything_as_it_was(bought, wanted, outcome):
    world = bought()
    before = world.state.resources
    world.cloud.fails(Effect.PURCHASE, outcome)
    assert ended(world.apply(wanted(**BIGGER))) == {"trainer[0]": "failed", "trainer[0]@deposed": "not_started"}
    assert world.state.resources == before
    assert flavors(world) == ["Si2.large.4"]


def test_a_stranger_who_took_the_name_meanwhile_leaves_everything_as_it_was(bought, wanted):
    world = bought()
    before = world.state.resources
    plan = world.plan(wanted(**BIGGER))
    world.cloud.add_server("trainer-0", strange=True)
    assert ended(world.carry_out(plan)) == {"trainer[0]": "failed", "trainer[0]@deposed": "not_started"}
    assert world.state.resources == before


def test_a_new_server_that_cannot_be_built_costs_the_old_one_nothing(world, wanted):
    world.apply(wanted())
    (old,) = (one.id for one in world.cloud.ours)
    world.cloud.failing = frozenset({"trainer-0"})
    result = world.apply(wanted(**BIGGER))
    assert ended(result)["trainer[0]@deposed"] == "not_started"
    assert old in {one.id for one in world.cloud.ours}
    again = world.plan(wanted(**BIGGER))
    assert not again.work
    assert "deposed-kept" in {finding.code for finding in again.findings}
    world.cloud.failing = frozenset()
    world.apply(wanted(**BIGGER), replacing=["trainer[0]"])
    assert set(ended(world.apply(wanted(**BIGGER))).values()) <= {"done"}
    assert (flavors(world), set(world.state.resources)) == (["Si2.xlarge.4"], {SERVER})


def test_while_one_is_deposed_its_successor_is_replaced_in_the_usual_order(bought, wanted):
    world = bought()
    world.cloud.fails(Effect.DESTRUCTIVE, Outcome.REFUSED, times=9)
    assert ended(world.apply(wanted(**BIGGER)))["trainer[0]@deposed"] == "failed"
    plan = world.plan(wanted(flavor="Si2.2xlarge.4"))
    assert [(change.action, change.create_first) for change in plan.changes] == [
        (Action.REPLACE, False),
        (Action.DELETE, False),
    ]
    assert [turn.addresses for turn in plan.turns] == [(DEPOSED,)]


@pytest.mark.parametrize("status", ["ERROR", "FROZEN"])
def test_a_new_server_that_comes_into_a_bad_way_right_away_costs_the_old_one_nothing(world, wanted, status):
    world.apply(wanted())

    def on(event):
        if event.type is EventType.FINISHED and event.address == SERVER:
            world.cloud.servers[event.id].status = status

    world.listeners.append(on)
    result = world.apply(wanted(**BIGGER))
    assert ended(result) == {"trainer[0]": "done", "trainer[0]@deposed": "failed"}
    (told,) = [one.diagnostic for one in result.of_type(ResultType.FAILED)]
    assert (told.code, status in told.summary) == ("deposed-kept", True)
    assert flavors(world) == ["Si2.large.4", "Si2.xlarge.4"]


def test_a_lost_answer_keeps_both_until_it_is_known(bought, wanted):
    world = bought()
    world.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True)
    assert ended(world.apply(wanted(**BIGGER))) == {"trainer[0]": "in_doubt", "trainer[0]@deposed": "not_started"}
    assert flavors(world) == ["Si2.large.4", "Si2.xlarge.4"]
    for _ in range(2):
        assert set(ended(world.apply(wanted(**BIGGER))).values()) <= {"done"}
    assert flavors(world) == ["Si2.xlarge.4"]


def test_specs_that_are_put_back_give_the_old_server_its_address_again(bought, wanted):
    world = bought()
    world.apply(wanted(**BIGGER), die_at=3)
    before = world.cloud.bought.copy()
    for _ in range(3):
        world.clock.time += 3600
        world.apply(wanted())
    assert not world.plan(wanted()).work
    assert set(world.state.resources) == {SERVER}
    assert len(world.cloud.ours) == 1
    assert len(world.cloud.bought) - len(before) <= 1


def test_a_server_that_leaves_the_specs_takes_the_deposed_one_with_it(bought, wanted):
    world = bought()
    world.cloud.fails(Effect.DESTRUCTIVE, Outcome.REFUSED, times=9)
    world.apply(wanted(**BIGGER))
    world.cloud._faults.clear()
    plan = world.plan()
    assert [(str(one.address), one.reason) for one in plan.changes] == [
        ("trainer[0]", Reason.NOT_IN_SPECS),
        ("trainer[0]@deposed", Reason.NOT_IN_SPECS),
    ]
    assert set(ended(world.apply(mode=Mode.DESTROY)).values()) == {"done"}
    assert not world.cloud.ours


def test_an_interruption_leaves_nothing_half_done(bought, wanted):
    world = bought()
    world.cloud.build_seconds = 50.0
    world.listeners.append(lambda event: world.interruption.request() if event.type is EventType.BOUGHT else None)
    result = world.apply(wanted(**BIGGER))
    assert [one.address for one in result.of_type(ResultType.NOT_STARTED)] == [DEPOSED]
    world.listeners.clear()
    assert set(ended(world.apply(wanted(**BIGGER))).values()) == {"done"}
    assert flavors(world) == ["Si2.xlarge.4"]


def test_wherever_it_dies_one_is_bought_and_one_released(bought, wanted):
    steps = 0
    while True:
        world = bought()
        result = world.apply(wanted(**BIGGER), die_at=(steps := steps + 1))
        assert flavors(world), "nothing serves any more"
        if result is not None:
            break
        for _ in range(3):
            world.clock.time += 3600
            world.apply(wanted(**BIGGER))
        assert (flavors(world), set(world.state.resources)) == (["Si2.xlarge.4"], {SERVER})
        assert len(world.cloud.bought) == 2
    assert steps > 10


class TestOfOneOrder:
    """Ending an order releases all that it bought, so that none of it goes before all of it is replaced."""

    @pytest.fixture
    def pair(self, servers):
        def made(**fields):
            return tuple(
                replace(one, together=True, lifecycle=Lifecycle(create_before_destroy=True))
                for one in servers(2, prepaid=True, **fields)
            )

        return made

    @pytest.fixture
    def world(self, world, pair):
        world.apply(*pair())
        assert len({one.order_id for one in world.cloud.ours}) == 1
        return world

    NAMED = ("trainer[0]", "trainer[1]")

    def test_nothing_is_released_while_one_of_it_has_no_successor(self, world, pair):
        world.cloud.build_seconds = 9.0
        world.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, name="trainer-1")
        ended_as = ended(world.apply(*pair(**BIGGER), replacing=self.NAMED))
        assert ended_as["trainer[1]"] == "failed"
        assert {ended_as[f"{each}@deposed"] for each in self.NAMED} == {"not_started"}
        assert flavors(world) == ["Si2.large.4", "Si2.large.4", "Si2.xlarge.4"]

    def test_all_of_it_goes_when_all_of_it_is_replaced(self, world, pair):
        world.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, name="trainer-1")
        world.apply(*pair(**BIGGER), replacing=self.NAMED)
        assert set(ended(world.apply(*pair(**BIGGER), replacing=["trainer[1]"])).values()) == {"done"}
        assert flavors(world) == ["Si2.xlarge.4", "Si2.xlarge.4"]
        assert set(map(str, world.state.resources)) == set(self.NAMED)

    def test_nor_is_one_that_leaves_the_specs(self, world, pair):
        world.cloud.build_seconds = 9.0
        world.cloud.fails(Effect.PURCHASE, Outcome.REFUSED)
        ended_as = ended(world.apply(pair(**BIGGER)[0], replacing=["trainer[0]"]))
        assert ended_as == {"trainer[0]": "failed", "trainer[0]@deposed": "not_started", "trainer[1]": "not_started"}
        assert flavors(world) == ["Si2.large.4", "Si2.large.4"]
