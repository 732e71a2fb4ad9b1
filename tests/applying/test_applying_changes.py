"""Changes in place: a run dies at every step of each of them, and one more apply finishes the change, with at most one
wipe.

As with purchases, an undisturbed run numbers the steps, and then a run dies at each of them. What counts is what the
cloud knows: which system a server has, whether it runs, what is attached, and how often its disk was wiped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from support.builders import a_desired
from support.depth import first_deaths

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
class ChangeCase:
    """A change from `first` to `then`. `found` is the status that the server has by then, which somebody may have
    changed in the console. `sends` are the calls that a run makes, and `ends` is the power state that it leads to.
    """

    then: Desired
    sends: tuple[str, ...]
    first: Desired | None = field(default_factory=a_server)
    found: str = "RUNNING"
    ends: str = "RUNNING"
    wipes: int = 0


CASES = {
    "a new image": ChangeCase(a_server(image_id="image-2"), ("stop", "post changeos"), wipes=1),
    "a new image on what is stopped": ChangeCase(
        a_server(image_id="image-2"), ("post changeos", "stop"), found="STOPPED", ends="STOPPED", wipes=1
    ),
    "a new image, and off": ChangeCase(
        a_server(image_id="image-2", power="stopped"), ("stop", "post changeos", "stop"), ends="STOPPED", wipes=1
    ),
    "a new name and image": ChangeCase(
        a_server(image_id="image-2", name="portal"), ("rename to portal", "stop", "post changeos"), wipes=1
    ),
    "a password": ChangeCase(a_server(admin_pass=PASSWORD, key_pair_name=None), ("stop", "post reinstallos"), wipes=1),
    "user data on what is stopped": ChangeCase(
        a_server(userdata="aGk="), ("post reinstallos", "stop"), found="STOPPED", ends="STOPPED", wipes=1
    ),
    "off": ChangeCase(a_server(power="stopped"), ("stop",), ends="STOPPED"),
    "on": ChangeCase(a_server(power="running"), ("start",), first=a_server(power="stopped")),
    "on again": ChangeCase(a_server(power="running"), ("start",), first=a_server(power="running"), found="STOPPED"),
    "attached": ChangeCase(
        a_server(volumes=[ONE, OTHER], public_ips=[ONE]),
        ("post attachvolume", "post attachvolume", "get publicips", "post publicips"),
    ),
    "another one attached": ChangeCase(
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
    "a new image on what has an address": ChangeCase(
        a_server(image_id="image-2", name="portal", public_ips=[ONE], power="stopped"),
        ("rename to portal", "stop", "post changeos", "stop"),
        first=a_server(public_ips=[ONE]),
        ends="STOPPED",
        wipes=1,
    ),
    "bought with all of it": ChangeCase(
        a_server(volumes=[ONE], public_ips=[OTHER], power="stopped"),
        ("buy gateway", "post attachvolume", "get publicips", "post publicips", "stop"),
        first=None,
        ends="STOPPED",
    ),
}


class CaseRun:
    """A case in a harness of its own, in which the change can be applied as often as it takes."""

    def __init__(self, new_harness, case, **options):
        self.case = case
        self.harness = new_harness(**options)
        self.cloud = self.harness.cloud
        self.cloud.build_seconds = self.cloud.action_seconds = 3.0
        if case.first is not None:
            self.harness.apply(case.first)
            if case.found != "RUNNING":
                self.server.status = case.found
        self.cloud.log.clear()

    @property
    def server(self):
        (server,) = self.cloud.ours
        return server

    def apply(self, **options):
        return self.harness.apply(self.case.then, **options)

    def reinstall_if_lost(self):
        """Reinstalls the server by name, as a person does, if its wipe never arrived and counts as carried out."""
        if self.case.wipes and not self.cloud.wiped and not self.harness.state.in_doubt:
            self.harness.clock.time += 60
            self.harness.reinstalling = ("gateway",)
            self.apply()
            self.harness.reinstalling = ()

    @property
    def sent(self):
        return tuple(what for what in self.cloud.sent() if what not in {"list", "show"})

    def check(self):
        server, wanted = self.server, self.case.then.fields
        recorded = self.harness.state.resources[self.case.then.address]
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
        assert not self.harness.state.intents
        self.cloud.log.clear()
        assert self.apply().results == ()
        assert self.sent == ()


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_these_calls_and_then_nothing_is_left(new_harness, result_types, name):
    run = CaseRun(new_harness, CASES[name])
    assert result_types(run.apply()) == ["done"]
    assert run.sent == run.case.sends
    run.check()


@pytest.mark.parametrize("name", CASES)
def test_one_more_apply_makes_good_a_death_at_any_step(new_harness, result_types, name):
    undisturbed = CaseRun(new_harness, CASES[name])
    undisturbed.apply()
    steps = undisturbed.harness.crash_plan.steps
    for call in undisturbed.case.sends:
        assert f"before {call}" in steps
    for step in range(len(steps)):
        run = CaseRun(new_harness, CASES[name])
        assert run.apply(die_at=step) is None
        run.harness.check_nothing_is_lost()
        run.apply()
        run.harness.clock.time += 60
        run.apply()
        if run.harness.state.in_doubt:
            assert run.harness.state.purchases_in_doubt
            assert not run.cloud.ours
            continue
        run.reinstall_if_lost()
        run.check()


@pytest.mark.crash_part("two deaths")
@pytest.mark.parametrize("name", ["a new image", "user data on what is stopped"])
def test_a_death_in_what_goes_on_after_a_death_is_made_good_too(new_harness, name, counters):
    undisturbed = CaseRun(new_harness, CASES[name])
    undisturbed.apply()
    for first in first_deaths(len(undisturbed.harness.crash_plan.steps)):
        counters.points += 1
        second = 0
        while True:
            run = CaseRun(new_harness, CASES[name])
            run.apply(die_at=first)
            if run.apply(die_at=second) is not None:
                break
            second += 1
            counters.runs += 3
            counters.deaths += 2
            run.apply()
            run.apply()
            run.reinstall_if_lost()
            run.check()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.wipes])
def test_the_wipe_is_noted_before_it_leaves_and_says_what_it_brings(new_harness, name):
    run = CaseRun(new_harness, CASES[name])
    open_intents = []
    run.cloud.arrivals.append(
        lambda what: open_intents.extend(run.harness.state.intents.values() if what.startswith("post") else [])
    )
    run.apply()
    (intent,) = open_intents
    assert (intent.effect, intent.target_id) == (Effect.WIPE, run.server.id)
    assert intent.declared.keys() <= {"image_id", "admin_pass", "key_pair_name", "userdata"}
    assert "canary" not in repr(run.harness.entries)


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.wipes])
def test_a_wipe_whose_answer_is_lost_counts_as_carried_out(new_harness, only_result, name, executed):
    """The server that was stopped for it runs again. The wipe is sent again only if a person names the address."""
    run = CaseRun(new_harness, CASES[name])
    run.cloud.fails(Effect.WIPE, Outcome.UNKNOWN, executed=executed)
    result = only_result(run.apply())
    assert (result.type, result.diagnostic.code) == ("incomplete", "unsettled")
    assert len(run.cloud.wiped) == executed
    run.harness.clock.time += 60
    for _ in range(3):
        run.apply()
        assert len(run.cloud.wiped) == executed
    assert run.server.power == run.case.ends
    assert run.harness.state.resources[run.case.then.address].pending == {}
    assert (run.harness.addresses_with(EventType.NOTICE) == ["gateway"]) is not executed
    run.reinstall_if_lost()
    run.check()


@pytest.mark.parametrize("name", ["a new image", "a password"])
def test_a_row_that_is_late_for_ever_has_no_disk_wiped_twice(new_harness, name):
    """The cloud has carried out the wipe, and goes on showing the server as it was before."""
    run = CaseRun(new_harness, CASES[name])
    run.cloud.fails(Effect.WIPE, Outcome.UNKNOWN, executed=True)
    run.apply()
    run.harness.clock.time += 60
    run.server.status, run.server.image = "STOPPED", "image-1"
    for _ in range(3):
        run.apply()
    assert (run.server.power, len(run.cloud.wiped)) == ("RUNNING", 1)
    assert run.harness.addresses_with(EventType.NOTICE) == (["gateway"] if name == "a new image" else [])


@pytest.mark.parametrize("moment", ["list", "start"])
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.wipes])
def test_a_wipe_that_is_carried_out_after_it_was_believed_lost_is_followed_and_not_made_again(
    new_harness, name, moment
):
    """It is carried out while the next plan is being approved, or right before its server is started again."""
    run = CaseRun(new_harness, CASES[name])
    run.cloud.action_seconds = 60.0
    run.cloud.fails(Effect.WIPE, Outcome.UNKNOWN, executed=False)
    run.apply()
    late = [sent.call for sent in run.cloud.log if sent.call.effect is Effect.WIPE]

    def arrive(what):
        if what.startswith(moment) and late:
            run.cloud.execute(late.pop())

    run.cloud.arrivals.append(arrive)
    for _ in range(3):
        run.apply()
        run.harness.clock.time += 100
    run.reinstall_if_lost()
    run.check()


def test_a_system_that_somebody_else_is_putting_on_it_is_left_alone_and_told(new_harness, only_result):
    run = CaseRun(new_harness, CASES["a password"])
    run.cloud.action_seconds = 60.0

    def arrive(what):
        if what == "post reinstallos" and not run.cloud.wiped:
            body = {"image_id": "image-9"}
            run.server.act("POST", ["changeos"], body, until=run.harness.clock.time + 60, ends={})

    run.cloud.arrivals.append(arrive)
    result = only_result(run.apply())
    assert (result.type, "not by this run" in result.message) == ("failed", True)
    assert run.harness.state.resources[run.case.then.address].pending == {}
    assert "admin_pass" not in run.harness.state.resources[run.case.then.address].declared


def test_a_lost_answer_says_in_the_journal_what_was_seen_of_it(new_harness):
    run = CaseRun(new_harness, CASES["a new image"])
    run.cloud.fails(Effect.WIPE, Outcome.UNKNOWN, executed=True)
    run.apply()
    run.harness.clock.time += 60
    run.apply()
    (evidence,) = [entry.evidence for entry in run.harness.entries if entry.type == "settled"]
    assert evidence == "counts as carried out: listed with status RUNNING"


@pytest.mark.parametrize("name", ["a new image", "a new image on what is stopped"])
def test_a_refused_image_leaves_the_server_as_it_was_found(new_harness, only_result, name):
    run = CaseRun(new_harness, CASES[name])
    run.cloud.fails(Effect.WIPE, Outcome.REFUSED, status=400, message="the image does not exist")
    result = only_result(run.apply())
    assert (result.type, result.action) == ("failed", "reinstall")
    assert "the image does not exist" in result.message
    assert (run.server.power, run.cloud.wiped) == (run.case.found, [])
    assert run.harness.state.resources[run.case.then.address].pending == {}


def test_specs_that_are_put_back_half_way_start_what_was_stopped(new_harness, result_types):
    run = CaseRun(new_harness, CASES["a new image"])
    stopped = next(step for step in range(99) if _dies_stopped(CaseRun(new_harness, CASES["a new image"]), step))
    run.apply(die_at=stopped)
    run.harness.clock.time += 60
    result = run.harness.apply(run.case.first)
    assert result_types(result) == ["done"]
    assert [one.action for one in result.results] == ["resume"]
    assert (run.server.power, run.server.image, run.cloud.wiped) == ("RUNNING", "image-1", [])


def _dies_stopped(run, step):
    run.apply(die_at=step)
    return run.server.power in {"STOPPING", "STOPPED"}


def test_a_system_that_cannot_be_put_on_is_told_and_not_tried_again(new_harness, only_result):
    run = CaseRun(new_harness, CASES["a new image"])
    run.cloud.breaking["changeos"] = "CHANGINGOS_FAILED"
    result = only_result(run.apply())
    assert (result.type, "CHANGINGOS_FAILED" in result.message) == ("failed", True)
    assert "--reinstall" in result.diagnostic.hint
    run.cloud.breaking.clear()
    assert run.apply().results == ()
    assert len(run.cloud.wiped) == 1
    assert [finding.code for finding in run.harness.plan(run.case.then).findings] == ["adverse-status"]


def test_a_stop_that_fails_is_tried_once_more_and_then_told(new_harness, only_result):
    run = CaseRun(new_harness, CASES["a new image"])
    run.cloud.breaking["stop"] = "STOP_FAILED"
    result = only_result(run.apply())
    assert (result.type, "STOP_FAILED" in result.message) == ("failed", True)
    assert (run.sent, run.cloud.wiped) == (("stop", "stop"), [])
    run.cloud.breaking.clear()
    run.apply()
    run.check()


@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_to_a_stop_is_read_back(new_harness, result_types, executed):
    run = CaseRun(new_harness, CASES["off"])
    run.cloud.fails(Effect.REPEATABLE, Outcome.UNKNOWN, executed=executed)
    assert result_types(run.apply()) == ["done"]
    assert run.sent == (("stop",) if executed else ("stop", "stop"))
    run.check()


def test_a_stop_that_somebody_else_has_asked_for_is_as_good_as_ours(new_harness, result_types):
    run = CaseRun(new_harness, CASES["off"])
    run.cloud.arrivals.append(lambda what: what == "stop" and _stop(run))
    assert result_types(run.apply()) == ["done"]
    run.check()


def _stop(run):
    run.cloud.arrivals.clear()
    run.server.under_way = ("STOPPING", "STOPPED", run.harness.clock.time + 3)


def test_what_somebody_else_is_reinstalling_is_left_alone(new_harness, only_result):
    run = CaseRun(new_harness, CASES["a new image"])
    plan = run.harness.plan(run.case.then)
    run.server.status = "STOPPED"
    run.server.under_way = ("REINSTALLINGOS", "RUNNING", run.harness.clock.time + 60)
    result = only_result(run.harness.execute(plan))
    assert result.type == "failed"
    assert "not by this run" in result.message
    assert run.cloud.wiped == []


def test_an_image_that_is_there_already_by_a_saved_plans_turn_is_not_put_on_again(new_harness, result_types):
    run = CaseRun(new_harness, CASES["a new image"])
    plan = run.harness.plan(run.case.then)
    run.server.image = "image-2"
    assert result_types(run.harness.execute(plan)) == ["done"]
    assert run.cloud.wiped == []
    assert run.harness.state.resources[run.case.then.address].declared["image_id"] == "image-2"


def test_ignored_power_is_left_as_it_is_found(new_harness, result_types):
    wanted = replace(a_server(image_id="image-2", power="running"), lifecycle=Lifecycle(ignore_changes=(("power",),)))
    case = replace(CASES["a new image on what is stopped"], first=a_server(power="running"), then=wanted)
    run = CaseRun(new_harness, case)
    assert result_types(run.apply()) == ["done"]
    run.check()


def test_a_list_that_is_taken_out_of_the_specs_detaches_nothing(new_harness, result_types):
    run = CaseRun(new_harness, ChangeCase(a_server(), (), first=a_server(volumes=[ONE], public_ips=[ONE])))
    assert result_types(run.apply()) == ["done"]
    assert (run.server.volumes, run.server.addresses) == ([ONE], [ONE])
    assert "volumes" not in run.harness.state.resources[run.case.then.address].declared


def test_what_was_attached_by_others_stays_and_what_they_detached_comes_back(new_harness, result_types):
    run = CaseRun(new_harness, ChangeCase(a_server(volumes=[ONE]), (), first=a_server(volumes=[ONE])))
    run.server.volumes = [OTHER]
    (change,) = run.harness.plan(run.case.then).work
    assert [(item.path, item.drift) for item in change.fields] == [(("volumes",), True)]
    assert result_types(run.apply()) == ["done"]
    assert run.server.volumes == [OTHER, ONE]
    assert run.apply().results == ()


def test_an_address_is_not_bound_to_what_does_not_run(new_harness, only_result):
    run = CaseRun(new_harness, ChangeCase(a_server(public_ips=[ONE]), (), found="STOPPED", ends="STOPPED"))
    result = only_result(run.apply())
    assert (result.type, "servers that run" in result.message) == ("failed", True)
    assert run.server.addresses == []


def test_an_interruption_half_way_says_what_is_under_way_and_is_gone_on_with(new_harness, only_result):
    run = CaseRun(new_harness, CASES["a new image"])
    run.cloud.arrivals.append(lambda what: what == "stop" and run.harness.interruption.request())
    result = only_result(run.apply())
    assert (result.type, result.diagnostic.code) == ("incomplete", "detached")
    run.cloud.arrivals.clear()
    run.apply()
    run.check()
