"""The server of a purchase in doubt is looked for while the run goes on. Silence is believed late, and never where it
may cost money.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.simulation import NOON

from provisioner.model.address import Address
from provisioner.model.event import EventType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.journal import Adopted, Intended
from provisioner.model.plan import Mode
from provisioner.model.purchase_policy import MINUTE, Marker, Prepaid, PurchasePolicy
from provisioner.model.resource import Lifecycle

TWO_STEP = PurchasePolicy(prepaid=Prepaid.TWO_STEP)
NONCE = PurchasePolicy(marker=Marker.NONCE)


@pytest.fixture
def patient(harness):
    """A harness whose runs look for the servers of doubts for half a minute."""
    harness.resolve_timeout = 30.0
    return harness


def lose_reply(harness, *, executed, **options):
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=executed, **options)


class TestInTheSameRun:
    @pytest.mark.parametrize("prepaid", [False, True])
    @pytest.mark.parametrize("count", [1, 3])
    def test_what_was_carried_out_is_found_and_followed_to_its_end(
        self, patient, servers, result_types, prepaid, count
    ):
        lose_reply(patient, executed=True, times=count)
        assert result_types(patient.apply(*servers(count, prepaid=prepaid))) == ["done"] * count
        assert set(patient.cloud.purchases.values()) == {1}
        assert len(patient.addresses_with(EventType.ADOPTED)) == count
        assert not patient.state.intents

    def test_one_that_shows_late_is_waited_for(self, patient, servers, result_types):
        patient.cloud.listed_after = 20.0
        lose_reply(patient, executed=True)
        assert result_types(patient.apply(*servers(1))) == ["done"]
        assert patient.cloud.purchases == {"trainer-0": 1}

    def test_what_was_lost_is_looked_for_as_long_as_was_asked_and_stays_in_doubt(self, patient, servers, only_result):
        lose_reply(patient, executed=False)
        result = only_result(patient.apply(*servers(1)))
        assert result.type == "in_doubt"
        assert patient.clock.time == pytest.approx(30.0, abs=10.0)
        assert "no server that fits it is listed so far" in result.message
        assert "2026-01-01 12:25" in result.diagnostic.hint
        assert patient.cloud.purchases == {}
        assert len(patient.state.intents) == 1

    def test_the_others_do_not_wait_for_it(self, patient, servers, result_types):
        lose_reply(patient, executed=False)
        finished = []
        patient.listeners.append(
            lambda event: finished.append(patient.clock.time) if event.type is EventType.FINISHED else None
        )
        assert sorted(result_types(patient.apply(*servers(3)))) == ["done", "done", "in_doubt"]
        assert max(finished) < 10.0

    def test_of_several_that_fit_none_is_taken_and_a_person_is_asked(self, patient, servers, only_result):
        lose_reply(patient, executed=True)
        patient.cloud.stranger("trainer-0")
        result = only_result(patient.apply(*servers(1)))
        assert result.type == "in_doubt"
        assert "several servers fit" in result.message
        assert "--adopt" in result.diagnostic.hint
        assert not patient.state.resources

    def test_what_another_state_holds_or_seeks_is_passed_over(self, patient, servers, result_types):
        """The other state's server was listed first, and fits as well as ours."""
        plan = patient.plan(*servers(1))
        lose_reply(patient, executed=True)
        patient.cloud.stranger("trainer-0")

        def claimed(rows):
            return {row.id for row in rows if patient.cloud.servers[row.id].strange}

        assert result_types(patient.execute(plan, other_states=claimed, resolve_timeout=30.0)) == ["done"]
        assert {one.id for one in patient.state.resources.values()} == {one.id for one in patient.cloud.ours}

    def test_an_interruption_ends_the_search_and_leaves_the_doubt(self, patient, servers, only_result):
        lose_reply(patient, executed=False)
        patient.listeners.append(
            lambda event: patient.interruption.request() if event.type is EventType.WAITING else None
        )
        result = patient.apply(*servers(1))
        assert result.interrupted
        assert only_result(result).type == "in_doubt"
        assert len(patient.state.intents) == 1


class TestInTheNextRun:
    @pytest.fixture
    def doubtful(self, harness, servers):
        lose_reply(harness, executed=True)
        harness.cloud.listed_after = 40.0
        harness.apply(*servers(1))
        harness.resolve_timeout = 60.0
        return harness

    def test_it_is_found_beside_the_other_work(self, doubtful, servers, result_types):
        assert result_types(doubtful.apply(*servers(2))) == ["done", "done"]
        assert doubtful.cloud.purchases == {"trainer-0": 1, "trainer-1": 1}

    def test_destroy_releases_what_it_finds(self, doubtful, result_types):
        assert result_types(doubtful.apply(mode=Mode.DESTROY)) == ["done"]
        assert not doubtful.cloud.ours
        assert not doubtful.state.resources
        assert not doubtful.state.intents

    def test_what_left_the_specs_is_recorded_and_released_by_the_next_apply(self, doubtful, result_types, only_result):
        result = only_result(doubtful.apply())
        assert result.type == "incomplete"
        assert "not in the specs any more" in result.message
        assert result_types(doubtful.apply()) == ["done"]
        assert not doubtful.cloud.ours


class TestSilence:
    def wait(self, harness, minutes):
        harness.clock.time += minutes * 60

    def test_is_believed_after_the_quiet_period_and_the_server_bought(self, harness, servers, result_types):
        lose_reply(harness, executed=False)
        assert result_types(harness.apply(*servers(1))) == ["in_doubt"]
        self.wait(harness, 24)
        assert result_types(harness.apply(*servers(1))) == ["in_doubt"]
        self.wait(harness, 1.1)
        assert result_types(harness.apply(*servers(1))) == ["done"]
        assert harness.cloud.purchases == {"trainer-0": 1}
        assert harness.settled_outcomes() == ["absent"]
        assert harness.addresses_with(EventType.SETTLED) == ["trainer[0]"]

    def test_is_never_believed_of_a_prepaid_server(self, harness, servers, result_types):
        lose_reply(harness, executed=False)
        for _ in range(3):
            assert result_types(harness.apply(*servers(1, prepaid=True))) == ["in_doubt"]
            self.wait(harness, 60 * 24)
        assert harness.cloud.purchases == {}

    def test_is_not_believed_while_the_server_is_listed(self, harness, servers, result_types):
        lose_reply(harness, executed=True)
        harness.cloud.stranger("trainer-0")
        assert result_types(harness.apply(*servers(1))) == ["in_doubt"]
        self.wait(harness, 60)
        assert result_types(harness.apply(*servers(1))) == ["in_doubt"]
        assert harness.settled_outcomes() == []

    def test_is_measured_from_the_clouds_clock_when_it_was_sent(self, harness, servers):
        harness.cloud.clock_ahead = 3_600_000
        lose_reply(harness, executed=False)
        harness.apply(*servers(1))
        (intent,) = harness.state.in_doubt
        assert intent.server_time == intent.unknown_since == NOON + 3_600_000

    def test_a_ghost_that_comes_after_it_is_named_by_every_plan(self, harness, servers):
        lose_reply(harness, executed=True)
        harness.cloud.listed_after = 3600.0
        harness.policy = replace(harness.policy, quiet_period=10 * MINUTE)
        harness.apply(*servers(1))
        self.wait(harness, 11)
        harness.apply(*servers(1))
        self.wait(harness, 120)
        found = [finding for finding in harness.plan(*servers(1)).findings if finding.code == "bought-twice"]
        assert len(found) == 1
        assert "counted as never carried out" in found[0].summary


class TestNonce:
    @pytest.fixture
    def marking(self, patient):
        patient.policy = NONCE
        return patient

    def test_a_server_is_bought_under_a_name_of_its_own_and_then_renamed(self, marking, servers, result_types):
        assert result_types(marking.apply(*servers(2))) == ["done", "done"]
        sent = [intent.name for intent in marking.intents]
        assert all(name.startswith("trainer-") and len(name) > len("trainer-0") for name in sent)
        assert sorted(server.name for server in marking.cloud.ours) == ["trainer-0", "trainer-1"]
        assert not marking.plan(*servers(2)).work

    def test_a_strangers_server_of_the_wanted_name_is_never_taken(self, marking, servers, result_types):
        lose_reply(marking, executed=True)
        marking.cloud.stranger("trainer-0")
        assert result_types(marking.apply(*servers(1))) == ["done"]
        (ours,) = marking.cloud.ours
        assert [one.id for one in marking.state.resources.values()] == [ours.id]

    def test_one_whose_rename_fails_is_renamed_by_the_next_apply(self, marking, servers, result_types):
        marking.cloud.fails(Effect.REPEATABLE, Outcome.REFUSED)
        assert result_types(marking.apply(*servers(1))) != ["done"]
        assert result_types(marking.apply(*servers(1))) == ["done"]
        assert [server.name for server in marking.cloud.ours] == ["trainer-0"]
        assert marking.cloud.purchases.total() == 1

    def test_its_last_rename_is_nobodys_change_to_ignore(self, marking, servers, result_types):
        (server,) = servers(1)
        wanted = replace(server, lifecycle=Lifecycle(ignore_changes=(("name",),)))
        marking.cloud.fails(Effect.REPEATABLE, Outcome.REFUSED)
        assert result_types(marking.apply(wanted)) != ["done"]
        assert result_types(marking.apply(wanted)) == ["done"]
        assert [server.name for server in marking.cloud.ours] == ["trainer-0"]


class TestTwoSteps:
    @pytest.fixture
    def careful(self, harness):
        harness.policy = TWO_STEP
        return harness

    def test_an_order_is_placed_unpaid_and_paid_by_its_id(self, careful, servers, result_types):
        assert result_types(careful.apply(*servers(1, prepaid=True))) == ["done"]
        assert careful.cloud.payments == {"trainer-0": 1}
        assert [intent.effect for intent in careful.intents] == [Effect.PURCHASE, Effect.PAYMENT]

    def test_no_order_is_placed_beside_one_that_is_open_and_a_person_takes_that(self, careful, servers, result_types):
        lose_reply(careful, executed=True)
        for _ in range(5):
            assert result_types(careful.apply(*servers(1, prepaid=True))) == ["in_doubt"]
            careful.clock.time += 1800
        assert (careful.cloud.payments, careful.cloud.bought) == ({}, ["trainer-0"])
        (intent,) = careful.state.intents.values()
        (order,) = careful.cloud.pending
        careful.entries.append(Adopted(intent.id, None, "decided by ana", order))
        assert result_types(careful.apply(*servers(1, prepaid=True))) == ["done"]
        assert (careful.cloud.payments, careful.cloud.bought) == ({"trainer-0": 1}, ["trainer-0"])

    def test_what_was_never_ordered_is_ordered_once_silence_means_that(self, careful, servers, result_types):
        lose_reply(careful, executed=False)
        for _ in range(2):
            assert result_types(careful.apply(*servers(1, prepaid=True))) == ["in_doubt"]
        careful.clock.time += 1800
        assert result_types(careful.apply(*servers(1, prepaid=True))) == ["done"]
        assert careful.cloud.payments == {"trainer-0": 1}
        assert len(careful.cloud.ours) == 1

    @pytest.mark.parametrize("executed", [True, False])
    def test_a_lost_payment_is_read_from_the_order(self, careful, servers, result_types, executed):
        careful.cloud.fails(Effect.PAYMENT, Outcome.UNKNOWN, executed=executed)
        assert result_types(careful.apply(*servers(1, prepaid=True))) == ["done"]
        assert careful.cloud.payments == {"trainer-0": 1}
        assert not careful.state.intents

    def test_a_refused_payment_leaves_the_order_for_the_next_run(self, careful, servers, result_types, only_result):
        careful.cloud.fails(Effect.PAYMENT, Outcome.REFUSED)
        result = only_result(careful.apply(*servers(1, prepaid=True)))
        assert result.type == "incomplete"
        assert "awaits payment" in result.message
        assert result_types(careful.apply(*servers(1, prepaid=True))) == ["done"]
        assert careful.cloud.purchases.total() == 1

    def test_pay_per_use_is_bought_as_ever(self, careful, servers, result_types):
        assert result_types(careful.apply(*servers(1))) == ["done"]
        assert careful.cloud.payments == {}


class TestWhatAReviewFound:
    """In each of these cases a server was once bought twice, lost, or released against its protection."""

    def test_destroy_does_not_release_a_protected_server_that_it_finds(self, harness, servers):
        (server,) = servers(1)
        protected = replace(server, lifecycle=Lifecycle(prevent_destroy=True))
        harness.cloud.listed_after = 10.0
        lose_reply(harness, executed=True)
        harness.apply(protected)
        harness.resolve_timeout = 30.0
        refused = harness.plan_with_refusals(mode=Mode.DESTROY)
        assert [finding.code for finding in refused.refusals] == ["protected"]
        harness.execute(refused)
        assert len(harness.cloud.ours) == 1

    def test_a_ghost_under_our_marker_is_adopted_and_not_bought_again(self, harness, servers, result_types):
        harness.policy = NONCE
        harness.cloud.listed_after = 3600.0
        lose_reply(harness, executed=True)
        harness.apply(*servers(1))
        harness.clock.time += 26 * 60
        harness.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, status=400)
        harness.apply(*servers(1))
        assert harness.settled_outcomes() == ["absent", "refused"]
        harness.clock.time += 3600
        assert result_types(harness.apply(*servers(1))) == ["done"]
        assert len(harness.cloud.ours) == 1

    def test_an_address_renamed_while_in_doubt_is_not_bought_under_its_old_name(self, harness, servers):
        harness.policy = NONCE
        lose_reply(harness, executed=False)
        (server,) = servers(1)
        harness.apply(server)
        moved = replace(server, address=Address.parse("moved"))
        assert [finding.code for finding in harness.plan_with_refusals(moved).refusals] == ["name-in-doubt"]

    def test_our_marker_is_believed_however_the_cloud_spells_the_rest(self, harness, servers, result_types):
        harness.policy = NONCE
        lose_reply(harness, executed=True)
        harness.apply(*servers(1))
        (ours,) = harness.cloud.ours
        ours.flavor = "si2.LARGE.4"
        harness.clock.time += 3600
        assert result_types(harness.apply(*servers(1))) == ["done"]
        assert len(harness.cloud.ours) == 1

    def test_silence_is_not_believed_while_a_server_of_that_name_is_listed(self, harness, servers, result_types):
        lose_reply(harness, executed=True)
        harness.apply(*servers(1))
        (ours,) = harness.cloud.ours
        ours.flavor = "si2.LARGE.4"
        harness.clock.time += 3600
        assert result_types(harness.apply(*servers(1))) == ["in_doubt"]

    def test_nobody_said_how_it_is_paid_for_and_billing_knows_an_order(self, harness, servers, result_types):
        lose_reply(harness, executed=False)
        harness.apply(*servers(1))
        harness.cloud.pending["CS9"] = {"name": "trainer-0", "flavor": "Si2.large.4"}
        harness.clock.time += 3600
        assert result_types(harness.apply(*servers(1))) == ["in_doubt"]

    def test_an_order_that_somebody_paid_is_not_ordered_anew(self, harness, servers, result_types):
        harness.policy = TWO_STEP
        lose_reply(harness, executed=True)
        harness.apply(*servers(1, prepaid=True))
        harness.cloud.paid_by_others = True
        assert result_types(harness.apply(*servers(1, prepaid=True))) == ["in_doubt"]

    def test_a_machine_that_stood_still_before_it_sent_notes_it_again(self, harness, servers, result_types):
        stops = []

        def stand_still(entries):
            if any(isinstance(entry, Intended) for entry in entries) and not stops:
                stops.append(True)
                harness.clock.time += 1800.0

        harness.after_writing = stand_still
        assert result_types(harness.apply(*servers(1))) == ["done"]
        first, second = harness.intents
        assert second.server_time - first.server_time >= 1_800_000
        assert harness.settled_outcomes() == ["not_sent"]

    def test_a_release_that_was_lost_does_not_take_the_server_that_came_after(self, harness, servers):
        harness.apply(*servers(1))
        harness.cloud.fails(Effect.DESTRUCTIVE, Outcome.UNKNOWN, executed=True, status=500, code="ModelArts.6404")
        for _ in range(3):
            harness.apply(
                *servers(1, flavor="larger"), replacing=["trainer[0]"] if harness.cloud.purchases.total() < 2 else []
            )
        assert {one.id for one in harness.state.resources.values()} == {one.id for one in harness.cloud.ours}

    def test_an_order_that_the_specs_have_moved_on_from_is_not_paid(self, harness, servers, only_result):
        harness.policy = TWO_STEP
        harness.cloud.fails(Effect.PAYMENT, Outcome.REFUSED)
        harness.apply(*servers(1, prepaid=True))
        result = only_result(harness.apply(*servers(1, prepaid=True, flavor="larger")))
        assert result.type == "incomplete"
        assert harness.cloud.payments == {}

    def test_what_was_bought_and_is_wanted_otherwise_by_now_is_not_called_done(self, harness, servers, only_result):
        lose_reply(harness, executed=True)
        harness.apply(*servers(1))
        result = only_result(harness.apply(*servers(1, flavor="larger")))
        assert result.type == "failed"
        assert "flavor" in result.message

    def test_a_journal_that_fails_while_a_doubt_is_sought_leaves_a_doubt(self, patient, servers, only_result):
        lose_reply(patient, executed=True)
        result = only_result(patient.apply(*servers(1), fail_at=1))
        assert result.type == "in_doubt"
        assert "nothing was sent" not in result.message


class TestDeathWhileItLooks:
    """Deaths at every step of a run that looks for the server of a lost reply, and of one that withdraws its intent."""

    def lost(self, harness):
        lose_reply(harness, executed=True)

    def lost_and_late(self, harness):
        harness.cloud.listed_after = 10.0
        lose_reply(harness, executed=True)

    def stood_still(self, harness):
        stops = []

        def stand_still(entries):
            if any(isinstance(entry, Intended) for entry in entries) and not stops:
                stops.append(True)
                harness.clock.time += 1800.0

        harness.after_writing = stand_still

    @pytest.mark.parametrize("policy", [PurchasePolicy(), NONCE, TWO_STEP], ids=["name", "nonce", "two-step"])
    @pytest.mark.parametrize("preparation", ["lost", "lost_and_late", "stood_still"])
    @pytest.mark.parametrize("prepaid", [False, True])
    def test_one_more_apply_makes_it_good(self, new_harness, servers, preparation, prepaid, policy):
        def prepare():
            harness = new_harness(policy=policy, resolve_timeout=30.0)
            getattr(self, preparation)(harness)
            return harness

        undisturbed = prepare()
        assert undisturbed.apply(*servers(1, prepaid=prepaid)) is not None
        steps = undisturbed.crash_plan.steps
        for step in range(len(steps)):
            harness = prepare()
            assert harness.apply(*servers(1, prepaid=prepaid), die_at=step) is None
            assert len(harness.crash_plan.steps) == step + 1
            harness.clock.time += 60
            harness.apply(*servers(1, prepaid=prepaid))
            assert len(harness.cloud.ours) + len(harness.state.in_doubt) == 1, f"after {steps[step]}"
            assert {one.id for one in harness.state.resources.values()} == {one.id for one in harness.cloud.ours}
            paid = harness.cloud.payments if policy is TWO_STEP and prepaid else harness.cloud.purchases
            assert paid.total() <= 1
        assert len(steps) >= 10
