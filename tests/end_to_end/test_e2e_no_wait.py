"""`--no-wait` over real HTTP: what is ordered is recorded, and the next run goes on, also with a saved plan."""

import json

import pytest
from support.process_workspace import THREE

pytestmark = pytest.mark.parametrize("build_seconds", [300.0])
EACH_ONCE = {"alpha": 1, "beta": 1, "gamma": 1}


def test_an_apply_ends_while_its_servers_are_built_and_the_next_one_goes_on(workspace, clock):
    workspace.write(THREE)
    ended = workspace.run("apply", "--auto-approve", "--no-wait", "--json")
    assert (ended.code, workspace.purchases) == (7, EACH_ONCE)
    *_, last = map(json.loads, ended.out.splitlines())
    assert last["@message"].startswith("Apply under way. Servers: 0 added")
    assert {each["outcome"] for each in last["not_done"]} == {"not_awaited"}
    assert {each["diagnostic"]["code"] for each in last["not_done"]} == {"not-awaited"}
    assert sum('"type":"not_awaited"' in line.replace(" ", "") for line in ended.out.splitlines()) == 3
    again = workspace.run_in_process("apply", "--auto-approve", "--no-wait")
    assert (again.code, workspace.purchases) == (7, EACH_ONCE)
    assert "`provisioner progress --wait`" in again.words
    clock.advance(600)
    assert workspace.run_in_process("apply", "--auto-approve", "--no-wait").code == 0
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    assert workspace.purchases == EACH_ONCE


def test_an_approved_plan_is_gone_on_with_by_the_same_command(workspace, clock):
    workspace.write(THREE)
    assert workspace.run_in_process("plan", "--out", "three.plan").code == 0
    command = ("apply", "three.plan", "--no-wait")
    ordered = workspace.run_in_process(*command)
    assert (ordered.code, workspace.purchases) == (7, EACH_ONCE)
    assert "the same command goes on" in ordered.words
    clock.advance(600)
    assert workspace.run_in_process(*command).code == 0
    assert workspace.purchases == EACH_ONCE
