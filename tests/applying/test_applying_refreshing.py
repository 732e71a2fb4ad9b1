"""Recording what the cloud shows: nothing is sent, whatever dies, and what shows again is not given up."""

from __future__ import annotations

import pytest

from provisioner.model.event import ResultType
from provisioner.model.journal import Intended
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase


@pytest.fixture
def drifted(new_world, servers):
    """Of three servers one is renamed, one stopped, and one gone."""

    def make():
        world = new_world()
        world.apply(*servers(3))
        renamed, stopped, gone = world.cloud.servers.values()
        renamed.name, stopped.status = "renamed-by-hand", "STOPPED"
        del world.cloud.servers[gone.id]
        world.cloud.log.clear()
        return world

    return make


def recorded(world):
    return {str(key): (one.name, one.observed["status"]) for key, one in world.state.resources.items()}


AS_IT_IS = {
    "trainer[0]": ("renamed-by-hand", "RUNNING"),
    "trainer[1]": ("trainer-1", "STOPPED"),
    "trainer[2]": ("trainer-2", "DELETED"),
}


def test_what_the_cloud_shows_is_recorded_and_nothing_is_sent(drifted, servers):
    world = drifted()
    intents = sum(isinstance(entry, Intended) for entry in world.entries)
    result = world.apply(*servers(3), mode=Mode.REFRESH)
    assert [one.type for one in result.results] == [ResultType.DONE] * 3
    assert recorded(world) == AS_IT_IS
    assert {sent.call.method for sent in world.cloud.log} <= {"GET"}
    assert sum(isinstance(entry, Intended) for entry in world.entries) == intents
    assert {one.phase for one in world.state.resources.values()} == {Phase.READY}


def test_recording_again_writes_nothing(drifted, servers):
    world = drifted()
    world.apply(*servers(3), mode=Mode.REFRESH)
    entries = list(world.entries)
    world.apply(*servers(3), mode=Mode.REFRESH)
    assert world.entries == entries


def test_a_death_at_any_step_leaves_what_was_written_and_the_next_run_writes_the_rest(drifted, servers):
    alone = drifted()
    alone.apply(*servers(3), mode=Mode.REFRESH)
    steps = alone.crash_plan.steps
    assert any("remembered" in step for step in steps)
    for step in range(len(steps)):
        world = drifted()
        assert world.apply(*servers(3), mode=Mode.REFRESH, die_at=step) is None
        world.examine()
        assert world.apply(*servers(3), mode=Mode.REFRESH) is not None
        assert recorded(world) == AS_IT_IS
        assert {sent.call.method for sent in world.cloud.log} <= {"GET"}


def test_no_apply_after_it_buys_what_is_gone(drifted, servers):
    world = drifted()
    world.apply(*servers(3), mode=Mode.REFRESH)
    world.apply(*servers(3))
    assert world.cloud.purchases["trainer-2"] == 1
    world.apply(*servers(3), replacing=["trainer[2]"])
    assert world.cloud.purchases["trainer-2"] == 2


def test_a_server_that_shows_again_is_not_recorded_as_gone(world, servers, only):
    world.apply(*servers(1))
    (server,) = world.cloud.servers.values()
    del world.cloud.servers[server.id]
    plan = world.plan(*servers(1), mode=Mode.REFRESH)
    world.cloud.servers[server.id] = server
    entries = list(world.entries)
    result = only(world.carry_out(plan))
    assert (result.type, result.diagnostic.code) == (ResultType.FAILED, "shows-again")
    assert world.entries == entries
