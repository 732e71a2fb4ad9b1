"""A prepaid server that is taken over comes with the term that billing tells, and specs that say another one are refused before anything is recorded."""

from __future__ import annotations

import json

import pytest
from support.process_workspace import ProcessWorkspace

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

TWO_MONTHS = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 2, is_auto_pay: true, is_auto_renew: true}"


@pytest.fixture
def workspace(tmp_path, server, sandbox):
    sandbox_db = tmp_path / "world" / "world.db"
    server.app = front(create_app(sandbox_db, build_seconds=0.0), sandbox.token)
    (tmp_path / "workspace" / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(tmp_path / "workspace", sandbox_db, sandbox.url)
    workspace.write(f"servers: {{alpha: {{charging_info: {TWO_MONTHS}}}}}\n")
    assert workspace.apply().code == 0
    workspace.identifier = workspace.state()["resources"]["alpha"]["id"]
    assert workspace.run_in_process("state", "rm", "alpha", "--auto-approve").code == 0
    yield workspace
    assert (workspace.purchases, workspace.ledger_counts("release")) == ({"alpha": 1}, {})
    workspace.end()


def recorded(workspace):
    return workspace.state()["resources"]["alpha"]


def test_an_import_records_until_when_it_is_paid(workspace):
    assert workspace.run_in_process("import", "alpha", workspace.identifier).code == 0
    assert recorded(workspace)["declared"]["charging_info"]["period_num"] == 2
    assert (recorded(workspace)["term"]["renews"], recorded(workspace)["term"]["expires_at"] > 0) == (True, True)
    assert "expires_at" in workspace.run_in_process("show").text
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (("period_num: 2", "period_num: 3"), "period_num: 2"),
        (("period_type: MONTH", "period_type: YEAR"), "period_type: 'MONTH'"),
    ],
)
@pytest.mark.parametrize("by_specs", [False, True])
def test_another_term_is_refused_and_the_right_one_named(workspace, other, named, by_specs):
    imports = f"imports: [{{to: alpha, id: {workspace.identifier}}}]\n" if by_specs else ""
    workspace.write(f"servers: {{alpha: {{charging_info: {TWO_MONTHS.replace(*other)}}}}}\n{imports}")
    refused = workspace.apply() if by_specs else workspace.run_in_process("import", "alpha", workspace.identifier)
    assert (refused.code, "import-differs" in refused.text) == (4 if by_specs else 1, True)
    assert f"charging_info.{named}" in refused.text
    assert "alpha" not in workspace.state()["resources"]


def test_a_term_that_billing_does_not_tell_is_taken_from_the_specs(workspace, sandbox):
    billing = ["ShowCustomerOrderDetails", "ListPayPerUseCustomerResources"]
    refusal = {"status": 403, "code": "CBC.0403", "message": "no right", "executed": False}
    sandbox.arm({"at": billing, "times": "always", "fault": "answer"} | refusal)
    workspace.write(f"servers: {{alpha: {{charging_info: {TWO_MONTHS.replace('2', '3')}}}}}\n")
    assert workspace.run_in_process("import", "alpha", workspace.identifier).code == 0
    assert "term" not in recorded(workspace) or recorded(workspace)["term"] is None
    workspace.write(f"servers: {{alpha: {{charging_info: {TWO_MONTHS}}}}}\n")
    refused = workspace.run_in_process("plan")
    text = refused.words
    assert refused.code == 4
    assert "`provisioner state rm 'alpha'`" in text
    assert f"`provisioner import 'alpha' {workspace.identifier}`" in text
    sandbox.ask("DELETE", "faults")
    assert workspace.run_in_process("state", "rm", "alpha", "--auto-approve").code == 0
    assert workspace.run_in_process("import", "alpha", workspace.identifier).code == 0
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_adopt_writes_the_term_down(workspace):
    (workspace.folder / "specs" / "servers.yaml").unlink()
    assert workspace.run_in_process("adopt", "--all", "--auto-approve").code == 0
    written = (workspace.folder / "specs" / "adopted.yaml").read_text()
    assert all(part in written for part in ("PRE_PAID", "period_num: 2", "period_type: MONTH", "is_auto_renew: true"))
    assert recorded(workspace)["term"]["renews"] is True
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    assert json.loads(workspace.run_in_process("plan", "--json").out)["findings"] == []


def test_a_plan_says_before_it_is_taken_over_that_the_specs_mean_pay_per_use(workspace):
    workspace.write(f"servers: {{alpha: {{}}}}\nimports: [{{to: alpha, id: {workspace.identifier}}}]\n")
    for _ in range(2):  # before it is taken over, and after
        told = workspace.run_in_process("plan", "--detailed-exitcode")
        assert (told.code, told.text.count("Warning[unconfirmed]: alpha")) == (2, 1)
        assert workspace.apply().code == 0
    assert recorded(workspace)["term"]["renews"] is True
