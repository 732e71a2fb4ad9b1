"""Prepaid servers of one order that no row and no record names: it is looked for, and ended only for all that it has bought."""

from __future__ import annotations

import pytest
from support.builders import a_state, an_address

from provisioner.model.flow import Effect
from provisioner.model.guards import ALL, Allowance
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase, Recorded

STEPS = 40


@pytest.fixture
def unnamed(new_world):
    """Two that were taken over, of one order."""

    def made(*, listed=True):
        world = new_world(allowed=ALL - {Allowance.VANISHED})
        world.cloud.hides_orders = True
        ids = {one: world.cloud.add_server(one, prepaid=True, order_id="CS1").id for one in ("a", "b")}
        world.cloud.finished = ["CS0", "CS1"] if listed else []
        records = [
            Recorded(
                an_address(name),
                "dev_server",
                Phase.READY,
                {"name": name, "flavor": "f"},
                id=ids[name],
                observed={"status": "RUNNING"},
            )
            for name in ids
        ]
        world.base = a_state(*records)
        return world

    return made


def test_both_go_with_it_and_each_is_known_to_have_gone(unnamed):
    world = unnamed()
    result = world.apply(mode=Mode.DESTROY)
    assert {one.type.value for one in result.results} == {"done"}
    assert (world.cloud.ours, dict(world.state.resources)) == ([], {})


def test_a_death_at_any_step_leaves_none_that_seems_to_have_vanished(unnamed):
    for step in range(1, STEPS):
        world = unnamed()
        if world.apply(mode=Mode.DESTROY, die_at=step) is not None:
            break
        assert world.apply(mode=Mode.DESTROY) is not None
        assert (world.cloud.ours, dict(world.state.resources)) == ([], {}), step
    assert step < STEPS - 1


def test_one_alone_is_kept(unnamed, servers, only):
    world = unnamed()
    world.base = a_state(world.base.resources[an_address("a")])
    next(one for one in world.cloud.servers.values() if one.name == "b").strange = True
    result = only(world.apply(mode=Mode.DESTROY))
    assert (result.diagnostic.code, world.cloud.sent(Effect.DESTRUCTIVE)) == ("order-shared", [])


@pytest.mark.parametrize(("allowed", "code"), [(ALL, "order-unseen"), (ALL | {Allowance.ORDER_UNSEEN}, None)])
def test_where_no_order_is_found_a_person_has_to_say_so(unnamed, allowed, code):
    world = unnamed(listed=False)
    world.allowed = allowed
    result = world.apply(mode=Mode.DESTROY)
    assert {one.diagnostic.code if one.diagnostic else None for one in result.results} == {code}
    assert len(world.cloud.ours) == (2 if code else 0)
