"""An id belongs to one address: an answer that would give a server to two addresses is not believed, and the journal
stays readable.
"""

from __future__ import annotations

import pytest
from support.builders import a_recorded, an_address

from provisioner.applying.id_registry import IdRegistry
from provisioner.model.event import ResultType
from provisioner.model.flow import CallFailed, Effect, Outcome


def test_an_id_belongs_to_the_address_that_had_it_first():
    ids = IdRegistry([a_recorded("gateway", id="id-1", order_id="CS1")])
    for stolen in (("id-1",), ("CS1",), ("id-2", "CS1"), (None, "CS1")):
        with pytest.raises(CallFailed, match="which belongs to gateway") as refused:
            ids.register(an_address("trainer[0]"), *stolen)
        assert refused.value.outcome is Outcome.UNKNOWN
    ids.register(an_address("trainer[0]"), "id-2", None)
    ids.register(an_address("gateway"), "id-1", "CS1")


def test_a_refused_claim_takes_nothing():
    ids = IdRegistry([a_recorded("gateway", id="id-1")])
    with pytest.raises(CallFailed):
        ids.register(an_address("trainer[0]"), "id-2", "id-1")
    ids.register(an_address("trainer[1]"), "id-2")


def test_two_purchases_that_are_answered_alike_leave_one_in_doubt_and_a_valid_state(harness, servers):
    """Servers id-1 and id-2 are bought; both answers name the first."""
    for name in ("trainer-0", "trainer-1"):
        harness.cloud.answers(Effect.PURCHASE, {"id": "id-1"}, name=name)
    outcome = harness.apply(*servers(2), parallelism=1)
    (doubt,) = [result for result in outcome.results if result.type is ResultType.IN_DOUBT]
    assert "which belongs to trainer[0]" in doubt.diagnostic.detail
    assert list(harness.state.problems()) == []
    assert len(harness.state.intents) == 1
    assert len(harness.cloud.bought) == 2


def test_an_id_that_was_there_before_is_not_what_was_bought(harness, servers):
    """The answer to the purchase of a replacement names the old server again."""
    harness.apply(*servers(1))
    (old,) = harness.state.resources.values()
    harness.cloud.answers(Effect.PURCHASE, {"id": old.id})
    outcome = harness.apply(*servers(1), replacing=["trainer[0]"])
    assert [result.type for result in outcome.results] == [ResultType.IN_DOUBT]
    assert len(harness.state.intents) == 1
