"""Servers in a status that the API does not describe, as a cloud of tomorrow may show them."""

import json

import pytest

SHOWING = {"at": ["ListAllDevServers", "ListDevServers", "ShowDevServer"], "times": "always", "fault": "rewrite"}
FROZEN = SHOWING | {"rows": {"status": "FROZEN"}}
SILENT = SHOWING | {"rows_drop": ["status"]}
OTHER_IMAGE = "servers: {alpha: {image_id: 7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7}}\n"


@pytest.fixture
def site(served):
    return served


@pytest.mark.parametrize("rule", [FROZEN, SILENT], ids=["another word", "none"])
def test_it_is_told_and_lost_only_by_a_persons_word(site, sandbox, rule):
    site.apply()
    sandbox.arm(rule)
    for command in ("plan", "drift"):
        told = site.here(command, "--detailed-exitcode")
        assert (told.code, "Warning[unknown-status]" in told.text) == (2, True), told.text
    site.write(OTHER_IMAGE)
    wiping = site.apply()
    assert (wiping.code, "Error[unknown-status]" in wiping.text) == (4, True)
    releasing = site.here("destroy", "--auto-approve")
    assert (releasing.code, "Error[unknown-status]" in releasing.text) == (4, True)
    assert (site.entries("release"), site.entries("wipe")) == ({}, {})
    assert site.here("destroy", "--auto-approve", "--allow", "unknown-status").code == 0
    assert site.entries("release") == {"alpha": 1}


def test_what_is_built_counts_neither_as_ready_nor_as_failed_and_goes_on(site, sandbox):
    site.write("servers: {alpha: {timeouts: {create: 30}}}\n")
    sandbox.arm(FROZEN)
    unfinished = site.apply()
    assert (unfinished.code, "timed-out" in unfinished.text, "FROZEN" in unfinished.text) == (7, True, True)
    shown = site.here("show")
    assert "Warning[unknown-status]" in shown.text
    assert json.loads(site.here("show", "--json").out)["resources"][0]["phase"] == "creating"
    sandbox.ask("DELETE", "faults")
    assert (site.apply().code, site.purchases) == (0, {"alpha": 1})


def test_a_plan_that_was_saved_before_does_not_release_it(site, sandbox):
    site.apply()
    assert site.here("plan", "--destroy", "--out", "end.plan").code == 0
    sandbox.arm(FROZEN)
    refused = site.here("apply", "end.plan")
    assert (refused.code, "unknown-status" in refused.text) == (7, True), refused.text
    assert site.entries("release") == {}
