"""Changes in place: death at every step of each of them, and one more apply makes it good, with one wipe at most.

As with purchases, a run that is left alone numbers the steps; then the run dies at each of them. What counts is the cloud's own
word: which system a server has, whether it runs, what is attached, and how often its disk was wiped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from support.builders import a_desired

from provisioner.model.event import EventType
from provisioner.model.flow import Effect, Outcome
from provisioner.model.resource import Desired, Lifecycle, Phase
from provisioner.model.secret import SecretReference, SecretSource

PASSWORD = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
ONE, OTHER = (f"0000000{number}-0000-4000-8000-000000000000" for number in (1, 2))


def a_server(**fields: Any) -> Desired:
    known = {"name": "gateway", "flavor": "Si2.large.4", "image_id": "image-1", "key_pair_name": "ops"}
    return a_desired("gateway", fields={**known, **fields}, labels={})


@dataclass(frozen=True)
class Case:
    """From `first`, with its power changed in the console where `found` says so, to `then`. `sends` is what a run does."""

    then: Desired
    sends: tuple[str, ...]
    first: Desired | None = field(default_factory=a_server)
    found: str = "RUNNING"
    ends: str = "RUNNING"
    wipes: int = 0


CASES = {
    "a new image": Case(a_server(image_id="image-2"), ("stop", "post changeos"), wipes=1),
    "a new image on what is stopped": Case(
        a_server(image_id="image-2"), ("post changeos", "stop"), found="STOPPED", ends="STOPPED", wipes=1
    ),
    "a new image, and off": Case(
        a_server(image_id="image-2", power="stopped"), ("stop", "post changeos", "stop"), ends="STOPPED", wipes=1
    ),
    "a new name and image": Case(
        a_server(image_id="image-2", name="portal"), ("rename to portal", "stop", "post changeos"), wipes=1
    ),
    "a password": Case(a_server(admin_pass=PASSWORD, key_pair_name=None), ("stop", "post reinstallos"), wipes=1),
    "user data on what is stopped": Case(
        a_server(userdata="aGk="), ("post reinstallos", "stop"), found="STOPPED", ends="STOPPED", wipes=1
    ),
    "off": Case(a_server(power="stopped"), ("stop",), ends="STOPPED"),
    "off already": Case(a_server(power="stopped"), (), found="STOPPED", ends="STOPPED"),
    "on": Case(a_server(power="running"), ("start",), first=a_server(power="stopped")),
    "on again": Case(a_server(power="running"), ("start",), first=a_server(power="running"), found="STOPPED"),
    "attached": Case(
        a_server(volumes=[ONE, OTHER], public_ips=[ONE]),
        ("post attachvolume", "post attachvolume", "get publicips", "post publicips"),
    ),
    "another one attached": Case(
        a_server(volumes=[OTHER], public_ips=[OTHER]),
        (
            f"delete detachvolume {ONE}",
            "post attachvolume",
            "get publicips",
            f"delete publicips {ONE}",
            "post publicips",
        ),
        first=a_server(volumes=[ONE], public_ips=[ONE]),
    ),
    "a new image on what has an address": Case(
        a_server(image_id="image-2", name="portal", public_ips=[ONE], power="stopped"),
        ("rename to portal", "stop", "post changeos", "stop"),
        first=a_server(public_ips=[ONE]),
        ends="STOPPED",
        wipes=1,
    ),
    "bought with all of it": Case(
        a_server(volumes=[ONE], public_ips=[OTHER], power="stopped"),
        ("buy gateway", "post attachvolume", "get publicips", "post publicips", "stop"),
        first=None,
        ends="STOPPED",
    ),
}


class Story:
    """A case, as often as it takes."""

    def __init__(self, new_world, case, **given):
        self.case = case
        self.world = new_world(**given)
        self.cloud = self.world.cloud
        self.cloud.build_seconds = self.cloud.action_seconds = 3.0
        if case.first is not None:
            self.world.apply(case.first)
            if case.found != "RUNNING":
                self.server.status = case.found
        self.cloud.log.clear()

    @property
    def server(self):
        (server,) = self.cloud.ours
        return server

    def go_on(self, **how):
        return self.world.apply(self.case.then, **how)

    def put_right(self):
        """Where the wipe never arrived, and counts as carried out: a person names the address."""
        if self.case.wipes and not self.cloud.wiped and not self.world.state.in_doubt:
            self.world.clock.time += 60
            self.world.reinstalling = ("gateway",)
            self.go_on()
            self.world.reinstalling = ()

    @property
    def sent(self):
        return tuple(what for what in self.cloud.sent() if what not in {"list", "show"})

    def check(self):
        server, wanted = self.server, self.case.then.fields
        recorded = self.world.state.resources[self.case.then.address]
        assert (server.power, server.name) == (self.case.ends, wanted["name"])
        assert server.image == wanted["image_id"]
        assert (server.password is not None) == (self.case.wipes == 1 and wanted.get("admin_pass") is not None)
        assert sorted(server.volumes) == sorted(wanted.get("volumes", []))
        assert sorted(server.addresses) == sorted(wanted.get("public_ips", []))
        assert [one["id"] for one in recorded.observed.get("public_ips", [])] == server.addresses
        assert len(self.cloud.wiped) == self.case.wipes
        assert self.cloud.purchases == {"gateway": 1}
        assert (recorded.phase, recorded.pending, recorded.id) == (Phase.READY, {}, server.id)
        assert recorded.declared.keys() == {key for key, value in wanted.items() if value is not None}
        assert not self.world.state.intents
        self.cloud.log.clear()
        assert self.go_on().results == ()
        assert self.sent == ()


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_these_calls_and_then_nothing_is_left(new_world, types, name):
    story = Story(new_world, CASES[name])
    assert types(story.go_on()) == ["done"]
    assert story.sent == story.case.sends
    story.check()


@pytest.mark.parametrize("name", CASES)
def test_one_more_apply_makes_good_a_death_at_any_step(new_world, types, name):
    alone = Story(new_world, CASES[name])
    alone.go_on()
    steps = alone.world.crash_plan.steps
    for call in alone.case.sends:
        assert f"before {call}" in steps
    for step in range(len(steps)):
        story = Story(new_world, CASES[name])
        assert story.go_on(die_at=step) is None
        story.world.examine()
        story.go_on()
        story.world.clock.time += 60
        story.go_on()
        if story.world.state.in_doubt:
            assert story.world.state.purchases_in_doubt
            assert not story.cloud.ours
            continue
        story.put_right()
        story.check()


@pytest.mark.parametrize("name", ["a new image", "user data on what is stopped"])
def test_a_death_in_what_goes_on_after_a_death_is_made_good_too(new_world, name):
    alone = Story(new_world, CASES[name])
    alone.go_on()
    for first in range(len(alone.world.crash_plan.steps)):
        second = 0
        while True:
            story = Story(new_world, CASES[name])
            story.go_on(die_at=first)
            if story.go_on(die_at=second) is not None:
                break
            second += 1
            story.go_on()
            story.go_on()
            story.put_right()
            story.check()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.wipes])
def test_the_wipe_is_noted_before_it_leaves_and_says_what_it_brings(new_world, name):
    story = Story(new_world, CASES[name])
    open_ones = []
    story.cloud.arrivals.append(
        lambda what: open_ones.extend(story.world.state.intents.values() if what.startswith("post") else [])
    )
    story.go_on()
    (intent,) = open_ones
    assert (intent.effect, intent.target_id) == (Effect.WIPE, story.server.id)
    assert intent.declared.keys() <= {"image_id", "admin_pass", "key_pair_name", "userdata"}
    assert "canary" not in repr(story.world.entries)


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.wipes])
def test_a_wipe_whose_answer_is_lost_counts_as_carried_out(new_world, only, name, executed):
    """What was stopped for it runs again, and only a person who names the address has it sent once more."""
    story = Story(new_world, CASES[name])
    story.cloud.fails(Effect.WIPE, Outcome.UNKNOWN, executed=executed)
    result = only(story.go_on())
    assert (result.type, result.diagnostic.code) == ("incomplete", "unsettled")
    assert len(story.cloud.wiped) == executed
    story.world.clock.time += 60
    for _ in range(3):
        story.go_on()
        assert len(story.cloud.wiped) == executed
    assert story.server.power == story.case.ends
    assert story.world.state.resources[story.case.then.address].pending == {}
    assert (story.world.happened(EventType.NOTICE) == ["gateway"]) is not executed
    story.put_right()
    story.check()


@pytest.mark.parametrize("name", ["a new image", "a password"])
def test_a_row_that_is_late_for_ever_has_no_disk_wiped_twice(new_world, name):
    """The cloud has carried it out, and goes on showing the server as it was when it was asked."""
    story = Story(new_world, CASES[name])
    story.cloud.fails(Effect.WIPE, Outcome.UNKNOWN, executed=True)
    story.go_on()
    story.world.clock.time += 60
    story.server.status, story.server.image = "STOPPED", "image-1"
    for _ in range(3):
        story.go_on()
    assert (story.server.power, len(story.cloud.wiped)) == ("RUNNING", 1)
    assert story.world.happened(EventType.NOTICE) == (["gateway"] if name == "a new image" else [])


@pytest.mark.parametrize("moment", ["list", "start"])
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.wipes])
def test_a_wipe_that_is_carried_out_after_it_was_believed_lost_is_followed_and_not_made_again(new_world, name, moment):
    """While the next plan is being approved, or right before its server is started again."""
    story = Story(new_world, CASES[name])
    story.cloud.action_seconds = 60.0
    story.cloud.fails(Effect.WIPE, Outcome.UNKNOWN, executed=False)
    story.go_on()
    late = [sent.call for sent in story.cloud.log if sent.call.effect is Effect.WIPE]

    def arrive(what):
        if what.startswith(moment) and late:
            story.cloud.execute(late.pop())

    story.cloud.arrivals.append(arrive)
    for _ in range(3):
        story.go_on()
        story.world.clock.time += 100
    story.put_right()
    story.check()


def test_a_system_that_somebody_else_is_putting_on_it_is_left_alone_and_told(new_world, only):
    story = Story(new_world, CASES["a password"])
    story.cloud.action_seconds = 60.0

    def arrive(what):
        if what == "post reinstallos" and not story.cloud.wiped:
            body = {"image_id": "image-9"}
            story.server.act("POST", ["changeos"], body, until=story.world.clock.time + 60, ends={})

    story.cloud.arrivals.append(arrive)
    result = only(story.go_on())
    assert (result.type, "not by this run" in result.message) == ("failed", True)
    assert story.world.state.resources[story.case.then.address].pending == {}
    assert "admin_pass" not in story.world.state.resources[story.case.then.address].declared


def test_a_lost_answer_says_in_the_journal_what_was_seen_of_it(new_world):
    story = Story(new_world, CASES["a new image"])
    story.cloud.fails(Effect.WIPE, Outcome.UNKNOWN, executed=True)
    story.go_on()
    story.world.clock.time += 60
    story.go_on()
    (evidence,) = [entry.evidence for entry in story.world.entries if entry.type == "settled"]
    assert evidence == "counts as carried out: listed with status RUNNING"


@pytest.mark.parametrize("name", ["a new image", "a new image on what is stopped"])
def test_a_refused_image_leaves_the_server_as_it_was_found(new_world, only, name):
    story = Story(new_world, CASES[name])
    story.cloud.fails(Effect.WIPE, Outcome.REFUSED, status=400, message="the image does not exist")
    result = only(story.go_on())
    assert (result.type, result.action) == ("failed", "reinstall")
    assert "the image does not exist" in result.message
    assert (story.server.power, story.cloud.wiped) == (story.case.found, [])
    assert story.world.state.resources[story.case.then.address].pending == {}


def test_specs_that_are_put_back_half_way_start_what_was_stopped(new_world, types):
    story = Story(new_world, CASES["a new image"])
    stopped = next(step for step in range(99) if _dies_stopped(Story(new_world, CASES["a new image"]), step))
    story.go_on(die_at=stopped)
    story.world.clock.time += 60
    result = story.world.apply(story.case.first)
    assert types(result) == ["done"]
    assert [one.action for one in result.results] == ["resume"]
    assert (story.server.power, story.server.image, story.cloud.wiped) == ("RUNNING", "image-1", [])


def _dies_stopped(story, step):
    story.go_on(die_at=step)
    return story.server.power in {"STOPPING", "STOPPED"}


def test_a_system_that_cannot_be_put_on_is_told_and_not_tried_again(new_world, only):
    story = Story(new_world, CASES["a new image"])
    story.cloud.breaking["changeos"] = "CHANGINGOS_FAILED"
    result = only(story.go_on())
    assert (result.type, "CHANGINGOS_FAILED" in result.message) == ("failed", True)
    assert "--reinstall" in result.diagnostic.hint
    story.cloud.breaking.clear()
    assert story.go_on().results == ()
    assert len(story.cloud.wiped) == 1
    assert [finding.code for finding in story.world.plan(story.case.then).findings] == ["adverse-status"]


def test_a_stop_that_fails_is_tried_once_more_and_then_told(new_world, only):
    story = Story(new_world, CASES["a new image"])
    story.cloud.breaking["stop"] = "STOP_FAILED"
    result = only(story.go_on())
    assert (result.type, "STOP_FAILED" in result.message) == ("failed", True)
    assert (story.sent, story.cloud.wiped) == (("stop", "stop"), [])
    story.cloud.breaking.clear()
    story.go_on()
    story.check()


@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_to_a_stop_is_read_back(new_world, types, executed):
    story = Story(new_world, CASES["off"])
    story.cloud.fails(Effect.REPEATABLE, Outcome.UNKNOWN, executed=executed)
    assert types(story.go_on()) == ["done"]
    assert story.sent == (("stop",) if executed else ("stop", "stop"))
    story.check()


def test_a_stop_that_somebody_else_has_asked_for_is_as_good_as_ours(new_world, types):
    story = Story(new_world, CASES["off"])
    story.cloud.arrivals.append(lambda what: what == "stop" and _stop(story))
    assert types(story.go_on()) == ["done"]
    story.check()


def _stop(story):
    story.cloud.arrivals.clear()
    story.server.under_way = ("STOPPING", "STOPPED", story.world.clock.time + 3)


def test_what_somebody_else_is_reinstalling_is_left_alone(new_world, only):
    story = Story(new_world, CASES["a new image"])
    plan = story.world.plan(story.case.then)
    story.server.status = "STOPPED"
    story.server.under_way = ("REINSTALLINGOS", "RUNNING", story.world.clock.time + 60)
    result = only(story.world.carry_out(plan))
    assert result.type == "failed"
    assert "not by this run" in result.message
    assert story.cloud.wiped == []


def test_an_image_that_is_there_already_by_a_saved_plans_turn_is_not_put_on_again(new_world, types):
    story = Story(new_world, CASES["a new image"])
    plan = story.world.plan(story.case.then)
    story.server.image = "image-2"
    assert types(story.world.carry_out(plan)) == ["done"]
    assert story.cloud.wiped == []
    assert story.world.state.resources[story.case.then.address].declared["image_id"] == "image-2"


def test_ignored_power_is_left_as_it_is_found(new_world, types):
    wanted = replace(a_server(image_id="image-2", power="running"), lifecycle=Lifecycle(ignore_changes=(("power",),)))
    case = replace(CASES["a new image on what is stopped"], first=a_server(power="running"), then=wanted)
    story = Story(new_world, case)
    assert types(story.go_on()) == ["done"]
    story.check()


def test_a_list_that_is_taken_out_of_the_specs_detaches_nothing(new_world, types):
    story = Story(new_world, Case(a_server(), (), first=a_server(volumes=[ONE], public_ips=[ONE])))
    assert types(story.go_on()) == ["done"]
    assert (story.server.volumes, story.server.addresses) == ([ONE], [ONE])
    assert "volumes" not in story.world.state.resources[story.case.then.address].declared


def test_what_was_attached_by_others_stays_and_what_they_detached_comes_back(new_world, types):
    story = Story(new_world, Case(a_server(volumes=[ONE]), (), first=a_server(volumes=[ONE])))
    story.server.volumes = [OTHER]
    (change,) = story.world.plan(story.case.then).work
    assert [(item.path, item.drift) for item in change.fields] == [(("volumes",), True)]
    assert types(story.go_on()) == ["done"]
    assert story.server.volumes == [OTHER, ONE]
    assert story.go_on().results == ()


def test_an_address_is_not_bound_to_what_does_not_run(new_world, only):
    story = Story(new_world, replace(CASES["off already"], then=a_server(public_ips=[ONE])))
    result = only(story.go_on())
    assert (result.type, "servers that run" in result.message) == ("failed", True)
    assert story.server.addresses == []


def test_an_interruption_half_way_says_what_is_under_way_and_is_gone_on_with(new_world, only):
    story = Story(new_world, CASES["a new image"])
    story.cloud.arrivals.append(lambda what: what == "stop" and story.world.interruption.request())
    result = only(story.go_on())
    assert (result.type, result.diagnostic.code) == ("incomplete", "detached")
    story.cloud.arrivals.clear()
    story.go_on()
    story.check()
