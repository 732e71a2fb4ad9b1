"""A group in waves: each begins when those before it are done, and none after one that went wrong. "8 of 10" is kept and resumed."""

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


def test_a_wave_is_bought_when_all_before_it_run(world, fleet, types):
    bought: list[tuple[str, set[str]]] = []

    def see(event):
        if event.type is EventType.BOUGHT:
            built = world.clock.time - world.cloud.build_seconds
            running = {one.name for one in world.cloud.ours if one.created_at <= built}
            bought.append((str(event.address), running))

    world.listeners.append(see)
    world.cloud.build_seconds = 5.0
    assert types(world.apply(*fleet())) == ["done"] * 4
    assert bought[0] == ("trainer[0]", set())
    assert dict(bought[1:3]) == {key: {"trainer-0"} for key in ("trainer[1]", "trainer[2]")}
    assert bought[3] == ("trainer[3]", {"trainer-0", "trainer-1", "trainer-2"})


def test_what_fails_holds_back_all_that_would_follow_and_no_other(world, fleet, servers, types):
    world.cloud.failing = frozenset({"trainer-1"})
    other = replace(servers(1, prefix="gateway")[0], address=type(fleet()[0].address)("gateway"))
    ended = world.apply(*fleet(), other)
    assert {str(one.address): one.type.value for one in ended.results} == {
        "gateway": "done",
        "trainer[0]": "done",
        "trainer[1]": "failed",
        "trainer[2]": "done",
        "trainer[3]": "not_started",
    }
    told = ended.of_type(ResultType.NOT_STARTED)[0].diagnostic
    assert (told.code, "wave 3 of trainer" in told.summary, "trainer[1]" in told.summary) == ("held-back", True, True)
    assert world.cloud.purchases == dict.fromkeys(("gateway-0", "trainer-0", "trainer-1", "trainer-2"), 1)


def test_how_many_of_how_many_is_told_kept_and_resumed(world, fleet, types):
    world.cloud.failing = frozenset({"trainer-1"})
    plan = world.plan(*fleet())
    ended = world.carry_out(plan)
    assert [(str(one.group), one.ready, one.wanted) for one in unfinished_fleets(plan, ended)] == [("trainer", 2, 4)]
    again = world.plan(*fleet())
    assert not again.work
    assert [finding.code for finding in again.findings] == ["failed", "held-back"]
    assert [(one.ready, one.wanted) for one in unfinished_fleets(again, world.carry_out(again))] == [(2, 4)]
    world.cloud.failing = frozenset()
    last = world.plan(*fleet(), replacing=["trainer[1]"])
    ended = world.carry_out(last)
    assert types(ended) == ["done", "done"]
    assert not unfinished_fleets(last, ended)
    assert sorted(one.name for one in world.cloud.ours) == [f"trainer-{index}" for index in range(4)]


def break_when_done(world, address, status):
    """The server of `address` stands in `status` from the moment at which this run is done with it."""

    def on(event):
        if event.type is EventType.FINISHED and str(event.address) == address:
            world.cloud.servers[event.id].status = status

    world.listeners.append(on)


@pytest.mark.parametrize("status", ["ERROR", "FROZEN"])
def test_no_wave_begins_after_a_server_that_has_come_into_a_bad_way_since(world, fleet, types, status):
    break_when_done(world, "trainer[1]", status)
    ended = world.apply(*fleet())
    assert types(ended) == [*["done"] * 3, "not_started"]
    told = ended.of_type(ResultType.NOT_STARTED)[0].diagnostic
    assert (told.code, f"trainer[1] shows status '{status}'" in told.summary) == ("held-back", True)
    assert world.cloud.purchases == {f"trainer-{index}": 1 for index in range(3)}


def test_a_server_that_shows_an_unknown_status_by_the_time_of_its_turn_is_not_released(world, fleet, types):
    world.apply(*fleet())
    last = world.state.resources[fleet()[3].address].id

    def on(event):
        if event.type is EventType.FINISHED and str(event.address) == "trainer[0]":
            world.cloud.servers[last].status = "FROZEN"

    world.listeners.append(on)
    world.allowed = frozenset()
    world.cloud.build_seconds = 90.0
    bigger = tuple(replace(one, fields={**one.fields, "flavor": "Si2.xlarge.4"}) for one in fleet())
    ended = world.apply(*bigger)
    assert types(ended) == [*["done"] * 3, "failed"]
    assert [one.diagnostic.code for one in ended.of_type(ResultType.FAILED)] == ["unknown-status"]
    assert last in {one.id for one in world.cloud.ours}


@pytest.mark.parametrize("unlisted", [1, 12])
def test_members_that_no_list_shows_are_asked_for_alone_and_hold_nobody_back(world, servers, types, unlisted):
    def made(**fields):
        return tuple(replace(one, wave=int(index >= 12)) for index, one in enumerate(servers(13, **fields)))

    world.apply(*made())
    for each in made()[:unlisted]:
        world.cloud.lags = {**world.cloud.lags, world.state.resources[each.address].id: 10**9}
    bigger = (*made()[:12], *made(flavor="Si2.xlarge.4")[12:])
    assert types(world.apply(*bigger)) == ["done"]


def test_one_look_tells_of_all_that_a_wave_waits_for(world, fleet, types):
    world.apply(*fleet())
    renamed = tuple(replace(one, fields={**one.fields, "name": f"{one.name}-b"}) for one in fleet())
    before = len([sent for sent in world.cloud.log if sent.call.effect is Effect.READ])
    assert types(world.apply(*renamed)) == ["done"] * 4
    asked = [sent.call.path for sent in world.cloud.log if sent.call.effect is Effect.READ][before:]
    assert len(asked) <= 20, asked


def test_a_later_wave_waits_for_what_is_in_doubt(world, fleet, types):
    world.cloud.fails(Effect.PURCHASE, Outcome.UNKNOWN, executed=True, name="trainer-0")
    assert types(world.apply(*fleet())) == ["in_doubt", *["not_started"] * 3]
    assert world.cloud.purchases == {"trainer-0": 1}
    assert set(types(world.apply(*fleet()))) == {"done"}
    assert world.cloud.purchases == {f"trainer-{index}": 1 for index in range(4)}


def test_an_interruption_ends_the_waiting_too(world, fleet, types):
    world.cloud.build_seconds = 50.0
    world.listeners.append(lambda event: world.interruption.request() if event.type is EventType.BOUGHT else None)
    ended = world.apply(*fleet())
    assert ended.interrupted
    assert types(ended) == ["incomplete", *["not_started"] * 3]
    assert {one.diagnostic.code for one in ended.of_type(ResultType.NOT_STARTED)} == {"not-started"}


def test_who_names_a_server_of_the_last_wave_wants_it_now(world, fleet, types):
    world.cloud.failing = frozenset({"trainer-0"})
    world.apply(*fleet())
    world.selection = Selection(targets=(Pattern.parse("trainer[3]"),))
    assert types(world.apply(*fleet())) == ["done"]
    assert world.cloud.purchases == {"trainer-0": 1, "trainer-3": 1}


def test_a_change_of_all_goes_in_waves_as_well(world, fleet, types):
    world.apply(*fleet())
    renamed = tuple(replace(one, fields={**one.fields, "name": f"{one.name}-b"}) for one in fleet())
    plan = world.plan(*renamed)
    assert [turn.what for turn in plan.turns] == ["wave 2 of trainer", "wave 3 of trainer"]
    assert types(world.carry_out(plan)) == ["done"] * 4


def test_nothing_waits_in_a_destroy(world, fleet, types):
    world.apply(*fleet())
    plan = world.plan(*fleet(), mode=Mode.DESTROY)
    assert not plan.turns
    assert types(world.carry_out(plan)) == ["done"] * 4
    assert not unfinished_fleets(plan, world.carry_out(plan))


def test_wherever_a_rollout_dies_the_next_apply_goes_on_with_it(new_world, fleet, types):
    steps = 0
    while True:
        world = new_world()
        ended = world.apply(*fleet(), die_at=(steps := steps + 1))
        if ended is not None:
            break
        for _ in range(2):
            world.clock.time += 3600
            world.apply(*fleet())
        assert world.cloud.purchases == {f"trainer-{index}": 1 for index in range(4)}
    assert steps > 20


def test_who_waits_names_the_wave_before_it_and_is_told_who_went_wrong(world, fleet):
    """Each names only what nobody before it has waited for, so that a plan grows with its servers and not with their square."""
    world.cloud.failing = frozenset({"trainer-0"})
    plan = world.plan(*fleet())
    assert [list(map(str, turn.after)) for turn in plan.turns] == [["trainer[0]"], ["trainer[1]", "trainer[2]"]]
    told = [one.diagnostic.summary for one in world.carry_out(plan).of_type(ResultType.NOT_STARTED)]
    assert all("because trainer[0] is not done" in summary for summary in told)


def test_what_is_only_followed_in_a_wave_does_not_hide_the_wave_before_it(world, fleet, types):
    world.cloud.build_seconds = 50.0

    def interrupt_after_two(event):
        if event.type is EventType.BOUGHT and len(world.cloud.purchases) == 2:
            world.interruption.request()

    world.listeners.append(interrupt_after_two)
    members = fleet()
    world.apply(*members[1:3])
    world.listeners.clear()
    plan = world.plan(*members)
    assert [list(map(str, turn.after)) for turn in plan.turns][-1][0] == "trainer[0]"
    assert set(types(world.apply(*members))) == {"done"}
