"""Agencies and ID tokens of pipelines before a sandbox over HTTP: in whose account is bought, and what happens when keys end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from support.forked_command import ForkedCommand
from support.id_token_issuer import SUBJECT, identity_provider, issue_id_token
from support.instant_clock import InstantClock
from support.process_workspace import ONE, STACK, MovableClock, ProcessWorkspace
from support.secrecy import assert_unseen

from provisioner.sandbox import create_app, read_ledger
from provisioner.sandbox.serving import front

DOCUMENT = Path(__file__).parents[2] / "docs" / "credentials.md"
CAROL = {"HW_ACCESS_KEY": "CAROLKEY00000000001", "HW_SECRET_KEY": "carols-secret-key-0001"}
DAVE = {"HW_ACCESS_KEY": "DAVEKEY000000000001", "HW_SECRET_KEY": "daves-secret-key-00001"}
OPS = {"HW_ASSUME_ROLE_AGENCY_NAME": "ops", "HW_ASSUME_ROLE_DOMAIN_NAME": "acme"}
PIPELINE = {"HW_ASSUME_ROLE_IDP_ID": "acme-gitlab"}
FOUND_LATER = ("apply", "--auto-approve", "--resolve-timeout", "0")


def account(name: str, users: dict[str, dict[str, str]], **more) -> dict:
    return {
        "id": f"{name}-id",
        "name": name,
        "projects": [{"id": f"{name}-main", "name": "cn-north-4"}],
        "users": [
            {
                "id": f"{user}-id",
                "name": user,
                "password": f"{user.title()}-Public-1",
                "access_key": keys["HW_ACCESS_KEY"],
                "secret_key": keys["HW_SECRET_KEY"],
            }
            for user, keys in users.items()
        ],
        **more,
    }


ACME = account(
    "acme",
    {"ana": {"HW_ACCESS_KEY": "ANAKEY0000000000001", "HW_SECRET_KEY": "anas-secret-key-000001"}},
    agencies=[{"id": "ops-id", "name": "ops", "trusts": ["partner", "acme"]}],
    identity_providers=[identity_provider("ana")],
)
PARTNER = account("partner", {"carol": CAROL, "dave": DAVE})


@pytest.fixture
def workspace(tmp_path, server, sandbox, build_seconds):
    """A stack in the account acme, and keys of users of the account partner."""
    accounts = tmp_path / "accounts.json"
    accounts.write_text(json.dumps({"accounts": [ACME, PARTNER]}))
    sandbox_db = tmp_path / "world" / "world.db"
    app = create_app(sandbox_db, build_seconds=build_seconds, accounts=accounts, clock=MovableClock())
    server.app = front(app, sandbox.token)
    (tmp_path / "site" / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(tmp_path / "site", sandbox_db, sandbox.url, environment=CAROL | OPS)
    workspace.write(ONE, stack=yaml.safe_dump({**yaml.safe_load(STACK), "cloud": "huaweicloud"}))
    yield workspace
    workspace.end()


def buyers(workspace) -> list[tuple[str, str]]:
    entries = read_ledger(workspace.sandbox_db)
    return [(entry.account, entry.caller) for entry in entries if entry.kind == "purchase"]


def write_token(folder: Path, **claims) -> dict[str, str]:
    path = folder / "id-token"
    path.write_text(issue_id_token(**{"ends_at": time.time() + 600} | claims) + "\n")
    return PIPELINE | {"HW_ASSUME_ROLE_ID_TOKEN_FILE": str(path)}


def test_an_agency_buys_in_its_account_and_nowhere_else(workspace):
    workspace.environment |= {"PROVISIONER_LOG": "debug"}
    shown = workspace.run_in_process("credentials", "--json")
    told = json.loads(shown.out)
    assert (told["account"], told["project"]) == (
        {"id": "acme-id", "name": "acme"},
        {"id": "acme-main", "name": "cn-north-4"},
    )
    assert (told["source"], told["agency"], told["temporary"]) == ("HW_ACCESS_KEY", "ops", True)
    assert told["method"] == "agency ops of the account acme, assumed with: access key"
    assert told["expires_at"]
    applied = workspace.apply()
    assert applied.code == 0, applied.text
    assert buyers(workspace) == [("acme-id", "acme/ops")]
    for command in ("plan", "drift"):
        assert workspace.run_in_process(command).code == 0
    assert_unseen(CAROL["HW_SECRET_KEY"], workspace.folder, [shown, applied])

    workspace.environment = CAROL
    own = workspace.run_in_process("apply", "--auto-approve")
    assert (own.code, "Error[identity-mismatch]" in own.err) == (1, True), own.text
    workspace.environment = CAROL | OPS
    assert workspace.run_in_process("destroy", "--auto-approve").code == 0
    assert buyers(workspace) == [("acme-id", "acme/ops")]


@pytest.mark.parametrize("account", ["acme", "acme-id"])
def test_a_pin_sees_the_account_of_the_agency(workspace, account):
    stack = yaml.safe_load(STACK) | {"cloud": "huaweicloud", "environments": {"prod": {"account": account}}}
    workspace.write(ONE, stack=yaml.safe_dump(stack | {"environment": "prod"}))
    by_id = {"HW_ASSUME_ROLE_DOMAIN_NAME": "", "HW_ASSUME_ROLE_DOMAIN_ID": "acme-id"}
    for agency in (OPS, OPS | by_id):
        workspace.environment = CAROL | agency
        planned = workspace.run_in_process("plan")
        assert planned.code == 0, planned.text
    workspace.environment = CAROL
    own = workspace.run_in_process("apply", "--auto-approve")
    assert (own.code, "Error[pin-mismatch]" in own.err) == (1, True), own.text
    assert read_ledger(workspace.sandbox_db) == []


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        (OPS | {"HW_ASSUME_ROLE_AGENCY_NAME": "other"}, "cloud-denied"),
        (OPS | {"HW_ASSUME_ROLE_DOMAIN_NAME": "partner"}, "cloud-denied"),
        (OPS | {"HW_SECRET_KEY": "wrong-secret"}, "cloud-unauthorized"),
        (OPS | {"HW_ASSUME_ROLE_DOMAIN_NAME": ""}, "credentials-invalid"),
        (OPS | {"HW_PROJECT_ID": "partner-main"}, "project-unknown"),
        (OPS | {"HW_ASSUME_ROLE_EXTERNAL_ID": "x"}, "credentials-unsupported"),
    ],
)
def test_an_agency_that_cannot_be_assumed_buys_nothing(workspace, environment, code):
    workspace.environment = CAROL | environment
    refused = workspace.run_in_process("apply", "--auto-approve")
    assert (refused.code, f"Error[{code}]" in refused.err) == (1, True), refused.text
    assert "Traceback" not in refused.text
    assert read_ledger(workspace.sandbox_db) == []


def test_a_pipeline_buys_with_the_token_of_its_job(workspace, tmp_path):
    workspace.environment = write_token(tmp_path) | {"PROVISIONER_LOG": "debug"}
    shown = workspace.run_in_process("credentials")
    assert "Credentials:  HW_ASSUME_ROLE_IDP_ID (ID token, exchanged for temporary keys)" in shown.out
    applied = workspace.apply()
    assert applied.code == 0, applied.text
    assert buyers(workspace) == [("acme-id", "ana")]
    assert_unseen((tmp_path / "id-token").read_text().strip(), workspace.folder, [shown, applied])
    workspace.environment |= OPS
    assert workspace.run_in_process("plan").code == 0


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"ends_at": time.time() - 1}, "cloud-unauthorized"),
        ({"aud": "https://another.example.com"}, "cloud-unauthorized"),
        ({"sub": "project_path:evil/fork"}, "cloud-denied"),
    ],
)
def test_a_token_that_the_cloud_refuses_buys_nothing(workspace, tmp_path, claims, code):
    workspace.environment = write_token(tmp_path, **claims)
    refused = workspace.run_in_process("apply", "--auto-approve")
    assert (refused.code, f"Error[{code}]" in refused.err) == (1, True), refused.text
    assert "the ID token is new, is meant for it (aud)" in " ".join(refused.err.split())
    assert (tmp_path / "id-token").read_text().strip() not in refused.text
    assert read_ledger(workspace.sandbox_db) == []


class CloudWait(InstantClock):
    """The cloud's time goes on while somebody waits here, half an hour at a time; and whoever runs the pipeline renews its token."""

    def __init__(self, sandbox, folder: Path) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._folder = folder
        self.renewed = 0

    async def sleep(self, seconds: float) -> None:
        self._sandbox.advance(1800)
        self.renewed += 1
        write_token(self._folder, ends_at=time.time() + 1800 * (self.renewed + 1) + 60)
        await super().sleep(seconds)


@pytest.mark.parametrize("build_seconds", [4 * 3600.0])
@pytest.mark.parametrize("agency", [{}, OPS], ids=["id-token", "agency"])
def test_keys_that_end_while_a_server_is_built_are_renewed(workspace, sandbox, tmp_path, agency):
    workspace.environment = write_token(tmp_path) | agency
    workspace.clock = CloudWait(sandbox, tmp_path)
    applied = workspace.run_in_process("apply", "--auto-approve")
    assert applied.code == 0, applied.text
    assert workspace.clock.renewed >= 8
    assert buyers(workspace) == [("acme-id", "acme/ops" if agency else "ana")]


def test_another_user_of_the_same_agency_is_another_sender(workspace, sandbox, pass_quiet_period):
    """Nobody promises that an agency is one user to the list of one's own servers."""
    lost = {"at": "CreateDevServer", "fault": "reset", "executed": False}
    sandbox.arm(lost, {"at": "ListAllDevServers", "times": "always", "fault": "filtered"})
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    pass_quiet_period()
    workspace.environment = DAVE | OPS
    again = workspace.run_in_process(*FOUND_LATER)
    assert (again.code, "another user sent it" in again.words) == (6, True), again.text
    workspace.environment = CAROL | OPS
    assert workspace.run_in_process(*FOUND_LATER).code == 0
    assert workspace.purchases == {"alpha": 1}


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    command = ForkedCommand(tmp_path_factory.mktemp("command"))
    yield command.folder
    command.end()


SNIPPETS = re.findall(r"^```shell\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("script", SNIPPETS, ids=lambda script: script.split("\n")[0].lstrip("# ")[:40])
def test_each_way_that_the_page_shows_leads_to_the_account(workspace, tmp_path, command, script):
    """`...` stands for what only the reader knows, and a job's token is what its platform gives."""
    values = {"HW_ACCESS_KEY": CAROL["HW_ACCESS_KEY"], "HW_SECRET_KEY": CAROL["HW_SECRET_KEY"]}
    for name, value in values.items():
        script = script.replace(f"{name}=...", f"{name}={value}")
    assert "..." not in script
    token = issue_id_token(ends_at=time.time() + 600, sub=SUBJECT)
    (tmp_path / "curl").write_text(f'#!/bin/sh\necho \'{{"count": 1, "value": "{token}"}}\'\n')
    (tmp_path / "curl").chmod(0o755)
    given = {"HW_REGION_NAME": "cn-north-4", "RUNNER_TEMP": str(tmp_path), "MACHINES_ID_TOKEN": token}
    given |= {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://actions.example.com/token?api=1"}
    given |= {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary-request-token", "XDG_CACHE_HOME": str(tmp_path)}
    workspace.environment = given
    path = f"{command}:{tmp_path}:{Path(sys.executable).parent}:{workspace.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=workspace.folder,
        env={**workspace.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Account:      acme (acme-id)" in done.stdout
