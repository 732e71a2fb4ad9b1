"""Taking over, moving and letting go, with a death at every step: nothing is bought or released, and one more apply is enough."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_desired, an_address
from support.simulation import CrashPlan

from provisioner.model.action import Action
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.flow import Effect
from provisioner.model.journal import Imported, Moved
from provisioner.model.plan import Mode
from provisioner.model.redaction import FINGERPRINT
from provisioner.model.refactoring import Import, Move, Refactoring, Removal
from provisioner.model.secret import SecretReference, SecretSource

BEFORE = an_address("trainer")
AFTER = an_address("worker")


def wanted(name, address, **fields):
    return a_desired(address, fields={"name": name, "flavor": "Si2.large.4"} | fields)


@pytest.fixture
def existing(new_world):
    """A world with a server that somebody bought by hand, under the name `old`."""

    def make():
        world = new_world()
        server = world.cloud.add_server("old", flavor="Si2.large.4", strange=True)
        world.refactoring = Refactoring(imports=(Import(AFTER, server.id),))
        return world

    return make


@pytest.fixture
def owned(new_world):
    """A world in which `trainer[0]` and `trainer[1]` were bought from here."""

    def make(refactoring):
        world = new_world()
        world.apply(*(wanted(f"trainer-{index}", f"trainer[{index}]") for index in range(2)))
        world.cloud.log.clear()
        world.refactoring = refactoring
        return world

    return make


def deaths_of(make, *servers):
    """Worlds that died at each step of an apply, and were given one more."""
    alone = make()
    alone.apply(*servers)
    steps = len(alone.crash_plan.steps)
    for step in range(steps):
        world = make()
        assert world.apply(*servers, die_at=step) is None
        world.apply(*servers)
        yield world
    assert steps >= 2


def test_what_is_taken_over_is_never_bought_wherever_the_run_dies(existing):
    server = wanted("new", "worker", root_volume={"type": "SSD", "size": 500})
    for world in deaths_of(existing, server):
        assert world.cloud.bought == []
        assert world.cloud.sent(Effect.DESTRUCTIVE) == []
        assert {one.name for one in world.cloud.servers.values()} == {"new"}
        assert [change.action for change in world.plan(server).changes] == [Action.NO_OP]


def test_what_the_cloud_hides_is_recorded_as_the_specs_say_and_secrets_under_the_salt_of_the_state(existing):
    world = existing()
    reference = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
    world.apply(wanted("old", "worker", admin_pass=reference, root_volume={"type": "SSD", "size": 500}))
    record = world.state.resources[AFTER]
    assert record.declared["admin_pass"] == {FINGERPRINT: "f0"}
    assert record.declared["root_volume"] == {"type": "SSD", "size": 500}
    assert record.observed["status"] == "RUNNING"


def test_a_change_right_after_keeps_what_tells_another_password_later(existing):
    """A first plan knows no salt, and its record would else be written once more with the change."""
    world = existing()
    reference = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
    plan = world.plan(wanted("new", "worker", admin_pass=reference))
    (change,) = plan.changes
    unsalted = replace(change.recorded, declared={**change.recorded.declared, "admin_pass": {FINGERPRINT: None}})
    world.carry_out(replace(plan, changes=(replace(change, recorded=unsalted),)))
    record = world.state.resources[AFTER]
    assert record.declared["name"] == "new"
    assert record.declared["admin_pass"] == {FINGERPRINT: "f0"}


def test_a_server_that_is_gone_by_now_is_not_taken_over_by_a_saved_plan(existing, only):
    world = existing()
    plan = world.plan(wanted("old", "worker"))
    (server,) = world.cloud.servers.values()
    server.released_at = world.clock.time
    result = only(world.carry_out(plan))
    assert result.diagnostic.code == "gone-meanwhile"
    assert not any(isinstance(entry, Imported) for entry in world.entries)


def test_a_server_that_another_state_holds_by_now_is_not_taken_over_by_a_saved_plan(existing, only):
    world = existing()
    plan = world.plan(wanted("old", "worker"))
    result = only(world.carry_out(plan, other_states=lambda rows: {row.id for row in rows}))
    assert result.diagnostic.code == "server-owned"
    assert not any(isinstance(entry, Imported) for entry in world.entries)


def test_a_moved_group_keeps_its_servers_wherever_the_run_dies(owned):
    servers = [wanted(f"worker-{index}", f"worker[{index}]") for index in range(2)]
    for world in deaths_of(lambda: owned(Refactoring(moves=(Move(BEFORE, AFTER),))), *servers):
        assert world.cloud.purchases == {"trainer-0": 1, "trainer-1": 1}
        assert world.cloud.sent(Effect.DESTRUCTIVE) == []
        assert {str(key): one.name for key, one in world.state.resources.items()} == {
            "worker[0]": "worker-0",
            "worker[1]": "worker-1",
        }


def test_a_move_that_could_not_be_written_is_no_success_and_sends_nothing(owned):
    world = owned(Refactoring(moves=(Move(BEFORE, AFTER),)))
    servers = [wanted("trainer-0", "worker[0]"), wanted("worker-1", "worker[1]")]

    def full(entries):
        if any(isinstance(entry, Moved) for entry in entries):
            raise StoreError(error("journal-full", "no space"))

    world.ledger.crash_plan = CrashPlan()
    plan = world.plan(*servers)
    results = world.carry_out(plan, ledger=RefusingLedger(full)).results
    assert [result.diagnostic.code for result in results] == ["journal-full", "journal-full"]
    assert world.cloud.sent(Effect.REPEATABLE) == []


class RefusingLedger:
    def __init__(self, judge):
        self.append = judge


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_what_is_let_go_is_never_released_wherever_the_run_dies(owned, mode):
    def make():
        world = owned(Refactoring(removals=(Removal(BEFORE),)))
        for server in world.cloud.servers.values():
            server.strange = True  # it is given up on purpose
        return world

    alone = make()
    alone.apply(mode=mode)
    steps = len(alone.crash_plan.steps)
    for step in range(steps):
        world = make()
        world.apply(mode=mode, die_at=step)
        world.apply(mode=mode)
        assert world.state.resources == {}
        assert world.cloud.sent(Effect.DESTRUCTIVE) == []
    assert steps >= 2
