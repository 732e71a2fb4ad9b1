"""The cloud of many runs that share a state: a sandbox with a user for each of them, and a repository with their specs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

from support.process_workspace import STACK, MovableClock

from provisioner.sandbox import PUBLIC, create_app, read_ledger
from provisioner.sandbox.ledger import LedgerEntry

_STACK = STACK.replace("cloud: sandbox", "cloud: huaweicloud")
_USERS = 2000
_LOOK_EVERY = 0.03


class SharedCloud:
    """A sandbox with many users of one account. A purchase takes some time, so that runs can be met amid purchases."""

    def __init__(self, folder: Path, *, seconds_a_purchase: float = 0.05) -> None:
        self.clock = MovableClock()
        self.ahead = 0.0
        self.world = folder / "world.db"
        accounts = folder / "accounts.json"
        accounts.write_text(json.dumps(_accounts()))
        self._app = create_app(self.world, build_seconds=0.0, clock=self.clock, accounts=accounts)
        self._seconds_a_purchase = seconds_a_purchase
        self.to_hold = 0
        """How many of the next purchases are held back when they arrive, until `gate` is set."""
        self.gate = threading.Event()
        self.held = self.let_go = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_held = False
        if scope["method"] == "POST" and scope["path"].endswith("/dev-servers"):
            await asyncio.sleep(self._seconds_a_purchase)
            if is_held := self.to_hold > 0:
                self.to_hold -= 1
                self.held += 1
                while not self.gate.is_set():  # noqa: ASYNC110 - set by another thread
                    await asyncio.sleep(_LOOK_EVERY)
        await self._app(scope, receive, send)
        self.let_go += is_held

    def advance(self, seconds: float) -> None:
        """Moves the clock of the cloud, and that of the runs that are started from now on."""
        self.clock.advance(seconds)
        self.ahead += seconds

    def purchases(self) -> list[LedgerEntry]:
        return [row for row in read_ledger(self.world) if row.kind == "purchase"]


def _accounts() -> dict[str, Any]:
    project = {"id": PUBLIC.project_id, "name": PUBLIC.project_name}
    users = [
        {
            "id": f"{number:032x}",
            "name": user_name(number),
            "password": PUBLIC.user_password,
            "access_key": f"RUN{number:017}",
            "secret_key": f"secret-{number}",
        }
        for number in range(_USERS)
    ]
    return {"accounts": [{"id": PUBLIC.domain_id, "name": PUBLIC.domain_name, "projects": [project], "users": users}]}


def clone_specs(folder: Path, target: Path, servers: int) -> None:
    """Clones the repository with the specs of so many servers, which is made in `folder` when it is needed first."""
    origin = folder / "origin"
    if not origin.exists():
        (origin / "specs").mkdir(parents=True)
        (origin / "specs" / "stack.yaml").write_text(_STACK)
        (origin / "specs" / "servers.yaml").write_text(f"servers: {{node: {{count: {servers}}}}}\n")
        _git(origin, "init", "--quiet")
        _git(origin, "add", ".")
        _git(origin, "-c", "user.name=ana", "-c", "user.email=ana@test.invalid", "commit", "--quiet", "-m", "Specs")
    _git(folder, "clone", "--quiet", str(origin), str(target))


def _git(folder: Path, *arguments: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


def user_name(number: int) -> str:
    return f"run-{number}"
