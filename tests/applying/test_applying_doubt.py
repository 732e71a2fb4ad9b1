"""A purchase in doubt is looked for beside the other work; silence is believed late, and never where money may be spent."""

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
def patient(world):
    """It looks for half a minute."""
    world.resolve_timeout = 30.0
    return world


def lose(world, *, executed, **options):
    world.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=executed, **options)


class TestInTheSameRun:
    @pytest.mark.parametrize("prepaid", [False, True])
    @pytest.mark.parametrize("count", [1, 3])
    def test_what_was_carried_out_is_found_and_followed_to_its_end(self, patient, servers, types, prepaid, count):
        lose(patient, executed=True, times=count)
        assert types(patient.apply(*servers(count, prepaid=prepaid))) == ["done"] * count
        assert set(patient.cloud.purchases.values()) == {1}
        assert len(patient.happened(EventType.ADOPTED)) == count
        assert not patient.state.intents

    def test_one_that_shows_late_is_waited_for(self, patient, servers, types):
        patient.cloud.listed_after = 20.0
        lose(patient, executed=True)
        assert types(patient.apply(*servers(1))) == ["done"]
        assert patient.cloud.purchases == {"trainer-0": 1}

    def test_what_was_lost_is_looked_for_as_long_as_was_asked_and_stays_in_doubt(self, patient, servers, only):
        lose(patient, executed=False)
        result = only(patient.apply(*servers(1)))
        assert result.type == "in_doubt"
        assert patient.clock.time == pytest.approx(30.0, abs=10.0)
        assert "no server that fits it is listed so far" in result.message
        assert "2026-01-01 12:25" in result.diagnostic.hint
        assert patient.cloud.purchases == {}
        assert len(patient.state.intents) == 1

    def test_the_others_do_not_wait_for_it(self, patient, servers, types):
        lose(patient, executed=False)
        finished = []
        patient.listeners.append(
            lambda event: finished.append(patient.clock.time) if event.type is EventType.FINISHED else None
        )
        assert sorted(types(patient.apply(*servers(3)))) == ["done", "done", "in_doubt"]
        assert max(finished) < 10.0

    def test_of_several_that_fit_none_is_taken_and_a_person_is_asked(self, patient, servers, only):
        lose(patient, executed=True)
        patient.cloud.stranger("trainer-0")
        result = only(patient.apply(*servers(1)))
        assert result.type == "in_doubt"
        assert "several servers fit" in result.message
        assert "--adopt ID" in result.diagnostic.hint
        assert not patient.state.resources

    def test_what_another_state_holds_or_seeks_is_passed_over(self, patient, servers, types):
        """Its server was listed first, and fits as well as ours."""
        plan = patient.plan(*servers(1))
        lose(patient, executed=True)
        patient.cloud.stranger("trainer-0")

        def theirs(rows):
            return {row.id for row in rows if patient.cloud.servers[row.id].strange}

        assert types(patient.carry_out(plan, other_states=theirs, resolve_timeout=30.0)) == ["done"]
        assert {one.id for one in patient.state.resources.values()} == {one.id for one in patient.cloud.ours}

    def test_an_interruption_ends_the_search_and_leaves_the_doubt(self, patient, servers, only):
        lose(patient, executed=False)
        patient.listeners.append(
            lambda event: patient.interruption.request() if event.type is EventType.WAITING else None
        )
        result = patient.apply(*servers(1))
        assert result.interrupted
        assert only(result).type == "in_doubt"
        assert len(patient.state.intents) == 1


class TestInTheNextRun:
    @pytest.fixture
    def doubtful(self, world, servers):
        lose(world, executed=True)
        world.cloud.listed_after = 40.0
        world.apply(*servers(1))
        world.resolve_timeout = 60.0
        return world

    def test_it_is_found_beside_the_other_work(self, doubtful, servers, types):
        assert types(doubtful.apply(*servers(2))) == ["done", "done"]
        assert doubtful.cloud.purchases == {"trainer-0": 1, "trainer-1": 1}

    def test_destroy_releases_what_it_finds(self, doubtful, types):
        assert types(doubtful.apply(mode=Mode.DESTROY)) == ["done"]
        assert not doubtful.cloud.ours
        assert not doubtful.state.resources
        assert not doubtful.state.intents

    def test_what_left_the_specs_is_recorded_and_released_by_the_next_apply(self, doubtful, types, only):
        result = only(doubtful.apply())
        assert result.type == "incomplete"
        assert "not in the specs any more" in result.message
        assert types(doubtful.apply()) == ["done"]
        assert not doubtful.cloud.ours


class TestSilence:
    def wait(self, world, minutes):
        world.clock.time += minutes * 60

    def test_is_believed_after_the_quiet_period_and_the_server_bought(self, world, servers, types):
        lose(world, executed=False)
        assert types(world.apply(*servers(1))) == ["in_doubt"]
        self.wait(world, 24)
        assert types(world.apply(*servers(1))) == ["in_doubt"]
        self.wait(world, 1.1)
        assert types(world.apply(*servers(1))) == ["done"]
        assert world.cloud.purchases == {"trainer-0": 1}
        assert world.outcomes() == ["absent"]
        assert world.happened(EventType.SETTLED) == ["trainer[0]"]

    def test_is_never_believed_of_a_prepaid_server(self, world, servers, types):
        lose(world, executed=False)
        for _ in range(3):
            assert types(world.apply(*servers(1, prepaid=True))) == ["in_doubt"]
            self.wait(world, 60 * 24)
        assert world.cloud.purchases == {}

    def test_is_not_believed_while_the_server_is_listed(self, world, servers, types):
        lose(world, executed=True)
        world.cloud.stranger("trainer-0")
        assert types(world.apply(*servers(1))) == ["in_doubt"]
        self.wait(world, 60)
        assert types(world.apply(*servers(1))) == ["in_doubt"]
        assert world.outcomes() == []

    def test_is_measured_from_the_clouds_clock_when_it_was_sent(self, world, servers):
        world.cloud.clock_ahead = 3_600_000
        lose(world, executed=False)
        world.apply(*servers(1))
        (intent,) = world.state.in_doubt
        assert intent.server_time == intent.unknown_since == NOON + 3_600_000

    def test_a_ghost_that_comes_after_it_is_named_by_every_plan(self, world, servers):
        lose(world, executed=True)
        world.cloud.listed_after = 3600.0
        world.policy = replace(world.policy, quiet_period=10 * MINUTE)
        world.apply(*servers(1))
        self.wait(world, 11)
        world.apply(*servers(1))
        self.wait(world, 120)
        found = [finding for finding in world.plan(*servers(1)).findings if finding.code == "bought-twice"]
        assert len(found) == 1
        assert "believed never carried out" in found[0].summary


class TestNonce:
    @pytest.fixture
    def marking(self, patient):
        patient.policy = NONCE
        return patient

    def test_a_server_is_bought_under_a_name_of_its_own_and_then_renamed(self, marking, servers, types):
        assert types(marking.apply(*servers(2))) == ["done", "done"]
        sent = [intent.name for intent in marking.intents]
        assert all(name.startswith("trainer-") and len(name) > len("trainer-0") for name in sent)
        assert sorted(server.name for server in marking.cloud.ours) == ["trainer-0", "trainer-1"]
        assert not marking.plan(*servers(2)).work

    def test_a_strangers_server_of_the_wanted_name_is_never_taken(self, marking, servers, types):
        lose(marking, executed=True)
        marking.cloud.stranger("trainer-0")
        assert types(marking.apply(*servers(1))) == ["done"]
        (ours,) = marking.cloud.ours
        assert [one.id for one in marking.state.resources.values()] == [ours.id]

    def test_one_whose_rename_fails_is_renamed_by_the_next_apply(self, marking, servers, types):
        marking.cloud.fails(Effect.REPEATABLE, Outcome.REFUSED)
        assert types(marking.apply(*servers(1))) != ["done"]
        assert types(marking.apply(*servers(1))) == ["done"]
        assert [server.name for server in marking.cloud.ours] == ["trainer-0"]
        assert marking.cloud.purchases.total() == 1

    def test_its_last_rename_is_nobodys_change_to_ignore(self, marking, servers, types):
        (server,) = servers(1)
        wanted = replace(server, lifecycle=Lifecycle(ignore_changes=(("name",),)))
        marking.cloud.fails(Effect.REPEATABLE, Outcome.REFUSED)
        assert types(marking.apply(wanted)) != ["done"]
        assert types(marking.apply(wanted)) == ["done"]
        assert [server.name for server in marking.cloud.ours] == ["trainer-0"]


class TestTwoSteps:
    @pytest.fixture
    def careful(self, world):
        world.policy = TWO_STEP
        return world

    def test_an_order_is_placed_unpaid_and_paid_by_its_id(self, careful, servers, types):
        assert types(careful.apply(*servers(1, prepaid=True))) == ["done"]
        assert careful.cloud.payments == {"trainer-0": 1}
        assert [intent.effect for intent in careful.intents] == [Effect.PURCHASE, Effect.PAYMENT]

    def test_no_order_is_placed_beside_one_that_is_open_and_a_person_takes_that(self, careful, servers, types):
        lose(careful, executed=True)
        for _ in range(5):
            assert types(careful.apply(*servers(1, prepaid=True))) == ["in_doubt"]
            careful.clock.time += 1800
        assert (careful.cloud.payments, careful.cloud.bought) == ({}, ["trainer-0"])
        (intent,) = careful.state.intents.values()
        (order,) = careful.cloud.pending
        careful.entries.append(Adopted(intent.id, None, "decided by ana", order))
        assert types(careful.apply(*servers(1, prepaid=True))) == ["done"]
        assert (careful.cloud.payments, careful.cloud.bought) == ({"trainer-0": 1}, ["trainer-0"])

    def test_what_was_never_ordered_is_ordered_once_silence_means_that(self, careful, servers, types):
        lose(careful, executed=False)
        for _ in range(2):
            assert types(careful.apply(*servers(1, prepaid=True))) == ["in_doubt"]
        careful.clock.time += 1800
        assert types(careful.apply(*servers(1, prepaid=True))) == ["done"]
        assert careful.cloud.payments == {"trainer-0": 1}
        assert len(careful.cloud.ours) == 1

    @pytest.mark.parametrize("executed", [True, False])
    def test_a_lost_payment_is_read_from_the_order(self, careful, servers, types, executed):
        careful.cloud.fails(Effect.PAYMENT, Outcome.UNKNOWN, executed=executed)
        assert types(careful.apply(*servers(1, prepaid=True))) == ["done"]
        assert careful.cloud.payments == {"trainer-0": 1}
        assert not careful.state.intents

    def test_a_refused_payment_leaves_the_order_for_the_next_run(self, careful, servers, types, only):
        careful.cloud.fails(Effect.PAYMENT, Outcome.REFUSED)
        result = only(careful.apply(*servers(1, prepaid=True)))
        assert result.type == "incomplete"
        assert "awaits payment" in result.message
        assert types(careful.apply(*servers(1, prepaid=True))) == ["done"]
        assert careful.cloud.purchases.total() == 1

    def test_pay_per_use_is_bought_as_ever(self, careful, servers, types):
        assert types(careful.apply(*servers(1))) == ["done"]
        assert careful.cloud.payments == {}


class TestWhatAReviewFound:
    """Each was once a server bought twice, lost, or released against its protection."""

    def test_destroy_does_not_release_a_protected_server_that_it_finds(self, world, servers):
        (server,) = servers(1)
        guarded = replace(server, lifecycle=Lifecycle(prevent_destroy=True))
        world.cloud.listed_after = 10.0
        lose(world, executed=True)
        world.apply(guarded)
        world.resolve_timeout = 30.0
        refused = world.survey_plan(mode=Mode.DESTROY)
        assert [finding.code for finding in refused.refusals] == ["protected"]
        world.carry_out(refused)
        assert len(world.cloud.ours) == 1

    def test_a_ghost_under_our_marker_is_adopted_and_not_bought_again(self, world, servers, types):
        world.policy = NONCE
        world.cloud.listed_after = 3600.0
        lose(world, executed=True)
        world.apply(*servers(1))
        world.clock.time += 26 * 60
        world.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, status=400)
        world.apply(*servers(1))
        assert world.outcomes() == ["absent", "refused"]
        world.clock.time += 3600
        assert types(world.apply(*servers(1))) == ["done"]
        assert len(world.cloud.ours) == 1

    def test_an_address_renamed_while_in_doubt_is_not_bought_under_its_old_name(self, world, servers):
        world.policy = NONCE
        lose(world, executed=False)
        (server,) = servers(1)
        world.apply(server)
        moved = replace(server, address=Address.parse("moved"))
        assert [finding.code for finding in world.survey_plan(moved).refusals] == ["name-in-doubt"]

    def test_our_marker_is_believed_however_the_cloud_spells_the_rest(self, world, servers, types):
        world.policy = NONCE
        lose(world, executed=True)
        world.apply(*servers(1))
        (ours,) = world.cloud.ours
        ours.flavor = "si2.LARGE.4"
        world.clock.time += 3600
        assert types(world.apply(*servers(1))) == ["done"]
        assert len(world.cloud.ours) == 1

    def test_silence_is_not_believed_while_a_server_of_that_name_is_listed(self, world, servers, types):
        lose(world, executed=True)
        world.apply(*servers(1))
        (ours,) = world.cloud.ours
        ours.flavor = "si2.LARGE.4"
        world.clock.time += 3600
        assert types(world.apply(*servers(1))) == ["in_doubt"]

    def test_nobody_said_how_it_is_paid_for_and_billing_knows_an_order(self, world, servers, types):
        lose(world, executed=False)
        world.apply(*servers(1))
        world.cloud.pending["CS9"] = {"name": "trainer-0", "flavor": "Si2.large.4"}
        world.clock.time += 3600
        assert types(world.apply(*servers(1))) == ["in_doubt"]

    def test_an_order_that_somebody_paid_is_not_ordered_anew(self, world, servers, types):
        world.policy = TWO_STEP
        lose(world, executed=True)
        world.apply(*servers(1, prepaid=True))
        world.cloud.paid_by_others = True
        assert types(world.apply(*servers(1, prepaid=True))) == ["in_doubt"]

    def test_a_machine_that_stood_still_before_it_sent_notes_it_again(self, world, servers, types):
        stood = []

        def stand_still(entries):
            if any(isinstance(entry, Intended) for entry in entries) and not stood:
                stood.append(True)
                world.clock.time += 1800.0

        world.after_writing = stand_still
        assert types(world.apply(*servers(1))) == ["done"]
        first, second = world.intents
        assert second.server_time - first.server_time >= 1_800_000
        assert world.outcomes() == ["not_sent"]

    def test_a_release_that_was_lost_does_not_take_the_server_that_came_after(self, world, servers):
        world.apply(*servers(1))
        world.cloud.fails(Effect.DESTRUCTIVE, Outcome.UNKNOWN, executed=True, status=500, code="ModelArts.6404")
        for _ in range(3):
            world.apply(
                *servers(1, flavor="larger"), replacing=["trainer[0]"] if world.cloud.purchases.total() < 2 else []
            )
        assert {one.id for one in world.state.resources.values()} == {one.id for one in world.cloud.ours}

    def test_an_order_that_the_specs_have_moved_on_from_is_not_paid(self, world, servers, only):
        world.policy = TWO_STEP
        world.cloud.fails(Effect.PAYMENT, Outcome.REFUSED)
        world.apply(*servers(1, prepaid=True))
        result = only(world.apply(*servers(1, prepaid=True, flavor="larger")))
        assert result.type == "incomplete"
        assert world.cloud.payments == {}

    def test_what_was_bought_and_is_wanted_otherwise_by_now_is_not_called_done(self, world, servers, only):
        lose(world, executed=True)
        world.apply(*servers(1))
        result = only(world.apply(*servers(1, flavor="larger")))
        assert result.type == "failed"
        assert "flavor" in result.message

    def test_a_journal_that_fails_while_a_doubt_is_sought_leaves_a_doubt(self, patient, servers, only):
        lose(patient, executed=True)
        result = only(patient.apply(*servers(1), fail_at=1))
        assert result.type == "in_doubt"
        assert "nothing was sent" not in result.message


class TestDeathWhileItLooks:
    """Every step of a run whose reply is lost and that looks for its server, and of one that withdraws what it noted."""

    def lost(self, world):
        lose(world, executed=True)

    def lost_and_late(self, world):
        world.cloud.listed_after = 10.0
        lose(world, executed=True)

    def stood_still(self, world):
        stood = []

        def stand_still(entries):
            if any(isinstance(entry, Intended) for entry in entries) and not stood:
                stood.append(True)
                world.clock.time += 1800.0

        world.after_writing = stand_still

    @pytest.mark.parametrize("policy", [PurchasePolicy(), NONCE, TWO_STEP], ids=["name", "nonce", "two-step"])
    @pytest.mark.parametrize("story", ["lost", "lost_and_late", "stood_still"])
    @pytest.mark.parametrize("prepaid", [False, True])
    def test_one_more_apply_makes_it_good(self, new_world, servers, story, prepaid, policy):
        def begun():
            world = new_world(policy=policy, resolve_timeout=30.0)
            getattr(self, story)(world)
            return world

        alone = begun()
        assert alone.apply(*servers(1, prepaid=prepaid)) is not None
        steps = alone.crash_plan.steps
        for step in range(len(steps)):
            world = begun()
            assert world.apply(*servers(1, prepaid=prepaid), die_at=step) is None
            assert len(world.crash_plan.steps) == step + 1
            world.clock.time += 60
            world.apply(*servers(1, prepaid=prepaid))
            assert len(world.cloud.ours) + len(world.state.in_doubt) == 1, f"after {steps[step]}"
            assert {one.id for one in world.state.resources.values()} == {one.id for one in world.cloud.ours}
            paid = world.cloud.payments if policy is TWO_STEP and prepaid else world.cloud.purchases
            assert paid.total() <= 1
        assert len(steps) >= 10
