"""Specs that were applied without a change, and rows that show something else ever after: the sandbox's ledger says that nothing came of it."""

from __future__ import annotations

import json

import pytest

SHOWING = ["ListAllDevServers", "ListDevServers", "ShowDevServer"]
BEFORE = "servers: {arch: {}, machine: {}, disk: {}, flavor: {}, image: {}, zone: {}}\n"
OTHER_IMAGE = "7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7"
STATED = f"""\
servers:
  arch: {{arch: X86}}
  machine: {{server_type: ECS}}
  disk: {{root_volume: {{type: SSD, size: 100}}}}
  flavor: {{flavor: Other.1}}
  image: {{image_id: {OTHER_IMAGE}}}
  zone: {{availability_zone: cn-north-4a}}
"""
SYSTEM_DISK = {"evs_id": "08024f06-3b2d-4be7-bce1-fbcb91c8d4a5", "evs_type": "SSD", "size": 250, "type": "ROOT"}
SHOWN = {
    "flavor": {"flavor": "Other.1"},
    "image": {"image": {"image_id": OTHER_IMAGE}},
    "disk": {"volumes": [{**SYSTEM_DISK, "size": 100}]},
}
"""By the name of the server, what its row shows of what the specs come to say, and the sandbox does not by itself."""
OTHERWISE = {
    "arch": {"image": {"arch": "ARM"}},
    "machine": {"cloud_server": {"type": "BMS"}},
    "disk": {"volumes": [SYSTEM_DISK]},
    "flavor": {"flavor": "Third.1"},
}


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


def show(sandbox, rows):
    sandbox.ask("DELETE", "faults")
    sandbox.arm(
        *(
            {"at": SHOWING, "times": "always", "fault": "rewrite", "server": name, "rows": one}
            for name, one in rows.items()
        )
    )


def plainly(workspace):
    assert workspace.apply().code == 0


def by_a_saved_plan(workspace):
    assert workspace.run_in_process("plan", "--out", "saved").code == 0
    assert workspace.run_in_process("apply", "saved").code == 0


def and_then_refreshed(workspace):
    plainly(workspace)
    assert workspace.run_in_process("apply", "--refresh-only", "--auto-approve").code == 0


def beside_a_change(workspace):
    workspace.write(STATED.replace("{arch: X86}", "{arch: X86, name: portal}"))
    plainly(workspace)


def state_and_journal(workspace):
    return [(workspace.folder / "state" / f"test.{part}").read_bytes() for part in ("json", "journal")]


@pytest.mark.parametrize("applied", [plainly, by_a_saved_plan, and_then_refreshed, beside_a_change])
def test_no_row_alone_releases_or_wipes_what_was_stated_and_applied(workspace, sandbox, applied):
    workspace.write(BEFORE)
    assert workspace.apply().code == 0
    show(sandbox, SHOWN)
    workspace.write(STATED)
    before = state_and_journal(workspace)
    looked = workspace.run_in_process("plan", "--detailed-exitcode")
    assert (looked.code, "No changes" in looked.out, state_and_journal(workspace)) == (0, True, before), looked.text
    applied(workspace)
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    show(sandbox, OTHERWISE | ({"portal": OTHERWISE["arch"]} if applied is beside_a_change else {}))
    looked = workspace.run_in_process("plan", "--detailed-exitcode")
    assert (looked.code, looked.text.count("Warning[unconfirmed]")) == (2, 5), (
        looked.text
    )  # the image shows as it was bought, too
    settled = state_and_journal(workspace)
    for _ in range(2):
        assert workspace.apply().code == 0
    assert state_and_journal(workspace) == settled
    assert {row.kind for row in workspace.ledger} == {"purchase"}
    assert set(workspace.purchases.values()) == {1}


def test_it_is_recorded_once_as_what_it_is(workspace):
    workspace.write("servers: {alpha: {}}\n")
    assert workspace.apply().code == 0
    serial = workspace.state()["serial"]
    workspace.write("servers: {alpha: {arch: X86, availability_zone: cn-north-4a}}\n")
    for _ in range(2):
        assert workspace.apply().code == 0
        state = workspace.state()
        assert (state["serial"], state["resources"]["alpha"]["declared"]["arch"]) == (serial + 1, "X86")
        assert state["resources"]["alpha"]["assumed"] == {"availability_zone": "cn-north-4a"}
    assert "stated" in workspace.run_in_process("history").out
    assert "availability_zone (assumed)" in workspace.run_in_process("history").out
    told = json.loads(workspace.run_in_process("state", "show", "alpha", "--json").out)["resource"]
    assert told["assumed"] == {"availability_zone": "cn-north-4a"}
    assert workspace.run_in_process("history", "--verify").code == 0


def test_what_is_not_selected_is_not_recorded(workspace):
    workspace.write(BEFORE)
    assert workspace.apply().code == 0
    workspace.write(
        STATED.replace("Other.1", "Si2.large.4").replace(OTHER_IMAGE, "c90fb553-2cdb-4b81-b56a-ef68812c6cf7")
    )
    assert workspace.apply("--target", "arch").code == 0
    resources = workspace.state()["resources"]
    assert ["arch" in resources["arch"]["declared"], "server_type" in resources["machine"]["declared"]] == [True, False]
