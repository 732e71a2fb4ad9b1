"""Lists, shows and waits for orders. It reads billing, takes no lock and writes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.event import Event, EventType, Listener
from provisioner.model.flow import CallFailed, Outcome, Service
from provisioner.model.placed_order import PlacedOrder
from provisioner.model.state import State
from provisioner.workflow.cloud_snapshot import check_identity, read_cloud
from provisioner.workflow.order_lookup import (
    find_order,
    is_unknown,
    order_error,
    owners_by_order,
    read_order,
    request_order,
    to_placed_order,
    unknown_order,
)
from provisioner.workflow.order_specs import OrderSpecs
from provisioner.workflow.state_place import require_recorded
from provisioner.workflow.system_clock import SystemClock
from provisioner.workflow.workspace import Workspace

if TYPE_CHECKING:
    from provisioner.cloud import Ask, Cloud
    from provisioner.cloud.orders import Order

_FEW = 10
"""Up to this many orders are requested one by one; more of them are looked up in the list of one year."""
_YEAR = timedelta(days=365)
_FIRST_PAUSE, _PAUSE = 5.0, 10.0
"""Seconds between two requests while waiting for an order (docs/api/devserver-api.md section 8)."""
_FAILURES_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class OrderList:
    """Orders of this state's addresses come first, then the others; both parts are sorted by time, oldest first."""

    orders: tuple[PlacedOrder, ...]
    notes: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class _BillingSession:
    """An open connection to billing, with the state and the specs."""

    ask: Ask
    cloud: Cloud
    state: State | None
    specs: OrderSpecs

    def now(self) -> datetime:
        """Returns the time of billing's clock, or of this machine's where billing's is unknown."""
        now = self.cloud.time(Service.BILLING).earliest()
        return datetime.now(UTC) if now is None else datetime.fromtimestamp(now / 1000, UTC)


async def list_orders(workspace: Workspace, listen: Listener, *, everything: bool) -> OrderList:
    """Lists the orders of this state.

    `everything` adds the account's other server orders, which no address here records. Without it, raises UsageError
    where no state was recorded.
    """
    if not everything:
        store = workspace.store(workspace.stack())
        require_recorded(store, store.load())
    async with _open_billing(workspace, listen) as session:
        owners = owners_by_order(session.state.resources.values() if session.state else ())
        by_id = await _read_many(session, owners.keys(), everything=everything)
        own = _by_time(
            replace(
                to_placed_order(by_id[order_id], records) if order_id in by_id else unknown_order(order_id, records),
                sold_otherwise=session.specs.sold_otherwise(records),
            )
            for order_id, records in owners.items()
        )
        notes = tuple(note for order in own for note in session.specs.remarks(order, owners[order.id]))
        if not everything:
            return OrderList(own, notes)
        foreign, foreign_notes = await _foreign_orders(workspace, session, by_id, own=frozenset(owners))
        return OrderList((*own, *_by_time(foreign)), (*notes, *foreign_notes))


async def show_order(workspace: Workspace, target: str, listen: Listener) -> PlacedOrder:
    """Reads one order with its items. Raises UsageError when `target` names no order."""
    async with _open_billing(workspace, listen) as session:
        wanted = find_order(session.state, target, session.specs)
        mode = session.specs.sold_otherwise(wanted.owners)
        order = replace(await read_order(session.ask, wanted), sold_otherwise=mode)
        # A charging mode that differs from the specs is shown by the order's next step, and needs no remark.
        remarks = () if order.sold_otherwise else session.specs.remarks(order, wanted.owners)
        for remark in remarks:
            listen(Event(EventType.NOTICE, diagnostic=remark))
        return order


async def wait_for_order(
    workspace: Workspace,
    target: str,
    listen: Listener,
    *,
    seconds: float,
    on_wait: Callable[[PlacedOrder, float], None],
) -> PlacedOrder:
    """Waits until the order is completed or cancelled, or `seconds` have passed.

    Each request that finds it still open calls `on_wait` with the order and the seconds waited so far. Five failed
    requests in a row, or a refused one, end the waiting with an error.
    """
    clock = SystemClock()
    began = clock.monotonic()
    failures, pause = 0, _FIRST_PAUSE
    async with _open_billing(workspace, listen) as session:
        wanted = find_order(session.state, target, session.specs)
        order = await read_order(session.ask, wanted)
        while not order.is_over and (waited := clock.monotonic() - began) < seconds:
            session.cloud.progress.end()
            on_wait(order, round(waited, 3))  # the difference of two clock readings may be a rounding error short
            await clock.sleep(min(pause, seconds - waited))
            pause = _PAUSE
            try:
                order, failures = await request_order(session.ask, wanted), 0
            except CallFailed as failed:
                failures += 1
                if failures == _FAILURES_IN_A_ROW or failed.outcome is Outcome.REFUSED:
                    raise order_error(failed, wanted) from failed
        return replace(order, sold_otherwise=session.specs.sold_otherwise(wanted.owners))


@asynccontextmanager
async def _open_billing(workspace: Workspace, listen: Listener) -> AsyncIterator[_BillingSession]:
    stack = workspace.stack()
    store = workspace.store(stack)
    state = store.load()
    async with workspace.cloud(stack, listen) as cloud, cloud.channel() as channel:
        check_identity(state, cloud.identity)
        cloud.progress.begin("Reading the orders")
        yield _BillingSession(channel.ask, cloud, state, OrderSpecs(workspace, stack))


async def _read_many(session: _BillingSession, ids: Iterable[str], *, everything: bool) -> dict[str, Order]:
    """Returns the orders by id, without those that billing does not know. Raises CloudError."""
    from provisioner.cloud import orders as billing
    from provisioner.cloud import translate

    wanted, found = set(ids), dict[str, billing.Order]()
    try:
        if everything or len(wanted) > _FEW:
            year = await billing.list_orders(session.ask, created_from=session.now() - _YEAR)
            found = {order.id: order for order in year if everything or order.id in wanted}
        unlisted = sorted(wanted - found.keys())
        session.cloud.progress.begin("Reading single orders", total=len(unlisted))
        for order_id in unlisted:
            try:
                found[order_id] = (await billing.show_order(session.ask, order_id)).order
            except CallFailed as failed:
                if not is_unknown(failed):
                    raise
            session.cloud.progress.advance()
    except CallFailed as failed:
        raise translate(failed, "reading the orders") from failed
    return found


async def _foreign_orders(
    workspace: Workspace, session: _BillingSession, by_id: dict[str, Order], *, own: frozenset[str]
) -> tuple[list[PlacedOrder], tuple[Diagnostic, ...]]:
    """Returns the account's new orders of servers that this state does not record.

    Billing's service type for servers is not published; it is learned from the orders of known servers. Without any,
    orders of other services may be among the result, and a warning says so.
    """
    from provisioner.cloud.orders import OrderType

    snapshot = await read_cloud(session.cloud, session.state, workspace.catalogue)
    servers: dict[str, list[str]] = {}
    for row in snapshot.live.values():
        if row.order_id is not None:
            servers.setdefault(row.order_id, []).append(row.id)
    service_types = {order.service_type for order in by_id.values() if order.id in own | servers.keys()}
    foreign = [
        replace(to_placed_order(order, ()), servers=tuple(servers.get(order.id, ())))
        for order in by_id.values()
        if order.id not in own
        and order.type == OrderType.NEW
        and (not service_types or order.service_type in service_types)
    ]
    if service_types or not foreign:
        return foreign, ()
    hint = "the vendor does not publish how billing names a server, and no order of a known server shows it"
    return foreign, (warning("orders-of-any-sort", "orders of other services may be among these", hint=hint),)


def _by_time(orders: Iterable[PlacedOrder]) -> tuple[PlacedOrder, ...]:
    earliest = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(orders, key=lambda order: (order.created_at or earliest, order.id)))
