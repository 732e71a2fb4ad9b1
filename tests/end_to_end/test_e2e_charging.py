"""A cloud that sells prepaid though pay-per-use was asked for sells one server, and no more."""

import json
from functools import partial

import pytest
from support.instant_clock import InstantClock
from support.process_workspace import ProcessWorkspace

import provisioner.cloud
from provisioner.cloud.clock import Clock
from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

SELLS = {"at": "CreateDevServer", "times": "always", "fault": "sells", "charging_mode": "PRE_PAID"}


@pytest.fixture
def workspace(tmp_path, server, sandbox, monkeypatch):
    clock = InstantClock()
    hasty = Clock(monotonic=clock.monotonic, sleep=clock.sleep, chance=lambda: 1.0)
    monkeypatch.setattr(provisioner.cloud, "connect", partial(provisioner.cloud.connect, clock=hasty))
    sandbox_db = tmp_path / "world.db"
    server.app = front(create_app(sandbox_db), sandbox.token)
    folder = tmp_path / "workspace"
    (folder / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(folder, sandbox_db, sandbox.url)
    workspace.write("servers: {pool: {count: 5}}\n")
    yield workspace
    workspace.end()


@pytest.mark.parametrize("pays", [False, True])
def test_one_is_sold_recorded_and_said_and_nothing_more_is_sent(workspace, sandbox, pays):
    sandbox.arm(SELLS | {"pays": pays})
    ran = workspace.apply()
    assert ran.code == 7
    assert sum(workspace.purchases.values()) == 1
    assert workspace.ledger_counts("payment") == ({"pool-0": 1} if pays else {})
    assert "the cloud sold this server as PRE_PAID, not POST_PAID" in ran.err + ran.out
    shown = json.dumps(workspace.state())
    assert shown.count('"order_id": "') == 1


def test_without_the_fault_all_are_bought_pay_per_use(workspace):
    assert workspace.apply().code == 0
    assert sum(workspace.purchases.values()) == 5
    assert workspace.ledger_counts("payment") == {}


@pytest.mark.parametrize("pays", [False, True])
def test_the_next_run_buys_no_other_one_so_until_a_person_says_so(workspace, sandbox, pays):
    sandbox.arm(SELLS | {"pays": pays})
    workspace.apply()
    for _ in range(2):
        refused = workspace.apply()
        assert refused.code == 4
        assert "Error[charging-mismatch]" in refused.text
    assert sum(workspace.purchases.values()) == 1
    workspace.apply("--allow", "charging-mismatch")
    assert sum(workspace.purchases.values()) == 2


def test_other_flavors_are_bought_meanwhile(workspace, sandbox):
    sandbox.arm(SELLS | {"pays": True})
    workspace.apply()
    sandbox.ask("DELETE", "faults")
    workspace.write("servers: {pool: {count: 1}, other: {flavor: Si2.xlarge.4}}\n")
    assert workspace.apply().code == 0
    assert sum(workspace.purchases.values()) == 2


PAID = SELLS | {"pays": True}
TERM = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"


def pool(count, charging=""):
    return f"servers: {{pool: {{count: {count}{charging and f', charging_info: {charging}'}}}}}\n"


@pytest.mark.parametrize("pays", [False, True])
def test_every_later_plan_and_drift_says_so(workspace, sandbox, pays):
    """What was sold is the only one wanted, so that nothing else is left to be done."""
    workspace.write(pool(1))
    sandbox.arm(SELLS | {"pays": pays})
    workspace.apply()
    code = "unconfirmed" if pays else "charging-mismatch"
    for _ in range(2):
        for command in ("plan", "drift"):
            told = workspace.run_in_process(command, "--detailed-exitcode")
            assert told.code == 2
            assert ("PRE_PAID" in told.text, "No drift. 1 server as recorded.\n" in told.text) == (True, False)
        assert f"Warning[{code}]" in workspace.run_in_process("plan").text
        assert workspace.apply().code == (0 if pays else 7)
    assert sum(workspace.purchases.values()) == 1
    assert workspace.ledger_counts("payment") == ({"pool-0": 1} if pays else {})
    assert "sold as PRE_PAID, which is not what was declared" in workspace.run_in_process("show").text


def test_the_hint_to_declare_what_was_sold_leads_out(workspace, sandbox):
    sandbox.arm(PAID)
    workspace.apply()
    assert "declare charging_info of pool[0] as it was sold" in workspace.apply().words
    workspace.write(pool(5, TERM))
    assert workspace.apply().code == 0
    assert workspace.purchases == {f"pool-{number}": 1 for number in range(5)}
    assert workspace.ledger_counts("release") == {}
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_the_hint_to_release_it_leads_out(workspace, sandbox):
    sandbox.arm(PAID)
    workspace.apply()
    sandbox.ask("DELETE", "faults")
    assert "`provisioner destroy --target 'pool[0]' --allow prepaid-delete` releases it" in workspace.apply().words
    refused = workspace.run_in_process("destroy", "--target", "pool[0]", "--auto-approve")
    assert (refused.code, "prepaid-delete" in refused.text) == (4, True)
    assert (
        workspace.run_in_process("destroy", "--target", "pool[0]", "--auto-approve", "--allow", "prepaid-delete").code
        == 0
    )
    assert workspace.apply().code == 0
    assert workspace.purchases == {"pool-0": 2, **{f"pool-{number}": 1 for number in range(1, 5)}}
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_an_unpaid_order_is_to_be_cancelled_and_that_leads_out(workspace, sandbox):
    sandbox.arm(SELLS)
    ran = workspace.apply()
    assert "do not pay it: `provisioner orders cancel" in ran.words
    assert "`provisioner orders pay" not in ran.words.split("do not pay it")[0]
    for command in (("orders", "list"), ("orders", "show", "pool[0]")):
        assert "sold as PRE_PAID, not as declared" in workspace.run_in_process(*command).text
    assert "do not pay it: `provisioner orders cancel" in workspace.run_in_process("orders", "show", "pool[0]").words
    assert (
        json.loads(workspace.run_in_process("orders", "show", "pool[0]", "--json").out)["order"]["sold_otherwise"]
        == "PRE_PAID"
    )
    sandbox.ask("DELETE", "faults")
    assert "`provisioner orders cancel 'pool[0]'`" in workspace.apply().words
    assert workspace.run_in_process("orders", "cancel", "pool[0]", "--auto-approve").code == 0
    assert workspace.apply().code == 0
    assert workspace.ledger_counts("payment") == {}
    assert workspace.purchases == {"pool-0": 2, **{f"pool-{number}": 1 for number in range(1, 5)}}
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_an_unpaid_order_that_is_declared_as_sold_is_paid_and_goes_on(workspace, sandbox):
    workspace.write(pool(1))
    sandbox.arm(SELLS)
    workspace.apply()
    warned = workspace.run_in_process("orders", "pay", "pool[0]", "--no-input")
    assert "Warning[charging-mismatch]" in warned.text
    assert workspace.ledger_counts("payment") == {}
    workspace.write(pool(1, TERM))
    assert (
        "charging-mismatch"
        not in workspace.run_in_process("plan").text + workspace.run_in_process("orders", "show", "pool[0]").text
    )
    assert workspace.run_in_process("orders", "pay", "pool[0]", "--auto-approve").code == 0
    assert workspace.apply().code == 0
    assert (workspace.purchases, workspace.ledger_counts("payment")) == ({"pool-0": 1}, {"pool-0": 1})
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_a_prepaid_server_that_is_taken_over_stops_no_purchase(workspace, sandbox):
    """It was not sold to us otherwise: it is told, and nothing else."""
    workspace.write(pool(1, TERM))
    assert workspace.apply().code == 0
    identifier = workspace.run_in_process("output", "--raw", "pool[0].id").out.strip()
    assert workspace.run_in_process("state", "rm", "pool[0]", "--auto-approve").code == 0
    workspace.write(pool(2))
    assert workspace.run_in_process("import", "pool[0]", identifier).code == 0
    told = workspace.run_in_process("plan", "--detailed-exitcode")
    assert (told.code, "Warning[unconfirmed]" in told.text) == (2, True)
    assert workspace.apply().code == 0
    assert (workspace.purchases, workspace.ledger_counts("release")) == ({"pool-0": 1, "pool-1": 1}, {})
