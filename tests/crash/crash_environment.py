"""The environment of one crash run: a folder with specs and a state, a sandbox of its own, and the tool as a process that may die.

The cloud's clock moves by a second with every request and never by itself, so a run passes the same steps however fast the
machine is. Checks read the sandbox's own tables, and the folder as the killed process left it.
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
from crash.state_place import FolderPlace, StatePlace
from support.crash_fork_server import CrashForkServer, FaultPlan, ForkedProcess, ProcessResult
from support.process_workspace import STACK, MovableClock, SandboxServer
from support.stack_text import PASSWORD

from provisioner.model.state import State
from provisioner.sandbox import PUBLIC, create_app, read_ledger
from provisioner.sandbox.contract import ROUTES
from provisioner.sandbox.fault_settings import FaultsFile
from provisioner.sandbox.faults import Faults
from provisioner.sandbox.ledger import LedgerEntry

QUIET_SECONDS = 1200
_SECONDS_A_REQUEST = 1.0
PASSWORD_VARIABLE = "ADMIN_PASSWORD"
_TIMEOUT_SECONDS = 30.0
_READING_POSTS = ("/resources/query", "/auth/tokens")
_LIVE_SERVERS = "SELECT id, name, order_id, status, image_id, coalesce(unlisted_until, 0) <= ? FROM servers WHERE status <> 'DELETED'"
_PENDING = (
    "SELECT count(*) FROM late",
    "SELECT count(*) FROM servers WHERE coalesce(unlisted_until, unshown_until) IS NOT NULL",
)
_LIST_OPERATIONS = ["ListDevServers", "ListAllDevServers"]
SHOWING = [*_LIST_OPERATIONS, "ShowDevServer"]
NO_FAULTS = FaultPlan()


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
    """The sandbox's public account, with the balance and the approval of orders that a scenario needs. None: no limit."""

    balance: float | None = None
    approval_seconds: int | None = None
    takes_attachments: bool = True
    """Whether disks and addresses may be attached to its servers."""

    @property
    def market(self) -> dict[str, Any] | None:
        """The market file, or None for the sandbox's own market. Everything is for sale in both."""
        offers = {"zones": ["cn-north-4a"], "other_flavors_hourly_price": 10, "other_images": True}
        return None if self.takes_attachments else {**offers, "a3_flavors": []}

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
    """The sandbox application. Records the requests that it gets, and moves the clock by a second with each."""

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
        if scope["method"] != "GET" and not scope["path"].endswith(_READING_POSTS):
            self.changes.append(f"{scope['method']} {scope['path']}")
        if scope["method"] == "POST" and scope["path"].endswith("/dev-servers") and self.stranger is not None:
            name, self.stranger = self.stranger, None
            ours, self.app.faults = self.app.faults, Faults()  # the faults apply to our requests only
            await console.buy(self.app, name)
            self.app.faults = ours
        await self.app(scope, receive, send)


class SharedSandboxServer(SandboxServer):
    """The HTTP server of all crash environments, of which one is in use at a time."""

    def settle(self) -> None:
        """Waits until every request has been carried out, including those of killed processes."""
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        state = self._server.server_state
        while state.connections or state.tasks:
            assert time.monotonic() < deadline, "a connection of a killed process is still open"
            time.sleep(0.001)


@dataclass(frozen=True, slots=True)
class SharedServers:
    """The servers that all crash environments of a session share."""

    cloud: SharedSandboxServer
    fork_server: CrashForkServer


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A row of the sandbox's table of servers that is not deleted. `is_listed`: lists show it by now."""

    id: str
    name: str
    order_id: str | None
    status: str
    image_id: str
    is_listed: bool


class CrashEnvironment:
    """Everything that a run can change is below `folder`, so a copy of the folder is the same moment again.

    `clock_offset` is by how many seconds the cloud's clock is ahead of the real one.
    """

    def __init__(
        self,
        folder: Path,
        shared_servers: SharedServers,
        *,
        clock_offset: float = 0.0,
        build_seconds: float = 0.0,
        account: Account,
        row_override: Mapping[str, object] | None = None,
        list_override: Mapping[str, object] | None = None,
        sale_override: Mapping[str, object] | None = None,
        lasting_faults: Sequence[Mapping[str, object]] = (),
        uses_access_keys: bool = False,
        place: StatePlace | None = None,
    ) -> None:
        self.folder = folder
        self.place = place or FolderPlace(folder / "state")
        """Where the state is."""
        self.shared_servers = shared_servers
        self.build_seconds = build_seconds
        self.row_override = row_override
        """Fields that replace those of every row shown."""
        self.list_override = list_override
        """Keys that replace those of every list's answer, whatever there is to list."""
        self.sale_override = sale_override
        """How servers are sold, whatever was asked for."""
        self.lasting_faults = lasting_faults
        """Rules of the sandbox that stay in force whatever else is armed."""
        self.uses_access_keys = uses_access_keys
        self.user = OURSELVES
        self.strangers: dict[str, str] = {}
        """The names of servers that somebody else has bought, by id. They must not change."""
        self.is_second_run = False
        """Whether the events between the first run and the second have happened."""
        self.clock = MovableClock()
        self.clock.advance(clock_offset)
        self.highest_serial = 0
        """The highest serial of the state that any check has seen."""
        self.accepted_absences: set[str] = set()
        """Ids of the intents whose confirmed absence has been checked."""
        self.cancelled_in_console: set[str] = set()
        """Ids of the orders that the operator cancelled, because the tool refused them as older than their purchase."""
        self._runs = 0
        self.serve(account)

    def serve(self, account: Account) -> None:
        """(Re)starts the sandbox with this account on the existing database."""
        self.account = account
        accounts = self.folder / "accounts.json"
        accounts.write_text(json.dumps(account.document()))
        market = self.folder / "market.json" if account.market else None
        if market is not None:
            market.write_text(json.dumps(account.market))
        app = create_app(
            self.sandbox_db, build_seconds=self.build_seconds, clock=self.clock, accounts=accounts, market=market
        )
        self._counting_app = _CountingApp(app, self.clock)
        self.shared_servers.cloud.app = self._counting_app
        self.arm()

    @property
    def sandbox_db(self) -> Path:
        return self.folder / "world.db"

    @property
    def clock_offset(self) -> float:
        return (self.clock.now() - time.time_ns() // 1_000_000) / 1000

    @contextmanager
    def copy(self, folder: Path) -> Iterator[CrashEnvironment]:
        """Copies the environment to `folder`, which is deleted at the end of the context."""
        self.shared_servers.cloud.settle()
        shutil.copytree(self.folder, folder)
        place = self.place.copy(folder / "state")
        try:
            environment = CrashEnvironment(
                folder,
                self.shared_servers,
                clock_offset=self.clock_offset,
                build_seconds=self.build_seconds,
                account=self.account,
                row_override=self.row_override,
                list_override=self.list_override,
                sale_override=self.sale_override,
                lasting_faults=self.lasting_faults,
                uses_access_keys=self.uses_access_keys,
                place=place,
            )
            environment.user, environment.is_second_run, environment.strangers = (
                self.user,
                self.is_second_run,
                {**self.strangers},
            )
            environment.highest_serial = self.highest_serial
            yield environment
        finally:
            self.shared_servers.cloud.settle()
            place.remove()
            shutil.rmtree(folder)

    def write(self, servers: str, *, purchase: str = "") -> None:
        specs = self.folder / "specs"
        specs.mkdir(exist_ok=True)
        (self.folder / "state").mkdir(mode=0o700, exist_ok=True)
        stack = STACK.replace("cloud: sandbox", "cloud: huaweicloud") if self.uses_access_keys else STACK
        (specs / "stack.yaml").write_text(f"{stack}purchase: {{quiet_period: {QUIET_SECONDS}s, {purchase}}}\n")
        (specs / "servers.yaml").write_text(servers)

    def start(self, *arguments: str, fault_plan: FaultPlan = NO_FAULTS, home: str = "") -> ForkedProcess:
        """`home` is a folder below this one: another machine."""
        self._runs += 1
        url = self.shared_servers.cloud.url
        endpoints = {f"PROVISIONER_ENDPOINT_{service}": url for service in ("MODELARTS", "BSS", "IAM")}
        environ = {"HOME": str(self.folder / home), "LANG": "C.UTF-8", PASSWORD_VARIABLE: PASSWORD, **endpoints}
        environ |= self.place.environ
        environ |= self.user.environ if self.uses_access_keys else {}
        log = self.folder / f"run-{self._runs}"
        return self.shared_servers.fork_server.start(
            self.folder, environ, arguments, fault_plan=fault_plan, clock_offset=self.clock_offset, log=log
        )

    def run(self, *arguments: str, fault_plan: FaultPlan = NO_FAULTS) -> ProcessResult:
        result = self.start(*arguments, fault_plan=fault_plan).end()
        self.settle()
        return result

    def settle(self) -> None:
        """Waits until the cloud and the store have carried out everything that a killed process has sent."""
        self.shared_servers.cloud.settle()
        self.place.settle()

    def expect_stranger(self, name: str | None) -> None:
        """Lets a stranger buy a server of this name right before our next purchase reaches the cloud. None: nobody does."""
        self._counting_app.stranger = name

    def arm(self, *rules: Mapping[str, object]) -> None:
        """Arms these fault rules of the sandbox (docs/sandbox.md) in place of the earlier ones; `lasting_faults` and the overrides stay."""
        rows = {"at": SHOWING, "times": "always", "fault": "rewrite", "rows": self.row_override}
        lists = {"at": _LIST_OPERATIONS, "times": "always", "fault": "rewrite", "set": self.list_override}
        sales = {"at": "CreateDevServer", "times": "always", "fault": "sells", **(self.sale_override or {})}
        armed = [*rules, *self.lasting_faults]
        armed += [
            rule
            for rule, on in ((rows, self.row_override), (lists, self.list_override), (sales, self.sale_override))
            if on
        ]
        self._counting_app.app.faults.replace(FaultsFile.model_validate({"faults": armed}).value())

    @property
    def hits(self) -> list[int]:
        """How often each armed rule was hit, in the order of the rules."""
        return [hits for _, hits in self._counting_app.app.faults.hits()]

    @property
    def calls(self) -> list[str]:
        """The operations that anybody has requested from this cloud, in order."""
        return self._counting_app.calls

    def pay(self, order_id: str) -> None:
        """Pays an order in the console."""
        asyncio.run(console.pay(self._counting_app.app, order_id))

    def cancel(self, order_id: str) -> None:
        """Cancels an unpaid order in the console."""
        self.cancelled_in_console.add(order_id)
        asyncio.run(console.cancel(self._counting_app.app, order_id))

    def rename(self, identifier: str, name: str) -> None:
        """Renames a server in the console."""
        asyncio.run(console.rename(self._counting_app.app, identifier, name))

    def buy_as_stranger(self, name: str, **fields: object) -> LiveServer:
        """Buys a server in the console that is none of ours, and remembers it as a stranger's."""
        asyncio.run(console.buy(self._counting_app.app, name, **fields))
        bought = next(server for server in self.live_servers if server.name == name)
        self.strangers[bought.id] = name
        return bought

    def rename_stranger(self, identifier: str, name: str) -> None:
        self.rename(identifier, name)
        self.strangers[identifier] = name

    def advance_clock(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def take_change_requests(self) -> list[str]:
        """Returns the requests to change something that the cloud has got since the last call."""
        asked, self._counting_app.changes = self._counting_app.changes, []
        return asked

    @property
    def written_files(self) -> Iterator[tuple[Path, bytes]]:
        """Every file that the tool may have written, and the output of its runs. The sandbox's database is left out."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.name.startswith(self.sandbox_db.name):
                yield path, path.read_bytes()
        for name, content in self.place.contents():
            yield Path(name), content

    @property
    def ledger(self) -> list[LedgerEntry]:
        return read_ledger(self.sandbox_db)

    @property
    def live_servers(self) -> list[LiveServer]:
        with closing(sqlite3.connect(self.sandbox_db)) as connection:
            rows = connection.execute(_LIVE_SERVERS, (self.clock.now(),))
            return [LiveServer(*row[:-1], bool(row[-1])) for row in rows]

    @property
    def has_pending_events(self) -> bool:
        """Whether a late request is still to be carried out, or a server is not shown yet."""
        with closing(sqlite3.connect(self.sandbox_db)) as connection:
            return any(connection.execute(query).fetchone()[0] for query in _PENDING)

    @property
    def cancelled(self) -> set[str]:
        """Ids of the cancelled orders, which nobody can pay any more."""
        with closing(sqlite3.connect(self.sandbox_db)) as connection:
            return {order for (order,) in connection.execute("SELECT id FROM orders WHERE status = 4")}

    @property
    def state(self) -> State | None:
        """The state as the next run reads it. Raises StoreError if that run would refuse it."""
        return self.place.load()
