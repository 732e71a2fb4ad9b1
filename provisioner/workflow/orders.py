"""orders list, show, wait: what was ordered, read from billing without a lock and without writing anything.

An order is found by itself or by the address that it was placed for. What billing does not show is told as that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, UsageError, error, warning
from provisioner.model.event import Listener
from provisioner.model.flow import CallFailed, Outcome
from provisioner.model.placed_order import OrderStatus, PlacedItem, PlacedOrder
from provisioner.model.resource import Recorded
from provisioner.model.state import State
from provisioner.workflow.looking import check_owner, look
from provisioner.workflow.workspace import SystemClock, Workspace

if TYPE_CHECKING:
    from provisioner.cloud import Ask, Cloud
    from provisioner.cloud.orders import Order, OrderDetail, OrderLine

_FEW = 10
"""So many orders are asked for one by one; more of them are looked up in the list of a year."""
_YEAR = timedelta(days=365)
_FIRST_PAUSE, _PAUSE = 5.0, 10.0
"""Seconds between two looks at an order that is waited for (docs/api/devserver-api.md section 8)."""
_FAILURES_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Listed:
    """Those of this state's addresses first, each group oldest first. `location` is where the state is."""

    orders: tuple[PlacedOrder, ...]
    location: str
    notes: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The order that somebody named, and whose it is in this state."""

    id: str
    owners: tuple[Recorded, ...]


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where billing is asked."""

    ask: Ask
    cloud: Cloud
    state: State | None
    location: str

    def now(self) -> datetime:
        """By the cloud's clock, where that is known."""
        told = self.cloud.server_time()
        return datetime.now(UTC) if told is None else datetime.fromtimestamp(told / 1000, UTC)


async def list_orders(workspace: Workspace, listen: Listener, *, everything: bool) -> Listed:
    """`everything`: also the account's other orders of this sort, of which no address here knows."""
    async with _desk(workspace, listen) as desk:
        owners = _owners(desk.state.resources.values() if desk.state else ())
        if not everything and not owners:
            return Listed((), desk.location)
        by_id = await _read_many(desk, owners.keys(), everything=everything)
        own = tuple(
            placed(by_id[order_id], owners[order_id]) if order_id in by_id else _unshown(order_id, owners[order_id])
            for order_id in owners
        )
        if not everything:
            return Listed(_by_time(own), desk.location)
        others, notes = await _others(workspace, desk, by_id, own=owners.keys())
        return Listed((*_by_time(own), *_by_time(others)), desk.location, notes)


async def show_order(workspace: Workspace, target: str, listen: Listener) -> PlacedOrder:
    """With what was ordered. Raises UsageError for what names no order."""
    async with _desk(workspace, listen) as desk:
        return await read_order(desk.ask, find(desk.state, target))


async def wait_for_order(
    workspace: Workspace,
    target: str,
    listen: Listener,
    *,
    seconds: float,
    tell: Callable[[PlacedOrder, float], None],
) -> PlacedOrder:
    """Until it is completed or cancelled, or `seconds` are over; `tell` hears each look that ended nothing, and the
    seconds waited. A look that fails is made again, five times in a row at most.
    """
    clock = SystemClock()
    began = clock.monotonic()
    failures, pause = 0, _FIRST_PAUSE
    async with _desk(workspace, listen) as desk:
        wanted = find(desk.state, target)
        order = await read_order(desk.ask, wanted)
        while not order.is_over and (waited := clock.monotonic() - began) < seconds:
            tell(order, waited)
            await clock.sleep(min(pause, seconds - waited))
            pause = _PAUSE
            try:
                order, failures = placed(await _detail(desk.ask, wanted.id), wanted.owners), 0
            except CallFailed as failed:
                failures += 1
                if failures == _FAILURES_IN_A_ROW or failed.outcome is Outcome.REFUSED:
                    raise _untold(failed, wanted) from failed
        return order


def find(state: State | None, target: str) -> Wanted:
    """By the address that it was placed for, or by its own id. Raises UsageError."""
    from provisioner.cloud.orders import is_order_id

    records = state.resources if state else {}
    recorded = records.get(address) if (address := _address(target)) is not None else None
    if recorded is not None and recorded.order_id is None:
        summary = f"{recorded.address} was bought without an order: it is not prepaid"
        hint = "`provisioner orders list` shows the orders there are"
        raise UsageError(error("order-none", summary, hint=hint, address=recorded.address))
    order_id = target if recorded is None or recorded.order_id is None else recorded.order_id
    if recorded is None and not is_order_id(target):
        raise _unknown(target)
    owners = _owners(records.values()).get(order_id, ())
    return Wanted(order_id, tuple(owners))


async def read_order(ask: Ask, wanted: Wanted) -> PlacedOrder:
    """With its items. Raises UsageError where billing does not know it, CloudError where it does not say."""
    try:
        return placed(await _detail(ask, wanted.id), wanted.owners)
    except CallFailed as failed:
        raise _untold(failed, wanted) from failed


def placed(read: Order | OrderDetail, owners: Sequence[Recorded]) -> PlacedOrder:
    from provisioner.cloud.orders import OrderDetail

    order, lines = (read.order, read.lines) if isinstance(read, OrderDetail) else (read, None)
    return PlacedOrder(
        id=order.id,
        status=_words(order.status),
        addresses=tuple(owner.address for owner in owners),
        servers=tuple(owner.id for owner in owners if owner.id is not None),
        type=None if order.type is None else _words(order.type),
        amount=order.amount,
        official_amount=order.official_amount,
        currency=order.currency,
        created_at=order.created_at,
        paid_at=order.paid_at,
        pay_until=order.pay_until,
        items=None if lines is None else tuple(map(_item, lines)),
    )


@asynccontextmanager
async def _desk(workspace: Workspace, listen: Listener) -> AsyncIterator[_Desk]:
    stack = workspace.stack()
    store = workspace.store(stack)
    state = store.load()
    async with workspace.cloud(stack, listen) as cloud, cloud.channel() as channel:
        check_owner(state, stack, cloud.identity, location=store.location)
        yield _Desk(channel.ask, cloud, state, store.location)


def _owners(records: Iterable[Recorded]) -> dict[str, list[Recorded]]:
    """By order, in the order of their addresses."""
    owners: dict[str, list[Recorded]] = {}
    for record in sorted(records, key=lambda one: one.address):
        if record.order_id is not None:
            owners.setdefault(record.order_id, []).append(record)
    return owners


async def _read_many(desk: _Desk, ids: Iterable[str], *, everything: bool) -> dict[str, Order]:
    """By id, without those that billing does not know. Raises CloudError."""
    from provisioner.cloud import orders as billing
    from provisioner.cloud import translate

    wanted, found = set(ids), dict[str, billing.Order]()
    try:
        if everything or len(wanted) > _FEW:
            year = await billing.list_orders(desk.ask, created_from=desk.now() - _YEAR)
            found = {order.id: order for order in year if everything or order.id in wanted}
        for order_id in sorted(wanted - found.keys()):
            try:
                found[order_id] = (await _detail(desk.ask, order_id)).order
            except CallFailed as failed:
                if not _is_unknown(failed):
                    raise
    except CallFailed as failed:
        raise translate(failed, "reading the orders") from failed
    return found


async def _others(
    workspace: Workspace, desk: _Desk, by_id: dict[str, Order], *, own: Iterable[str]
) -> tuple[tuple[PlacedOrder, ...], tuple[Diagnostic, ...]]:
    """New orders of the sort that servers are ordered by, which only the orders of known servers tell."""
    from provisioner.cloud.orders import OrderType

    sight = await look(desk.cloud, desk.state, workspace.catalogue)
    servers: dict[str, list[str]] = {}
    for row in sight.live.values():
        if row.order_id is not None:
            servers.setdefault(row.order_id, []).append(row.id)
    certain = {*own, *servers}
    sorts = {order.service_type for order in by_id.values() if order.id in certain}
    others = [
        replace(placed(order, ()), servers=tuple(servers.get(order.id, ())))
        for order in by_id.values()
        if order.id not in set(own) and order.type == OrderType.NEW and (not sorts or order.service_type in sorts)
    ]
    if sorts or not others:
        return tuple(others), ()
    hint = "what billing calls a server is not published, and no order of a known server tells it here"
    return tuple(others), (warning("orders-of-any-sort", "orders of other services are among these", hint=hint),)


async def _detail(ask: Ask, order_id: str) -> OrderDetail:
    from provisioner.cloud import orders as billing

    return await billing.show_order(ask, order_id)


def _untold(failed: CallFailed, wanted: Wanted) -> Exception:
    from provisioner.cloud import translate

    if _is_unknown(failed):
        return _unknown(wanted.id, detail=failed.message)
    return translate(failed, f"reading order {wanted.id}")


def _is_unknown(failed: CallFailed) -> bool:
    """No code of its own is published for that."""
    return failed.outcome is Outcome.REFUSED and failed.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}


def _unknown(target: str, *, detail: str = "") -> UsageError:
    hint = "`provisioner orders list` shows the orders of this state, `--all` those of the account"
    return UsageError(
        error("order-unknown", f"{target!r} is no address with an order and no order", detail=detail, hint=hint)
    )


def _unshown(order_id: str, owners: Sequence[Recorded]) -> PlacedOrder:
    return PlacedOrder(
        id=order_id,
        status=OrderStatus.UNKNOWN,
        addresses=tuple(owner.address for owner in owners),
        servers=tuple(owner.id for owner in owners if owner.id is not None),
    )


def _address(target: str) -> Address | None:
    try:
        return Address.parse(target)
    except ValueError:
        return None


def _by_time(orders: Iterable[PlacedOrder]) -> tuple[PlacedOrder, ...]:
    earliest = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(orders, key=lambda order: (order.created_at or earliest, order.id)))


def _words(number: int) -> str:
    """The name of a member of billing's lists; what is in none of them is told as it came."""
    name = getattr(number, "name", None)
    return f"status {number}" if name is None else str(name).lower().replace("_", " ")


def _item(line: OrderLine) -> PlacedItem:
    term = None if line.period_type is None or line.periods is None else f"{line.periods} {_words(line.period_type)}"
    return PlacedItem(
        specification=line.specification,
        quantity=line.quantity,
        term=term if line.periods in {1, None} else f"{term}s",
        amount=line.amount,
        expires_at=line.expires_at,
    )
