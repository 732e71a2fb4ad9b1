"""What was approved, over real HTTP and judged by the ledger: runs that die go on with the same command, and a forged file sends nothing."""

import dataclasses
import json
import shutil
import signal

import pytest
from support.fault_proxy import answering, ending_run, message
from support.process_workspace import THREE

from provisioner.saved_plans import read_plan, write_plan

EACH_ONCE = {"alpha": 1, "beta": 1, "gamma": 1}
ONE_BY_ONE = ("--parallelism", "1")


@pytest.fixture
def approved(workspace):
    """Three servers were planned, and somebody has saved the plan."""
    workspace.write(THREE)
    assert workspace.run_in_process("plan", "--out", "three.plan").code == 0
    return workspace


def approval_of(workspace) -> str:
    return json.loads((workspace.folder / "three.plan").read_text())["approval"]


def die_at_the_second_purchase(workspace, proxy, *arguments: str, when: str) -> None:
    def kill() -> None:
        running.kill()

    proxy.on(ending_run(kill, when=when), method="POST", ending="/dev-servers", nth=2)
    running = workspace.start("apply", *arguments, *ONE_BY_ONE)
    assert running.end().code == -signal.SIGKILL
    proxy.clear()


def go_on(workspace, *arguments: str):
    return workspace.run_in_process("apply", *arguments, *ONE_BY_ONE)


@pytest.mark.parametrize("when", ["before", "executed"])
@pytest.mark.parametrize("by", ["file", "text"])
def test_a_dead_run_is_gone_on_with_by_the_same_command(approved, proxy, when, by):
    command = ("three.plan",) if by == "file" else ("--approved", approval_of(approved))
    die_at_the_second_purchase(approved, proxy, *command, when=when)
    ended = go_on(approved, *command)
    if when == "before":  # nothing was bought, and no list can tell that so soon
        assert (ended.code, max(approved.purchases.values())) == (6, 1), ended.text
        return
    assert (ended.code, approved.purchases) == (0, EACH_ONCE), ended.text
    assert go_on(approved, *command).code == 1
    assert approved.purchases == EACH_ONCE


def test_another_machine_that_shares_the_state_goes_on_with_the_text(approved, proxy):
    die_at_the_second_purchase(approved, proxy, "three.plan", when="executed")
    text = approval_of(approved)
    (approved.folder / "three.plan").unlink()
    shutil.rmtree(approved.folder / ".local")
    assert (go_on(approved, "--approved", text).code, approved.purchases) == (0, EACH_ONCE)


def test_specs_that_moved_on_have_what_was_sent_recorded_and_nothing_more_bought(approved, proxy):
    die_at_the_second_purchase(approved, proxy, "three.plan", when="executed")
    approved.write(THREE.replace("gamma", "delta"))
    stopped = go_on(approved, "three.plan")
    assert (stopped.code, "plan-differs" in stopped.text) == (4, True), stopped.text
    assert set(approved.outputs) == {"alpha", "beta"}
    assert approved.purchases == {"alpha": 1, "beta": 1}
    assert (approved.apply().code, approved.purchases) == (0, {"alpha": 1, "beta": 1, "delta": 1})


def test_a_purchase_that_failed_is_made_good_by_the_same_approval(approved, proxy):
    """Refused by the cloud, it bought nothing: it is left of what was approved."""
    refused = message("400 Bad Request", b'{"error_code": "ModelArts.0113", "error_msg": "quota"}')
    proxy.on(answering(refused, executed=False), method="POST", ending="/dev-servers", nth=2)
    assert go_on(approved, "three.plan").code == 7
    proxy.clear()
    assert (go_on(approved, "three.plan").code, approved.purchases) == (0, EACH_ONCE)


def test_a_file_that_was_edited_sends_nothing(approved, proxy):
    path = approved.folder / "three.plan"
    saved = read_plan(path)
    plan = dataclasses.replace(saved.plan, changes=saved.plan.changes[:2])
    write_plan(path, plan, saved.approval, saved.scope, tool_version="0", key=None)
    refused = go_on(approved, "three.plan")
    assert (refused.code, "plan-altered" in refused.text, proxy.purchases) == (4, True, [])


def test_a_month_old_file_sends_nothing(approved, proxy, clock):
    clock.advance(30 * 24 * 3600)
    refused = go_on(approved, "three.plan")
    assert refused.code in {1, 4}, refused.text
    assert approved.purchases == {}


BIGGER = "servers: {alpha: {flavor: Si2.xlarge.4}, beta: {flavor: Si2.xlarge.4}}\n"
BUSY = message("400 Bad Request", b'{"error_code": "ModelArts.0113", "error_msg": "not now"}')


@pytest.fixture
def half_done(workspace, proxy):
    """Two servers were to be replaced, and the cloud has refused to release the second one."""
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    assert workspace.apply().code == 0
    workspace.write(BIGGER)
    assert workspace.run_in_process("plan", "--out", "three.plan").code == 0
    proxy.on(answering(BUSY, executed=False), method="DELETE", ending="", nth=2)
    assert go_on(workspace, "three.plan").code == 7
    proxy.clear()
    assert (workspace.ledger_counts("release"), workspace.purchases) == ({"alpha": 1}, {"alpha": 2, "beta": 1})
    return workspace


def test_a_replacement_that_is_left_is_no_leave_to_release_alone(half_done):
    half_done.write("servers: {alpha: {flavor: Si2.xlarge.4}}\n")
    refused = go_on(half_done, "three.plan")
    assert (refused.code, half_done.ledger_counts("release")) == (4, {"alpha": 1}), refused.text
    half_done.write(BIGGER)
    assert (go_on(half_done, "three.plan").code, half_done.purchases) == (0, {"alpha": 2, "beta": 2})


def test_a_later_run_has_the_options_of_the_first(half_done):
    refused = go_on(half_done, "--destroy", "--approved", approval_of(half_done))
    assert (refused.code, half_done.ledger_counts("release")) == (4, {"alpha": 1}), refused.text
    assert "the options, the variables" in refused.words


@pytest.mark.parametrize("section", ["purchase: {marker: nonce}", "guards: {max_servers: 50}"])
def test_a_later_run_has_the_settings_of_the_first(half_done, section):
    stack = half_done.folder / "specs" / "stack.yaml"
    stack.write_text(f"{stack.read_text()}{section}\n")
    refused = go_on(half_done, "three.plan")
    assert (refused.code, "plan-stale" in refused.text) == (4, True), refused.text
    assert half_done.ledger_counts("release") == {"alpha": 1}


def test_what_was_named_to_be_replaced_is_replaced_once(workspace, proxy):
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    assert workspace.apply().code == 0
    named = ("--replace", "alpha", "--replace", "beta")
    assert workspace.run_in_process("plan", *named, "--out", "three.plan").code == 0
    proxy.on(answering(BUSY, executed=False), method="DELETE", ending="", nth=2)
    assert go_on(workspace, "three.plan").code == 7
    proxy.clear()
    assert (go_on(workspace, "three.plan").code, workspace.purchases) == (0, {"alpha": 2, "beta": 2})
    used = go_on(workspace, "three.plan")
    assert (used.code, "plan-used" in used.text, workspace.purchases) == (1, True, {"alpha": 2, "beta": 2})


def test_a_successor_that_was_to_come_first_comes_first_in_a_later_run(workspace, proxy):
    first = "lifecycle: {create_before_destroy: true}"
    workspace.write(f"servers: {{alpha: {{{first}}}}}\n")
    assert workspace.apply().code == 0
    workspace.write(f"servers: {{alpha: {{flavor: Si2.xlarge.4, {first}}}}}\n")
    assert workspace.run_in_process("plan", "--out", "three.plan").code == 0
    proxy.on(answering(BUSY, executed=False), method="POST", ending="/dev-servers", nth=1)
    assert go_on(workspace, "three.plan").code == 7
    proxy.clear()
    workspace.write("servers: {alpha: {flavor: Si2.xlarge.4}}\n")
    refused = go_on(workspace, "three.plan")
    assert (refused.code, workspace.ledger_counts("release")) == (4, {}), refused.text


def test_an_order_that_somebody_pays_meanwhile_is_no_hindrance(workspace, proxy):
    unpaid = "charging_info: {charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: false, is_auto_renew: false}"
    workspace.write(f"servers: {{alpha: {{{unpaid}}}, beta: {{}}}}\n")
    assert workspace.run_in_process("plan", "--out", "three.plan").code == 0
    proxy.on(answering(BUSY, executed=False), method="POST", nth=2)
    assert go_on(workspace, "three.plan").code == 7
    proxy.clear()
    assert workspace.run_in_process("orders", "pay", "alpha", "--auto-approve").code in {0, 7}
    ended = go_on(workspace, "three.plan")
    assert (ended.code, workspace.purchases) == (0, {"alpha": 1, "beta": 1}), ended.text
