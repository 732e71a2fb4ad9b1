"""Servers in a status that the API does not describe, as a cloud of tomorrow may show them."""

import json

import pytest

SHOWING = {"at": ["ListAllDevServers", "ListDevServers", "ShowDevServer"], "times": "always", "fault": "rewrite"}
FROZEN = SHOWING | {"rows": {"status": "FROZEN"}}
SILENT = SHOWING | {"rows_drop": ["status"]}
OTHER_IMAGE = "servers: {alpha: {image_id: 7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7}}\n"


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


@pytest.mark.parametrize("rule", [FROZEN, SILENT], ids=["another word", "none"])
def test_it_is_told_and_lost_only_by_a_persons_word(workspace, sandbox, rule):
    workspace.apply()
    sandbox.arm(rule)
    for command in ("plan", "drift"):
        told = workspace.run_in_process(command, "--detailed-exitcode")
        assert (told.code, "Warning[unknown-status]" in told.text) == (2, True), told.text
    workspace.write(OTHER_IMAGE)
    wiping = workspace.apply()
    assert (wiping.code, "Error[unknown-status]" in wiping.text) == (4, True)
    releasing = workspace.run_in_process("destroy", "--auto-approve")
    assert (releasing.code, "Error[unknown-status]" in releasing.text) == (4, True)
    assert (workspace.ledger_counts("release"), workspace.ledger_counts("wipe")) == ({}, {})
    assert workspace.run_in_process("destroy", "--auto-approve", "--allow", "unknown-status").code == 0
    assert workspace.ledger_counts("release") == {"alpha": 1}


def test_what_is_built_counts_neither_as_ready_nor_as_failed_and_goes_on(workspace, sandbox):
    workspace.write("servers: {alpha: {timeouts: {create: 30}}}\n")
    sandbox.arm(FROZEN)
    unfinished = workspace.apply()
    assert (unfinished.code, "timed-out" in unfinished.text, "FROZEN" in unfinished.text) == (7, True, True)
    shown = workspace.run_in_process("show")
    assert "Warning[unknown-status]" in shown.text
    assert json.loads(workspace.run_in_process("show", "--json").out)["resources"][0]["phase"] == "creating"
    sandbox.ask("DELETE", "faults")
    assert (workspace.apply().code, workspace.purchases) == (0, {"alpha": 1})


def test_a_plan_that_was_saved_before_does_not_release_it(workspace, sandbox):
    workspace.apply()
    assert workspace.run_in_process("plan", "--destroy", "--out", "end.plan").code == 0
    sandbox.arm(FROZEN)
    refused = workspace.run_in_process("apply", "end.plan")
    assert (refused.code, "unknown-status" in refused.text) == (4, True), refused.text
    assert workspace.ledger_counts("release") == {}
