"""Releases ask billing together which of them are paid for in advance; each is released as billing says of it."""

from __future__ import annotations

from collections import Counter

import pytest
from support.builders import a_desired

from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Mode

READ, REFUSED, UNKNOWN = Effect.READ, Outcome.REFUSED, Outcome.UNKNOWN
PREPAID = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}


def questions(world):
    """How many ids each question about subscriptions named."""
    bodies = (
        sent.call.body or {} for sent in world.cloud.log if sent.call.path.endswith("suscriptions/resources/query")
    )
    return [len(body["resource_ids"]) for body in bodies if "resource_ids" in body]


def ways(world):
    """How many were deleted, and how many unsubscribed."""
    sent = (each.call for each in world.cloud.log if each.call.effect is Effect.DESTRUCTIVE)
    return Counter(call.method for call in sent)


def test_a_hundred_and_twenty_releases_ask_billing_three_times(world, servers, types):
    world.apply(*servers(120))
    plan = world.plan(mode=Mode.DESTROY)
    world.cloud.log.clear()
    assert types(world.carry_out(plan)) == ["done"] * 120
    assert sorted(questions(world)) == [20, 50, 50]
    assert ways(world) == {"DELETE": 120}
    assert not world.cloud.ours


def a_mixture(world):
    paid = [
        a_desired(f"paid{n}", fields={"name": f"paid-{n}", "flavor": "f", "charging_info": PREPAID}) for n in range(3)
    ]
    free = [a_desired(f"free{n}", fields={"name": f"free-{n}", "flavor": "f"}) for n in range(4)]
    world.apply(*paid, *free)
    plan = world.plan(mode=Mode.DESTROY)
    world.cloud.log.clear()
    return plan


def test_of_one_answer_each_takes_what_is_said_of_it(world, types):
    plan = a_mixture(world)
    assert types(world.carry_out(plan)) == ["done"] * 7
    assert questions(world) == [7]
    assert ways(world) == {"POST": 3, "DELETE": 4}


def at_the_first_question(world, happen):
    def arrive(what):
        if what == "ask billing" and questions(world) == [7]:
            world.cloud.arrivals.remove(arrive)
            happen()

    world.cloud.arrivals.append(arrive)


@pytest.mark.parametrize(("outcome", "status"), [(REFUSED, 400), (UNKNOWN, 503), (UNKNOWN, None)])
def test_where_the_joint_question_fails_everybody_asks_alone(world, types, outcome, status):
    plan = a_mixture(world)
    at_the_first_question(world, lambda: world.cloud.fails(READ, outcome, status=status))
    assert types(world.carry_out(plan)) == ["done"] * 7
    assert questions(world) == [7] + [1] * 7
    assert ways(world) == {"POST": 3, "DELETE": 4}


@pytest.mark.parametrize("body", [{}, {"total_count": 3, "data": []}, {"data": [{"resource_id": "id-1"}]}], ids=str)
def test_an_answer_that_is_not_whole_is_no_answer(world, types, body):
    plan = a_mixture(world)
    at_the_first_question(world, lambda: world.cloud.answers(READ, body))
    assert types(world.carry_out(plan)) == ["done"] * 7
    assert questions(world) == [7] + [1] * 7
    assert ways(world) == {"POST": 3, "DELETE": 4}


def test_what_billing_does_not_say_to_anybody_releases_nothing_that_may_be_prepaid(world, types):
    plan = a_mixture(world)
    world.cloud.arrivals.append(
        lambda what: world.cloud.fails(READ, UNKNOWN, status=503) if what == "ask billing" else None
    )
    assert "done" not in types(world.carry_out(plan))
    assert not ways(world)
    assert len(world.cloud.ours) == 7
