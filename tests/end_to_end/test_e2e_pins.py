"""Pins and callers over real HTTP: what is not the pinned account's is never bought, and the history knows for whom a run was."""

from __future__ import annotations

import json

import pytest
from support.process_workspace import ONE, STACK

from provisioner.sandbox import PUBLIC

PIPELINE = {
    "GITHUB_RUN_ID": "4711",
    "GITHUB_ACTOR": "ann\x1b[2J",
    "GITHUB_SHA": "0a1b2c3d",
    "GITHUB_REPOSITORY": "acme/fleet",
    "GITHUB_SERVER_URL": "https://forge.example",
}


@pytest.fixture
def at_vendor(workspace):
    """A stack in the vendor's cloud, used from a pipeline; `prod` is pinned to the account that the test names."""
    workspace.environment |= {"HW_ACCESS_KEY": PUBLIC.access_key, "HW_SECRET_KEY": PUBLIC.secret_key, **PIPELINE}

    def pin(account: str):
        environments = f"environment: prod\nenvironments: {{prod: {{account: {account}, protected: true}}}}\n"
        workspace.write(ONE, stack=STACK.replace("cloud: sandbox", "cloud: huaweicloud") + environments)
        return workspace

    return pin


def test_the_keys_of_another_account_buy_nothing_and_the_right_ones_once(at_vendor):
    workspace = at_vendor("acme-prod")
    refused = workspace.run("apply", "--auto-approve")
    assert (refused.code, "pin-mismatch" in refused.err) == (1, True)
    assert (workspace.purchases, [*(workspace.folder / "state").glob("*.journal")]) == ({}, [])
    assert at_vendor(PUBLIC.domain_name).run("apply", "--auto-approve").code == 0
    assert at_vendor("acme-prod").run_in_process("destroy", "--auto-approve").code == 1
    assert workspace.purchases == {"alpha": 1}
    assert workspace.ledger_counts("release") == {}


def test_the_history_and_the_plan_say_for_whom_a_run_was(at_vendor):
    workspace = at_vendor(PUBLIC.domain_name)
    plan = json.loads(workspace.run_in_process("plan", "--json").out)
    caller = plan["basis"]["caller"]
    assert (caller["account_name"], caller["pipeline"]["run"]) == (PUBLIC.domain_name, "4711")
    assert workspace.apply().code == 0
    told = workspace.run_in_process("history").out
    assert "for ann?[2J (GitHub Actions run 4711)" in told
    assert f"account: {PUBLIC.domain_name} ({PUBLIC.domain_id})" in told
    assert "commit 0a1b2c3d of acme/fleet, https://forge.example/acme/fleet/actions/runs/4711" in told
    records = json.loads(workspace.run_in_process("history", "--json").out)["records"]
    (sent,) = [one for one in records if one["type"] == "intended"]
    assert sent["caller"] == caller
    assert sent["entry"]["intent"]["who"].endswith(" for ann?[2J (GitHub Actions run 4711)")
