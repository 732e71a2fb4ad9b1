"""Several servers by one call: one order, whose servers become the addresses' own; what is not known of it, a person says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import an_address

from provisioner.model.event import EventType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.guards import Allowance
from provisioner.model.journal import Adopted, Forgotten, Settled
from provisioner.model.plan import Mode
from provisioner.model.purchase_policy import Marker, PurchasePolicy
from provisioner.model.resource import Lifecycle, Timeouts

NONCE = PurchasePolicy(marker=Marker.NONCE)


@pytest.fixture
def together(servers):
    def some(count, **fields):
        return tuple(replace(one, together=True) for one in servers(count, prepaid=True, **fields))

    return some


def bodies(world):
    return [sent.call.body for sent in world.cloud.log if sent.call.effect is Effect.PURCHASE]


def names(world):
    return sorted(server.name for server in world.cloud.ours)


def lose(world, *, executed, **options):
    world.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=executed, **options)


def check(world, count):
    """Each address has a server of its own, under its name, and nobody pays for another."""
    by_id = {server.id: server.name for server in world.cloud.ours}
    assert {by_id.pop(one.id): str(key) for key, one in world.state.resources.items()} == {
        f"trainer-{index}": f"trainer[{index}]" for index in range(count)
    }
    assert not by_id
    assert not world.state.intents


class TestOneOrder:
    def test_three_are_bought_by_one_call_and_bear_their_names(self, world, together, types):
        assert types(world.apply(*together(3))) == ["done"] * 3
        (body,) = bodies(world)
        assert (body["name"], body["count"]) == ("trainer-0", 3)
        assert {one.order_id for one in world.state.resources.values()} == {"CS3"}
        assert world.cloud.sent(Effect.REPEATABLE) == ["rename to trainer-1", "rename to trainer-2"]
        check(world, 3)

    def test_each_is_announced_and_the_next_plan_is_empty(self, world, together):
        world.apply(*together(3))
        for event in (EventType.STARTED, EventType.BOUGHT, EventType.FINISHED):
            assert sorted(world.happened(event)) == ["trainer[0]", "trainer[1]", "trainer[2]"]
        assert not world.plan(*together(3)).work

    @pytest.mark.parametrize(("count", "calls"), [(2, [2]), (10, [10]), (11, [10, None]), (12, [10, 2]), (1, [None])])
    def test_a_call_buys_ten_at_most_and_one_alone_is_bought_as_any_other(self, world, together, count, calls):
        world.apply(*together(count))
        assert Counter(body.get("count") for body in bodies(world)) == Counter(calls)
        check(world, count)

    def test_whoever_is_not_like_the_others_is_not_bought_with_them(self, world, together):
        group = together(4)
        larger = [replace(one, fields={**one.fields, "flavor": "larger"}) for one in group[1:3]]
        world.apply(group[0], *larger, group[3])
        assert [(body["name"], body["flavor"], body["count"]) for body in bodies(world)] == [
            ("trainer-0", "Si2.large.4", 2),
            ("trainer-1", "larger", 2),
        ]
        flavors = {str(key): world.cloud.servers[one.id].flavor for key, one in world.state.resources.items()}
        assert [key for key, flavor in flavors.items() if flavor == "larger"] == ["trainer[1]", "trainer[2]"]
        check(world, 4)

    def test_who_does_not_ask_for_it_is_bought_as_before(self, world, servers):
        world.apply(*servers(3, prepaid=True))
        assert [(body["name"], "count" in body) for body in bodies(world)] == [
            ("trainer-0", False), ("trainer-1", False), ("trainer-2", False),
        ]  # fmt: skip
        assert not any(intent.members for intent in world.intents)

    def test_a_rename_that_failed_is_made_whatever_changes_are_ignored(self, world, together, types):
        group = [replace(one, lifecycle=Lifecycle(ignore_changes=(("name",),))) for one in together(3)]
        world.cloud.fails(Effect.REPEATABLE, Outcome.REFUSED, times=2)
        assert Counter(types(world.apply(*group))) == {"done": 1, "incomplete": 2}
        assert types(world.apply(*group)) == ["done"] * 2
        check(world, 3)

    def test_labels_and_protection_are_each_ones_own(self, world, together):
        first, second = together(2)
        world.apply(
            replace(first, labels={"rack": "a"}),
            replace(second, labels={"rack": "b"}, lifecycle=Lifecycle(prevent_destroy=True)),
        )
        kept = {str(key): (dict(one.labels), one.protected) for key, one in world.state.resources.items()}
        assert kept == {"trainer[0]": ({"rack": "a"}, False), "trainer[1]": ({"rack": "b"}, True)}

    def test_a_group_that_grows_buys_only_what_is_new(self, world, together):
        world.apply(*together(3))
        world.apply(*together(5))
        assert [body["count"] for body in bodies(world)] == [3, 2]
        check(world, 5)

    def test_no_marker_is_sent(self, world, together):
        world.policy = NONCE
        world.apply(*together(3))
        assert bodies(world)[0]["name"] == "trainer-0"
        check(world, 3)

    def test_a_stranger_of_one_name_keeps_all_of_them_from_being_bought(self, world, together, types):
        plan = world.plan(*together(3))
        world.cloud.add_server("trainer-1", strange=True)
        result = world.carry_out(plan)
        assert types(result) == ["failed"] * 3
        assert "a server named 'trainer-1' exists" in result.results[0].message
        assert bodies(world) == []

    def test_a_refusal_is_everybodys_and_the_next_run_buys_them(self, world, together, types):
        world.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, status=400)
        assert types(world.apply(*together(3))) == ["failed"] * 3
        assert world.outcomes() == ["refused"]
        world.apply(*together(3))
        check(world, 3)

    def test_an_interrupted_group_is_not_started(self, world, together, types):
        world.cloud.pause = 5.0
        world.cloud.arrivals.append(lambda told: world.interruption.request() if "queue" in told else None)
        assert types(world.apply(*together(3))) == ["not_started"] * 3
        assert bodies(world) == []

    def test_a_journal_that_fails_behind_the_answer_tells_everybody_the_order(self, world, together):
        result = world.apply(*together(3), fail_at=1)
        assert [one.diagnostic.code for one in result.results] == ["bought-unrecorded"] * 3
        assert all("BOUGHT (order CS3)" in one.message for one in result.results)


class TestInDoubt:
    @pytest.mark.parametrize("executed", [True, False])
    @pytest.mark.parametrize("seconds", [0.0, 30.0])
    def test_it_is_neither_looked_for_nor_bought_again_whatever_is_listed(
        self, world, together, types, executed, seconds
    ):
        world.resolve_timeout = seconds
        lose(world, executed=executed)
        for _ in range(2):
            assert types(world.apply(*together(3))) == ["in_doubt"] * 3
            world.clock.time += 24 * 3600
        assert len(bodies(world)) == 1
        assert len(world.state.intents) == 1
        assert world.happened(EventType.ADOPTED) == []

    def test_everybody_is_told_what_to_do(self, world, together):
        lose(world, executed=True)
        for result in world.apply(*together(3)).results:
            assert result.diagnostic.address == result.address
            assert "resolve 'trainer[0]' --adopt ORDER" in result.diagnostic.hint
            assert "settles all 3" in result.diagnostic.hint

    def test_an_answer_without_an_order_is_none(self, world, together, types):
        """An id would name one of them, and nobody says which."""
        world.cloud.answers(Effect.PURCHASE, {"id": "id-1", "status": "CREATING"})
        assert types(world.apply(*together(3))) == ["in_doubt"] * 3
        assert world.state.resources == {}

    def test_the_order_that_a_person_names_goes_on(self, world, together, types):
        lose(world, executed=True)
        world.apply(*together(3))
        (intent,) = world.state.intents
        world.entries.append(Adopted(intent, None, "decided by ana", "CS3"))
        assert types(world.apply(*together(3))) == ["done"] * 3
        assert len(bodies(world)) == 1
        check(world, 3)

    def test_what_a_person_knows_to_be_none_is_bought(self, world, together, types):
        lose(world, executed=False)
        world.apply(*together(3))
        (intent,) = world.state.intents
        world.entries.append(Settled(intent, "absent", "decided by ana"))
        assert types(world.apply(*together(3))) == ["done"] * 3
        check(world, 3)

    def test_one_call_in_doubt_does_not_keep_the_other_from_ending(self, world, together, types):
        lose(world, executed=True, name="trainer-10")
        assert Counter(types(world.apply(*together(12)))) == {"done": 10, "in_doubt": 2}

    def test_an_order_that_somebody_else_has_is_not_believed(self, world, together, types):
        world.apply(*together(2))
        world.cloud.answers(Effect.PURCHASE, {"order_id": "CS2"})
        assert types(world.apply(*together(4))) == ["in_doubt"] * 2
        assert list(world.state.problems()) == []


class TestPartialOrders:
    def test_who_is_missing_is_waited_for_and_never_bought_again(self, world, together, types):
        world.cloud.lacking = 1
        group = tuple(replace(one, timeouts=Timeouts(create=60.0)) for one in together(3))
        for _ in range(2):
            result = world.apply(*group)
            (missing,) = [one for one in result.results if one.type == "incomplete"]
            assert (str(missing.address), missing.diagnostic.code) == ("trainer[2]", "timed-out")
            assert "order CS3" in missing.message
        assert len(bodies(world)) == 1
        assert world.state.resources[an_address("trainer[2]")].phase == "ordering"
        world.cloud.add_server("trainer-0", prepaid=True, order_id="CS3")
        assert types(world.apply(*group)) == ["done"]
        check(world, 3)

    def test_one_that_a_person_has_given_up_is_bought_by_itself(self, world, together, types):
        world.cloud.lacking = 1
        group = tuple(replace(one, timeouts=Timeouts(create=60.0)) for one in together(3))
        world.apply(*group)
        world.entries.append(Forgotten(an_address("trainer[2]"), "never shown by the cloud, decided by ana"))
        assert types(world.apply(*group)) == ["done"]
        assert [body.get("count") for body in bodies(world)] == [3, None]
        check(world, 3)

    def test_one_more_than_was_ordered_belongs_to_nobody_and_is_told(self, world, together):
        world.apply(*together(3))
        world.cloud.add_server("trainer-0", prepaid=True, order_id="CS3")
        plan = world.plan(*together(3))
        assert not plan.work
        (told,) = plan.findings
        assert told.code == "untracked"
        assert "is of order CS3, as trainer[0], trainer[1], trainer[2] is" in told.summary

    def test_an_order_that_nobody_has_paid_is_awaited_by_all(self, world, together, types):
        world.cloud.unpaid = True
        result = world.apply(*together(3))
        assert [one.diagnostic.code for one in result.results] == ["server-awaiting-payment"] * 3
        world.cloud.unpaid = False
        for name in ("x", "y", "z"):
            world.cloud.add_server(name, prepaid=True, order_id="CS3")
        assert types(world.apply(*together(3))) == ["done"] * 3
        assert len(bodies(world)) == 1
        check(world, 3)


class TestRelease:
    def test_all_go_by_themselves_though_the_first_one_ends_the_order(self, world, together, types):
        world.cloud.release_seconds = 3.0
        world.apply(*together(3))
        assert types(world.apply(*together(3), mode=Mode.DESTROY, parallelism=1)) == ["done"] * 3
        assert (world.cloud.ours, dict(world.state.resources)) == ([], {})

    def test_one_alone_is_not_released_as_the_others_would_go_with_it(self, world, together):
        world.apply(*together(3))
        plan = world.survey_plan(*together(2))
        assert [(one.code, str(one.address)) for one in plan.refusals] == [("order-shared", "trainer[2]")]
        assert "together with trainer[0], trainer[1]" in plan.refusals[0].summary

    def test_one_that_could_not_be_built_is_released_alone(self, world, together):
        world.apply(*together(3))
        third = world.state.resources[an_address("trainer[2]")]
        world.cloud.servers[third.id].status = "CREATE_FAILED"
        world.apply(*together(2))
        assert names(world) == ["trainer-0", "trainer-1"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wanted=st.integers(2, 6),
    lags=st.lists(st.integers(0, 40), min_size=6, max_size=6),
    order=st.permutations(range(6)),
    suffix=st.sampled_from(["", "-{index:04}", "-{other}"]),
    beginning=st.sampled_from(["{name}", "trainer", "node"]),
)
def test_whatever_the_cloud_calls_them_and_whenever_it_lists_them_each_has_its_own(
    new_world, together, wanted, lags, order, suffix, beginning
):
    world = new_world()
    world.cloud.naming = lambda name, index: (beginning + suffix).format(name=name, index=index, other=order[index])
    world.cloud.lags = {f"id-{number}": lag for number, lag in enumerate(lags, start=1)}
    result = world.apply(*together(wanted))
    assert {one.type for one in result.results} == {"done"}
    check(world, wanted)
    assert not world.plan(*together(wanted)).work


def story(new_world, together, count, *, build_seconds=3.0):
    world = new_world()
    world.cloud.build_seconds = build_seconds
    return world, together(count)


def settle(world):
    """As a person at the console: a purchase in doubt became the order of its name, or it became none."""
    for key, intent in tuple(world.state.intents.items()):
        orders = {one.order_id for one in world.cloud.ours if one.name == intent.name} - {
            one.order_id for one in world.state.resources.values()
        }
        verdict = Adopted(key, None, "decided by ana", orders.pop()) if orders else Settled(key, "absent", "decided")
        world.entries.append(verdict)


@pytest.mark.parametrize(("count", "parallelism"), [(3, 10), (3, 1), (12, 10), (12, 1)])
def test_one_more_apply_makes_good_a_death_at_any_step(new_world, together, count, parallelism):
    world, group = story(new_world, together, count)
    world.apply(*group, parallelism=parallelism)
    check(world, count)
    steps = world.crash_plan.steps
    calls = 1 + count // 11
    for point in ("writing intended", "buy trainer-0", "writing answered", "list", "writing remembered", "rename to"):
        assert {moment for moment in ("before", "after") if any(step.startswith(f"{moment} {point}") for step in steps)}
    for step in range(len(steps)):
        world, group = story(new_world, together, count)
        assert world.apply(*group, parallelism=parallelism, die_at=step) is None
        _make_good(world, group, count, calls, parallelism)


def _make_good(world, group, count, calls, parallelism):
    result = world.apply(*group, parallelism=parallelism)
    world.examine()
    kinds = {one.type.value for one in result.results}
    assert kinds <= {"done", "in_doubt"}
    if "in_doubt" in kinds:
        assert world.happened(EventType.ADOPTED) == []
        settle(world)
        world.apply(*group, parallelism=parallelism)
    check(world, count)
    assert len([one for one in world.cloud.bought if one == "trainer-0"]) == min(count, 10)
    assert len(world.cloud.bought) == count
    assert len({one.order_id for one in world.cloud.ours}) == calls
    assert not world.plan(*group).work


def test_a_death_beside_an_order_that_falls_short_buys_nothing_more(new_world, together):
    def told(die_at=None):
        world, group = story(new_world, together, 3)
        world.cloud.lacking = 1
        group = tuple(replace(one, timeouts=Timeouts(create=60.0)) for one in group)
        world.apply(*group, die_at=die_at)
        return world, group

    steps = told()[0].crash_plan.steps
    first_looks = [number for number, step in enumerate(steps) if step.endswith(("list", "read order"))][:10]
    for step in first_looks + [
        number for number, step in enumerate(steps) if not step.endswith(("list", "read order"))
    ]:
        world, group = told(step)
        world.apply(*group)
        settle(world)
        world.apply(*group)
        assert len(world.cloud.bought) == 3
        assert sorted(str(one.phase) for one in world.state.resources.values()) == ["ordering", "ready", "ready"]
        assert names(world) == ["trainer-0", "trainer-1"]


@pytest.mark.parametrize("parallelism", [1, 10])
def test_a_death_while_all_are_released_is_made_good_by_releasing_them_again(new_world, together, parallelism):
    def told(die_at=None):
        world, group = story(new_world, together, 3)
        world.cloud.release_seconds = 3.0
        world.apply(*group)
        return world, world.apply(*group, mode=Mode.DESTROY, parallelism=parallelism, die_at=die_at), group

    steps = told()[0].crash_plan.steps
    for step in range(len(steps)):
        world, result, group = told(step)
        assert result is None
        world.apply(*group, mode=Mode.DESTROY, parallelism=parallelism)
        assert (world.cloud.ours, dict(world.state.resources), dict(world.state.intents)) == ([], {}, {})


def test_what_a_death_left_in_the_middle_is_released(new_world, together):
    """Members that nobody has dealt a server to are released by their order."""
    world, group = story(new_world, together, 3)
    world.apply(*group)
    for step in range(len(world.crash_plan.steps)):
        world, group = story(new_world, together, 3)
        world.apply(*group, die_at=step)
        settle(world)
        world.apply(*group, mode=Mode.DESTROY)
        assert (world.cloud.ours, dict(world.state.resources), dict(world.state.intents)) == ([], {}, {})


@pytest.mark.slow
def test_a_death_in_the_recovery_from_a_death_is_made_good_too(new_world, together):
    world, group = story(new_world, together, 2)
    world.apply(*group)
    for first in range(len(world.crash_plan.steps)):
        second = 0
        while True:
            world, group = story(new_world, together, 2)
            world.apply(*group, die_at=first)
            if world.apply(*group, die_at=second) is not None:
                break
            second += 1
            _make_good(world, group, 2, 1, 10)


def test_what_went_with_the_order_is_known_to_be_released_by_us_wherever_the_run_dies(new_world, together):
    """One after the other, so that the first release ends the order before anything is noted of the others."""

    def bought():
        world = new_world()
        world.apply(*together(3))
        world.allowed = frozenset({Allowance.PREPAID_DELETE})
        return world

    alone = bought()
    alone.apply(mode=Mode.DESTROY, parallelism=1)
    for step in range(len(alone.crash_plan.steps)):
        world = bought()
        assert world.apply(mode=Mode.DESTROY, parallelism=1, die_at=step) is None
        world.apply(mode=Mode.DESTROY, parallelism=1)  # which no guard refuses
        assert not world.cloud.ours
        assert not world.state.resources


def test_one_that_could_not_be_built_leaves_alone_and_says_nothing_of_the_others(world, together):
    world.cloud.naming = lambda name, index: f"{name}-{index}"
    world.cloud.failing = frozenset({"trainer-0-2"})
    group = together(3)
    world.apply(*group)
    world.apply(*group[:2])
    assert sorted(one.phase for one in world.state.resources.values()) == ["ready", "ready"]


def test_what_came_by_one_order_is_not_released_before_its_turn(world, together, types):
    """The first release would take the others along, and their wave may never begin."""
    world.apply(*together(2))
    bigger = [replace(one, wave=wave) for wave, one in enumerate(together(2, flavor="Si2.xlarge.4"))]
    (refusal,) = world.survey_plan(*bigger, replacing=["trainer[0]", "trainer[1]"]).refusals
    assert (refusal.code, "trainer[0], trainer[1]" in refusal.summary) == ("order-shared", True)
    at_once = [replace(one, wave=0) for one in bigger]
    assert types(world.apply(*at_once, replacing=["trainer[0]", "trainer[1]"])) == ["done"] * 2
