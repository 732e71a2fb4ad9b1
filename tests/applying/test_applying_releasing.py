"""Releases, replacements, renames and forgotten servers: by recorded id, one after the other, and never by an old list
alone.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_desired, a_recorded, a_state

from provisioner.model.action import Action
from provisioner.model.event import EventType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.journal import GONE, RELEASED, Forgotten
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase, Timeouts

DESTRUCTIVE, PURCHASE, REPEATABLE = Effect.DESTRUCTIVE, Effect.PURCHASE, Effect.REPEATABLE


@pytest.fixture
def running(harness, servers):
    """A harness in which two servers run."""
    harness.apply(*servers(2))
    return harness


def test_a_release_is_noted_before_it_leaves_and_forgotten_when_it_is_seen_gone(running, result_types):
    open_intents = []
    running.cloud.arrivals.append(
        lambda what: open_intents.append(len(running.state.intents)) if what.startswith("delete") else None
    )
    running.cloud.release_seconds = 40.0
    assert result_types(running.apply(mode=Mode.DESTROY)) == ["done", "done"]
    assert min(open_intents) >= 1
    assert not running.state.resources
    assert not running.cloud.ours
    assert {entry.id for entry in running.entries if isinstance(entry, Forgotten)} == {"id-1", "id-2"}


@pytest.mark.parametrize("executed", [False, True])
def test_a_release_of_unknown_outcome_stays_open_and_is_settled_by_looking(running, servers, result_types, executed):
    running.cloud.fails(DESTRUCTIVE, Outcome.UNKNOWN, executed=executed)
    assert result_types(running.apply(servers(2)[1])) == ["incomplete"]
    assert len(running.state.intents) == 1
    running.apply(servers(2)[1])
    assert not running.state.intents
    assert [str(address) for address in running.state.resources] == ["trainer[1]"]
    assert [one.name for one in running.cloud.ours] == ["trainer-1"]


def test_a_release_that_is_refused_leaves_the_server_recorded(running, servers, result_types):
    running.cloud.fails(DESTRUCTIVE, Outcome.REFUSED, status=409, code="ModelArts.0409")
    assert result_types(running.apply(servers(2)[1])) == ["failed"]
    assert running.settled_outcomes() == ["refused"]
    assert {one.phase for one in running.state.resources.values()} == {Phase.READY}
    assert result_types(running.apply(servers(2)[1])) == ["done"]


def test_a_server_that_is_not_found_when_it_is_released_is_released(running, servers, result_types):
    running.cloud.arrivals.append(
        lambda what: running.cloud.servers.pop("id-1", None) if what == "delete id-1" else None
    )
    assert result_types(running.apply(servers(2)[1])) == ["done"]
    assert len(running.state.resources) == 1


def test_a_prepaid_server_is_released_through_billing(harness, servers, result_types):
    harness.apply(*servers(1, prepaid=True))
    assert result_types(harness.apply(mode=Mode.DESTROY)) == ["done"]
    assert harness.cloud.sent(DESTRUCTIVE) == ["unsubscribe"]
    assert not harness.cloud.ours


def test_a_release_that_takes_too_long_is_gone_on_with(harness, only_result, result_types):
    slow = a_desired("gateway", fields={"name": "gateway", "flavor": "f"}, timeouts=Timeouts(delete=30.0))
    harness.apply(slow)
    harness.cloud.release_seconds = 100.0
    result = only_result(harness.apply(slow, mode=Mode.DESTROY))
    assert (result.type, result.diagnostic.code) == ("incomplete", "timed-out")
    assert {one.phase for one in harness.state.resources.values()} == {Phase.DELETING}
    harness.clock.time += 100.0
    assert result_types(harness.apply(mode=Mode.DESTROY)) == ["done"]
    assert harness.cloud.sent(DESTRUCTIVE) == ["delete id-1"]


def test_a_replacement_is_bought_after_the_old_one_is_gone(running, servers, result_types):
    running.cloud.release_seconds = 60.0
    assert result_types(running.apply(*servers(2, flavor="larger"))) == ["done", "done"]
    order = [sent.what for sent in running.cloud.log if sent.call.effect in {DESTRUCTIVE, PURCHASE}][2:]
    assert order.index("delete id-1") < order.index("buy trainer-0")
    at = {sent.what: sent.at for sent in running.cloud.log}
    assert at["buy trainer-0"] >= at["delete id-1"] + 60.0
    assert running.cloud.purchases == {"trainer-0": 2, "trainer-1": 2}
    assert {one.flavor for one in running.cloud.ours} == {"larger"}
    assert {one.declared["flavor"] for one in running.state.resources.values()} == {"larger"}


def test_the_replaced_server_is_never_taken_for_its_replacement(running, servers):
    running.cloud.fails(PURCHASE, Outcome.UNKNOWN, name="trainer-0")
    running.apply(*servers(2, flavor="larger"))
    (intent,) = running.state.intents.values()
    assert intent.earlier_ids == ("id-1",)
    assert intent.target_id is None


@pytest.mark.parametrize("outcome", Outcome)
def test_nothing_is_bought_when_the_old_server_could_not_be_released(harness, servers, result_types, outcome):
    harness.apply(*servers(1))
    harness.cloud.fails(
        DESTRUCTIVE,
        outcome,
        status=409 if outcome is Outcome.REFUSED else None,
        times=5 if outcome is Outcome.THROTTLED else 1,
    )
    assert result_types(harness.apply(*servers(1, flavor="larger"))) == [
        "incomplete" if outcome is Outcome.UNKNOWN else "failed"
    ]
    assert harness.cloud.purchases == {"trainer-0": 1}
    assert [one.id for one in harness.state.resources.values()] == ["id-1"]
    assert result_types(harness.apply(*servers(1, flavor="larger"))) == ["done"]
    assert [one.flavor for one in harness.cloud.ours] == ["larger"]


def test_nothing_is_bought_when_billing_keeps_the_old_server(harness, servers, result_types):
    harness.apply(*servers(1, prepaid=True))
    kept = {"fail_resource_infos": [{"error_code": "CBC.99000001", "error_msg": "in use"}]}
    harness.cloud.answers(DESTRUCTIVE, kept, executed=False)
    assert result_types(harness.apply(*servers(1, prepaid=True), replacing=["trainer[0]"])) == ["failed"]
    assert harness.cloud.purchases == {"trainer-0": 1}
    assert [(one.id, one.phase) for one in harness.state.resources.values()] == [("id-1", Phase.READY)]
    assert not harness.state.intents


def test_a_replacement_that_is_refused_after_the_release_says_so_and_is_bought_by_the_next_run(
    harness, servers, only_result, result_types
):
    harness.apply(*servers(1))
    harness.cloud.fails(PURCHASE, Outcome.REFUSED, status=400, message="sold out")
    result = only_result(harness.apply(*servers(1, flavor="larger")))
    assert result.type == "failed"
    assert result.diagnostic.code == "cloud-refused"
    assert "the old server is released, but no new one is bought" in result.diagnostic.summary
    assert not harness.state.resources
    assert result_types(harness.apply(*servers(1, flavor="larger"))) == ["done"]
    assert harness.cloud.purchases == {"trainer-0": 2}


def test_a_stranger_of_the_name_prevents_a_replacement_before_anything_is_released(harness, servers, only_result):
    harness.apply(*servers(1))
    plan = harness.plan(*servers(1, flavor="larger"))
    harness.cloud.add_server("trainer-0", strange=True)
    result = only_result(harness.execute(plan))
    assert (result.type, result.diagnostic.code) == ("failed", "name-taken")
    assert not harness.cloud.sent(DESTRUCTIVE)
    assert len(harness.cloud.ours) == 1


def test_a_rename_is_repeated_rather_than_doubted(harness, servers, result_types):
    harness.apply(*servers(1))
    harness.cloud.fails(REPEATABLE, Outcome.UNKNOWN, executed=True)
    result = harness.apply(*servers(1, name="renamed"))
    assert result_types(result) == ["failed"]
    assert result.results[0].diagnostic.code == "cloud-error"
    assert not harness.state.intents
    assert result_types(harness.apply(*servers(1, name="renamed"))) == ["done"], "made once more, and recorded"
    assert [record.name for record in harness.state.resources.values()] == ["renamed"]
    assert result_types(harness.apply(*servers(1, name="renamed"))) == []
    assert [one.name for one in harness.cloud.ours] == ["renamed"]
    assert harness.cloud.purchases == {"trainer-0": 1}


def test_a_vanished_server_is_forgotten_when_it_is_not_wanted_any_more(running, servers, result_types):
    del running.cloud.servers["id-1"]
    plan = running.plan(servers(2)[1])
    assert [change.action for change in plan.work] == [Action.FORGET]
    assert result_types(running.execute(plan)) == ["done"]
    assert [str(address) for address in running.state.resources] == ["trainer[1]"]


def test_what_shows_again_after_a_plan_was_saved_is_not_forgotten(running, servers, only_result):
    gone = running.cloud.servers.pop("id-1")
    plan = running.plan(servers(2)[1])
    running.cloud.servers["id-1"] = gone
    result = only_result(running.execute(plan))
    assert (result.type, result.diagnostic.code) == ("failed", "shows-again")
    assert "id-1" in result.diagnostic.summary
    assert len(running.state.resources) == 2


def test_only_the_recorded_id_is_ever_released(harness):
    mine = harness.cloud.add_server("gateway")
    twin = harness.cloud.add_server("gateway", strange=True)
    harness.base = a_state(a_recorded("gateway", id=mine.id))
    harness.apply(mode=Mode.DESTROY)
    assert [one.id for one in harness.cloud._present()] == [twin.id]


def test_released_and_kept_are_told(running, servers):
    running.events.clear()
    running.apply(servers(2)[1])
    assert running.addresses_with(EventType.FINISHED) == ["trainer[0]"]


@pytest.mark.parametrize("known_id", [None, "id-of-another-service"])
@pytest.mark.parametrize("executed", [False, True])
def test_a_release_found_by_its_order_is_settled_by_the_id_that_was_asked_to_go(
    harness, result_types, known_id, executed
):
    """The record has an order, or an id that is not the server's, and the reply to the release was lost."""
    server = harness.cloud.add_server("trainer-0", order_id="CS1", prepaid=True)
    unseen = a_recorded(phase=Phase.CREATING, id=known_id, order_id="CS1", observed={}, declared={"name": "trainer-0"})
    harness.base = a_state(unseen)
    harness.cloud.fails(DESTRUCTIVE, Outcome.UNKNOWN, executed=executed)
    assert result_types(harness.apply(mode=Mode.DESTROY)) == ["incomplete"]
    (intent,) = harness.state.intents.values()
    assert intent.target_id == server.id
    harness.apply(mode=Mode.DESTROY)
    assert not harness.cloud.ours
    assert not harness.state.resources
    assert not harness.state.intents


def reasons(running):
    return [entry.reason for entry in running.entries if isinstance(entry, Forgotten)]


def test_a_server_that_was_gone_before_is_replaced_and_nothing_counts_as_released(running, servers):
    running.cloud.servers.pop("id-1")
    result = running.apply(*servers(2), replacing=["trainer[0]"])
    assert (result.added, result.destroyed) == (1, 0)
    assert reasons(running) == [GONE]
    assert running.cloud.sent(DESTRUCTIVE) == []
    assert running.state.released == {}


def test_what_was_gone_before_and_is_not_bought_again_is_not_called_released(running, servers):
    running.cloud.servers.pop("id-1")
    running.cloud.fails(PURCHASE, Outcome.REFUSED, status=400, code="ModelArts.0400")
    result = running.apply(*servers(2), replacing=["trainer[0]"])
    (failed,) = (one for one in result.results if one.diagnostic is not None)
    assert "the old server is gone, but no new one is bought" in failed.diagnostic.summary
    assert result.destroyed == 0


def test_a_release_that_an_earlier_run_has_sent_counts_as_one_however_it_is_seen_to_end(running, servers):
    """The run that sent it died before the server was gone, and nothing is left to see of that."""
    running.cloud.release_seconds = 100.0
    slow = [replace(one, timeouts=Timeouts(delete=30.0)) for one in servers(2)]
    running.apply(*slow, mode=Mode.DESTROY)
    running.clock.time += 200.0
    running.apply(mode=Mode.DESTROY)
    assert reasons(running) == [RELEASED] * 2
