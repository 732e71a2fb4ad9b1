"""A cloud that a test scripts: it sells, builds and bills servers, and keeps a ledger of what was bought.

scripted_wire.py has the channel to it and its faults, scripted_server.py a single server.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.scripted_server import Server
from support.scripted_wire import Fault, ScriptedChannel, Sent
from support.simulation import NOON, CrashPlan, ManualClock

from provisioner.model.flow import Call, CallFailed, Dispatch, Effect, Outcome


@dataclass(slots=True)
class ScriptedCloud:
    """Servers, orders, and a log. Latencies and builds take the clock's seconds; a call is executed as it arrives."""

    clock: ManualClock
    crash_plan: CrashPlan = field(default_factory=CrashPlan)
    latency: float = 0.0
    build_seconds: float = 0.0
    release_seconds: float = 0.0
    action_seconds: float = 0.0
    breaking: dict[str, str] = field(default_factory=dict)
    """By action on a server: the status in which it ends instead."""
    listed_after: float = 0.0
    lags: Mapping[str, float] = field(default_factory=dict)
    """Seconds more for servers of these ids."""
    hides_unlisted: bool = False
    """What no list shows yet is not found by its id either."""
    shifting: bool = False
    """Rows move between the pages all the time: no reading of the list is ever complete."""
    pause: float = 0.0
    """Seconds until a purchase or a release may be sent."""
    billed: dict[str, list[str]] = field(default_factory=dict)
    """By order: the ids that billing names, in place of those that it has bought."""
    hides_orders: bool = False
    """No row names its order; only billing knows what an order has bought."""
    unpaid: bool = False
    failing: frozenset[str] = frozenset()
    """Names that cannot be built."""
    servers: dict[str, Server] = field(default_factory=dict)
    log: list[Sent] = field(default_factory=list)
    spelt: Callable[[dict[str, Any]], dict[str, Any]] = lambda row: row
    """How rows are shown."""
    bought: list[str] = field(default_factory=list)
    """The names of all purchases that were executed: the cloud's own ledger."""
    paid: list[str] = field(default_factory=list)
    """The names of all orders that were paid by their id."""
    pending: dict[str, Any] = field(default_factory=dict)
    """What orders that nobody has paid asked for, by their id."""
    lacking: int = 0
    """How many servers an order of several comes short of."""
    naming: Callable[[str, int], str] = lambda name, _index: name
    """What the cloud calls those that one call buys, by the name that was sent."""
    cancelled: list[str] = field(default_factory=list)
    """The ids of all orders that were cancelled."""
    clock_ahead: int = 0
    """Milliseconds by which the cloud's own clock is before ours."""
    paid_by_others: bool = False
    """Somebody has paid all pending orders in the console, and no list shows a server of them yet."""
    finished: list[str] = field(default_factory=list)
    """The ids of orders that billing lists beside the pending ones."""
    strangers: list[str] = field(default_factory=list)
    """Names that somebody else buys right after the next purchase."""
    arrivals: list[Callable[[str], None]] = field(default_factory=list)
    answered: Callable[[], None] = lambda: None
    """Told of every answer that is not refused."""
    dispatches: dict[str, Dispatch] = field(default_factory=dict)
    """By what was sent: what bound it to its intent."""
    before_sending: Callable[[], None] = lambda: None
    """Called between the intent of a call and its last check."""
    channels: int = 0
    open_channels: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    _faults: list[Fault] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[ScriptedChannel]:
        self.channels += 1
        self.open_channels += 1
        try:
            yield ScriptedChannel(self, self.channels)
        finally:
            self.open_channels -= 1

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Without faults and without anybody who listens."""
        faults, arrivals = self._faults, self.arrivals
        self._faults, self.arrivals = [], []
        try:
            yield
        finally:
            self._faults, self.arrivals = faults, arrivals

    def fails(
        self,
        effect: Effect,
        outcome: Outcome,
        *,
        executed: bool = False,
        name: str | None = None,
        times: int = 1,
        **facts: Any,
    ) -> None:
        failure = CallFailed(outcome, facts.pop("message", f"scripted: {outcome}"), **facts)
        self._faults.append(Fault(effect, name, executed, failure=failure, times=times))

    def answers(self, effect: Effect, body: Any, *, executed: bool = True, name: str | None = None) -> None:
        """The answer is `body`, whatever the call did."""
        self._faults.append(Fault(effect, name, executed, body=body))

    def add_server(self, name: str, **facts: Any) -> Server:
        server = Server(f"id-{next(self._numbers)}", name, self.clock.time, **facts)
        self.servers[server.id] = server
        return server

    def stranger(self, name: str) -> None:
        """Somebody else buys a server of this name right after the next purchase is carried out."""
        self.strangers.append(name)

    def sent(self, effect: Effect | None = None) -> list[str]:
        return [sent.what for sent in self.log if effect is None or sent.call.effect is effect]

    @property
    def purchases(self) -> Counter[str]:
        return Counter(self.bought)

    @property
    def wiped(self) -> list[str]:
        """The ids of all servers whose system disk was wiped, as often as it was."""
        return [server.id for server in self.servers.values() for _ in range(server.wipes)]

    @property
    def payments(self) -> Counter[str]:
        return Counter(self.paid)

    @property
    def ours(self) -> list[Server]:
        return [server for server in self._present() if not server.strange]

    def _present(self) -> list[Server]:
        return [server for server in self.servers.values() if self._is_present(server)]

    def _is_present(self, server: Server) -> bool:
        return server.released_at is None or self.clock.time < server.released_at + self.release_seconds

    def _is_listed(self, server: Server) -> bool:
        return self.clock.time >= server.created_at + self.listed_after + self.lags.get(server.id, 0.0)

    def _find(self, identifier: str) -> Server | None:
        server = self.servers.get(identifier) or self.servers.get(identifier.lower())  # UUIDs are sent in lower case
        if server and self.hides_unlisted and not self._is_listed(server):
            return None
        return server if server and self._is_present(server) else None

    def fault(self, call: Call) -> Fault | None:
        name = (call.body or {}).get("name")
        for fault in self._faults:
            if fault.effect is call.effect and fault.name in {None, name} and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def execute(self, call: Call) -> tuple[int, Any]:
        """Raises CallFailed for what is refused."""
        body = call.body or {}
        match (call.method, call.path.split("/")[3:]):
            case ("GET", ["dev-servers", "all"]):
                return self._page(call)
            case ("POST", ["dev-servers"]):
                return 200, self._buy(body)
            case (method, ["dev-servers", identifier, *action]) if server := self._find(identifier):
                return self._change(method, server, action, body)
            case ("GET", ["customer-orders", "details", order]):
                return 200, {"order_info": {"status": self._status(order)}}
            case ("GET", ["customer-orders"]):
                orders = [{"order_id": order, "status": 3 if self.paid_by_others else 6} for order in self.pending]
                orders += [{"order_id": order, "status": 5} for order in self.finished]
                return 200, {"total_count": len(orders), "order_infos": orders}
            case (_, ["customer-orders", "pay" | "cancel" as verb]):
                return 204, {"pay": self._pay, "cancel": self._cancel}[verb](body["order_id"])
            case ("POST", ["suscriptions", "resources", "query"]):
                found = [{"resource_id": each} for each in self._subscribed(body)]
                return 200, {"total_count": len(found), "data": found}
            case ("POST", ["subscriptions", "resources", "unsubscribe"]):
                return 200, self._end_order_of(self.servers[body["resource_ids"][0]])
            case _:
                raise CallFailed(Outcome.REFUSED, "not found", status=404, code="ModelArts.6404")

    def _subscribed(self, body: Any) -> list[str]:
        order = body.get("order_id")
        if order in self.billed:
            return self.billed[order]
        of_order = [one.id for one in self.servers.values() if one.order_id == order]
        found = [self._find(identifier) for identifier in body.get("resource_ids", of_order)]
        return [one.id for one in found if one and one.prepaid and one.released_at is None]

    def _page(self, call: Call) -> tuple[int, Any]:
        shown = [one for one in self._present() if self._is_listed(one)]
        offset, limit = int(call.query["offset"]), int(call.query["limit"])
        return 200, {
            "total": len(shown) + self.shifting,
            "data": [self._row(one) for one in shown[offset : offset + limit]],
        }

    def _end_order_of(self, leaving: Server) -> Any:
        for server in self.servers.values():
            if server is leaving or (server.order_id is not None and server.order_id == leaving.order_id):
                server.released_at = self.clock.time if server.released_at is None else server.released_at
        return {}

    def _buy(self, body: Any) -> Any:
        if "count" in body:
            return self._buy_several(body)
        self.bought.append(body["name"])
        charging = body.get("charging_info", {})
        prepaid = charging.get("charging_mode") == "PRE_PAID"
        order_id = f"CS{len(self.bought)}" if prepaid else None
        if self.unpaid:
            return {"order_id": order_id, "name": body["name"]}
        if prepaid and not charging["is_auto_pay"]:
            self.pending[order_id] = body
            return {"order_id": order_id, "name": body["name"]}
        server = self._build(body, order_id)
        return {"order_id": order_id, "name": body["name"]} if prepaid else self._row(server)

    def _buy_several(self, body: Any) -> Any:
        """One object, which names one server at the most; how many there are it does not say."""
        self.bought += [body["name"]] * body["count"]
        order_id = f"CS{len(self.bought)}"
        if self.unpaid:
            return {"order_id": order_id, "name": body["name"]}
        built = [
            self._build({**body, "name": self.naming(body["name"], index)}, order_id)
            for index in range(body["count"] - self.lacking)
        ]
        return {"order_id": order_id, "name": body["name"], **({"id": built[-1].id} if built else {})}

    def _build(self, body: Any, order_id: str | None) -> Server:
        image = {"image": body["image_id"]} if "image_id" in body else {}
        server = self.add_server(
            body["name"], prepaid=bool(order_id), order_id=order_id, flavor=body["flavor"], **image
        )
        while self.strangers:
            self.add_server(self.strangers.pop(), strange=True)
        return server

    def _pay(self, order_id: str) -> None:
        if (body := self.pending.pop(order_id, None)) is None:
            raise CallFailed(Outcome.REFUSED, "the order cannot be paid", status=400, code="CBC.0100")
        self.paid.append(body["name"])
        self._build(body, order_id)

    def _status(self, order_id: str) -> int:
        if order_id in self.cancelled:
            return 4
        return 6 if self.unpaid or order_id in self.pending else 3

    def _cancel(self, order_id: str) -> None:
        if self.pending.pop(order_id, None) is None:
            raise CallFailed(Outcome.REFUSED, "the order cannot be cancelled", status=400, code="CBC.99005010")
        self.cancelled.append(order_id)

    def _change(self, method: str, server: Server, action: list[str], body: Any) -> tuple[int, Any]:
        if action:
            server.settle(self.clock.time)
            return 200, server.act(
                method, action, body, until=self.clock.time + self.action_seconds, ends=self.breaking
            )
        match method:
            case "DELETE":
                server.released_at = self.clock.time if server.released_at is None else server.released_at
                return 202, {}
            case "PUT":
                server.name = body["name"]
        return 200, self._row(server)

    def _row(self, server: Server) -> dict[str, Any]:
        server.settle(self.clock.time)
        built = self.clock.time >= server.created_at + self.build_seconds
        status = (server.under_way or [server.status])[0] or (
            "CREATE_FAILED" if server.name in self.failing else "RUNNING"
        )
        return self.spelt(
            {
                "id": server.id,
                "name": server.name,
                "status": "DELETING" if server.released_at is not None else status if built else "CREATING",
                "order_id": None if self.hides_orders else server.order_id,
                "create_at": NOON + round(server.created_at * 1000) + self.clock_ahead,
                "charging_mode": "PRE_PAID" if server.prepaid else "POST_PAID",
                "flavor": server.flavor,
                "image": {"image_id": server.image},
                "volumes": [{"type": "DATA", "evs_id": volume} for volume in server.volumes],
            }
        )
