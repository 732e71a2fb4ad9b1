"""When the account has asked for too much: whoever buys waits for a turn, and is turned away without a doubt left behind."""

from __future__ import annotations

from support.simulation import NOON

from provisioner.model.event import ResultType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.journal import Intended

GATEWAY = {"status": 429, "code": "APIG.0308"}


def intents(world):
    return [entry.intent for entry in world.entries if isinstance(entry, Intended)]


def test_a_purchase_that_the_gateway_turned_away_is_made_again_as_a_new_attempt(world, servers, types):
    world.cloud.fails(Effect.PURCHASE, Outcome.THROTTLED, times=3, **GATEWAY)
    assert types(world.apply(*servers(1))) == ["done"]
    assert [intent.attempt for intent in intents(world)] == [1, 2, 3, 4]
    assert len({intent.id for intent in intents(world)}) == 4
    assert world.outcomes() == ["refused"] * 3
    assert world.cloud.purchases == {"trainer-0": 1}


def test_a_purchase_that_is_turned_away_again_and_again_fails_and_is_not_in_doubt(world, servers, only):
    world.cloud.fails(Effect.PURCHASE, Outcome.THROTTLED, times=9, **GATEWAY)
    result = only(world.apply(*servers(1)))
    assert result.type is ResultType.FAILED
    assert result.diagnostic.code == "cloud-throttled"
    assert not world.state.intents
    assert world.cloud.sent(Effect.PURCHASE) == ["buy trainer-0"] * 5


def test_a_429_of_a_service_is_a_refusal_like_any_other(world, servers, types):
    world.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, status=429, code="ModelArts.9999")
    assert types(world.apply(*servers(1))) == ["failed"]
    assert world.cloud.sent(Effect.PURCHASE) == ["buy trainer-0"]


def test_a_purchase_that_waits_for_its_turn_is_not_noted_yet(world, servers):
    """A death in the queue must leave no doubt behind: nothing was sent."""
    world.cloud.pause = 40.0
    world.apply(*servers(1))
    (intent,) = intents(world)
    assert intent.sent_at - NOON >= 40_000


def test_an_interruption_does_not_wait_for_a_turn(world, servers, types):
    world.cloud.pause = 1_000.0
    world.cloud.arrivals.append(lambda what: what == "queue to buy trainer-0" and world.interruption.request())
    assert types(world.apply(*servers(2))) == ["not_started"] * 2
    assert world.clock.time < 1_000
    assert not intents(world)


def test_the_first_intent_bears_the_clouds_time_and_not_ours(world, servers):
    world.cloud.clock_ahead = 3_600_000
    world.carry_out(world.plan(*servers(1)))
    (intent,) = intents(world)
    assert intent.server_time - intent.sent_at == 3_600_000
