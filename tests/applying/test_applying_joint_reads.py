"""Releases ask billing together which servers are paid for in advance, and each server is released as billing says
about it.
"""

from __future__ import annotations

from collections import Counter

import pytest
from support.builders import a_desired

from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Mode

READ, REFUSED, UNKNOWN = Effect.READ, Outcome.REFUSED, Outcome.UNKNOWN
PREPAID = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}


def query_sizes(harness):
    """Returns how many ids each query about subscriptions named."""
    bodies = (
        sent.call.body or {} for sent in harness.cloud.log if sent.call.path.endswith("suscriptions/resources/query")
    )
    return [len(body["resource_ids"]) for body in bodies if "resource_ids" in body]


def release_methods(harness):
    """Returns how many servers were deleted, and how many unsubscribed, by HTTP method."""
    sent = (each.call for each in harness.cloud.log if each.call.effect is Effect.DESTRUCTIVE)
    return Counter(call.method for call in sent)


def test_a_hundred_and_twenty_releases_ask_billing_three_times(harness, servers, result_types):
    harness.apply(*servers(120))
    plan = harness.plan(mode=Mode.DESTROY)
    harness.cloud.log.clear()
    assert result_types(harness.execute(plan)) == ["done"] * 120
    assert sorted(query_sizes(harness)) == [20, 50, 50]
    assert release_methods(harness) == {"DELETE": 120}
    assert not harness.cloud.ours


def plan_of_mixed_releases(harness):
    paid = [
        a_desired(f"paid{n}", fields={"name": f"paid-{n}", "flavor": "f", "charging_info": PREPAID}) for n in range(3)
    ]
    free = [a_desired(f"free{n}", fields={"name": f"free-{n}", "flavor": "f"}) for n in range(4)]
    harness.apply(*paid, *free)
    plan = harness.plan(mode=Mode.DESTROY)
    harness.cloud.log.clear()
    return plan


def test_of_one_answer_each_takes_what_is_said_of_it(harness, result_types):
    plan = plan_of_mixed_releases(harness)
    assert result_types(harness.execute(plan)) == ["done"] * 7
    assert query_sizes(harness) == [7]
    assert release_methods(harness) == {"POST": 3, "DELETE": 4}


def at_the_first_query(harness, action):
    def arrive(what):
        if what == "ask billing" and query_sizes(harness) == [7]:
            harness.cloud.arrivals.remove(arrive)
            action()

    harness.cloud.arrivals.append(arrive)


@pytest.mark.parametrize(("outcome", "status"), [(REFUSED, 400), (UNKNOWN, 503), (UNKNOWN, None)])
def test_where_the_joint_question_fails_everybody_asks_alone(harness, result_types, outcome, status):
    plan = plan_of_mixed_releases(harness)
    at_the_first_query(harness, lambda: harness.cloud.fails(READ, outcome, status=status))
    assert result_types(harness.execute(plan)) == ["done"] * 7
    assert query_sizes(harness) == [7] + [1] * 7
    assert release_methods(harness) == {"POST": 3, "DELETE": 4}


@pytest.mark.parametrize("body", [{}, {"total_count": 3, "data": []}, {"data": [{"resource_id": "id-1"}]}], ids=str)
def test_an_answer_that_is_not_whole_is_no_answer(harness, result_types, body):
    plan = plan_of_mixed_releases(harness)
    at_the_first_query(harness, lambda: harness.cloud.answers(READ, body))
    assert result_types(harness.execute(plan)) == ["done"] * 7
    assert query_sizes(harness) == [7] + [1] * 7
    assert release_methods(harness) == {"POST": 3, "DELETE": 4}


def test_what_billing_does_not_say_to_anybody_releases_nothing_that_may_be_prepaid(harness, result_types):
    plan = plan_of_mixed_releases(harness)
    harness.cloud.arrivals.append(
        lambda what: harness.cloud.fails(READ, UNKNOWN, status=503) if what == "ask billing" else None
    )
    assert "done" not in result_types(harness.execute(plan))
    assert not release_methods(harness)
    assert len(harness.cloud.ours) == 7
