"""Prepaid servers whose order no row and no record names: the order is searched for, and ended only if all of its
servers are released.
"""

from __future__ import annotations

import pytest
from support.builders import a_state, an_address

from provisioner.model.flow import Effect
from provisioner.model.guards import ALL, Allowance
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase, Recorded

STEPS = 40


@pytest.fixture
def unnamed(new_harness):
    """Returns a function that makes harnesses with two adopted servers of one order. `listed`: billing lists that
    order.
    """

    def made(*, listed=True):
        harness = new_harness(allowed=ALL - {Allowance.VANISHED})
        harness.cloud.hides_orders = True
        ids = {one: harness.cloud.add_server(one, prepaid=True, order_id="CS1").id for one in ("a", "b")}
        harness.cloud.finished = ["CS0", "CS1"] if listed else []
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
        harness.base = a_state(*records)
        return harness

    return made


def test_both_go_with_it_and_each_is_known_to_have_gone(unnamed):
    harness = unnamed()
    result = harness.apply(mode=Mode.DESTROY)
    assert {one.type.value for one in result.results} == {"done"}
    assert (harness.cloud.ours, dict(harness.state.resources)) == ([], {})


def test_a_death_at_any_step_leaves_none_that_seems_to_have_vanished(unnamed):
    for step in range(1, STEPS):
        harness = unnamed()
        if harness.apply(mode=Mode.DESTROY, die_at=step) is not None:
            break
        assert harness.apply(mode=Mode.DESTROY) is not None
        assert (harness.cloud.ours, dict(harness.state.resources)) == ([], {}), step
    assert step < STEPS - 1


def test_one_alone_is_kept(unnamed, servers, only_result):
    harness = unnamed()
    harness.base = a_state(harness.base.resources[an_address("a")])
    next(one for one in harness.cloud.servers.values() if one.name == "b").strange = True
    result = only_result(harness.apply(mode=Mode.DESTROY))
    assert (result.diagnostic.code, harness.cloud.sent(Effect.DESTRUCTIVE)) == ("order-shared", [])


@pytest.mark.parametrize(("allowed", "code"), [(ALL, "order-unseen"), (ALL | {Allowance.ORDER_UNSEEN}, None)])
def test_where_no_order_is_found_a_person_has_to_say_so(unnamed, allowed, code):
    harness = unnamed(listed=False)
    harness.allowed = allowed
    result = harness.apply(mode=Mode.DESTROY)
    assert {one.diagnostic.code if one.diagnostic else None for one in result.results} == {code}
    assert len(harness.cloud.ours) == (2 if code else 0)
