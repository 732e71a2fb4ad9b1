"""What an earlier run left open is settled by the list: a server is adopted if only one fits, and a person is asked if
several do.
"""

from __future__ import annotations

import pytest
from support.builders import a_recorded, a_state, an_address, an_intent
from support.simulation import NOON, CrashPlan, MemoryLedger

from provisioner.applying import CloudSnapshot, no_other_states, recover
from provisioner.kinds import CATALOGUE
from provisioner.model.diagnostic import StoreError
from provisioner.model.event import EventType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.list_gap import NO_NAMES, ListGap
from provisioner.model.purchase_policy import DEFAULT_POLICY
from provisioner.model.resource import Live, Phase

HOUR = 3_600_000
MINUTE = 60_000


def a_purchase_in_doubt(address="trainer[0]", **facts):
    known = {"server_time": NOON, "declared": {"name": address, "flavor": "Si2.large.4"}, "earlier_ids": ("id-early",)}
    return an_intent(address, **known | facts)


def a_row(identifier, name="trainer[0]", **facts):
    shown = {"name": name, "flavor": "Si2.large.4"}
    known = {"kind": "dev_server", "status": "RUNNING", "created_at": NOON + MINUTE, "shown": shown}
    return Live(id=identifier, name=name, **known | facts)


def a_release_in_doubt(address="trainer[0]", **facts):
    return an_intent(address, **({"effect": Effect.DESTRUCTIVE, "target_id": f"id-of-{address}"} | facts))


class Recovery:
    """A state with open intents, and the ledger and events of its recovery."""

    def __init__(self, *recorded, intents):
        self.state = a_state(*recorded, intents={intent.id: intent for intent in intents})
        self.ledger = MemoryLedger([], CrashPlan())
        self.events = []

    def run(self, *rows, at=NOON, policy=DEFAULT_POLICY, gaps=(), other_states=no_other_states):
        """Recovers, given the rows that the cloud lists. `at` is the cloud's time. Returns the state after it."""
        self.state = recover(
            self.state,
            CloudSnapshot({row.id: row for row in rows}, at, {intent.id: () for intent in self.state.in_doubt}, gaps),
            catalogue=CATALOGUE,
            policy=policy,
            ledger=self.ledger,
            listen=self.events.append,
            other_states=other_states,
        )
        return self.state


def test_the_only_server_that_can_be_it_is_adopted():
    recovery = Recovery(intents=[a_purchase_in_doubt()])
    state = recovery.run(a_row("id-1"), a_row("id-2", "another"))
    assert state.resources[an_address()].id == "id-1"
    assert state.resources[an_address()].phase is Phase.CREATING
    assert not state.intents
    assert [(event.type, event.id) for event in recovery.events] == [(EventType.ADOPTED, "id-1")]
    assert [entry.type for entry in recovery.ledger.entries] == ["adopted"]


@pytest.mark.parametrize(
    "row",
    [
        a_row("id-1", "another"),
        a_row("id-early"),
        a_row("id-1", created_at=NOON - HOUR),
        a_row("id-1", shown={"name": "trainer[0]", "flavor": "Si2.huge"}),
    ],
    ids=["another name", "there before", "too old", "another flavor"],
)
def test_what_cannot_be_it_is_left_alone_and_the_doubt_stays(row):
    recovery = Recovery(intents=[a_purchase_in_doubt()])
    state = recovery.run(row)
    assert not state.resources
    assert len(state.intents) == 1
    assert not recovery.ledger.batches
    assert not recovery.events, "the plan that follows says what is listed"


@pytest.mark.parametrize("created", [NOON - 15 * MINUTE, NOON, NOON + HOUR, None])
def test_clocks_may_disagree_by_a_quarter_of_an_hour(created):
    assert Recovery(intents=[a_purchase_in_doubt()]).run(a_row("id-1", created_at=created)).resources


def test_of_several_that_could_be_it_none_is_taken():
    recovery = Recovery(intents=[a_purchase_in_doubt()])
    state = recovery.run(a_row("id-1"), a_row("id-2"))
    assert not state.resources
    assert not recovery.ledger.batches
    assert len(state.intents) == 1


def test_a_server_that_has_an_address_is_no_candidate():
    tracked = a_recorded("gateway", id="id-1")
    recovery = Recovery(tracked, intents=[a_purchase_in_doubt()])
    assert recovery.run(a_row("id-1")).intents
    assert recovery.run(a_row("id-1"), a_row("id-2")).resources[an_address()].id == "id-2"


def test_a_server_whose_order_has_an_address_is_no_candidate():
    ordered = a_recorded("gateway", id=None, order_id="CS1", phase=Phase.ORDERING)
    recovery = Recovery(ordered, intents=[a_purchase_in_doubt()])
    assert recovery.run(a_row("id-1", order_id="CS1")).intents
    state = recovery.run(a_row("id-1", order_id="CS1"), a_row("id-2", order_id="CS2"))
    assert (state.resources[an_address()].id, state.resources[an_address()].order_id) == ("id-2", "CS2")


def test_one_server_is_not_adopted_by_two_addresses():
    intents = [a_purchase_in_doubt("trainer[0]", name="same"), a_purchase_in_doubt("trainer[1]", name="same")]
    row = a_row("id-1", "same", shown={"name": "same"})
    for intent in intents:
        intent.declared["name"] = "same"
    state = Recovery(intents=intents).run(row)
    assert len(state.resources) == 1
    assert len(state.intents) == 1
    assert not list(state.problems())


def test_a_release_in_doubt_whose_server_is_gone_was_carried_out():
    recovery = Recovery(a_recorded(), intents=[a_release_in_doubt()])
    state = recovery.run()
    assert not state.resources
    assert not state.intents
    assert [entry.type for entry in recovery.ledger.entries] == ["settled", "forgotten"]


@pytest.mark.parametrize(("status", "phase"), [("RUNNING", Phase.READY), ("DELETING", Phase.DELETING)])
def test_a_release_in_doubt_whose_server_is_listed_is_left_to_the_next_plan(status, phase):
    recovery = Recovery(a_recorded(), intents=[a_release_in_doubt()])
    state = recovery.run(a_row("id-of-trainer[0]", status=status))
    assert state.resources[an_address()].phase is phase
    assert not state.intents


def test_recovering_twice_is_recovering_once():
    intents = [a_purchase_in_doubt(), a_release_in_doubt("gateway"), a_purchase_in_doubt("pool", name="pool")]
    recovery = Recovery(a_recorded("gateway"), intents=intents)
    once = recovery.run(a_row("id-1"))
    batches = len(recovery.ledger.batches)
    assert recovery.run(a_row("id-1")) == once
    assert len(recovery.ledger.batches) == batches
    assert [intent.name for intent in once.in_doubt] == ["pool"]


def test_what_cannot_be_recorded_is_not_believed():
    recovery = Recovery(intents=[a_purchase_in_doubt()])
    recovery.ledger = MemoryLedger([], CrashPlan(), fail_at=0)
    before = recovery.state
    with pytest.raises(StoreError):
        recovery.run(a_row("id-1"))
    assert recovery.state == before


@pytest.mark.parametrize("prepaid", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_a_lost_reply_costs_nothing_the_next_run_adopts_and_goes_on(harness, servers, result_types, prepaid, count):
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True, times=count)
    assert result_types(harness.apply(*servers(count, prepaid=prepaid))) == ["in_doubt"] * count
    assert result_types(harness.apply(*servers(count, prepaid=prepaid))) == ["done"] * count
    assert set(harness.cloud.purchases.values()) == {1}
    assert {one.id for one in harness.state.resources.values()} == {one.id for one in harness.cloud.ours}


def test_a_server_that_shows_late_is_waited_for_and_never_bought_again(harness, servers, result_types):
    harness.cloud.listed_after = 600.0
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True)
    for _ in range(3):
        assert result_types(harness.apply(*servers(1))) == ["in_doubt"]
    harness.clock.time += 600.0
    assert result_types(harness.apply(*servers(1))) == ["done"]
    assert harness.cloud.purchases == {"trainer-0": 1}


def test_a_server_in_doubt_that_left_the_specs_is_adopted_and_released(harness, servers, result_types):
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True)
    harness.apply(*servers(1))
    assert result_types(harness.apply()) == ["done"]
    assert not harness.cloud.ours
    assert not harness.state.resources
    assert not harness.state.intents


def test_a_release_in_doubt_that_named_no_server_is_no_proof_that_one_is_gone():
    """An earlier version wrote such intents. Which server was to be released is not known, so the record stays for the
    next plan.
    """
    record = a_recorded(phase=Phase.CREATING, id=None, order_id="CS1")
    state = Recovery(record, intents=[a_release_in_doubt(target_id=None)]).run()
    assert state.resources[an_address()] == record
    assert not state.intents


@pytest.mark.parametrize("names", [None, NO_NAMES, frozenset({"theirs"})])
def test_silence_of_a_list_with_gaps_means_nothing(names):
    recovery = Recovery(intents=[a_purchase_in_doubt()])
    assert recovery.run(at=NOON + 2 * HOUR, gaps=(ListGap("GET list", "why", names),)).intents
    assert not recovery.run(at=NOON + 2 * HOUR).intents


def test_a_server_without_a_name_that_was_made_since_keeps_a_doubt_open():
    recovery = Recovery(intents=[a_purchase_in_doubt()])
    assert recovery.run(a_row("id-1", "", created_at=NOON), at=NOON + 2 * HOUR).intents
    assert not recovery.run(a_row("id-1", "", created_at=NOON - 2 * HOUR), at=NOON + 2 * HOUR).intents


@pytest.mark.parametrize(
    ("names", "adopted"), [(None, False), (frozenset({"trainer[0]"}), False), (frozenset({"theirs"}), True)]
)
def test_the_only_one_that_fits_is_adopted_unless_another_may_be_hidden(names, adopted):
    state = Recovery(intents=[a_purchase_in_doubt()]).run(a_row("id-1"), gaps=(ListGap("GET list", "why", names),))
    assert bool(state.resources) is adopted


@pytest.mark.parametrize(("status", "warnings"), [("RUNNING", 1), ("DELETE_FAILED", 1), ("DELETING", 0), (None, 0)])
def test_a_release_that_may_still_arrive_is_told(status, warnings):
    recorded = a_recorded(phase=Phase.READY)
    recovery = Recovery(recorded, intents=[a_release_in_doubt(target_id=recorded.id)])
    recovery.run(*([a_row(recorded.id, status=status)] if status else []))
    notices = [event.diagnostic for event in recovery.events if event.type is EventType.NOTICE]
    assert [notice.code for notice in notices].count("unsettled") == warnings
    assert all("if it arrives late" in notice.detail for notice in notices if notice.code == "unsettled")


def test_a_state_that_cannot_be_read_accounts_for_nothing():
    """Such a state may hold the server that resembles the purchase, or may not. So the server is not adopted, and none
    is bought besides.
    """

    def unreadable_state(rows, *, readable_only=False):
        return {} if readable_only else {row.id for row in rows}

    recovery = Recovery(intents=[a_purchase_in_doubt()])
    assert recovery.run(a_row("id-1", "renamed"), at=NOON + HOUR, other_states=unreadable_state).intents
    assert not recovery.run(
        a_row("id-1", "renamed"), at=NOON + HOUR, other_states=lambda rows, *, readable_only=False: {"id-1"}
    ).intents


OWN_SERVERS_MISSING = ListGap(
    "", "no server of his is listed", NO_NAMES, is_reported=False, only_others=True, lacks_sender=True
)


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_release_of_which_no_list_tells_the_outcome_stays_open_as_long_as_its_server_is_recorded(is_recorded):
    """Once the server is not recorded, nothing depends on the outcome, and every run would report the open release for
    ever.
    """
    recorded = [a_recorded(id="id-of-trainer[0]")] if is_recorded else []
    state = Recovery(*recorded, intents=[a_release_in_doubt(sender="ana")]).run(gaps=(OWN_SERVERS_MISSING,))
    assert (bool(state.intents), bool(state.resources)) == (is_recorded, is_recorded)
