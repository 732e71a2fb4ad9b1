"""Where a scenario is played: a folder with specs and a state, a world of its own, and the tool as a process that may die.

The cloud's clock moves by a second with every request and never by itself, so that a run passes the same steps however fast
the machine is. What is judged is read from the sandbox's own tables, and from the folder as the dead have left it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash import console
from support.crash_fork_server import CrashForkServer, FaultPlan, ForkedProcess, ProcessResult
from support.process_workspace import PASSWORD, STACK, MovableClock, SandboxServer
from support.stores import folder_store

from provisioner.model.state import State
from provisioner.sandbox import PUBLIC, create_app, read_ledger
from provisioner.sandbox.contract import ROUTES
from provisioner.sandbox.fault_settings import FaultsFile
from provisioner.sandbox.faults import Faults
from provisioner.sandbox.ledger import LedgerEntry

QUIET_SECONDS = 1200
_SECONDS_A_REQUEST = 1.0
PASSWORD_VARIABLE = "ADMIN_PASSWORD"
_PATIENCE = 30.0
_HARMLESS_POSTS = ("/resources/query", "/auth/tokens")
_ALIVE = "SELECT id, name, order_id, status, image_id, coalesce(unlisted_until, 0) <= ? FROM servers WHERE status <> 'DELETED'"
_AWAITING = (
    "SELECT count(*) FROM late",
    "SELECT count(*) FROM servers WHERE coalesce(unlisted_until, unshown_until) IS NOT NULL",
)
_LISTING = ["ListDevServers", "ListAllDevServers"]
SHOWING = [*_LISTING, "ShowDevServer"]
ALONE = FaultPlan()


@dataclass(frozen=True, slots=True)
class User:
    access_key: str
    secret_key: str

    @property
    def environ(self) -> dict[str, str]:
        return {
            "HW_ACCESS_KEY": self.access_key,
            "HW_SECRET_KEY": self.secret_key,
            "HW_PROJECT_ID": PUBLIC.project_id,
            "HW_DOMAIN_ID": PUBLIC.domain_id,
        }


OURSELVES = User(PUBLIC.access_key, PUBLIC.secret_key)
COLLEAGUE = User("COLLEAGUESKEY0000001", "colleagues-secret")


@dataclass(frozen=True, slots=True)
class Account:
    """The public account, as poor or as closely watched as a scenario wants it."""

    balance: float | None = None
    approval_seconds: int | None = None
    takes_attachments: bool = True
    """Of its machines: whether disks and addresses may be attached."""

    @property
    def market(self) -> dict[str, Any] | None:
        """Everything is for sale, as without one."""
        sells = {"zones": ["cn-north-4a"], "other_flavors_hourly_price": 10, "other_images": True}
        return None if self.takes_attachments else {**sells, "a3_flavors": []}

    def document(self) -> dict[str, Any]:
        project = {"id": PUBLIC.project_id, "name": PUBLIC.project_name}
        user = {
            "id": "00112233445566778899aabbccddeeff",
            "name": PUBLIC.user_name,
            "password": PUBLIC.user_password,
            "access_key": PUBLIC.access_key,
            "secret_key": PUBLIC.secret_key,
        }
        colleague = {
            "id": "ffeeddccbbaa99887766554433221100",
            "name": "colleague",
            "password": PUBLIC.user_password,
            "access_key": COLLEAGUE.access_key,
            "secret_key": COLLEAGUE.secret_key,
        }
        limits = {"balance": self.balance, "approval_seconds": self.approval_seconds}
        account = {
            "id": PUBLIC.domain_id,
            "name": PUBLIC.domain_name,
            "projects": [project],
            "users": [user, colleague],
        }
        return {"accounts": [account | {name: value for name, value in limits.items() if value is not None}]}


PUBLIC_ACCOUNT = Account()


class _CountingApp:
    """The sandbox, and what it was asked: the clock moves with every request."""

    def __init__(self, app: Any, clock: MovableClock) -> None:
        self.app = app
        self.calls: list[str] = []
        self.changes: list[str] = []
        self.stranger: str | None = None
        self._clock = clock

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._clock.advance(_SECONDS_A_REQUEST)
        found = ROUTES.find(scope["method"], scope["path"])
        self.calls.append(found[0].name if found else scope["path"])
        if scope["method"] != "GET" and not scope["path"].endswith(_HARMLESS_POSTS):
            self.changes.append(f"{scope['method']} {scope['path']}")
        if scope["method"] == "POST" and scope["path"].endswith("/dev-servers") and self.stranger is not None:
            name, self.stranger = self.stranger, None
            ours, self.app.faults = self.app.faults, Faults()  # what befalls us befalls nobody else
            await console.buy(self.app, name)
            self.app.faults = ours
        await self.app(scope, receive, send)


class Cloud(SandboxServer):
    """The HTTP server of all stages; one plays at a time."""

    def settle(self) -> None:
        """Returns when everything that was sent has been carried out, also what the dead have sent."""
        deadline = time.monotonic() + _PATIENCE
        state = self._server.server_state
        while state.connections or state.tasks:
            assert time.monotonic() < deadline, "a connection of the dead is still open"
            time.sleep(0.001)


@dataclass(frozen=True, slots=True)
class SharedServers:
    """What is made once for many stages."""

    cloud: Cloud
    fork_server: CrashForkServer


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A server that the cloud has, and somebody pays for."""

    id: str
    name: str
    order_id: str | None
    status: str
    image_id: str
    is_listed: bool


class CrashEnvironment:
    """`folder` holds all of it; a copy of a stage is a stage."""

    def __init__(
        self,
        folder: Path,
        shared_servers: SharedServers,
        *,
        ahead: float = 0.0,
        build_seconds: float = 0.0,
        account: Account,
        shows: Mapping[str, object] | None = None,
        lists: Mapping[str, object] | None = None,
        sells: Mapping[str, object] | None = None,
        beside: Sequence[Mapping[str, object]] = (),
        by_keys: bool = False,
    ) -> None:
        self.folder = folder
        self.shared_servers = shared_servers
        self.build_seconds = build_seconds
        self.shows = shows
        self.lists = lists
        """What every list says instead of what is in it."""
        self.sells = sells
        self.beside = beside
        """Rules that are in force beside those that are armed."""
        self.by_keys = by_keys
        self.user = OURSELVES
        self.strangers: dict[str, str] = {}
        """By id, the names of servers that somebody else has bought, and are to keep."""
        self.is_later = False
        """What happens between the first run and the second has happened."""
        self.clock = MovableClock()
        self.clock.advance(ahead)
        self.serial = 0
        """The highest that a state here ever had."""
        self.absent: set[str] = set()
        """The intents that are known to be believed absent, and rightly."""
        self._runs = 0
        self.serve(account)

    def serve(self, account: Account) -> None:
        """The cloud, from now on with this account."""
        self.account = account
        accounts = self.folder / "accounts.json"
        accounts.write_text(json.dumps(account.document()))
        market = self.folder / "market.json" if account.market else None
        if market is not None:
            market.write_text(json.dumps(account.market))
        app = create_app(
            self.world, build_seconds=self.build_seconds, clock=self.clock, accounts=accounts, market=market
        )
        self._asked = _CountingApp(app, self.clock)
        self.shared_servers.cloud.app = self._asked
        self.arm()

    @property
    def world(self) -> Path:
        return self.folder / "world.db"

    @property
    def ahead(self) -> float:
        return (self.clock.now() - time.time_ns() // 1_000_000) / 1000

    @contextmanager
    def copy(self, folder: Path) -> Iterator[CrashEnvironment]:
        """The same moment once more; it is gone afterwards."""
        self.shared_servers.cloud.settle()
        shutil.copytree(self.folder, folder)
        try:
            stage = CrashEnvironment(
                folder,
                self.shared_servers,
                ahead=self.ahead,
                build_seconds=self.build_seconds,
                account=self.account,
                shows=self.shows,
                lists=self.lists,
                sells=self.sells,
                beside=self.beside,
                by_keys=self.by_keys,
            )
            stage.user, stage.is_later, stage.strangers = self.user, self.is_later, {**self.strangers}
            yield stage
        finally:
            self.shared_servers.cloud.settle()
            shutil.rmtree(folder)

    def write(self, servers: str, *, purchase: str = "") -> None:
        specs = self.folder / "specs"
        specs.mkdir(exist_ok=True)
        (self.folder / "state").mkdir(mode=0o700, exist_ok=True)
        stack = STACK.replace("cloud: sandbox", "cloud: huaweicloud") if self.by_keys else STACK
        (specs / "stack.yaml").write_text(f"{stack}purchase: {{quiet_period: {QUIET_SECONDS}s, {purchase}}}\n")
        (specs / "servers.yaml").write_text(servers)

    def start(self, *arguments: str, fault_plan: FaultPlan = ALONE) -> ForkedProcess:
        self._runs += 1
        url = self.shared_servers.cloud.url
        endpoints = {f"PROVISIONER_ENDPOINT_{service}": url for service in ("MODELARTS", "BSS", "IAM")}
        environ = {"HOME": str(self.folder), "LANG": "C.UTF-8", PASSWORD_VARIABLE: PASSWORD, **endpoints}
        environ |= self.user.environ if self.by_keys else {}
        log = self.folder / f"run-{self._runs}"
        return self.shared_servers.fork_server.start(
            self.folder, environ, arguments, fault_plan=fault_plan, ahead=self.ahead, log=log
        )

    def run(self, *arguments: str, fault_plan: FaultPlan = ALONE) -> ProcessResult:
        ended = self.start(*arguments, fault_plan=fault_plan).end()
        self.shared_servers.cloud.settle()
        return ended

    def expect_stranger(self, name: str | None) -> None:
        """Somebody buys a server of this name in the moment before our next purchase reaches the cloud."""
        self._asked.stranger = name

    def arm(self, *rules: Mapping[str, object]) -> None:
        """Faults of the sandbox (docs/sandbox.md), in the place of those that were armed before."""
        lasting = {"at": SHOWING, "times": "always", "fault": "rewrite", "rows": self.shows}
        lying = {"at": _LISTING, "times": "always", "fault": "rewrite", "set": self.lists}
        selling = {"at": "CreateDevServer", "times": "always", "fault": "sells", **(self.sells or {})}
        armed = [*rules, *self.beside]
        armed += [rule for rule, on in ((lasting, self.shows), (lying, self.lists), (selling, self.sells)) if on]
        self._asked.app.faults.replace(FaultsFile.model_validate({"faults": armed}).value())

    @property
    def hits(self) -> list[int]:
        """Of the rules that are armed, in their order."""
        return [hits for _, hits in self._asked.app.faults.hits()]

    @property
    def calls(self) -> list[str]:
        """The operations that this cloud was asked for, by anybody."""
        return self._asked.calls

    def pay(self, order_id: str) -> None:
        """By a person, at the console."""
        asyncio.run(console.pay(self._asked.app, order_id))

    def rename(self, identifier: str, name: str) -> None:
        """By a person, at the console."""
        asyncio.run(console.rename(self._asked.app, identifier, name))

    def buy_as_stranger(self, name: str, **fields: object) -> LiveServer:
        """By a person, at the console: it is nobody's of ours."""
        asyncio.run(console.buy(self._asked.app, name, **fields))
        bought = next(server for server in self.alive if server.name == name)
        self.strangers[bought.id] = name
        return bought

    def rename_stranger(self, identifier: str, name: str) -> None:
        self.rename(identifier, name)
        self.strangers[identifier] = name

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def changes_asked_for(self) -> list[str]:
        """Of the cloud, since this was asked last."""
        asked, self._asked.changes = self._asked.changes, []
        return asked

    @property
    def left_behind(self) -> Iterator[tuple[Path, bytes]]:
        """Every file that the tool may have written, and all that its runs have said; not what the cloud keeps."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.name.startswith(self.world.name):
                yield path, path.read_bytes()

    @property
    def ledger(self) -> list[LedgerEntry]:
        return read_ledger(self.world)

    @property
    def alive(self) -> list[LiveServer]:
        with closing(sqlite3.connect(self.world)) as connection:
            rows = connection.execute(_ALIVE, (self.clock.now(),))
            return [LiveServer(*row[:-1], bool(row[-1])) for row in rows]

    @property
    def awaits_time(self) -> bool:
        """Something is on its way, or not shown yet."""
        with closing(sqlite3.connect(self.world)) as connection:
            return any(connection.execute(query).fetchone()[0] for query in _AWAITING)

    @property
    def cancelled(self) -> set[str]:
        """The orders that nobody will ever pay."""
        with closing(sqlite3.connect(self.world)) as connection:
            return {order for (order,) in connection.execute("SELECT id FROM orders WHERE status = 4")}

    @property
    def state(self) -> State | None:
        """As the next run will read it. Raises StoreError for what it would refuse."""
        return folder_store(self.folder / "state", "test").load()
