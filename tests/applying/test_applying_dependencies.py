"""Rate limits: a purchase waits for the account's budget, and one that the gateway turns away leaves no
doubt behind.
"""

from __future__ import annotations

from support.simulation import NOON

from provisioner.model.event import ResultType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.journal import Intended

GATEWAY = {"status": 429, "code": "APIG.0308"}


def intents(harness):
    return [entry.intent for entry in harness.entries if isinstance(entry, Intended)]


def test_a_purchase_that_the_gateway_turned_away_is_made_again_as_a_new_attempt(harness, servers, result_types):
    harness.cloud.fails(Effect.PURCHASE, Outcome.THROTTLED, times=3, **GATEWAY)
    assert result_types(harness.apply(*servers(1))) == ["done"]
    assert [intent.attempt for intent in intents(harness)] == [1, 2, 3, 4]
    assert len({intent.id for intent in intents(harness)}) == 4
    assert harness.settled_outcomes() == ["refused"] * 3
    assert harness.cloud.purchases == {"trainer-0": 1}


def test_a_purchase_that_is_turned_away_again_and_again_fails_and_is_not_in_doubt(harness, servers, only_result):
    harness.cloud.fails(Effect.PURCHASE, Outcome.THROTTLED, times=9, **GATEWAY)
    result = only_result(harness.apply(*servers(1)))
    assert result.type is ResultType.FAILED
    assert result.diagnostic.code == "cloud-throttled"
    assert not harness.state.intents
    assert harness.cloud.sent(Effect.PURCHASE) == ["buy trainer-0"] * 5


def test_a_429_of_a_service_is_a_refusal_like_any_other(harness, servers, result_types):
    harness.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, status=429, code="ModelArts.9999")
    assert result_types(harness.apply(*servers(1))) == ["failed"]
    assert harness.cloud.sent(Effect.PURCHASE) == ["buy trainer-0"]


def test_a_purchase_that_waits_for_its_turn_is_not_noted_yet(harness, servers):
    """A death in the queue must leave no doubt behind, because nothing was sent."""
    harness.cloud.pause = 40.0
    harness.apply(*servers(1))
    (intent,) = intents(harness)
    assert intent.sent_at - NOON >= 40_000


def test_an_interruption_does_not_wait_for_a_turn(harness, servers, result_types):
    harness.cloud.pause = 1_000.0
    harness.cloud.arrivals.append(lambda what: what == "queue to buy trainer-0" and harness.interruption.request())
    assert result_types(harness.apply(*servers(2))) == ["not_started"] * 2
    assert harness.clock.time < 1_000
    assert not intents(harness)


def test_the_first_intent_bears_the_clouds_time_and_not_ours(harness, servers):
    harness.cloud.clock_ahead = 3_600_000
    harness.execute(harness.plan(*servers(1)))
    (intent,) = intents(harness)
    assert intent.server_time - intent.sent_at == 3_600_000
