"""A purchase: noted before it leaves, recorded before it is used, sent once, and in doubt when nobody knows."""

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


def test_what_is_wanted_is_bought_once_and_recorded_ready(world, servers, types):
    assert types(world.apply(*servers(3))) == ["done"] * 3
    assert world.cloud.purchases == {"trainer-0": 1, "trainer-1": 1, "trainer-2": 1}
    assert {one.phase for one in world.state.resources.values()} == {Phase.READY}
    assert {one.id for one in world.state.resources.values()} == {one.id for one in world.cloud.ours}
    assert not world.state.intents
    assert types(world.apply(*servers(3))) == []


def test_the_intent_is_durable_before_the_request_leaves(world, servers):
    seen = []

    def on_disk(what):
        if what.startswith("buy"):
            seen.append({intent.name for intent in world.state.intents.values()})

    world.cloud.arrivals.append(on_disk)
    world.apply(*servers(3))
    assert len(seen) == 3
    assert all(f"trainer-{index}" in names for index, names in enumerate(seen))


def test_an_intent_is_noted_for_what_is_being_sent_and_not_for_what_is_queued(world, servers):
    world.cloud.latency = 1.0
    open_intents = []
    world.cloud.arrivals.append(lambda _: open_intents.append(len(world.state.intents)))
    world.apply(*servers(20), parallelism=3)
    assert max(open_intents) <= 3


def test_the_intent_says_who_asked_for_what_when_and_hides_the_secret(world):
    password = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
    fields = {"name": "gateway", "flavor": "Si2.large.4", "admin_pass": password}
    stranger_elsewhere = world.cloud.add_server("another", strange=True)
    world.apply(a_desired("gateway", fields=fields))
    intent = world.entries[0].intent
    assert (intent.who, intent.name, str(intent.address)) == ("ana@laptop", "gateway", "gateway")
    assert intent.request["body"]["admin_pass"] == intent.declared["admin_pass"] == {"fingerprint": "f0"}
    assert intent.sent_at == intent.server_time == world.clock.now() - round(world.clock.time * 1000)
    assert stranger_elsewhere.id not in intent.earlier_ids


def test_the_ids_are_durable_before_anything_else_is_done(world, servers):
    world.apply(*servers(1))
    kinds = [entry.type for entry in world.entries]
    assert kinds == ["intended", "answered", "remembered"]
    written = world.crash_plan.steps.index("after writing answered")
    assert world.crash_plan.steps[written - 2 : written] == ["after buy trainer-0", "before writing answered"]


@pytest.mark.parametrize(
    ("outcome", "status", "closed_as"),
    [(REFUSED, 400, "refused"), (REFUSED, 403, "refused"), (REFUSED, 409, "refused"), (NOT_SENT, None, "not_sent")],
)
def test_a_purchase_that_certainly_did_nothing_closes_its_intent(world, servers, only, outcome, status, closed_as):
    world.cloud.fails(PURCHASE, outcome, status=status)
    result = only(world.apply(*servers(1)))
    assert result.type == "failed"
    assert str(result.diagnostic.address) == "trainer[0]"
    assert result.diagnostic.hint
    assert world.outcomes() == [closed_as]
    assert not world.state.intents
    assert world.cloud.sent(PURCHASE) == ["buy trainer-0"]


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("status", [None, 302, 500, 502, 504])
def test_a_purchase_of_unknown_outcome_is_in_doubt_and_never_sent_again(world, servers, only, status, executed):
    world.cloud.fails(PURCHASE, UNKNOWN, executed=executed, status=status)
    result = only(world.apply(*servers(1)))
    assert (result.type, result.diagnostic.code) == ("in_doubt", "in-doubt")
    assert world.happened(EventType.IN_DOUBT)
    assert not world.outcomes()
    assert len(world.state.intents) == 1
    assert world.cloud.sent(PURCHASE) == ["buy trainer-0"]


@pytest.mark.parametrize("outcome", [REFUSED, NOT_SENT])
def test_what_was_certainly_not_bought_is_bought_by_the_next_run(world, servers, types, outcome):
    world.cloud.fails(PURCHASE, outcome)
    world.apply(*servers(1))
    assert types(world.apply(*servers(1))) == ["done"]
    assert world.cloud.purchases == {"trainer-0": 1}


def test_not_reached_and_refused_are_told_apart(world, servers, only):
    world.cloud.fails(PURCHASE, NOT_SENT, message="connection refused")
    finding = only(world.apply(*servers(1))).diagnostic
    assert finding.code == "cloud-unreachable"
    assert "nothing was sent" in finding.summary
    world.cloud.fails(PURCHASE, REFUSED, status=400, code="ModelArts.0104", message="quota exceeded")
    finding = only(world.apply(*servers(1))).diagnostic
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
def test_a_success_that_names_no_usable_id_is_in_doubt_and_then_adopted(world, servers, types, body):
    world.cloud.answers(PURCHASE, body)
    assert types(world.apply(*servers(1))) == ["in_doubt"]
    assert not world.state.resources
    world.apply(*servers(1))
    assert [one.id for one in world.state.resources.values()] == [one.id for one in world.cloud.ours]
    assert world.cloud.purchases == {"trainer-0": 1}


def test_a_malformed_id_beside_a_good_order_is_ignored_by_record_and_flow_alike(world, servers, types):
    world.cloud.answers(PURCHASE, {"id": "../../all", "order_id": "CS1"})
    assert types(world.apply(*servers(1, prepaid=True))) == ["done"]
    answered = next(entry for entry in world.entries if isinstance(entry, Answered))
    assert (answered.id, answered.order_id) == (None, "CS1")
    assert {one.id for one in world.state.resources.values()} == {one.id for one in world.cloud.ours}


def test_a_prepaid_server_is_found_by_its_order(world, servers, types):
    world.cloud.listed_after = 20.0
    assert types(world.apply(*servers(2, prepaid=True))) == ["done", "done"]
    assert {one.order_id for one in world.state.resources.values()} == {"CS1", "CS2"}
    assert "read order" in world.cloud.sent(Effect.READ)


def test_an_order_that_awaits_payment_is_kept_and_followed_by_the_next_run(world, servers, types):
    world.cloud.unpaid = True
    assert types(world.apply(*servers(1, prepaid=True))) == ["incomplete"]
    (recorded,) = world.state.resources.values()
    assert (recorded.phase, recorded.order_id) == (Phase.AWAITING_PAYMENT, "CS1")
    world.cloud.unpaid = False
    world.cloud.add_server("trainer-0", prepaid=True, order_id="CS1")
    assert types(world.apply(*servers(1, prepaid=True))) == ["done"]
    assert world.cloud.purchases == {"trainer-0": 1}


def test_a_failed_server_stops_no_other_and_is_not_bought_again(world, servers, types):
    world.cloud.failing = frozenset({"trainer-1"})
    world.cloud.fails(PURCHASE, REFUSED, name="trainer-3")
    assert types(world.apply(*servers(5))) == ["done", "failed", "done", "failed", "done"]
    assert types(world.apply(*servers(5))) == ["done"]
    assert world.cloud.purchases == {f"trainer-{index}": 1 for index in range(5)}


def test_a_stranger_of_the_wanted_name_prevents_the_purchase(world, servers, only):
    plan = world.plan(*servers(1))
    stranger = world.cloud.add_server("trainer-0", strange=True)
    result = only(world.carry_out(plan))
    assert (result.type, result.diagnostic.code) == ("failed", "name-taken")
    assert stranger.id in result.diagnostic.summary
    assert not world.cloud.sent(PURCHASE)
    assert not world.entries


def test_what_was_sold_otherwise_than_wanted_is_said_loudly(world, servers):
    world.cloud.answers(PURCHASE, {"id": "id-1", "charging_mode": "PRE_PAID"})
    world.apply(*servers(1))
    (notice,) = [event.diagnostic for event in world.events if event.type is EventType.NOTICE]
    assert notice.code == "charging-mismatch"
    assert "PRE_PAID" in notice.summary


def test_a_secret_that_cannot_be_had_stops_the_purchase_before_it_is_noted(world, only):
    from provisioner.model.diagnostic import UsageError, error

    class Locked:
        def reveal(self, reference):
            raise UsageError(error("secret-missing", "the variable PASSWORD is not set"))

        def fingerprint(self, reference):
            return None

    password = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
    wanted = a_desired("gateway", fields={"name": "gateway", "flavor": "f", "admin_pass": password})
    result = only(world.carry_out(world.plan(wanted), secrets=Locked()))
    assert (result.type, result.diagnostic.code) == ("failed", "secret-missing")
    assert not world.cloud.sent(PURCHASE)
    assert not world.entries


@pytest.mark.parametrize("parallelism", [1, 4, 50])
def test_no_more_calls_are_in_flight_than_allowed_and_each_worker_has_one_channel(world, servers, parallelism):
    world.cloud.latency = 2.0
    world.apply(*servers(40), parallelism=parallelism)
    workers = {sent.channel for sent in world.cloud.log if sent.call.effect is PURCHASE}
    assert len(workers) == min(parallelism, 39)  # the first goes alone, and gives its channel to the next
    assert world.cloud.most_in_flight <= parallelism + 1  # the list is read over a channel of its own
    assert world.cloud.open_channels == 0


def test_nothing_is_sent_for_an_address_whose_purchase_is_still_in_doubt(world, servers, only, types):
    world.cloud.fails(PURCHASE, UNKNOWN)
    world.apply(*servers(1))
    result = only(world.apply(*servers(1)))
    assert (result.type, result.diagnostic.code) == ("in_doubt", "in-doubt")
    assert types(world.apply(*servers(2))) == ["in_doubt", "done"]
    assert world.cloud.sent(PURCHASE) == ["buy trainer-0", "buy trainer-1"]


def test_what_the_journal_says_and_what_the_events_say_agree(world, servers):
    world.apply(*servers(2))
    bought = {event.address: event.id for event in world.events if event.type is EventType.BOUGHT}
    assert bought == {address: one.id for address, one in replay(world.base, world.entries).resources.items()}
    assert world.happened(EventType.FINISHED) == ["trainer[0]", "trainer[1]"]
    assert sum(isinstance(entry, Intended) for entry in world.entries) == 2


def test_a_wait_that_takes_too_long_is_recorded_and_gone_on_with_never_bought_again(world, only, types):
    slow = a_desired("gateway", fields={"name": "gateway", "flavor": "f"}, timeouts=Timeouts(create=60.0))
    world.cloud.build_seconds = 100.0
    result = only(world.apply(slow))
    (recorded,) = world.state.resources.values()
    assert (result.type, result.diagnostic.code) == ("incomplete", "timed-out")
    assert recorded.id in result.diagnostic.summary
    assert recorded.phase is Phase.CREATING
    assert types(world.apply(slow)) == ["done"]
    assert world.cloud.purchases == {"gateway": 1}


@pytest.mark.parametrize(("minutes", "bought"), [(20, 1), (1, 2)])
def test_a_name_is_looked_at_again_once_the_look_of_the_run_is_too_old(world, servers, minutes, bought):
    """A machine that slept, a process that was stopped, a wave after hours: somebody may have bought under that name meanwhile."""

    def time_passes(what):
        if what == "buy trainer-0":
            world.cloud.add_server("trainer-1", strange=True)
            world.clock.time += minutes * 60.0

    world.cloud.arrivals.append(time_passes)
    first, second = (result for result in world.apply(*servers(2), parallelism=1).results)
    assert world.cloud.purchases.total() == bought
    if bought == 1:
        assert (first.type, second.type) == ("done", "failed")
        assert "a server named 'trainer-1' exists and is not ours" in second.message


def test_what_the_run_has_bought_itself_is_no_stranger_in_another_look(world, servers, types):
    world.cloud.arrivals.append(lambda what: setattr(world.clock, "time", world.clock.time + 1200.0))
    assert types(world.apply(*servers(3), parallelism=1)) == ["done"] * 3
    assert types(world.apply(*servers(3))) == []
