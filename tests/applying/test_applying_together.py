"""Several servers bought by one call: their order's servers are assigned to the addresses, and a person settles what is
not known.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import an_address
from support.depth import first_deaths

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


def bodies(harness):
    return [sent.call.body for sent in harness.cloud.log if sent.call.effect is Effect.PURCHASE]


def names(harness):
    return sorted(server.name for server in harness.cloud.ours)


def lose_reply(harness, *, executed, **options):
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=executed, **options)


def check(harness, count):
    """Checks that each address has a server of its own under its name, and that there are no others."""
    by_id = {server.id: server.name for server in harness.cloud.ours}
    assert {by_id.pop(one.id): str(key) for key, one in harness.state.resources.items()} == {
        f"trainer-{index}": f"trainer[{index}]" for index in range(count)
    }
    assert not by_id
    assert not harness.state.intents


class TestOneOrder:
    def test_three_are_bought_by_one_call_and_bear_their_names(self, harness, together, result_types):
        assert result_types(harness.apply(*together(3))) == ["done"] * 3
        (body,) = bodies(harness)
        assert (body["name"], body["count"]) == ("trainer-0", 3)
        assert {one.order_id for one in harness.state.resources.values()} == {"CS3"}
        assert harness.cloud.sent(Effect.REPEATABLE) == ["rename to trainer-1", "rename to trainer-2"]
        check(harness, 3)

    def test_each_is_announced_and_the_next_plan_is_empty(self, harness, together):
        harness.apply(*together(3))
        for event in (EventType.STARTED, EventType.BOUGHT, EventType.FINISHED):
            assert sorted(harness.addresses_with(event)) == ["trainer[0]", "trainer[1]", "trainer[2]"]
        assert not harness.plan(*together(3)).work

    @pytest.mark.parametrize(("count", "calls"), [(2, [2]), (10, [10]), (11, [10, None]), (12, [10, 2]), (1, [None])])
    def test_a_call_buys_ten_at_most_and_one_alone_is_bought_as_any_other(self, harness, together, count, calls):
        harness.apply(*together(count))
        assert Counter(body.get("count") for body in bodies(harness)) == Counter(calls)
        check(harness, count)

    def test_whoever_is_not_like_the_others_is_not_bought_with_them(self, harness, together):
        group = together(4)
        larger = [replace(one, fields={**one.fields, "flavor": "larger"}) for one in group[1:3]]
        harness.apply(group[0], *larger, group[3])
        assert [(body["name"], body["flavor"], body["count"]) for body in bodies(harness)] == [
            ("trainer-0", "Si2.large.4", 2),
            ("trainer-1", "larger", 2),
        ]
        flavors = {str(key): harness.cloud.servers[one.id].flavor for key, one in harness.state.resources.items()}
        assert [key for key, flavor in flavors.items() if flavor == "larger"] == ["trainer[1]", "trainer[2]"]
        check(harness, 4)

    def test_who_does_not_ask_for_it_is_bought_as_before(self, harness, servers):
        harness.apply(*servers(3, prepaid=True))
        assert [(body["name"], "count" in body) for body in bodies(harness)] == [
            ("trainer-0", False), ("trainer-1", False), ("trainer-2", False),
        ]  # fmt: skip
        assert not any(intent.members for intent in harness.intents)

    def test_a_rename_that_failed_is_made_whatever_changes_are_ignored(self, harness, together, result_types):
        group = [replace(one, lifecycle=Lifecycle(ignore_changes=(("name",),))) for one in together(3)]
        harness.cloud.fails(Effect.REPEATABLE, Outcome.REFUSED, times=2)
        assert Counter(result_types(harness.apply(*group))) == {"done": 1, "incomplete": 2}
        assert result_types(harness.apply(*group)) == ["done"] * 2
        check(harness, 3)

    def test_labels_and_protection_are_each_ones_own(self, harness, together):
        first, second = together(2)
        harness.apply(
            replace(first, labels={"rack": "a"}),
            replace(second, labels={"rack": "b"}, lifecycle=Lifecycle(prevent_destroy=True)),
        )
        kept = {str(key): (dict(one.labels), one.protected) for key, one in harness.state.resources.items()}
        assert kept == {"trainer[0]": ({"rack": "a"}, False), "trainer[1]": ({"rack": "b"}, True)}

    def test_a_group_that_grows_buys_only_what_is_new(self, harness, together):
        harness.apply(*together(3))
        harness.apply(*together(5))
        assert [body["count"] for body in bodies(harness)] == [3, 2]
        check(harness, 5)

    def test_no_marker_is_sent(self, harness, together):
        harness.policy = NONCE
        harness.apply(*together(3))
        assert bodies(harness)[0]["name"] == "trainer-0"
        check(harness, 3)

    def test_a_stranger_of_one_name_keeps_all_of_them_from_being_bought(self, harness, together, result_types):
        plan = harness.plan(*together(3))
        harness.cloud.add_server("trainer-1", strange=True)
        result = harness.execute(plan)
        assert result_types(result) == ["failed"] * 3
        assert "a server named 'trainer-1' exists" in result.results[0].message
        assert bodies(harness) == []

    def test_a_refusal_is_everybodys_and_the_next_run_buys_them(self, harness, together, result_types):
        harness.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, status=400)
        assert result_types(harness.apply(*together(3))) == ["failed"] * 3
        assert harness.settled_outcomes() == ["refused"]
        harness.apply(*together(3))
        check(harness, 3)

    def test_an_interrupted_group_is_not_started(self, harness, together, result_types):
        harness.cloud.pause = 5.0
        harness.cloud.arrivals.append(lambda what: harness.interruption.request() if "queue" in what else None)
        assert result_types(harness.apply(*together(3))) == ["not_started"] * 3
        assert bodies(harness) == []

    def test_a_journal_that_fails_behind_the_answer_tells_everybody_the_order(self, harness, together):
        result = harness.apply(*together(3), fail_at=1)
        assert [one.diagnostic.code for one in result.results] == ["bought-unrecorded"] * 3
        assert all("ORDERED (order CS3)" in one.message for one in result.results)


class TestInDoubt:
    @pytest.mark.parametrize("executed", [True, False])
    @pytest.mark.parametrize("seconds", [0.0, 30.0])
    def test_it_is_neither_looked_for_nor_bought_again_whatever_is_listed(
        self, harness, together, result_types, executed, seconds
    ):
        harness.resolve_timeout = seconds
        lose_reply(harness, executed=executed)
        for _ in range(2):
            assert result_types(harness.apply(*together(3))) == ["in_doubt"] * 3
            harness.clock.time += 24 * 3600
        assert len(bodies(harness)) == 1
        assert len(harness.state.intents) == 1
        assert harness.addresses_with(EventType.ADOPTED) == []

    def test_everybody_is_told_what_to_do(self, harness, together):
        lose_reply(harness, executed=True)
        for result in harness.apply(*together(3)).results:
            assert result.diagnostic.address == result.address
            assert "resolve 'trainer[0]' --adopt` with the id of the order" in result.diagnostic.hint
            assert "settles all 3" in result.diagnostic.hint

    def test_an_answer_without_an_order_is_none(self, harness, together, result_types):
        """An id alone would name one of the servers, and not say which."""
        harness.cloud.answers(Effect.PURCHASE, {"id": "id-1", "status": "CREATING"})
        assert result_types(harness.apply(*together(3))) == ["in_doubt"] * 3
        assert harness.state.resources == {}

    def test_the_order_that_a_person_names_goes_on(self, harness, together, result_types):
        lose_reply(harness, executed=True)
        harness.apply(*together(3))
        (intent,) = harness.state.intents
        harness.entries.append(Adopted(intent, None, "decided by ana", "CS3"))
        assert result_types(harness.apply(*together(3))) == ["done"] * 3
        assert len(bodies(harness)) == 1
        check(harness, 3)

    def test_what_a_person_knows_to_be_none_is_bought(self, harness, together, result_types):
        lose_reply(harness, executed=False)
        harness.apply(*together(3))
        (intent,) = harness.state.intents
        harness.entries.append(Settled(intent, "absent", "decided by ana"))
        assert result_types(harness.apply(*together(3))) == ["done"] * 3
        check(harness, 3)

    def test_one_call_in_doubt_does_not_keep_the_other_from_ending(self, harness, together, result_types):
        lose_reply(harness, executed=True, name="trainer-10")
        assert Counter(result_types(harness.apply(*together(12)))) == {"done": 10, "in_doubt": 2}

    def test_an_order_that_somebody_else_has_is_not_believed(self, harness, together, result_types):
        harness.apply(*together(2))
        harness.cloud.answers(Effect.PURCHASE, {"order_id": "CS2"})
        assert result_types(harness.apply(*together(4))) == ["in_doubt"] * 2
        assert list(harness.state.problems()) == []


class TestPartialOrders:
    def test_who_is_missing_is_waited_for_and_never_bought_again(self, harness, together, result_types):
        harness.cloud.lacking = 1
        group = tuple(replace(one, timeouts=Timeouts(create=60.0)) for one in together(3))
        for _ in range(2):
            result = harness.apply(*group)
            (missing,) = [one for one in result.results if one.type == "incomplete"]
            assert (str(missing.address), missing.diagnostic.code) == ("trainer[2]", "timed-out")
            assert "order CS3" in missing.message
        assert len(bodies(harness)) == 1
        assert harness.state.resources[an_address("trainer[2]")].phase == "ordering"
        harness.cloud.add_server("trainer-0", prepaid=True, order_id="CS3")
        assert result_types(harness.apply(*group)) == ["done"]
        check(harness, 3)

    def test_one_that_a_person_has_given_up_is_bought_by_itself(self, harness, together, result_types):
        harness.cloud.lacking = 1
        group = tuple(replace(one, timeouts=Timeouts(create=60.0)) for one in together(3))
        harness.apply(*group)
        harness.entries.append(Forgotten(an_address("trainer[2]"), "never shown by the cloud, decided by ana"))
        assert result_types(harness.apply(*group)) == ["done"]
        assert [body.get("count") for body in bodies(harness)] == [3, None]
        check(harness, 3)

    def test_one_more_than_was_ordered_belongs_to_nobody_and_is_told(self, harness, together):
        harness.apply(*together(3))
        harness.cloud.add_server("trainer-0", prepaid=True, order_id="CS3")
        plan = harness.plan(*together(3))
        assert not plan.work
        (finding,) = plan.findings
        assert finding.code == "untracked"
        assert "belongs to order CS3, like trainer[0], trainer[1], trainer[2]" in finding.summary

    def test_an_order_that_nobody_has_paid_is_awaited_by_all(self, harness, together, result_types):
        harness.cloud.unpaid = True
        result = harness.apply(*together(3))
        assert [one.diagnostic.code for one in result.results] == ["server-awaiting-payment"] * 3
        harness.cloud.unpaid = False
        for name in ("x", "y", "z"):
            harness.cloud.add_server(name, prepaid=True, order_id="CS3")
        assert result_types(harness.apply(*together(3))) == ["done"] * 3
        assert len(bodies(harness)) == 1
        check(harness, 3)


class TestRelease:
    def test_all_go_by_themselves_though_the_first_one_ends_the_order(self, harness, together, result_types):
        harness.cloud.release_seconds = 3.0
        harness.apply(*together(3))
        assert result_types(harness.apply(*together(3), mode=Mode.DESTROY, parallelism=1)) == ["done"] * 3
        assert (harness.cloud.ours, dict(harness.state.resources)) == ([], {})

    def test_one_alone_is_not_released_as_the_others_would_go_with_it(self, harness, together):
        harness.apply(*together(3))
        plan = harness.plan_with_refusals(*together(2))
        assert [(one.code, str(one.address)) for one in plan.refusals] == [("order-shared", "trainer[2]")]
        assert "together with trainer[0], trainer[1]" in plan.refusals[0].summary

    def test_one_that_could_not_be_built_is_released_alone(self, harness, together):
        harness.apply(*together(3))
        third = harness.state.resources[an_address("trainer[2]")]
        harness.cloud.servers[third.id].status = "CREATE_FAILED"
        harness.apply(*together(2))
        assert names(harness) == ["trainer-0", "trainer-1"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wanted=st.integers(2, 6),
    lags=st.lists(st.integers(0, 40), min_size=6, max_size=6),
    order=st.permutations(range(6)),
    suffix=st.sampled_from(["", "-{index:04}", "-{other}"]),
    beginning=st.sampled_from(["{name}", "trainer", "node"]),
)
def test_whatever_the_cloud_calls_them_and_whenever_it_lists_them_each_has_its_own(
    new_harness, together, wanted, lags, order, suffix, beginning
):
    harness = new_harness()
    harness.cloud.naming = lambda name, index: (beginning + suffix).format(name=name, index=index, other=order[index])
    harness.cloud.lags = {f"id-{number}": lag for number, lag in enumerate(lags, start=1)}
    result = harness.apply(*together(wanted))
    assert {one.type for one in result.results} == {"done"}
    check(harness, wanted)
    assert not harness.plan(*together(wanted)).work


def prepare(new_harness, together, count, *, build_seconds=3.0):
    harness = new_harness()
    harness.cloud.build_seconds = build_seconds
    return harness, together(count)


def settle(harness):
    """Settles the doubts as a person at the console does: a purchase became the order of its name, or it
    became none.
    """
    for key, intent in tuple(harness.state.intents.items()):
        orders = {one.order_id for one in harness.cloud.ours if one.name == intent.name} - {
            one.order_id for one in harness.state.resources.values()
        }
        verdict = Adopted(key, None, "decided by ana", orders.pop()) if orders else Settled(key, "absent", "decided")
        harness.entries.append(verdict)


@pytest.mark.parametrize(("count", "parallelism"), [(3, 10), (3, 1), (12, 10), (12, 1)])
def test_one_more_apply_makes_good_a_death_at_any_step(new_harness, together, count, parallelism):
    harness, group = prepare(new_harness, together, count)
    harness.apply(*group, parallelism=parallelism)
    check(harness, count)
    steps = harness.crash_plan.steps
    calls = 1 + count // 11
    for point in ("writing intended", "buy trainer-0", "writing answered", "list", "writing remembered", "rename to"):
        assert {moment for moment in ("before", "after") if any(step.startswith(f"{moment} {point}") for step in steps)}
    for step in range(len(steps)):
        harness, group = prepare(new_harness, together, count)
        assert harness.apply(*group, parallelism=parallelism, die_at=step) is None
        _make_good(harness, group, count, calls, parallelism)


def _make_good(harness, group, count, calls, parallelism):
    result = harness.apply(*group, parallelism=parallelism)
    harness.check_nothing_is_lost()
    kinds = {one.type.value for one in result.results}
    assert kinds <= {"done", "in_doubt"}
    if "in_doubt" in kinds:
        assert harness.addresses_with(EventType.ADOPTED) == []
        settle(harness)
        harness.apply(*group, parallelism=parallelism)
    check(harness, count)
    assert len([one for one in harness.cloud.bought if one == "trainer-0"]) == min(count, 10)
    assert len(harness.cloud.bought) == count
    assert len({one.order_id for one in harness.cloud.ours}) == calls
    assert not harness.plan(*group).work


def test_a_death_beside_an_order_that_falls_short_buys_nothing_more(new_harness, together):
    def run(die_at=None):
        harness, group = prepare(new_harness, together, 3)
        harness.cloud.lacking = 1
        group = tuple(replace(one, timeouts=Timeouts(create=60.0)) for one in group)
        harness.apply(*group, die_at=die_at)
        return harness, group

    steps = run()[0].crash_plan.steps
    first_polls = [number for number, step in enumerate(steps) if step.endswith(("list", "read order"))][:10]
    for step in first_polls + [
        number for number, step in enumerate(steps) if not step.endswith(("list", "read order"))
    ]:
        harness, group = run(step)
        harness.apply(*group)
        settle(harness)
        harness.apply(*group)
        assert len(harness.cloud.bought) == 3
        assert sorted(str(one.phase) for one in harness.state.resources.values()) == ["ordering", "ready", "ready"]
        assert names(harness) == ["trainer-0", "trainer-1"]


@pytest.mark.parametrize("parallelism", [1, 10])
def test_a_death_while_all_are_released_is_made_good_by_releasing_them_again(new_harness, together, parallelism):
    def run(die_at=None):
        harness, group = prepare(new_harness, together, 3)
        harness.cloud.release_seconds = 3.0
        harness.apply(*group)
        return harness, harness.apply(*group, mode=Mode.DESTROY, parallelism=parallelism, die_at=die_at), group

    steps = run()[0].crash_plan.steps
    for step in range(len(steps)):
        harness, result, group = run(step)
        assert result is None
        harness.apply(*group, mode=Mode.DESTROY, parallelism=parallelism)
        assert (harness.cloud.ours, dict(harness.state.resources), dict(harness.state.intents)) == ([], {}, {})


def test_what_a_death_left_in_the_middle_is_released(new_harness, together):
    """Members that have no server assigned yet are released by their order."""
    harness, group = prepare(new_harness, together, 3)
    harness.apply(*group)
    for step in range(len(harness.crash_plan.steps)):
        harness, group = prepare(new_harness, together, 3)
        harness.apply(*group, die_at=step)
        settle(harness)
        harness.apply(*group, mode=Mode.DESTROY)
        assert (harness.cloud.ours, dict(harness.state.resources), dict(harness.state.intents)) == ([], {}, {})


@pytest.mark.slow
@pytest.mark.crash_part("two deaths")
def test_a_death_in_the_recovery_from_a_death_is_made_good_too(new_harness, together, counters):
    harness, group = prepare(new_harness, together, 2)
    harness.apply(*group)
    for first in first_deaths(len(harness.crash_plan.steps)):
        counters.points += 1
        second = 0
        while True:
            harness, group = prepare(new_harness, together, 2)
            harness.apply(*group, die_at=first)
            if harness.apply(*group, die_at=second) is not None:
                break
            second += 1
            counters.runs += 3
            counters.deaths += 2
            _make_good(harness, group, 2, 1, 10)


def test_what_went_with_the_order_is_known_to_be_released_by_us_wherever_the_run_dies(new_harness, together):
    """The releases run one after the other, so the first one ends the order before anything is written about the
    others.
    """

    def prepare_bought():
        harness = new_harness()
        harness.apply(*together(3))
        harness.allowed = frozenset({Allowance.PREPAID_DELETE})
        return harness

    undisturbed = prepare_bought()
    undisturbed.apply(mode=Mode.DESTROY, parallelism=1)
    for step in range(len(undisturbed.crash_plan.steps)):
        harness = prepare_bought()
        assert harness.apply(mode=Mode.DESTROY, parallelism=1, die_at=step) is None
        harness.apply(mode=Mode.DESTROY, parallelism=1)  # no guard refuses that
        assert not harness.cloud.ours
        assert not harness.state.resources


def test_one_that_could_not_be_built_leaves_alone_and_says_nothing_of_the_others(harness, together):
    harness.cloud.naming = lambda name, index: f"{name}-{index}"
    harness.cloud.failing = frozenset({"trainer-0-2"})
    group = together(3)
    harness.apply(*group)
    harness.apply(*group[:2])
    assert sorted(one.phase for one in harness.state.resources.values()) == ["ready", "ready"]


def test_what_came_by_one_order_is_not_released_before_its_turn(harness, together, result_types):
    """The first release would also release the others, and their wave may never begin."""
    harness.apply(*together(2))
    bigger = [replace(one, wave=wave) for wave, one in enumerate(together(2, flavor="Si2.xlarge.4"))]
    (refusal,) = harness.plan_with_refusals(*bigger, replacing=["trainer[0]", "trainer[1]"]).refusals
    assert (refusal.code, "trainer[0], trainer[1]" in refusal.summary) == ("order-shared", True)
    at_once = [replace(one, wave=0) for one in bigger]
    assert result_types(harness.apply(*at_once, replacing=["trainer[0]", "trainer[1]"])) == ["done"] * 2
