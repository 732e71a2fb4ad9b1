"""A person's word on an unpaid order, carried out like any change: paid once or cancelled, whatever dies and whenever."""

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


class Story:
    """`trainer-0` is ordered and waits for its payment."""

    def __init__(self, new_world, servers):
        self.world = new_world()
        self.wanted = servers(1, **BY_HAND)
        self.world.apply(*self.wanted)
        (self.address,) = self.world.state.resources
        assert self.record.phase is Phase.AWAITING_PAYMENT

    @property
    def record(self):
        return self.world.state.resources.get(self.address)

    def plan(self, action):
        state = self.world.state
        basis = Basis("demo", "dev", state.identity, state.lineage, state.serial, state.head)
        return Plan(Mode.APPLY, basis, (change_of(self.address, "dev_server", action, recorded=self.record),))

    def settle(self, action, die_at=None):
        """None when it died; nothing to do for what is forgotten."""
        return self.world.apply(saved=self.plan(action), die_at=die_at) if self.record else None


@pytest.fixture
def story(new_world, servers):
    return Story(new_world, servers)


def test_it_is_paid_and_the_next_apply_finds_its_server(story, only, types):
    assert only(story.settle(Action.PAY)).type is ResultType.DONE
    assert story.record.phase is Phase.ORDERING
    assert types(story.world.apply(*story.wanted)) == ["done"]
    assert story.record.phase is Phase.READY
    assert (story.world.cloud.paid, story.world.cloud.bought) == (["trainer-0"], ["trainer-0"])


def test_specs_that_would_pay_by_themselves_by_now_want_nothing_else_of_a_server_that_was_paid_for(
    story, servers, types
):
    story.settle(Action.PAY)
    paying = servers(1, charging_info={**BY_HAND["charging_info"], "is_auto_pay": True})
    assert types(story.world.apply(*paying)) == ["done"]
    assert story.world.apply(*paying).results == ()


def test_it_is_cancelled_forgotten_and_may_be_ordered_again(story, only):
    assert only(story.settle(Action.CANCEL)).type is ResultType.DONE
    assert story.record is None
    assert story.world.cloud.cancelled == ["CS1"]
    story.world.apply(*story.wanted)
    assert story.record.order_id == "CS2"


@pytest.mark.parametrize(("action", "effect"), [(Action.PAY, Effect.PAYMENT), (Action.CANCEL, Effect.CANCELLATION)])
class TestBoth:
    def test_the_intent_names_the_order_and_is_written_before_the_call(self, story, action, effect):
        story.settle(action)
        steps = [step for step in story.world.crash_plan.steps if effect.value[:3] in step or "intended" in step]
        assert steps[0] == "before writing intended"
        assert story.world.intents[-1].target_id == "CS1"
        assert story.world.intents[-1].effect is effect
        assert not story.world.state.intents

    @pytest.mark.parametrize("executed", [True, False])
    def test_a_lost_answer_leaves_no_doubt(self, story, only, action, effect, executed):
        story.world.cloud.fails(effect, Outcome.UNKNOWN, executed=executed)
        first = only(story.settle(action))
        assert first.type is (ResultType.DONE if executed else ResultType.INCOMPLETE)
        assert not story.world.state.intents
        if not executed:
            assert only(story.settle(action)).type is ResultType.DONE
        self._settled_once(story, action)

    def test_where_it_is_not_told_what_to_run_again_it_names_the_command(self, story, only, action, effect):
        story.world.listeners.append(
            lambda event: story.world.interruption.request() if event.type is EventType.STARTED else None
        )
        result = only(story.settle(action))
        assert f"orders {action.value}" in result.diagnostic.hint

    def test_what_was_settled_meanwhile_is_settled_once(self, story, only, action, effect):
        plan = story.plan(action)
        story.settle(action)
        assert only(story.world.apply(saved=plan)).type is ResultType.DONE
        self._settled_once(story, action)

    def test_a_death_at_any_step_is_made_good_by_the_same_command(self, new_world, servers, action, effect):
        alone = Story(new_world, servers)
        alone.settle(action)
        steps = alone.world.crash_plan.steps
        assert len(steps) >= 8
        for step in range(len(steps)):
            story = Story(new_world, servers)
            assert story.settle(action, die_at=step) is None
            story.settle(action)
            self._settled_once(story, action)
            assert not story.world.state.intents or story.record is None

    def test_a_death_at_any_step_is_seen_by_the_next_apply_too(self, new_world, servers, action, effect):
        alone = Story(new_world, servers)
        alone.settle(action)
        for step in range(len(alone.world.crash_plan.steps)):
            story = Story(new_world, servers)
            story.settle(action, die_at=step)
            story.world.apply(*story.wanted)
            assert not story.world.state.intents
            assert story.record is not None
            assert story.world.cloud.payments.total() <= 1
            assert len(story.world.cloud.bought) <= 1 + (story.record.order_id == "CS2")

    def _settled_once(self, story, action):
        cloud = story.world.cloud
        if action is Action.PAY:
            assert (cloud.paid, cloud.cancelled) == (["trainer-0"], [])
            assert story.record.phase is Phase.ORDERING
        else:
            assert (cloud.paid, cloud.cancelled) == ([], ["CS1"])
            assert story.record is None


def test_an_order_that_somebody_pays_meanwhile_is_not_forgotten(story, only):
    plan = story.plan(Action.CANCEL)
    story.settle(Action.PAY)
    result = only(story.world.apply(saved=plan))
    assert result.type is ResultType.INCOMPLETE
    assert "destroy" in result.diagnostic.hint
    assert story.record is not None
    assert not story.world.cloud.cancelled
