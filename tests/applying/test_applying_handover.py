"""Import, moved and removed blocks, with a death at every step: nothing is bought or released, and one more apply is
enough.
"""

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
def existing(new_harness):
    """Returns a function that makes harnesses with a server that somebody bought by hand, under the name `old`."""

    def make():
        harness = new_harness()
        server = harness.cloud.add_server("old", flavor="Si2.large.4", strange=True)
        harness.refactoring = Refactoring(imports=(Import(AFTER, server.id),))
        return harness

    return make


@pytest.fixture
def owned(new_harness):
    """Returns a function that makes harnesses in which `trainer[0]` and `trainer[1]` were bought by us."""

    def make(refactoring):
        harness = new_harness()
        harness.apply(*(wanted(f"trainer-{index}", f"trainer[{index}]") for index in range(2)))
        harness.cloud.log.clear()
        harness.refactoring = refactoring
        return harness

    return make


def after_each_death(make, *servers):
    """Yields, for each step of an apply, a harness in which a run died at that step and one more run followed."""
    undisturbed = make()
    undisturbed.apply(*servers)
    steps = len(undisturbed.crash_plan.steps)
    for step in range(steps):
        harness = make()
        assert harness.apply(*servers, die_at=step) is None
        harness.apply(*servers)
        yield harness
    assert steps >= 2


def test_what_is_taken_over_is_never_bought_wherever_the_run_dies(existing):
    server = wanted("new", "worker", root_volume={"type": "SSD", "size": 500})
    for harness in after_each_death(existing, server):
        assert harness.cloud.bought == []
        assert harness.cloud.sent(Effect.DESTRUCTIVE) == []
        assert {one.name for one in harness.cloud.servers.values()} == {"new"}
        assert [change.action for change in harness.plan(server).changes] == [Action.NO_OP]


def test_what_the_cloud_hides_is_recorded_as_the_specs_say_and_secrets_under_the_salt_of_the_state(existing):
    harness = existing()
    reference = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
    harness.apply(wanted("old", "worker", admin_pass=reference, root_volume={"type": "SSD", "size": 500}))
    record = harness.state.resources[AFTER]
    assert record.declared["admin_pass"] == {FINGERPRINT: "f0"}
    assert record.declared["root_volume"] == {"type": "SSD", "size": 500}
    assert record.observed["status"] == "RUNNING"


def test_a_change_right_after_keeps_what_tells_another_password_later(existing):
    """A first plan knows no salt, so its record has no fingerprint. The apply has to write the record with one."""
    harness = existing()
    reference = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
    plan = harness.plan(wanted("new", "worker", admin_pass=reference))
    (change,) = plan.changes
    unsalted = replace(change.recorded, declared={**change.recorded.declared, "admin_pass": {FINGERPRINT: None}})
    harness.execute(replace(plan, changes=(replace(change, recorded=unsalted),)))
    record = harness.state.resources[AFTER]
    assert record.declared["name"] == "new"
    assert record.declared["admin_pass"] == {FINGERPRINT: "f0"}


def test_a_server_that_is_gone_by_now_is_not_taken_over_by_a_saved_plan(existing, only_result):
    harness = existing()
    plan = harness.plan(wanted("old", "worker"))
    (server,) = harness.cloud.servers.values()
    server.released_at = harness.clock.time
    result = only_result(harness.execute(plan))
    assert result.diagnostic.code == "gone-meanwhile"
    assert not any(isinstance(entry, Imported) for entry in harness.entries)


def test_a_server_that_another_state_holds_by_now_is_not_taken_over_by_a_saved_plan(existing, only_result):
    harness = existing()
    plan = harness.plan(wanted("old", "worker"))
    result = only_result(harness.execute(plan, other_states=lambda rows: {row.id for row in rows}))
    assert result.diagnostic.code == "server-owned"
    assert not any(isinstance(entry, Imported) for entry in harness.entries)


def test_a_moved_group_keeps_its_servers_wherever_the_run_dies(owned):
    servers = [wanted(f"worker-{index}", f"worker[{index}]") for index in range(2)]
    for harness in after_each_death(lambda: owned(Refactoring(moves=(Move(BEFORE, AFTER),))), *servers):
        assert harness.cloud.purchases == {"trainer-0": 1, "trainer-1": 1}
        assert harness.cloud.sent(Effect.DESTRUCTIVE) == []
        assert {str(key): one.name for key, one in harness.state.resources.items()} == {
            "worker[0]": "worker-0",
            "worker[1]": "worker-1",
        }


def test_a_move_that_could_not_be_written_is_no_success_and_sends_nothing(owned):
    harness = owned(Refactoring(moves=(Move(BEFORE, AFTER),)))
    servers = [wanted("trainer-0", "worker[0]"), wanted("worker-1", "worker[1]")]

    def refuse_moves(entries):
        if any(isinstance(entry, Moved) for entry in entries):
            raise StoreError(error("journal-full", "no space"))

    harness.ledger.crash_plan = CrashPlan()
    plan = harness.plan(*servers)
    results = harness.execute(plan, ledger=RefusingLedger(refuse_moves)).results
    assert [result.diagnostic.code for result in results] == ["journal-full", "journal-full"]
    assert harness.cloud.sent(Effect.REPEATABLE) == []


class RefusingLedger:
    def __init__(self, append):
        self.append = append


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_what_is_let_go_is_never_released_wherever_the_run_dies(owned, mode):
    def make():
        harness = owned(Refactoring(removals=(Removal(BEFORE),)))
        for server in harness.cloud.servers.values():
            server.strange = True  # it is given up on purpose
        return harness

    undisturbed = make()
    undisturbed.apply(mode=mode)
    steps = len(undisturbed.crash_plan.steps)
    for step in range(steps):
        harness = make()
        harness.apply(mode=mode, die_at=step)
        harness.apply(mode=mode)
        assert harness.state.resources == {}
        assert harness.cloud.sent(Effect.DESTRUCTIVE) == []
    assert steps >= 2
