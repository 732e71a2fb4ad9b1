"""A group in waves: each begins when those before it are done, and none begins after a failure. "8 of 10" is kept and
resumed.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.event import EventType, ResultType
from provisioner.model.fleet import unfinished_fleets
from provisioner.model.flow import Effect, Outcome
from provisioner.model.plan import Mode
from provisioner.model.selection import Pattern, Selection

WAVES = (0, 1, 1, 2)


@pytest.fixture
def fleet(servers):
    """Four servers in waves of one, two and one."""

    def made(**fields):
        return tuple(replace(one, wave=wave) for one, wave in zip(servers(4, **fields), WAVES, strict=True))

    return made


def test_a_wave_is_bought_when_all_before_it_run(harness, fleet, result_types):
    bought: list[tuple[str, set[str]]] = []

    def note_running(event):
        if event.type is EventType.BOUGHT:
            built = harness.clock.time - harness.cloud.build_seconds
            running = {one.name for one in harness.cloud.ours if one.created_at <= built}
            bought.append((str(event.address), running))

    harness.listeners.append(note_running)
    harness.cloud.build_seconds = 5.0
    assert result_types(harness.apply(*fleet())) == ["done"] * 4
    assert bought[0] == ("trainer[0]", set())
    assert dict(bought[1:3]) == {key: {"trainer-0"} for key in ("trainer[1]", "trainer[2]")}
    assert bought[3] == ("trainer[3]", {"trainer-0", "trainer-1", "trainer-2"})


def test_what_fails_holds_back_all_that_would_follow_and_no_other(harness, fleet, servers, result_types):
    harness.cloud.failing = frozenset({"trainer-1"})
    other = replace(servers(1, prefix="gateway")[0], address=type(fleet()[0].address)("gateway"))
    result = harness.apply(*fleet(), other)
    assert {str(one.address): one.type.value for one in result.results} == {
        "gateway": "done",
        "trainer[0]": "done",
        "trainer[1]": "failed",
        "trainer[2]": "done",
        "trainer[3]": "not_started",
    }
    finding = result.of_type(ResultType.NOT_STARTED)[0].diagnostic
    assert (finding.code, "wave 3 of trainer" in finding.summary, "trainer[1]" in finding.summary) == (
        "blocked",
        True,
        True,
    )
    assert harness.cloud.purchases == dict.fromkeys(("gateway-0", "trainer-0", "trainer-1", "trainer-2"), 1)


def test_how_many_of_how_many_is_told_kept_and_resumed(harness, fleet, result_types):
    harness.cloud.failing = frozenset({"trainer-1"})
    plan = harness.plan(*fleet())
    result = harness.execute(plan)
    assert [(str(one.group), one.ready, one.wanted) for one in unfinished_fleets(plan, result)] == [("trainer", 2, 4)]
    again = harness.plan(*fleet())
    assert not again.work
    assert [finding.code for finding in again.findings] == ["failed", "blocked"]
    assert [(one.ready, one.wanted) for one in unfinished_fleets(again, harness.execute(again))] == [(2, 4)]
    harness.cloud.failing = frozenset()
    last = harness.plan(*fleet(), replacing=["trainer[1]"])
    result = harness.execute(last)
    assert result_types(result) == ["done", "done"]
    assert not unfinished_fleets(last, result)
    assert sorted(one.name for one in harness.cloud.ours) == [f"trainer-{index}" for index in range(4)]


def break_when_done(harness, address, status):
    """Sets the status of the server of `address` as soon as the run has finished it."""

    def change_status(event):
        if event.type is EventType.FINISHED and str(event.address) == address:
            harness.cloud.servers[event.id].status = status

    harness.listeners.append(change_status)


@pytest.mark.parametrize("status", ["ERROR", "FROZEN"])
def test_no_wave_begins_after_a_server_that_has_come_into_a_bad_way_since(harness, fleet, result_types, status):
    break_when_done(harness, "trainer[1]", status)
    result = harness.apply(*fleet())
    assert result_types(result) == [*["done"] * 3, "not_started"]
    finding = result.of_type(ResultType.NOT_STARTED)[0].diagnostic
    assert (finding.code, f"trainer[1] shows status '{status}'" in finding.summary) == ("blocked", True)
    assert harness.cloud.purchases == {f"trainer-{index}": 1 for index in range(3)}


def test_a_server_that_shows_an_unknown_status_by_the_time_of_its_turn_is_not_released(harness, fleet, result_types):
    harness.apply(*fleet())
    last = harness.state.resources[fleet()[3].address].id

    def change_status(event):
        if event.type is EventType.FINISHED and str(event.address) == "trainer[0]":
            harness.cloud.servers[last].status = "FROZEN"

    harness.listeners.append(change_status)
    harness.allowed = frozenset()
    harness.cloud.build_seconds = 90.0
    bigger = tuple(replace(one, fields={**one.fields, "flavor": "Si2.xlarge.4"}) for one in fleet())
    result = harness.apply(*bigger)
    assert result_types(result) == [*["done"] * 3, "failed"]
    assert [one.diagnostic.code for one in result.of_type(ResultType.FAILED)] == ["unknown-status"]
    assert last in {one.id for one in harness.cloud.ours}


@pytest.mark.parametrize("unlisted", [1, 12])
def test_members_that_no_list_shows_are_asked_for_alone_and_hold_nobody_back(harness, servers, result_types, unlisted):
    def made(**fields):
        return tuple(replace(one, wave=int(index >= 12)) for index, one in enumerate(servers(13, **fields)))

    harness.apply(*made())
    for each in made()[:unlisted]:
        harness.cloud.lags = {**harness.cloud.lags, harness.state.resources[each.address].id: 10**9}
    bigger = (*made()[:12], *made(flavor="Si2.xlarge.4")[12:])
    assert result_types(harness.apply(*bigger)) == ["done"]


def test_one_look_tells_of_all_that_a_wave_waits_for(harness, fleet, result_types):
    harness.apply(*fleet())
    renamed = tuple(replace(one, fields={**one.fields, "name": f"{one.name}-b"}) for one in fleet())
    before = len([sent for sent in harness.cloud.log if sent.call.effect is Effect.READ])
    assert result_types(harness.apply(*renamed)) == ["done"] * 4
    asked = [sent.call.path for sent in harness.cloud.log if sent.call.effect is Effect.READ][before:]
    assert len(asked) <= 20, asked


def test_a_later_wave_waits_for_what_is_in_doubt(harness, fleet, result_types):
    harness.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True, name="trainer-0")
    assert result_types(harness.apply(*fleet())) == ["in_doubt", *["not_started"] * 3]
    assert harness.cloud.purchases == {"trainer-0": 1}
    assert set(result_types(harness.apply(*fleet()))) == {"done"}
    assert harness.cloud.purchases == {f"trainer-{index}": 1 for index in range(4)}


def test_an_interruption_ends_the_waiting_too(harness, fleet, result_types):
    harness.cloud.build_seconds = 50.0
    harness.listeners.append(lambda event: harness.interruption.request() if event.type is EventType.BOUGHT else None)
    result = harness.apply(*fleet())
    assert result.interrupted
    assert result_types(result) == ["incomplete", *["not_started"] * 3]
    assert {one.diagnostic.code for one in result.of_type(ResultType.NOT_STARTED)} == {"not-started"}


def test_who_names_a_server_of_the_last_wave_wants_it_now(harness, fleet, result_types):
    harness.cloud.failing = frozenset({"trainer-0"})
    harness.apply(*fleet())
    harness.selection = Selection(targets=(Pattern.parse("trainer[3]"),))
    assert result_types(harness.apply(*fleet())) == ["done"]
    assert harness.cloud.purchases == {"trainer-0": 1, "trainer-3": 1}


def test_a_change_of_all_goes_in_waves_as_well(harness, fleet, result_types):
    harness.apply(*fleet())
    renamed = tuple(replace(one, fields={**one.fields, "name": f"{one.name}-b"}) for one in fleet())
    plan = harness.plan(*renamed)
    assert [dependency.description for dependency in plan.dependencies] == ["wave 2 of trainer", "wave 3 of trainer"]
    assert result_types(harness.execute(plan)) == ["done"] * 4


def test_nothing_waits_in_a_destroy(harness, fleet, result_types):
    harness.apply(*fleet())
    plan = harness.plan(*fleet(), mode=Mode.DESTROY)
    assert not plan.dependencies
    assert result_types(harness.execute(plan)) == ["done"] * 4
    assert not unfinished_fleets(plan, harness.execute(plan))


def test_wherever_a_rollout_dies_the_next_apply_goes_on_with_it(new_harness, fleet, result_types):
    steps = 0
    while True:
        harness = new_harness()
        result = harness.apply(*fleet(), die_at=(steps := steps + 1))
        if result is not None:
            break
        for _ in range(2):
            harness.clock.time += 3600
            harness.apply(*fleet())
        assert harness.cloud.purchases == {f"trainer-{index}": 1 for index in range(4)}
    assert steps > 20


def test_who_waits_names_the_wave_before_it_and_is_told_who_went_wrong(harness, fleet):
    """Each dependency names only the wave right before it, so that a plan grows with its servers and not with their
    square.
    """
    harness.cloud.failing = frozenset({"trainer-0"})
    plan = harness.plan(*fleet())
    assert [list(map(str, dependency.after)) for dependency in plan.dependencies] == [
        ["trainer[0]"],
        ["trainer[1]", "trainer[2]"],
    ]
    summaries = [one.diagnostic.summary for one in harness.execute(plan).of_type(ResultType.NOT_STARTED)]
    assert all("because trainer[0] is not done" in summary for summary in summaries)


def test_what_is_only_followed_in_a_wave_does_not_hide_the_wave_before_it(harness, fleet, result_types):
    harness.cloud.build_seconds = 50.0

    def interrupt_after_two(event):
        if event.type is EventType.BOUGHT and len(harness.cloud.purchases) == 2:
            harness.interruption.request()

    harness.listeners.append(interrupt_after_two)
    members = fleet()
    harness.apply(*members[1:3])
    harness.listeners.clear()
    plan = harness.plan(*members)
    assert [list(map(str, dependency.after)) for dependency in plan.dependencies][-1][0] == "trainer[0]"
    assert set(result_types(harness.apply(*members))) == {"done"}
