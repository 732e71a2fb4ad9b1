"""Recording what the cloud shows: nothing is sent, wherever a run dies, and a server that shows again is not recorded
as gone.
"""

from __future__ import annotations

import pytest

from provisioner.model.event import ResultType
from provisioner.model.journal import Intended
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase


@pytest.fixture
def drifted(new_harness, servers):
    """Returns a function that makes harnesses in which one of three servers is renamed, one is stopped, and one is
    gone.
    """

    def make():
        harness = new_harness()
        harness.apply(*servers(3))
        renamed, stopped, gone = harness.cloud.servers.values()
        renamed.name, stopped.status = "renamed-by-hand", "STOPPED"
        del harness.cloud.servers[gone.id]
        harness.cloud.log.clear()
        return harness

    return make


def recorded(harness):
    return {str(key): (one.name, one.observed["status"]) for key, one in harness.state.resources.items()}


AS_SHOWN = {
    "trainer[0]": ("renamed-by-hand", "RUNNING"),
    "trainer[1]": ("trainer-1", "STOPPED"),
    "trainer[2]": ("trainer-2", "DELETED"),
}


def test_what_the_cloud_shows_is_recorded_and_nothing_is_sent(drifted, servers):
    harness = drifted()
    intents = sum(isinstance(entry, Intended) for entry in harness.entries)
    result = harness.apply(*servers(3), mode=Mode.REFRESH)
    assert [one.type for one in result.results] == [ResultType.DONE] * 3
    assert recorded(harness) == AS_SHOWN
    assert {sent.call.method for sent in harness.cloud.log} <= {"GET"}
    assert sum(isinstance(entry, Intended) for entry in harness.entries) == intents
    assert {one.phase for one in harness.state.resources.values()} == {Phase.READY}


def test_recording_again_writes_nothing(drifted, servers):
    harness = drifted()
    harness.apply(*servers(3), mode=Mode.REFRESH)
    entries = list(harness.entries)
    harness.apply(*servers(3), mode=Mode.REFRESH)
    assert harness.entries == entries


def test_a_death_at_any_step_leaves_what_was_written_and_the_next_run_writes_the_rest(drifted, servers):
    undisturbed = drifted()
    undisturbed.apply(*servers(3), mode=Mode.REFRESH)
    steps = undisturbed.crash_plan.steps
    assert any("remembered" in step for step in steps)
    for step in range(len(steps)):
        harness = drifted()
        assert harness.apply(*servers(3), mode=Mode.REFRESH, die_at=step) is None
        harness.check_nothing_is_lost()
        assert harness.apply(*servers(3), mode=Mode.REFRESH) is not None
        assert recorded(harness) == AS_SHOWN
        assert {sent.call.method for sent in harness.cloud.log} <= {"GET"}


def test_no_apply_after_it_buys_what_is_gone(drifted, servers):
    harness = drifted()
    harness.apply(*servers(3), mode=Mode.REFRESH)
    harness.apply(*servers(3))
    assert harness.cloud.purchases["trainer-2"] == 1
    harness.apply(*servers(3), replacing=["trainer[2]"])
    assert harness.cloud.purchases["trainer-2"] == 2


def test_a_server_that_shows_again_is_not_recorded_as_gone(harness, servers, only_result):
    harness.apply(*servers(1))
    (server,) = harness.cloud.servers.values()
    del harness.cloud.servers[server.id]
    plan = harness.plan(*servers(1), mode=Mode.REFRESH)
    harness.cloud.servers[server.id] = server
    entries = list(harness.entries)
    result = only_result(harness.execute(plan))
    assert (result.type, result.diagnostic.code) == (ResultType.FAILED, "shows-again")
    assert harness.entries == entries
