"""The sandbox in memory, as an HTTP transport whose requests can fail and whose lists can lag, with an operator's console.

Everything happens on one movable clock. The tool's purchases are the ledger's rows that were added while a request of the tool
was carried out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx
from support.simulation import CrashPlan, ManualClock

from provisioner.cloud.signing import DATE_FORMAT, sign
from provisioner.model.secret import Secret
from provisioner.sandbox import PUBLIC
from provisioner.sandbox.accounts import PUBLIC_ACCOUNTS, Accounts, User
from provisioner.sandbox.app import Sandbox
from provisioner.sandbox.fault_settings import FaultsFile
from provisioner.sandbox.faults import Faults
from provisioner.sandbox.ledger import LedgerEntry, entries
from provisioner.sandbox.market import PUBLIC_MARKET
from provisioner.sandbox.world import Rules, World

MODELARTS, BILLING = "https://modelarts.cn-north-4.sandbox.invalid", "https://bss.sandbox.invalid"
SERVERS = f"/v1/{PUBLIC.project_id}/dev-servers"
PAY, CANCEL = "/v3/orders/customer-orders/pay", "/v2/orders/customer-orders/cancel"
UNSUBSCRIBE = "/v2/orders/subscriptions/resources/unsubscribe"
_BUILD_MILLISECONDS = 30_000
_RETRY_AFTER = "20"
"""The seconds to wait that an answer 429 asks for."""
_OLD_SECONDS = 900.0
"""For how many seconds a server has to be shown until every run at work has listed it."""
OURSELVES = PUBLIC_ACCOUNTS.by_access_key(PUBLIC.access_key)[1]
COLLEAGUE = replace(
    OURSELVES, id="c" * 32, name="colleague", access_key="COLLEAGUESKEY0000001", secret_key="colleagues"
)
_ACCOUNT = PUBLIC_ACCOUNTS.by_access_key(PUBLIC.access_key)[0]
_ACCOUNTS = Accounts((replace(_ACCOUNT, users=(OURSELVES, COLLEAGUE)),))
_GONE = frozenset({"DELETED", "DELETING"})


class RequestType(Enum):
    """What a request is for."""

    PURCHASE = "purchase"
    PAYMENT = "payment"
    RELEASE = "release"
    RENAME = "rename"
    LIST = "list"
    SHOW = "look at one server"
    READ = "other read"


class RequestFault(Enum):
    """What can happen to a request."""

    NOT_SENT = "it is not sent"
    LOST = "it is lost"
    REPLY_LOST = "its reply is lost"
    LATE = "it is carried out minutes after its reply was lost"
    FAILED = "it is answered 500, and not carried out"
    FAILED_AFTERWARDS = "it is answered 500, and carried out"
    TRUNCATED = "its reply is cut short"
    TURNED_AWAY = "the gateway turns it away"
    THROTTLED = "the service refuses it as one too many"
    SHORT = "the list lacks a row that its total counts"
    MISNAMED = "its reply names a server that somebody else has had for long"


Dates: TypeAlias = Callable[[httpx.Request, int], tuple[float, bool]]
_EXECUTED = frozenset(
    {
        RequestFault.REPLY_LOST,
        RequestFault.FAILED_AFTERWARDS,
        RequestFault.TRUNCATED,
        RequestFault.SHORT,
        RequestFault.MISNAMED,
    }
)


@dataclass(frozen=True)
class Server:
    """A row of the sandbox's table of servers."""

    id: str
    name: str
    status: str
    order_id: str | None
    create_at: int

    @property
    def is_there(self) -> bool:
        return self.status not in _GONE


@dataclass(frozen=True)
class Purchase:
    """A purchase of the tool for this address. Its server has the row's server id or order id."""

    address: str
    row: LedgerEntry

    def is_of(self, server: Server) -> bool:
        if self.row.server_id is not None:
            return self.row.server_id == server.id
        return self.row.order_id is not None and self.row.order_id == server.order_id


@dataclass
class EmulatedCloud(httpx.AsyncBaseTransport):
    """`on_request` is called with the type and the name of every request before it is carried out, and returns a purchase's address."""

    clock: ManualClock
    on_request: Callable[[RequestType, str], str] = lambda _sort, _name: ""
    crash_plan: CrashPlan = field(default_factory=CrashPlan)
    listing_delay: float = 0.0
    """After how many seconds servers that are bought from now on are shown."""
    execution_delay: float = 60.0
    """After how many seconds a request with the fault LATE is carried out."""
    faults: list[tuple[RequestType, RequestFault]] = field(default_factory=list)
    """Faults to come: the first one of its type hits the next request of that type."""
    purchases: list[Purchase] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    """Ids of servers, and of orders, that the tool has asked to change."""
    answer_dates: Dates = lambda _request, _status: (0.0, False)
    """Returns by how many seconds an answer's date is ahead, and whether it comes from a cache."""
    mutations: int = 0
    """How many requests of the tool were meant to change something."""
    _late_requests: list[tuple[float, httpx.Request, str]] = field(default_factory=list)
    _shown_from: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rules = Rules(build_milliseconds=_BUILD_MILLISECONDS, market=PUBLIC_MARKET, accounts=_ACCOUNTS)
        self._world = World(None, clock=self.clock, rules=rules)
        self._faults = Faults()
        self._sandbox = httpx.ASGITransport(Sandbox(self._world, self._faults))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Handles a request of the tool."""
        await self.execute_due()
        request_type, name = _classify(request)
        self.crash_plan.reach(f"before {request_type.value} {name}".rstrip())
        fault = self._take_fault(request_type)
        if fault is RequestFault.NOT_SENT:
            raise httpx.ConnectError("scripted")
        address = self.on_request(request_type, name)
        self._record_changes(request_type, request)
        if fault is RequestFault.LATE:
            self._late_requests.append((self.clock.time + self.execution_delay, request, address))
        response = None
        if fault is None or fault in _EXECUTED:
            response = await self._execute(request, address)
        self.crash_plan.reach(f"after {request_type.value} {name}".rstrip())
        return self._dated(request, self._answer(fault, response))

    def _dated(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        ahead, is_kept = self.answer_dates(request, response.status_code)
        when = datetime.fromtimestamp(self.clock.now() / 1000 + ahead, UTC)
        response.headers.update({"Date": format_datetime(when, usegmt=True)} | ({"Age": "10800"} if is_kept else {}))
        return response

    @property
    def ledger(self) -> list[LedgerEntry]:
        return entries(self._world._connection)

    @property
    def servers(self) -> list[Server]:
        """All servers that ever existed, as they are now."""
        with self._world.transaction() as transaction:
            rows = transaction.connection.execute("SELECT id, name, status, order_id, create_at FROM servers")
            return [Server(*row) for row in rows]

    @property
    def pending_orders(self) -> list[str]:
        with self._world.transaction() as transaction:
            return [row[0] for row in transaction.connection.execute("SELECT id FROM orders WHERE status = 6")]

    @property
    def ours(self) -> list[tuple[str, Server]]:
        """The live servers that the tool bought, each with the address that it was bought for."""
        there = [server for server in self.servers if server.is_there]
        return [(one.address, server) for server in there for one in self.purchases if one.is_of(server)]

    @property
    def strangers(self) -> list[Server]:
        """The servers that the tool did not buy."""
        return [one for one in self.servers if not any(purchase.is_of(one) for purchase in self.purchases)]

    def set_rules(self, *rules: Mapping[str, object]) -> None:
        """Replaces the fault rules of the sandbox (docs/sandbox.md)."""
        self._faults.replace(FaultsFile.model_validate({"faults": [*rules]}).value())

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Suspends faults and the crash plan."""
        crash_plan, faults = self.crash_plan, self.faults
        self.crash_plan, self.faults = CrashPlan(), []
        try:
            yield
        finally:
            self.crash_plan, self.faults = crash_plan, faults

    async def execute_due(self) -> None:
        """Carries out the late requests that are due by now."""
        for due, request, address in [one for one in self._late_requests if one[0] <= self.clock.time]:
            self._late_requests.remove((due, request, address))
            parts = urlsplit(str(request.url))
            again = _signed(
                self.clock,
                request.method,
                f"{parts.scheme}://{parts.netloc}{parts.path}",
                request.content,
                _user(request),
            )
            await self._execute(again, address)

    @property
    def next_due(self) -> float | None:
        return min((due for due, _, _ in self._late_requests), default=None)

    async def console(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Sends a request of the operator's, which no fault hits."""
        host = MODELARTS if path.startswith("/v1/") else BILLING
        content = b"" if body is None else json.dumps(body).encode()
        response = await self._sandbox.handle_async_request(_signed(self.clock, method, f"{host}{path}", content))
        await response.aread()
        return response

    def _take_fault(self, request_type: RequestType) -> RequestFault | None:
        found = next((one for one in self.faults if one[0] is request_type), None)
        if found is not None:
            self.faults.remove(found)
        return found[1] if found else None

    async def _execute(self, request: httpx.Request, address: str) -> httpx.Response:
        before = len(self.ledger)
        response = await self._sandbox.handle_async_request(request)
        await response.aread()
        new = self.ledger[before:]
        self.purchases += [Purchase(address, row) for row in new if row.kind == "purchase"]
        return self._as_shown(request, response)

    def _as_shown(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        """Leaves out the servers that are too young to be shown."""
        if request.method != "GET" or not request.url.path.startswith(SERVERS) or response.status_code != 200:
            return response
        young = {server.id for server in self.servers if not self._is_shown(server)}
        body = response.json()
        if request.url.path.endswith(("/flavors", "/images")):
            return response
        if "data" not in body:
            return _refusal(404, "ModelArts.6404") if str(body.get("id")).lower() in young else response
        rows = [row for row in body["data"] if row["id"].lower() not in young]
        return _json({**body, "data": rows, "total": body["total"] - len(body["data"]) + len(rows)}, response)

    def _is_shown(self, server: Server) -> bool:
        since = self._shown_from.setdefault(server.id, server.create_at / 1000 + self.listing_delay)
        return self.clock.now() / 1000 >= since

    def _old_strangers(self) -> list[Server]:
        """Returns the live servers of strangers that every run has listed."""
        since = self.clock.now() / 1000 - self.listing_delay - _OLD_SECONDS
        return [one for one in self.strangers if one.is_there and one.create_at / 1000 < since]

    def _answer(self, fault: RequestFault | None, response: httpx.Response | None) -> httpx.Response:
        match fault:
            case RequestFault.LOST | RequestFault.REPLY_LOST | RequestFault.LATE:
                raise httpx.ReadError("scripted")
            case RequestFault.FAILED | RequestFault.FAILED_AFTERWARDS:
                return _refusal(500, "ModelArts.0001")
            case RequestFault.TURNED_AWAY:
                return _refusal(429, "APIG.0308")
            case RequestFault.THROTTLED:
                return _refusal(429, "ModelArts.0429")
        assert response is not None
        if fault is RequestFault.TRUNCATED:
            return httpx.Response(response.status_code, headers=_kept(response), content=response.content[:-2])
        if fault is RequestFault.MISNAMED and (theirs := self._old_strangers()) and "id" in response.json():
            return _json({**response.json(), "id": theirs[0].id}, response)
        if fault is RequestFault.SHORT and (rows := response.json().get("data")):
            return _json({**response.json(), "data": rows[:-1]}, response)
        return response

    def _record_changes(self, request_type: RequestType, request: httpx.Request) -> None:
        if request_type in {RequestType.LIST, RequestType.SHOW, RequestType.READ}:
            return
        self.mutations += 1
        body = json.loads(request.content or b"{}")
        touched = [request.url.path.removeprefix(f"{SERVERS}/"), body.get("order_id"), *body.get("resource_ids", ())]
        self.changed |= {one for one in touched if one}


def _classify(request: httpx.Request) -> tuple[RequestType, str]:
    path = request.url.path
    match request.method:
        case "POST" if path == SERVERS:
            return RequestType.PURCHASE, json.loads(request.content)["name"]
        case "POST" if path == PAY:
            return RequestType.PAYMENT, ""
        case "POST" if path == UNSUBSCRIBE:
            return RequestType.RELEASE, ""
        case "DELETE":
            return RequestType.RELEASE, ""
        case "PUT":
            return RequestType.RENAME, json.loads(request.content)["name"]
        case "GET" if path in {SERVERS, f"{SERVERS}/all"}:
            return RequestType.LIST, ""
        case "GET" if path.startswith(SERVERS):
            return RequestType.SHOW, ""
        case _:
            return RequestType.READ, ""


def _user(request: httpx.Request) -> User:
    return COLLEAGUE if COLLEAGUE.access_key in request.headers["Authorization"] else OURSELVES


def _signed(clock: ManualClock, method: str, url: str, content: bytes, user: User = OURSELVES) -> httpx.Request:
    headers = {"Content-Type": "application/json", "X-Domain-Id": PUBLIC.domain_id, "X-Project-Id": PUBLIC.project_id}
    date = datetime.fromtimestamp(clock.now() / 1000, UTC).strftime(DATE_FORMAT)
    signed = sign(
        method,
        url,
        headers=headers,
        body=content,
        access_key=user.access_key,
        secret_key=Secret(user.secret_key),
        date=date,
    )
    return httpx.Request(method, url, headers={**headers, **signed.headers}, content=content)


def _kept(response: httpx.Response) -> dict[str, str]:
    """Returns the headers that are still right after the body was changed."""
    return {name: value for name, value in response.headers.items() if name != "content-length"}


def _json(body: Any, response: httpx.Response) -> httpx.Response:
    return httpx.Response(response.status_code, headers=_kept(response), content=json.dumps(body).encode())


def _refusal(status: int, code: str) -> httpx.Response:
    headers = {"Retry-After": _RETRY_AFTER} if status == HTTPStatus.TOO_MANY_REQUESTS else {}
    return httpx.Response(status, json={"error_code": code, "error_msg": "scripted"}, headers=headers)
