"""A person's decision on an unpaid order is carried out like any change: it is paid once or cancelled, wherever a run
dies.
"""

from __future__ import annotations

import pytest
from support.builders import change_of

from provisioner.model.action import Action
from provisioner.model.event import EventType, ResultType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.resource import Phase

BY_HAND = {
    "charging_info": {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": False}
}


class UnpaidOrder:
    """A harness in which `trainer-0` is ordered and awaits payment."""

    def __init__(self, new_harness, servers):
        self.harness = new_harness()
        self.wanted = servers(1, **BY_HAND)
        self.harness.apply(*self.wanted)
        (self.address,) = self.harness.state.resources
        assert self.record.phase is Phase.AWAITING_PAYMENT

    @property
    def record(self):
        return self.harness.state.resources.get(self.address)

    def plan(self, action):
        state = self.harness.state
        basis = Basis("demo", "dev", state.identity, state.lineage, state.serial, state.head)
        return Plan(Mode.APPLY, basis, (change_of(self.address, "dev_server", action, recorded=self.record),))

    def settle(self, action, die_at=None):
        """Pays or cancels the order. Returns None if the run died, or if there is no record any more."""
        return self.harness.apply(saved=self.plan(action), die_at=die_at) if self.record else None


@pytest.fixture
def order(new_harness, servers):
    return UnpaidOrder(new_harness, servers)


def test_it_is_paid_and_the_next_apply_finds_its_server(order, only_result, result_types):
    assert only_result(order.settle(Action.PAY)).type is ResultType.DONE
    assert order.record.phase is Phase.ORDERING
    assert result_types(order.harness.apply(*order.wanted)) == ["done"]
    assert order.record.phase is Phase.READY
    assert (order.harness.cloud.paid, order.harness.cloud.bought) == (["trainer-0"], ["trainer-0"])


def test_specs_that_would_pay_by_themselves_by_now_want_nothing_else_of_a_server_that_was_paid_for(
    order, servers, result_types
):
    order.settle(Action.PAY)
    paying = servers(1, charging_info={**BY_HAND["charging_info"], "is_auto_pay": True})
    assert result_types(order.harness.apply(*paying)) == ["done"]
    assert order.harness.apply(*paying).results == ()


def test_it_is_cancelled_forgotten_and_may_be_ordered_again(order, only_result):
    assert only_result(order.settle(Action.CANCEL)).type is ResultType.DONE
    assert order.record is None
    assert order.harness.cloud.cancelled == ["CS1"]
    order.harness.apply(*order.wanted)
    assert order.record.order_id == "CS2"


@pytest.mark.parametrize(("action", "effect"), [(Action.PAY, Effect.PAYMENT), (Action.CANCEL, Effect.CANCELLATION)])
class TestBoth:
    def test_the_intent_names_the_order_and_is_written_before_the_call(self, order, action, effect):
        order.settle(action)
        steps = [step for step in order.harness.crash_plan.steps if effect.value[:3] in step or "intended" in step]
        assert steps[0] == "before writing intended"
        assert order.harness.intents[-1].target_id == "CS1"
        assert order.harness.intents[-1].effect is effect
        assert not order.harness.state.intents

    @pytest.mark.parametrize("executed", [True, False])
    def test_a_lost_answer_leaves_no_doubt(self, order, only_result, action, effect, executed):
        order.harness.cloud.fails(effect, Outcome.UNKNOWN, executed=executed)
        first = only_result(order.settle(action))
        assert first.type is (ResultType.DONE if executed else ResultType.INCOMPLETE)
        assert not order.harness.state.intents
        if not executed:
            assert only_result(order.settle(action)).type is ResultType.DONE
        self._assert_settled_once(order, action)

    def test_where_it_is_not_told_what_to_run_again_it_names_the_command(self, order, only_result, action, effect):
        order.harness.listeners.append(
            lambda event: order.harness.interruption.request() if event.type is EventType.STARTED else None
        )
        result = only_result(order.settle(action))
        assert f"orders {action.value}" in result.diagnostic.hint

    def test_what_was_settled_meanwhile_is_settled_once(self, order, only_result, action, effect):
        plan = order.plan(action)
        order.settle(action)
        assert only_result(order.harness.apply(saved=plan)).type is ResultType.DONE
        self._assert_settled_once(order, action)

    def test_a_death_at_any_step_is_made_good_by_the_same_command(self, new_harness, servers, action, effect):
        undisturbed = UnpaidOrder(new_harness, servers)
        undisturbed.settle(action)
        steps = undisturbed.harness.crash_plan.steps
        assert len(steps) >= 8
        for step in range(len(steps)):
            order = UnpaidOrder(new_harness, servers)
            assert order.settle(action, die_at=step) is None
            order.settle(action)
            self._assert_settled_once(order, action)
            assert not order.harness.state.intents or order.record is None

    def test_a_death_at_any_step_is_seen_by_the_next_apply_too(self, new_harness, servers, action, effect):
        undisturbed = UnpaidOrder(new_harness, servers)
        undisturbed.settle(action)
        for step in range(len(undisturbed.harness.crash_plan.steps)):
            order = UnpaidOrder(new_harness, servers)
            order.settle(action, die_at=step)
            order.harness.apply(*order.wanted)
            assert not order.harness.state.intents
            assert order.record is not None
            assert order.harness.cloud.payments.total() <= 1
            assert len(order.harness.cloud.bought) <= 1 + (order.record.order_id == "CS2")

    def _assert_settled_once(self, order, action):
        cloud = order.harness.cloud
        if action is Action.PAY:
            assert (cloud.paid, cloud.cancelled) == (["trainer-0"], [])
            assert order.record.phase is Phase.ORDERING
        else:
            assert (cloud.paid, cloud.cancelled) == ([], ["CS1"])
            assert order.record is None


def test_an_order_that_somebody_pays_meanwhile_is_not_forgotten(order, only_result):
    plan = order.plan(Action.CANCEL)
    order.settle(Action.PAY)
    result = only_result(order.harness.apply(saved=plan))
    assert result.type is ResultType.INCOMPLETE
    assert "destroy" in result.diagnostic.hint
    assert order.record is not None
    assert not order.harness.cloud.cancelled
