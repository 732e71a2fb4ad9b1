"""Purchases: the intent is written before the call, the ids before they are used, the call is sent once, and an unknown
outcome is a doubt.
"""

from __future__ import annotations

import pytest
from support.builders import a_desired

from provisioner.model.event import EventType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.journal import Answered, Intended
from provisioner.model.replay import replay
from provisioner.model.resource import Phase, Timeouts
from provisioner.model.secret import SecretReference, SecretSource

PURCHASE, UNKNOWN, REFUSED, NOT_SENT = Effect.PURCHASE, Outcome.UNKNOWN, Outcome.REFUSED, Outcome.NOT_SENT


def test_what_is_wanted_is_bought_once_and_recorded_ready(harness, servers, result_types):
    assert result_types(harness.apply(*servers(3))) == ["done"] * 3
    assert harness.cloud.purchases == {"trainer-0": 1, "trainer-1": 1, "trainer-2": 1}
    assert {one.phase for one in harness.state.resources.values()} == {Phase.READY}
    assert {one.id for one in harness.state.resources.values()} == {one.id for one in harness.cloud.ours}
    assert not harness.state.intents
    assert result_types(harness.apply(*servers(3))) == []


def test_the_intent_is_durable_before_the_request_leaves(harness, servers):
    names_on_disk = []

    def note_names(what):
        if what.startswith("buy"):
            names_on_disk.append({intent.name for intent in harness.state.intents.values()})

    harness.cloud.arrivals.append(note_names)
    harness.apply(*servers(3))
    assert len(names_on_disk) == 3
    assert all(f"trainer-{index}" in names for index, names in enumerate(names_on_disk))


def test_an_intent_is_noted_for_what_is_being_sent_and_not_for_what_is_queued(harness, servers):
    harness.cloud.latency = 1.0
    open_intents = []
    harness.cloud.arrivals.append(lambda _: open_intents.append(len(harness.state.intents)))
    harness.apply(*servers(20), parallelism=3)
    assert max(open_intents) <= 3


def test_the_intent_says_who_asked_for_what_when_and_hides_the_secret(harness):
    password = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
    fields = {"name": "gateway", "flavor": "Si2.large.4", "admin_pass": password}
    stranger = harness.cloud.add_server("another", strange=True)
    harness.apply(a_desired("gateway", fields=fields))
    intent = harness.entries[0].intent
    assert (intent.who, intent.name, str(intent.address)) == ("ana@laptop", "gateway", "gateway")
    assert intent.request["body"]["admin_pass"] == intent.declared["admin_pass"] == {"fingerprint": "f0"}
    assert intent.sent_at == intent.server_time == harness.clock.now() - round(harness.clock.time * 1000)
    assert stranger.id not in intent.earlier_ids


def test_the_ids_are_durable_before_anything_else_is_done(harness, servers):
    harness.apply(*servers(1))
    types = [entry.type for entry in harness.entries]
    assert types == ["intended", "answered", "remembered"]
    written = harness.crash_plan.steps.index("after writing answered")
    assert harness.crash_plan.steps[written - 2 : written] == ["after buy trainer-0", "before writing answered"]


@pytest.mark.parametrize(
    ("outcome", "status", "closed_as"),
    [(REFUSED, 400, "refused"), (REFUSED, 403, "refused"), (REFUSED, 409, "refused"), (NOT_SENT, None, "not_sent")],
)
def test_a_purchase_that_certainly_did_nothing_closes_its_intent(
    harness, servers, only_result, outcome, status, closed_as
):
    harness.cloud.fails(PURCHASE, outcome, status=status)
    result = only_result(harness.apply(*servers(1)))
    assert result.type == "failed"
    assert str(result.diagnostic.address) == "trainer[0]"
    assert result.diagnostic.hint
    assert harness.settled_outcomes() == [closed_as]
    assert not harness.state.intents
    assert harness.cloud.sent(PURCHASE) == ["buy trainer-0"]


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("status", [None, 302, 500, 502, 504])
def test_a_purchase_of_unknown_outcome_is_in_doubt_and_never_sent_again(
    harness, servers, only_result, status, executed
):
    harness.cloud.fails(PURCHASE, UNKNOWN, executed=executed, status=status)
    result = only_result(harness.apply(*servers(1)))
    assert (result.type, result.diagnostic.code) == ("in_doubt", "in-doubt")
    assert harness.addresses_with(EventType.IN_DOUBT)
    assert not harness.settled_outcomes()
    assert len(harness.state.intents) == 1
    assert harness.cloud.sent(PURCHASE) == ["buy trainer-0"]


@pytest.mark.parametrize("outcome", [REFUSED, NOT_SENT])
def test_what_was_certainly_not_bought_is_bought_by_the_next_run(harness, servers, result_types, outcome):
    harness.cloud.fails(PURCHASE, outcome)
    harness.apply(*servers(1))
    assert result_types(harness.apply(*servers(1))) == ["done"]
    assert harness.cloud.purchases == {"trainer-0": 1}


def test_not_reached_and_refused_are_told_apart(harness, servers, only_result):
    harness.cloud.fails(PURCHASE, NOT_SENT, message="connection refused")
    finding = only_result(harness.apply(*servers(1))).diagnostic
    assert finding.code == "cloud-unreachable"
    assert "nothing was sent" in finding.summary
    harness.cloud.fails(PURCHASE, REFUSED, status=400, code="ModelArts.0104", message="quota exceeded")
    finding = only_result(harness.apply(*servers(1))).diagnostic
    assert finding.code == "cloud-refused"
    assert finding.detail == "quota exceeded"


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        [],
        "created",
        {"id": ""},
        {"id": 7},
        {"id": None, "order_id": None},
        {"id": ["id-1"]},
        {"id": "../../all"},
        {"id": "a/b"},
        {"id": "id-1\n"},
        {"id": "x" * 65},
        {"id": "\u0660"},
        {"id": "\x1b[2J", "order_id": "CS 1"},
    ],
)
def test_a_success_that_names_no_usable_id_is_in_doubt_and_then_adopted(harness, servers, result_types, body):
    harness.cloud.answers(PURCHASE, body)
    assert result_types(harness.apply(*servers(1))) == ["in_doubt"]
    assert not harness.state.resources
    harness.apply(*servers(1))
    assert [one.id for one in harness.state.resources.values()] == [one.id for one in harness.cloud.ours]
    assert harness.cloud.purchases == {"trainer-0": 1}


def test_a_malformed_id_beside_a_good_order_is_ignored_by_record_and_flow_alike(harness, servers, result_types):
    harness.cloud.answers(PURCHASE, {"id": "../../all", "order_id": "CS1"})
    assert result_types(harness.apply(*servers(1, prepaid=True))) == ["done"]
    answered = next(entry for entry in harness.entries if isinstance(entry, Answered))
    assert (answered.id, answered.order_id) == (None, "CS1")
    assert {one.id for one in harness.state.resources.values()} == {one.id for one in harness.cloud.ours}


def test_a_prepaid_server_is_found_by_its_order(harness, servers, result_types):
    harness.cloud.listed_after = 20.0
    assert result_types(harness.apply(*servers(2, prepaid=True))) == ["done", "done"]
    assert {one.order_id for one in harness.state.resources.values()} == {"CS1", "CS2"}
    assert "read order" in harness.cloud.sent(Effect.READ)


def test_an_order_that_awaits_payment_is_kept_and_followed_by_the_next_run(harness, servers, result_types):
    harness.cloud.unpaid = True
    assert result_types(harness.apply(*servers(1, prepaid=True))) == ["incomplete"]
    (recorded,) = harness.state.resources.values()
    assert (recorded.phase, recorded.order_id) == (Phase.AWAITING_PAYMENT, "CS1")
    harness.cloud.unpaid = False
    harness.cloud.add_server("trainer-0", prepaid=True, order_id="CS1")
    assert result_types(harness.apply(*servers(1, prepaid=True))) == ["done"]
    assert harness.cloud.purchases == {"trainer-0": 1}


def test_a_failed_server_stops_no_other_and_is_not_bought_again(harness, servers, result_types):
    harness.cloud.failing = frozenset({"trainer-1"})
    harness.cloud.fails(PURCHASE, REFUSED, name="trainer-3")
    assert result_types(harness.apply(*servers(5))) == ["done", "failed", "done", "failed", "done"]
    assert result_types(harness.apply(*servers(5))) == ["done"]
    assert harness.cloud.purchases == {f"trainer-{index}": 1 for index in range(5)}


def test_a_stranger_of_the_wanted_name_prevents_the_purchase(harness, servers, only_result):
    plan = harness.plan(*servers(1))
    stranger = harness.cloud.add_server("trainer-0", strange=True)
    result = only_result(harness.execute(plan))
    assert (result.type, result.diagnostic.code) == ("failed", "name-taken")
    assert stranger.id in result.diagnostic.summary
    assert not harness.cloud.sent(PURCHASE)
    assert not harness.entries


def test_what_was_sold_otherwise_than_wanted_is_said_loudly(harness, servers):
    harness.cloud.answers(PURCHASE, {"id": "id-1", "charging_mode": "PRE_PAID"})
    harness.apply(*servers(1))
    (notice,) = [event.diagnostic for event in harness.events if event.type is EventType.NOTICE]
    assert notice.code == "charging-mismatch"
    assert "PRE_PAID" in notice.summary


def test_a_secret_that_cannot_be_had_stops_the_purchase_before_it_is_noted(harness, only_result):
    from provisioner.model.diagnostic import UsageError, error

    class MissingSecrets:
        def reveal(self, reference):
            raise UsageError(error("secret-missing", "the variable PASSWORD is not set"))

        def fingerprint(self, reference):
            return None

    password = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
    wanted = a_desired("gateway", fields={"name": "gateway", "flavor": "f", "admin_pass": password})
    result = only_result(harness.execute(harness.plan(wanted), secrets=MissingSecrets()))
    assert (result.type, result.diagnostic.code) == ("failed", "secret-missing")
    assert not harness.cloud.sent(PURCHASE)
    assert not harness.entries


@pytest.mark.parametrize("parallelism", [1, 4, 50])
def test_no_more_calls_are_in_flight_than_allowed_and_each_worker_has_one_channel(harness, servers, parallelism):
    harness.cloud.latency = 2.0
    harness.apply(*servers(40), parallelism=parallelism)
    workers = {sent.channel for sent in harness.cloud.log if sent.call.effect is PURCHASE}
    assert len(workers) == min(parallelism, 39)  # the first goes alone and hands its channel to the next
    assert harness.cloud.most_in_flight <= parallelism + 1  # the list is read over a channel of its own
    assert harness.cloud.open_channels == 0


def test_nothing_is_sent_for_an_address_whose_purchase_is_still_in_doubt(harness, servers, only_result, result_types):
    harness.cloud.fails(PURCHASE, UNKNOWN)
    harness.apply(*servers(1))
    result = only_result(harness.apply(*servers(1)))
    assert (result.type, result.diagnostic.code) == ("in_doubt", "in-doubt")
    assert result_types(harness.apply(*servers(2))) == ["in_doubt", "done"]
    assert harness.cloud.sent(PURCHASE) == ["buy trainer-0", "buy trainer-1"]


def test_what_the_journal_says_and_what_the_events_say_agree(harness, servers):
    harness.apply(*servers(2))
    bought = {event.address: event.id for event in harness.events if event.type is EventType.BOUGHT}
    assert bought == {address: one.id for address, one in replay(harness.base, harness.entries).resources.items()}
    assert harness.addresses_with(EventType.FINISHED) == ["trainer[0]", "trainer[1]"]
    assert sum(isinstance(entry, Intended) for entry in harness.entries) == 2


def test_a_wait_that_takes_too_long_is_recorded_and_gone_on_with_never_bought_again(harness, only_result, result_types):
    slow = a_desired("gateway", fields={"name": "gateway", "flavor": "f"}, timeouts=Timeouts(create=60.0))
    harness.cloud.build_seconds = 100.0
    result = only_result(harness.apply(slow))
    (recorded,) = harness.state.resources.values()
    assert (result.type, result.diagnostic.code) == ("incomplete", "timed-out")
    assert recorded.id in result.diagnostic.summary
    assert recorded.phase is Phase.CREATING
    assert result_types(harness.apply(slow)) == ["done"]
    assert harness.cloud.purchases == {"gateway": 1}


@pytest.mark.parametrize(("minutes", "bought"), [(20, 1), (1, 2)])
def test_a_name_is_looked_at_again_once_the_look_of_the_run_is_too_old(harness, servers, minutes, bought):
    """The machine slept, the process was stopped, or a wave came after hours: somebody may have bought under that name
    meanwhile.
    """

    def let_time_pass(what):
        if what == "buy trainer-0":
            harness.cloud.add_server("trainer-1", strange=True)
            harness.clock.time += minutes * 60.0

    harness.cloud.arrivals.append(let_time_pass)
    first, second = (result for result in harness.apply(*servers(2), parallelism=1).results)
    assert harness.cloud.purchases.total() == bought
    if bought == 1:
        assert (first.type, second.type) == ("done", "failed")
        assert "a server named 'trainer-1' exists and is not recorded here" in second.message


def test_what_the_run_has_bought_itself_is_no_stranger_in_another_look(harness, servers, result_types):
    harness.cloud.arrivals.append(lambda what: setattr(harness.clock, "time", harness.clock.time + 1200.0))
    assert result_types(harness.apply(*servers(3), parallelism=1)) == ["done"] * 3
    assert result_types(harness.apply(*servers(3))) == []
