"""A prepaid server in its grace period, over real HTTP: nothing is sent for it, and a renewal in the console lets it go on."""

from __future__ import annotations

import pytest
from support.process_workspace import PREPAID, ProcessWorkspace

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

DAY = 24 * 3600


@pytest.fixture
def workspace(tmp_path, server, sandbox):
    sandbox_db = tmp_path / "world" / "world.db"
    server.app = front(create_app(sandbox_db, build_seconds=0.0), sandbox.token)
    (tmp_path / "workspace" / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(tmp_path / "workspace", sandbox_db, sandbox.url)
    yield workspace
    workspace.end()


def test_nothing_is_sent_for_a_server_whose_term_is_over(workspace, sandbox):
    workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
    assert workspace.apply().code == 0
    ledger = len(workspace.ledger)
    sandbox.advance(35 * DAY)
    idle = workspace.run_in_process("apply", "--auto-approve")
    assert idle.code == 0
    assert "Warning[expired]" in idle.out + idle.err
    workspace.write(f"servers: {{alpha: {{name: omega, power: stopped, charging_info: {PREPAID}}}}}\n")
    refused = workspace.run_in_process("apply", "--auto-approve")
    assert (refused.code, "term-ended" in refused.out + refused.err) == (4, True)
    released = workspace.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete")
    assert (released.code, "term-ended" in released.out + released.err) == (4, True)
    assert len(workspace.ledger) == ledger
    assert workspace.run_in_process("apply", "--auto-approve", "--allow", "term-ended").code == 0


def test_its_release_is_one_question_and_one_allowance(workspace, sandbox):
    """What the cloud then refuses is the cloud's word, and nothing is lost or released by it."""
    workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
    workspace.apply()
    sandbox.advance(35 * DAY)
    refused = workspace.run_in_process("destroy", "--auto-approve")
    assert refused.code == 4
    assert refused.text.count("Error[") == 1
    assert "Error[term-ended]" in refused.text
    assert "Warning[expired]" not in refused.text
    assert workspace.ledger_counts("release") == {}
    ran = workspace.run_in_process("destroy", "--auto-approve", "--allow", "term-ended")
    assert "Error[prepaid-delete]" not in ran.text
    assert (ran.code, workspace.ledger_counts("release")) == (7, {})
