"""`create_before_destroy`: the new server is there before the old one is released, and the old one stays if no new one
comes.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.event import EventType, ResultType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Mode
from provisioner.model.purchase_policy import Marker, PurchasePolicy
from provisioner.model.resource import Lifecycle

SERVER = Address.parse("trainer[0]")
DEPOSED = SERVER.as_deposed
BIGGER = {"flavor": "Si2.xlarge.4"}


@pytest.fixture
def wanted(servers):
    def made(**fields):
        (one,) = servers(1, **fields)
        return replace(one, lifecycle=Lifecycle(create_before_destroy=True))

    return made


@pytest.fixture(params=Marker)
def bought(request, new_harness, wanted):
    """Returns a function that makes harnesses in which the old server runs, under either marker."""

    def made():
        harness = new_harness(policy=PurchasePolicy(marker=request.param))
        harness.apply(wanted())
        return harness

    return made


def flavors(harness):
    return sorted(one.flavor for one in harness.cloud.ours)


def result_by_address(result):
    return {str(one.address): one.type.value for one in result.results}


def test_the_old_server_runs_until_the_new_one_does(bought, wanted):
    harness = bought()
    seen: list[tuple[str, list[str]]] = []
    harness.listeners.append(
        lambda event: seen.append((str(event.address), flavors(harness))) if event.type is EventType.STARTED else None
    )
    harness.cloud.build_seconds = 9.0
    assert result_by_address(harness.apply(wanted(**BIGGER))) == {"trainer[0]": "done", "trainer[0]@deposed": "done"}
    assert dict(seen)["trainer[0]@deposed"] == ["Si2.large.4", "Si2.xlarge.4"]
    assert flavors(harness) == ["Si2.xlarge.4"]
    assert set(harness.state.resources) == {SERVER}
    assert not harness.plan(wanted(**BIGGER)).work


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.NOT_SENT])
def test_a_purchase_that_is_refused_leaves_everything_as_it_was(bought, wanted, outcome):
    harness = bought()
    before = harness.state.resources
    harness.cloud.fails(Effect.PURCHASE, outcome)
    assert result_by_address(harness.apply(wanted(**BIGGER))) == {
        "trainer[0]": "failed",
        "trainer[0]@deposed": "not_started",
    }
    assert harness.state.resources == before
    assert flavors(harness) == ["Si2.large.4"]


def test_a_stranger_who_took_the_name_meanwhile_leaves_everything_as_it_was(bought, wanted):
    harness = bought()
    before = harness.state.resources
    plan = harness.plan(wanted(**BIGGER))
    harness.cloud.add_server("trainer-0", strange=True)
    assert result_by_address(harness.execute(plan)) == {"trainer[0]": "failed", "trainer[0]@deposed": "not_started"}
    assert harness.state.resources == before


def test_a_new_server_that_cannot_be_built_costs_the_old_one_nothing(harness, wanted):
    harness.apply(wanted())
    (old,) = (one.id for one in harness.cloud.ours)
    harness.cloud.failing = frozenset({"trainer-0"})
    result = harness.apply(wanted(**BIGGER))
    assert result_by_address(result)["trainer[0]@deposed"] == "not_started"
    assert old in {one.id for one in harness.cloud.ours}
    again = harness.plan(wanted(**BIGGER))
    assert not again.work
    assert "deposed-kept" in {finding.code for finding in again.findings}
    harness.cloud.failing = frozenset()
    harness.apply(wanted(**BIGGER), replacing=["trainer[0]"])
    assert set(result_by_address(harness.apply(wanted(**BIGGER))).values()) <= {"done"}
    assert (flavors(harness), set(harness.state.resources)) == (["Si2.xlarge.4"], {SERVER})


def test_while_one_is_deposed_its_successor_is_replaced_in_the_usual_order(bought, wanted):
    harness = bought()
    harness.cloud.fails(Effect.DESTRUCTIVE, Outcome.REFUSED, times=9)
    assert result_by_address(harness.apply(wanted(**BIGGER)))["trainer[0]@deposed"] == "failed"
    plan = harness.plan(wanted(flavor="Si2.2xlarge.4"))
    assert [(change.action, change.create_first) for change in plan.changes] == [
        (Action.REPLACE, False),
        (Action.DELETE, False),
    ]
    assert [dependency.addresses for dependency in plan.dependencies] == [(DEPOSED,)]


@pytest.mark.parametrize("status", ["ERROR", "FROZEN"])
def test_a_new_server_that_comes_into_a_bad_way_right_away_costs_the_old_one_nothing(harness, wanted, status):
    harness.apply(wanted())

    def on(event):
        if event.type is EventType.FINISHED and event.address == SERVER:
            harness.cloud.servers[event.id].status = status

    harness.listeners.append(on)
    result = harness.apply(wanted(**BIGGER))
    assert result_by_address(result) == {"trainer[0]": "done", "trainer[0]@deposed": "failed"}
    (finding,) = [one.diagnostic for one in result.of_type(ResultType.FAILED)]
    assert (finding.code, status in finding.summary) == ("deposed-kept", True)
    assert flavors(harness) == ["Si2.large.4", "Si2.xlarge.4"]


def test_a_lost_answer_keeps_both_until_it_is_known(bought, wanted):
    harness = bought()
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True)
    assert result_by_address(harness.apply(wanted(**BIGGER))) == {
        "trainer[0]": "in_doubt",
        "trainer[0]@deposed": "not_started",
    }
    assert flavors(harness) == ["Si2.large.4", "Si2.xlarge.4"]
    for _ in range(2):
        assert set(result_by_address(harness.apply(wanted(**BIGGER))).values()) <= {"done"}
    assert flavors(harness) == ["Si2.xlarge.4"]


def test_specs_that_are_put_back_give_the_old_server_its_address_again(bought, wanted):
    harness = bought()
    harness.apply(wanted(**BIGGER), die_at=3)
    before = harness.cloud.bought.copy()
    for _ in range(3):
        harness.clock.time += 3600
        harness.apply(wanted())
    assert not harness.plan(wanted()).work
    assert set(harness.state.resources) == {SERVER}
    assert len(harness.cloud.ours) == 1
    assert len(harness.cloud.bought) - len(before) <= 1


def test_a_server_that_leaves_the_specs_takes_the_deposed_one_with_it(bought, wanted):
    harness = bought()
    harness.cloud.fails(Effect.DESTRUCTIVE, Outcome.REFUSED, times=9)
    harness.apply(wanted(**BIGGER))
    harness.cloud._faults.clear()
    plan = harness.plan()
    assert [(str(one.address), one.reason) for one in plan.changes] == [
        ("trainer[0]", Reason.NOT_IN_SPECS),
        ("trainer[0]@deposed", Reason.NOT_IN_SPECS),
    ]
    assert set(result_by_address(harness.apply(mode=Mode.DESTROY)).values()) == {"done"}
    assert not harness.cloud.ours


def test_an_interruption_leaves_nothing_half_done(bought, wanted):
    harness = bought()
    harness.cloud.build_seconds = 50.0
    harness.listeners.append(lambda event: harness.interruption.request() if event.type is EventType.BOUGHT else None)
    result = harness.apply(wanted(**BIGGER))
    assert [one.address for one in result.of_type(ResultType.NOT_STARTED)] == [DEPOSED]
    harness.listeners.clear()
    assert set(result_by_address(harness.apply(wanted(**BIGGER))).values()) == {"done"}
    assert flavors(harness) == ["Si2.xlarge.4"]


def test_wherever_it_dies_one_is_bought_and_one_released(bought, wanted):
    steps = 0
    while True:
        harness = bought()
        result = harness.apply(wanted(**BIGGER), die_at=(steps := steps + 1))
        assert flavors(harness), "nothing serves any more"
        if result is not None:
            break
        for _ in range(3):
            harness.clock.time += 3600
            harness.apply(wanted(**BIGGER))
        assert (flavors(harness), set(harness.state.resources)) == (["Si2.xlarge.4"], {SERVER})
        assert len(harness.cloud.bought) == 2
    assert steps > 10


class TestOfOneOrder:
    """Ending an order releases all servers that it bought, so none of them is released before all are replaced."""

    @pytest.fixture
    def pair(self, servers):
        def made(**fields):
            return tuple(
                replace(one, together=True, lifecycle=Lifecycle(create_before_destroy=True))
                for one in servers(2, prepaid=True, **fields)
            )

        return made

    @pytest.fixture
    def harness(self, harness, pair):
        harness.apply(*pair())
        assert len({one.order_id for one in harness.cloud.ours}) == 1
        return harness

    NAMED = ("trainer[0]", "trainer[1]")

    def test_nothing_is_released_while_one_of_it_has_no_successor(self, harness, pair):
        harness.cloud.build_seconds = 9.0
        harness.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, name="trainer-1")
        results = result_by_address(harness.apply(*pair(**BIGGER), replacing=self.NAMED))
        assert results["trainer[1]"] == "failed"
        assert {results[f"{each}@deposed"] for each in self.NAMED} == {"not_started"}
        assert flavors(harness) == ["Si2.large.4", "Si2.large.4", "Si2.xlarge.4"]

    def test_all_of_it_goes_when_all_of_it_is_replaced(self, harness, pair):
        harness.cloud.fails(Effect.PURCHASE, Outcome.REFUSED, name="trainer-1")
        harness.apply(*pair(**BIGGER), replacing=self.NAMED)
        assert set(result_by_address(harness.apply(*pair(**BIGGER), replacing=["trainer[1]"])).values()) == {"done"}
        assert flavors(harness) == ["Si2.xlarge.4", "Si2.xlarge.4"]
        assert set(map(str, harness.state.resources)) == set(self.NAMED)

    def test_nor_is_one_that_leaves_the_specs(self, harness, pair):
        harness.cloud.build_seconds = 9.0
        harness.cloud.fails(Effect.PURCHASE, Outcome.REFUSED)
        results = result_by_address(harness.apply(pair(**BIGGER)[0], replacing=["trainer[0]"]))
        assert results == {"trainer[0]": "failed", "trainer[0]@deposed": "not_started", "trainer[1]": "not_started"}
        assert flavors(harness) == ["Si2.large.4", "Si2.large.4"]
