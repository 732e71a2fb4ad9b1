"""The two names of userdata, by a cloud that knows one of them: what took effect stands in its ledger alone."""

import base64

import pytest
from support.process_workspace import STACK, SandboxControl

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

SPECS = "servers: {alpha: {userdata: '#!/bin/sh\n\n  echo %s'}}\n"
PLACES = ["CreateDevServer", "ChangeDevServerOS", "ReinstallDevServerOS"]


@pytest.fixture
def sandbox(server, sandbox_db, clock, build_seconds):
    sandbox = SandboxControl(server.url)
    server.app = front(create_app(sandbox_db, build_seconds=build_seconds, clock=clock), sandbox.token)
    return sandbox


def details(workspace):
    return [row.detail.split("; ")[1] for row in workspace.ledger if row.kind in {"purchase", "wipe"}]


def write(workspace, word, field):
    workspace.write(SPECS % word, stack=f"{STACK}purchase: {{userdata_field: {field}}}\n")


@pytest.mark.parametrize(
    ("field", "purchase", "wipe"),
    [
        ("as-published", "userdata is passed over", "user_data takes effect"),
        ("user_data", "user_data takes effect", "user_data takes effect"),
        ("userdata", "userdata is passed over", "userdata is passed over"),
    ],
)
def test_the_chosen_name_is_sent_at_the_purchase_and_at_a_reinstallation(workspace, sandbox, field, purchase, wipe):
    sandbox.arm({"at": PLACES, "times": "always", "fault": "spelling", "takes": "user_data", "refused": False})
    write(workspace, "canary-one", field)
    assert workspace.apply().code == 0
    write(workspace, "canary-two", field)
    assert workspace.apply().code == 0
    assert details(workspace) == [purchase, wipe]
    for path in (workspace.folder / "state").iterdir():
        left = path.read_text(errors="replace")
        for word in ("canary-one", "canary-two"):
            assert base64.b64encode(f"#!/bin/sh\necho {word}".encode()).decode() not in left


def test_a_cloud_that_refuses_the_name_sells_nothing_and_the_plan_binds_the_choice(workspace, sandbox):
    sandbox.arm({"at": PLACES, "times": "always", "fault": "spelling", "takes": "user_data", "refused": True})
    write(workspace, "one", "userdata")
    assert workspace.run_in_process("plan", "--out", "plan.json").code == 0
    assert workspace.apply().code == 7
    assert workspace.purchases == {}
    write(workspace, "one", "user_data")
    assert workspace.run_in_process("plan", "--out", "plan.json").code == 0
    write(workspace, "one", "userdata")
    stale = workspace.run_in_process("apply", "--auto-approve", "plan.json")
    assert "purchase: in stack.yaml has changed" in stale.text
    write(workspace, "one", "user_data")
    assert workspace.run_in_process("apply", "--auto-approve", "plan.json").code == 0
    assert details(workspace) == ["user_data takes effect"]
