"""Servers that others wait for: nothing is released, wiped or bought on account of one that is not there as it is wanted."""

import pytest

OTHER_IMAGE = "image_id: 7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7"
FIRST = "lifecycle: {create_before_destroy: true}"
SHOWING = {"at": ["ListAllDevServers", "ListDevServers", "ShowDevServer"], "times": "always", "fault": "rewrite"}
BUSY = {"at": "DeleteDevServer", "fault": "answer", "status": 400, "code": "ModelArts.0113", "executed": False}
LOST = {"at": "ChangeDevServerOS", "fault": "reset", "executed": False}


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


def fleet(workspace, more=""):
    workspace.write(f"servers: {{f: {{count: 3, rollout: [1]{more}}}}}\n")


def successor(workspace, more=""):
    workspace.write(f"servers: {{alpha: {{{FIRST}, flavor: Si2.xlarge.4, name: alpha2{more}}}}}\n")


def released(workspace):
    return workspace.ledger_counts("release")


def wipes(workspace):
    return workspace.ledger_counts("wipe")


@pytest.fixture
def deposed(workspace, sandbox):
    """A server whose successor is there, and that has not been released yet."""
    workspace.write(f"servers: {{alpha: {{{FIRST}}}}}\n")
    assert workspace.apply().code == 0
    sandbox.arm(BUSY)
    successor(workspace)
    assert workspace.apply().code == 7
    return workspace


def test_a_label_has_no_server_released_whose_successor_is_in_an_unknown_status(deposed, sandbox):
    sandbox.arm(SHOWING | {"server": "alpha2", "rows": {"status": "FROZEN"}})
    successor(deposed, ", labels: {a: b}")
    kept = deposed.apply()
    assert (kept.code, "deposed-kept" in kept.text, released(deposed)) == (7, True, {}), kept.text
    sandbox.ask("DELETE", "faults")
    assert (deposed.apply().code, released(deposed)) == (0, {"alpha": 1})


def test_a_label_has_no_later_wave_begun_after_a_server_in_a_fault(workspace, sandbox):
    fleet(workspace)
    assert workspace.apply().code == 0
    fleet(workspace, ", flavor: Si2.xlarge.4")
    assert workspace.apply("--target", "f[0]").code == 0
    sandbox.arm(SHOWING | {"server": "f-0", "rows": {"status": "ERROR"}})
    fleet(workspace, ", flavor: Si2.xlarge.4, labels: {a: b}")
    held = workspace.apply()
    assert (held.code, "blocked" in held.text, released(workspace)) == (7, True, {"f-0": 1}), held.text


@pytest.mark.parametrize(("change", "field"), [("flavor: Si2.xlarge.4", "flavor"), (OTHER_IMAGE, "image")])
def test_what_is_held_for_the_first_server_is_not_done_to_the_others(workspace, sandbox, change, field):
    fleet(workspace)
    assert workspace.apply().code == 0
    sandbox.arm(SHOWING | {"server": "f-0", "rows_drop": [field]})
    fleet(workspace, f", {change}")
    held = workspace.apply()
    assert (held.code, released(workspace), wipes(workspace)) == (7, {}, {}), held.text


def test_a_reinstallation_that_never_arrived_holds_the_others_back_until_it_is_sent_again(workspace, sandbox):
    fleet(workspace)
    assert workspace.apply().code == 0
    sandbox.arm(LOST)
    fleet(workspace, f", {OTHER_IMAGE}")
    for _ in range(3):
        held = workspace.apply()
        assert (held.code, wipes(workspace)) == (7, {}), held.text
    again = workspace.apply("--reinstall", "f[0]")
    assert (again.code, wipes(workspace)) == (0, {"f-0": 1, "f-1": 1, "f-2": 1}), again.text


@pytest.mark.parametrize(
    ("change", "operation", "field"),
    [(OTHER_IMAGE, "ChangeDevServerOS", "image"), ("key_pair_name: k2", "ReinstallDevServerOS", "key_pair_name")],
)
def test_a_lost_one_is_told_while_no_row_shows_it_and_sent_again_by_name(workspace, sandbox, change, operation, field):
    assert workspace.apply().code == 0
    workspace.write(f"servers: {{alpha: {{{change}}}}}\n")
    sandbox.arm(LOST | {"at": operation})
    assert workspace.apply().code == 7
    sandbox.arm(SHOWING | {"rows_drop": [field]})
    assert workspace.apply().code == 0
    for _ in range(2):
        told = workspace.run_in_process("plan", "--detailed-exitcode")
        assert (told.code, "Warning[unconfirmed]: alpha" in told.text) == (2, True), told.text
    assert workspace.apply("--reinstall", "alpha").code == 0
    assert wipes(workspace) == {"alpha": 1}
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_a_lost_one_that_arrived_after_all_is_told_no_more(workspace, sandbox):
    assert workspace.apply().code == 0
    workspace.write(f"servers: {{alpha: {{{OTHER_IMAGE}}}}}\n")
    sandbox.arm(LOST | {"executed": True})
    assert workspace.apply().code == 7
    sandbox.arm(SHOWING | {"rows_drop": ["image"]})
    assert workspace.apply().code == 0
    assert "unconfirmed" in workspace.state()["resources"]["alpha"]
    sandbox.ask("DELETE", "faults")
    assert workspace.apply().code == 0
    assert "unconfirmed" not in workspace.state()["resources"]["alpha"]
    assert (workspace.run_in_process("plan", "--detailed-exitcode").code, wipes(workspace)) == (0, {"alpha": 1})


@pytest.mark.parametrize("status", ["ERROR", "FROZEN", "DELETED"])
def test_a_saved_plan_keeps_a_server_whose_successor_is_in_a_bad_way_by_then(deposed, sandbox, status):
    assert deposed.run_in_process("plan", "--out", "saved").code == 0
    sandbox.arm(SHOWING | {"server": "alpha2", "rows": {"status": status}})
    kept = deposed.run_in_process("apply", "saved")
    assert (kept.code, "deposed-kept" in kept.text) == (4, True), kept.text
    assert "alpha" not in released(deposed)


def test_a_saved_rollout_does_not_go_on_past_a_server_that_is_in_a_fault_by_then(workspace, sandbox):
    fleet(workspace)
    assert workspace.apply().code == 0
    fleet(workspace, ", flavor: Si2.xlarge.4")
    assert workspace.apply("--target", "f[0]").code == 0
    assert workspace.run_in_process("plan", "--out", "saved").code == 0
    sandbox.arm(SHOWING | {"server": "f-0", "rows": {"status": "ERROR"}})
    held = workspace.run_in_process("apply", "saved")
    assert (held.code, "f[1]: to replace it was approved" in held.words) == (4, True), held.text
    assert (released(workspace), workspace.purchases) == ({"f-0": 1}, {"f-0": 2, "f-1": 1, "f-2": 1})


def test_no_successor_is_bought_for_a_server_that_would_not_be_released(workspace, sandbox):
    workspace.write(f"servers: {{alpha: {{{FIRST}}}}}\n")
    assert workspace.apply().code == 0
    successor(workspace)
    assert workspace.run_in_process("plan", "--out", "saved").code == 0
    sandbox.arm(SHOWING | {"server": "alpha", "rows": {"status": "FROZEN"}})
    refused = workspace.run_in_process("apply", "saved")
    assert (refused.code, "unknown-status" in refused.text) == (4, True), refused.text
    assert (workspace.purchases, released(workspace)) == ({"alpha": 1}, {})


def test_nobody_is_replaced_for_a_cause_that_was_refused_and_put_back(workspace, sandbox):
    def write(gateway=""):
        workspace.write(f"servers: {{gw: {{{gateway}}}, dep: {{lifecycle: {{replace_triggered_by: [gw]}}}}}}\n")

    write()
    assert workspace.apply().code == 0
    sandbox.arm({"at": "ChangeDevServerOS", "fault": "answer", "status": 400, "executed": False})
    write(OTHER_IMAGE)
    assert workspace.apply().code == 7
    write()
    assert workspace.apply().code == 0
    assert (workspace.purchases, released(workspace)) == ({"gw": 1, "dep": 1}, {})
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_what_is_held_back_is_done_neither_beside_other_work_nor_by_those_that_it_sets_off(workspace, sandbox):
    def write(flavor="", other=""):
        pool = f"count: 2, rollout: [1], lifecycle: {{create_before_destroy: true}}{flavor}"
        workspace.write(f"servers: {{pool: {{{pool}}}, dep: {{lifecycle: {{replace_triggered_by: [pool]}}}}{other}}}\n")

    write()
    assert workspace.apply().code == 0
    sandbox.arm(SHOWING | {"server": "pool-0", "rows_drop": ["flavor"]})
    write(", flavor: Si2.xlarge.4", ", other: {}")
    assert workspace.apply().code == 7
    assert (workspace.purchases, released(workspace)) == ({"pool-0": 1, "pool-1": 1, "dep": 1, "other": 1}, {})


def test_a_lost_password_is_told_until_a_person_has_seen_to_it(workspace, sandbox):
    workspace.environment["PW"] = "Canary-7q!Xw9Zt"

    def write(more=""):
        workspace.write(f'servers: {{alpha: {{key_pair_name: null, admin_pass: {{secret: "env:PW"}}{more}}}}}\n')

    write()
    assert workspace.apply().code == 0
    workspace.environment["PW"] = "Canary-8q!Xw9Zt"
    sandbox.arm(LOST | {"at": "ReinstallDevServerOS"})
    assert workspace.apply().code == 7
    for _ in range(2):
        assert workspace.apply().code == 0
        told = workspace.run_in_process("plan", "--detailed-exitcode")
        assert (told.code, "nothing shows that admin_pass is there" in told.words) == (2, True)
    write(", lifecycle: {ignore_changes: [admin_pass]}")
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    write()
    assert workspace.apply("--reinstall", "alpha").code == 0
    assert (wipes(workspace), workspace.run_in_process("plan", "--detailed-exitcode").code) == ({"alpha": 1}, 0)
