"""Variables that people set for the vendor's other tools: each command names once what it does not follow, and never a value."""

import pytest
from support.process_workspace import ONE, STACK, ProcessWorkspace

from provisioner.sandbox import PUBLIC, create_app
from provisioner.sandbox.serving import front

SET = ("HW_ENTERPRISE_PROJECT_ID", "HW_MAX_RETRIES", "OS_CACERT", "HUAWEICLOUD_OIDC_ID_TOKEN")
SAID = "are set and not followed"
KEYS = {"HW_ACCESS_KEY": PUBLIC.access_key, "HW_SECRET_KEY": PUBLIC.secret_key}


@pytest.fixture
def workspace(tmp_path, server):
    sandbox_db = tmp_path / "world.db"
    server.app = front(create_app(sandbox_db, build_seconds=0.0), "the-token")
    (tmp_path / "workspace" / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(
        tmp_path / "workspace", sandbox_db, server.url, environment={**KEYS, **dict.fromkeys(SET, "canary")}
    )
    workspace.write(ONE, stack=STACK.replace("cloud: sandbox", "cloud: huaweicloud"))
    yield workspace
    workspace.end()


def test_each_command_that_asks_the_cloud_names_them_once(workspace):
    commands = (
        "plan",
        "apply --auto-approve",
        "apply --auto-approve",
        "drift",
        "apply --refresh-only --auto-approve",
        "credentials",
    )
    commands += ("expiring", "import alpha 123", "state rebuild --force --auto-approve", "destroy --auto-approve")
    for command in commands:
        told = workspace.run_in_process(*command.split())
        assert (told.text.count(SAID), told.text.count("canary")) == (1, 0), command
        assert all(name in told.err for name in SET)
    assert workspace.purchases == {"alpha": 1}


def test_what_asks_no_cloud_says_nothing_of_them(workspace):
    for command in ("validate", "show", "state list", "history"):
        assert SAID not in workspace.run_in_process(*command.split()).text


def test_half_an_agency_is_refused_before_anything_is_sent(workspace):
    workspace.environment["OS_AGENCY_NAME"] = "canary"
    refused = workspace.apply()
    assert (
        refused.code,
        "Error[credentials-invalid]: OS_AGENCY_NAME" in refused.err,
        "canary" in refused.text,
    ) == (1, True, False)
    assert workspace.purchases == {}
