"""Two environments of one stack whose states hold one server, or wait for one purchase's outcome: both are told, and neither takes it from the other."""

import json

import pytest
from support.builders import IDENTITY, a_recorded
from support.fault_proxy import resetting
from support.process_workspace import ONE, STACK
from support.stores import folder_store

from provisioner.model.journal import Forgotten, Imported
from provisioner.model.resource import Phase

OTHER_IMAGE = "7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7"
APPLY = ("apply", "--auto-approve", "--resolve-timeout", "0")


@pytest.fixture
def two_environments(workspace):
    """Environments `dev` and `prod`, which want a server of the same name."""

    def write(servers):
        workspace.write(servers, stack=f"{STACK}environment: dev\n")

    write(ONE)
    (workspace.folder / "specs" / "environments").mkdir()
    for name in ("dev", "prod"):
        (workspace.folder / "specs" / "environments" / f"{name}.yaml").write_text("{}\n")
    workspace.declare = write
    return workspace


def held(workspace, environment):
    return {record["id"] for record in workspace.state(f"test.{environment}")["resources"].values()}


def codes(planned):
    return [finding["code"] for finding in json.loads(planned.out)["findings"]]


@pytest.fixture
def common(two_environments):
    """A server that prod bought, and that dev imported while prod's state could not be read."""
    assert two_environments.run_in_process(*APPLY, "-e", "prod").code == 0
    (server,) = held(two_environments, "prod")
    state = two_environments.folder / "state" / "test.prod.json"
    whole = state.read_bytes()
    state.write_bytes(whole[:100])
    two_environments.declare(f"{ONE}imports: [{{to: alpha, id: {server}}}]\n")
    assert two_environments.run_in_process(*APPLY, "-e", "dev", "--allow", "unread-sibling").code == 0
    state.write_bytes(whole)
    two_environments.declare(ONE)
    return server


def test_both_states_are_told_what_they_both_hold(two_environments, common):
    for environment, other in (("dev", "prod"), ("prod", "dev")):
        planned = two_environments.run_in_process("plan", "-e", environment, "--detailed-exitcode")
        assert planned.code == 2
        assert f"alpha: server {common} is recorded in the state test.{other} as well" in planned.words
        assert f"`provisioner state rm 'alpha' -e {environment}`" in planned.words
        drift = two_environments.run_in_process("drift", "-e", environment, "--detailed-exitcode")
        assert (drift.code, "held-twice" in drift.text) == (2, True)
        assert codes(two_environments.run_in_process("plan", "-e", environment, "--json")) == ["held-twice"]


@pytest.mark.parametrize(
    ("servers", "command", "lost"),
    [
        (ONE, ("destroy", "--auto-approve"), "be released"),
        ("servers: {}\n", APPLY, "be released"),
        (ONE, (*APPLY, "--replace", "alpha"), "be released, and another one bought"),
        ("servers: {alpha: {image_id: IMAGE}}\n", APPLY, "have its system disk wiped"),
    ],
)
def test_nothing_takes_it_from_the_other_state(two_environments, common, servers, command, lost):
    two_environments.declare(servers.replace("IMAGE", OTHER_IMAGE))
    refused = two_environments.run_in_process(*command, "-e", "dev", "--allow", "all")
    assert refused.code == 4, refused.text
    assert f"alpha would {lost}, and server {common} is recorded in the state test.prod as well" in refused.words
    assert two_environments.ledger_counts("release") == {}
    assert two_environments.purchases == {"alpha": 1}


def test_a_person_may_release_it_all_the_same(two_environments, common):
    destroyed = two_environments.run_in_process("destroy", "--auto-approve", "-e", "dev", "--allow", "held-twice")
    assert destroyed.code == 0
    assert two_environments.ledger_counts("release") == {"alpha": 1}
    assert "held-twice" in two_environments.run_in_process("history", "-e", "dev").text


def test_it_ends_when_one_of_the_two_forgets_it(two_environments, common):
    assert two_environments.run_in_process("state", "rm", "alpha", "-e", "prod", "--auto-approve").code == 0
    planned = two_environments.run_in_process("plan", "-e", "dev", "--detailed-exitcode")
    assert (planned.code, "held-twice" in planned.text) == (0, False)
    assert two_environments.run_in_process("destroy", "--auto-approve", "-e", "dev").code == 0
    assert two_environments.ledger_counts("release") == {"alpha": 1}


def test_of_two_purchases_in_doubt_with_one_name_neither_state_adopts_the_server(two_environments, proxy):
    proxy.on(resetting(executed=False), name="alpha")
    assert two_environments.run_in_process(*APPLY, "-e", "dev").code == 6
    proxy.on(resetting(executed=True), name="alpha")
    assert two_environments.run_in_process(*APPLY, "-e", "prod").code == 6
    for environment, other in (("dev", "prod"), ("prod", "dev")):
        told = two_environments.run_in_process("plan", "-e", environment)
        assert (
            f"the state test.{other} has a purchase of the same name 'alpha' whose outcome is open too" in told.words
        ), told.text
        assert two_environments.run_in_process(*APPLY, "-e", environment).code == 6
        assert held(two_environments, environment) == set()
    assert two_environments.purchases == {"alpha": 1}


def test_an_order_that_another_state_records_is_not_cancelled(direct_workspace):
    term = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1}"
    direct_workspace.write(f"servers: {{alpha: {{charging_info: {term}}}}}\n")
    assert direct_workspace.apply().code == 7
    (order,) = {record["order_id"] for record in direct_workspace.state("test")["resources"].values()}
    other = folder_store(direct_workspace.folder / "state", "other")
    with other.write(command="apply", who="ana", timeout=0) as session:
        session.create("other", None, identity=IDENTITY)
        session.append([Imported(a_recorded("theirs", id=None, order_id=order, phase=Phase.ORDERING), "named")])
        session.checkpoint()
    shown = direct_workspace.run_in_process("orders", "show", "alpha").text
    refused = direct_workspace.run_in_process("orders", "cancel", "alpha", "--auto-approve")
    assert refused.code == 4
    assert f"order {order} of alpha is recorded in the state other as well" in refused.words
    assert direct_workspace.run_in_process("orders", "show", "alpha").text == shown
    with other.write(command="state rm", who="ana", timeout=0) as session:
        session.append([Forgotten(a_recorded("theirs").address, "forgotten")])
        session.checkpoint()
    assert direct_workspace.run_in_process("orders", "cancel", "alpha", "--auto-approve").code == 0
