"""A row that shows the old key pair for ever after our own reinstallation: the disk is wiped once, by the ledger's word."""

from __future__ import annotations

import json

import pytest

SHOWING = ["ListAllDevServers", "ListDevServers", "ShowDevServer"]
OLD_KEY = {"at": SHOWING, "times": "always", "fault": "rewrite", "server": "alpha", "rows": {"key_pair_name": "ops"}}
LOST = {"at": "ReinstallDevServerOS", "fault": "reset", "executed": True}
REKEYED = "servers: {alpha: {key_pair_name: another}}\n"


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


IMAGE = "c90fb553-2cdb-4b81-b56a-ef68812c6cf7"
SPELT = {"flavor": "SI2.LARGE.4", "image": {"image_id": IMAGE.upper()}, "key_pair_name": "Ops"}


def rewriting(**rows):
    return {**OLD_KEY, "rows": rows}


def wipes(workspace):
    return [row.detail for row in workspace.ledger if row.kind == "wipe"]


@pytest.mark.parametrize("reply", ["heard", "lost"])
def test_a_key_pair_that_is_never_shown_is_put_on_once(workspace, sandbox, reply):
    workspace.apply()
    workspace.write(REKEYED)
    sandbox.arm(OLD_KEY, *([LOST] if reply == "lost" else []))
    planned = json.loads(workspace.run_in_process("plan", "--json").out)
    assert [one["code"] for one in planned["findings"]] == ["system-disk-changes"]
    codes = [workspace.run_in_process("apply", "--auto-approve").code for _ in range(3)]
    assert codes == ([0, 0, 0] if reply == "heard" else [7, 0, 0])
    assert (wipes(workspace), workspace.purchases) == (["reinstallos"], {"alpha": 1})

    looked = workspace.run_in_process("plan", "--detailed-exitcode")
    assert (looked.code, "Warning[unconfirmed]: alpha" in looked.text) == (2, True)
    assert "apply --reinstall 'alpha'" in looked.text
    sandbox.ask("DELETE", "faults")
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_the_first_row_after_a_purchase_is_the_baseline_whatever_its_spelling(workspace, sandbox):
    sandbox.arm(rewriting(**SPELT))
    bought = workspace.run_in_process("apply", "--auto-approve")
    assert (bought.code, bought.text.count("shown-otherwise")) == (0, 1)
    assert "flavor is 'SI2.LARGE.4' and 'Si2.large.4' was declared" in bought.words
    for command in (("plan", "--detailed-exitcode"), ("drift", "--detailed-exitcode"), ("apply", "--auto-approve")):
        again = workspace.run_in_process(*command)
        assert (again.code, "Warning" in again.text) == (0, False), again.text
    assert workspace.state()["resources"]["alpha"]["baseline"]["flavor"] == "SI2.LARGE.4"

    sandbox.ask("DELETE", "faults")
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    sandbox.arm(rewriting(flavor="Si2.xlarge.4"))
    looked = workspace.run_in_process("plan", "--detailed-exitcode")
    assert (looked.code, "Warning[unconfirmed]: alpha" in looked.text) == (2, True)
    assert (wipes(workspace), workspace.purchases, workspace.ledger_counts("release")) == ([], {"alpha": 1}, {})


def test_a_reinstallation_by_name_is_sent_though_both_images_count_as_one(workspace, sandbox):
    other = "11111111-2222-4333-8444-555555555555"
    sandbox.arm(rewriting(image={"image_id": other}))
    assert workspace.apply().code == 0
    workspace.write(f"servers: {{alpha: {{image_id: {other}}}}}\n")
    assert workspace.apply().code == 0
    sandbox.ask("DELETE", "faults")
    before = wipes(workspace)
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    named = workspace.run_in_process("plan", "--reinstall", "alpha", "--detailed-exitcode")
    assert (named.code, "reinstall" in named.text) == (2, True), named.text
    workspace.run_in_process("apply", "--auto-approve", "--reinstall", "alpha", "--allow", "not-listed")
    assert len(wipes(workspace)) == len(before) + 1
