"""Renders orders for people and for machines: what was ordered for which address, what it costs, and what it waits for.

What billing does not show is rendered as unknown. Text that comes from billing is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from provisioner.model.action import Action
from provisioner.model.billing import OrderStatus
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.order_ways import apply_hint, cancel_hint, keep_hint, pay_hint
from provisioner.model.placed_order import PlacedItem, PlacedOrder, Settlement
from provisioner.rendering.blocks import Line, block_text
from provisioner.rendering.machine import FORMAT_VERSION, Document, diagnostic_document
from provisioner.rendering.style import Style, escape
from provisioner.rendering.table import table_text
from provisioner.rendering.values import value_text
from provisioner.rendering.wording import duration

UNKNOWN = "unknown"
NOBODY = "(not in this state)"

_HEADINGS = ("address", "order", "status", "amount", "created", "pay by", "server")
_NEXT = {
    OrderStatus.AWAITING_PAYMENT: "`provisioner orders pay {order}` pays it, `provisioner orders cancel {order}` gives it up",
    OrderStatus.AWAITING_APPROVAL: "have it approved in the console, then pay it; `provisioner orders cancel {order}` gives it up",
    OrderStatus.CANCELLED: "`provisioner orders cancel {order}` forgets it, and the next apply orders again",
}
_SETTLED = {
    Settlement.PAID: "{order} is paid. Next: {apply} waits for its server.",
    Settlement.ALREADY_PAID: "{order} is paid already. Nothing was sent.",
    Settlement.CANCELLED: "{order} is cancelled, and its address forgotten. The next apply may order it again.",
}


def render_orders(orders: Sequence[PlacedOrder], style: Style) -> str:
    """Returns a table with one line per order. Times are in UTC."""
    return table_text(_HEADINGS, map(_cells, orders), style) if orders else "No orders.\n"


def render_order(order: PlacedOrder, style: Style, *, advise: bool = True) -> str:
    """Returns one order with its items and, with `advise`, the next step for an order of this state."""
    members = [
        Line("status", _status(order)),
        Line("amount", format_money(order.amount, order.currency)),
        Line("official", format_money(order.official_amount, order.currency)),
        Line("created", format_time(order.created_at)),
        Line("paid", format_time(order.paid_at) if order.paid_at or order.is_paid else "no"),
    ]
    if order.pay_until is not None:
        members.append(Line("pay_by", format_time(order.pay_until)))
    members.append(Line("server", _servers(order) or "none yet"))
    lines = [style.bold(f"# {_addresses(order)}"), f"order {value_text(order.id)} {{"]
    lines += block_text(members, style, indent="  ")
    lines += (f"    {_item(item, order.currency)}" for item in order.items or ())
    lines += ["    (billing does not say what was ordered)"] if order.items is None else []
    lines.append("}")
    if advise and order.addresses and (step := _next_step(order)):
        lines += ["", f"{style.cyan('next:')} {style.complete(step)}"]
    return "".join(f"{line}\n" for line in lines)


def render_settlement(order: PlacedOrder, settlement: Settlement) -> str:
    """Returns a sentence about the settlement, or "" where the findings report it."""
    sentence = _SETTLED.get(settlement, "").format(order=f"order {escape(order.id)}", apply=_apply_command(order))
    return f"{_addresses(order)}: {sentence}\n" if sentence else ""


def settle_question(action: Action, order: PlacedOrder) -> str:
    """Returns what the prompt of `orders pay` or `orders cancel` asks: what is paid for, and that it is paid at once."""
    if action is not Action.PAY:
        return "Do you want to cancel this order?\n  It cannot be paid any more, and its address is forgotten.\n"
    items = "".join(f"  It buys {_item_words(item)}.\n" for item in order.items or ())
    amount = format_money(order.amount, order.currency)
    return f"Do you want to pay this order?\n{items}  {amount} will be taken from the account, at once.\n"


def _item_words(item: PlacedItem) -> str:
    quantity = "" if item.quantity is None else f"{item.quantity} "
    term = "" if item.term is None else f" prepaid for {escape(item.term)}"
    return f"{quantity}{escape(item.specification or UNKNOWN)}{term}"


def wait_line(order: PlacedOrder, seconds: float) -> str:
    """Returns the progress line of a wait for an order."""
    return f"order {escape(order.id)}: still {escape(order.status)} [{duration(seconds)} elapsed]"


def orders_document(orders: Iterable[PlacedOrder], notes: Iterable[Diagnostic]) -> Document:
    return {
        "format_version": FORMAT_VERSION,
        "orders": [_document(order) for order in orders],
        "diagnostics": [diagnostic_document(note) for note in notes],
    }


def order_document(order: PlacedOrder) -> Document:
    return {"format_version": FORMAT_VERSION, "order": _document(order)}


def outcome_document(order: PlacedOrder, outcome: str, findings: Iterable[Diagnostic], *, exit_code: int) -> Document:
    """Returns the result of a command that acts on an order or waits for it."""
    return {
        **order_document(order),
        "outcome": outcome,
        "exit_code": exit_code,
        "diagnostics": [diagnostic_document(finding) for finding in findings],
    }


def format_money(amount: Decimal | None, currency: str | None) -> str:
    """Returns the amount with all digits that the cloud gave, and at least two."""
    if amount is None:
        return UNKNOWN
    digits = max(2, -int(amount.as_tuple().exponent))
    return f"{amount:,.{digits}f} {escape(currency or '(unknown currency)')}"


def format_time(time: datetime | None) -> str:
    return UNKNOWN if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def timestamp(time: datetime | None) -> str | None:
    """Returns the time in RFC 3339 and UTC, for machines."""
    return None if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _cells(order: PlacedOrder) -> tuple[str, ...]:
    pay_by = format_time(order.pay_until) if order.pay_until is not None else UNKNOWN if order.is_unpaid else ""
    return (
        _addresses(order),
        escape(order.id),
        _status(order),
        format_money(order.amount, order.currency),
        format_time(order.created_at),
        pay_by,
        _servers(order),
    )


def _status(order: PlacedOrder) -> str:
    mode = order.sold_otherwise
    return escape(order.status) if mode is None else f"{escape(order.status)} (sold as {mode}, not as declared)"


def _addresses(order: PlacedOrder) -> str:
    return escape(", ".join(map(str, order.addresses))) or NOBODY


def _servers(order: PlacedOrder) -> str:
    return escape(", ".join(order.servers))


def _next_step(order: PlacedOrder) -> str:
    if order.is_unpaid and order.sold_otherwise is not None:
        one = order.addresses[0]
        keep = f"{keep_hint(order.addresses, order.sold_otherwise)}; then {pay_hint(one)} and {apply_hint(order.addresses)}"
        return escape(f"do not pay it: {cancel_hint(one)}; {keep}")
    if order.status == OrderStatus.PROCESSING or (order.is_paid and not order.servers):
        return f"{_apply_command(order)} goes on with it"
    step = next((text for status, text in _NEXT.items() if status == order.status), "")
    return step.format(order=escape(order.id))


def _apply_command(order: PlacedOrder) -> str:
    """Returns the apply command that goes on with the order.

    An order that was sold otherwise than declared keeps a run from buying more, so the command then names its
    addresses.
    """
    return escape(apply_hint(order.addresses)) if order.sold_otherwise is not None else "`provisioner apply`"


def _item(item: PlacedItem, currency: str | None) -> str:
    quantity = "" if item.quantity is None else f"{item.quantity} x "
    parts = [f"{quantity}{escape(item.specification or UNKNOWN)}"]
    if item.term is not None:
        parts.append(f"for {escape(item.term)}")
    parts.append(format_money(item.amount, currency))
    if item.expires_at is not None:
        parts.append(f"until {format_time(item.expires_at)}")
    return ", ".join(parts)


def _document(order: PlacedOrder) -> Document:
    return {
        "id": order.id,
        "status": order.status,
        "addresses": [str(address) for address in order.addresses],
        "tracked": bool(order.addresses),
        "servers": list(order.servers),
        "type": order.type,
        "amount": _number(order.amount),
        "official_amount": _number(order.official_amount),
        "currency": order.currency,
        "created_at": timestamp(order.created_at),
        "paid_at": timestamp(order.paid_at),
        "pay_until": timestamp(order.pay_until),
        **({"sold_otherwise": order.sold_otherwise} if order.sold_otherwise else {}),
        "items": None if order.items is None else [_item_document(item) for item in order.items],
    }


def _item_document(item: PlacedItem) -> Document:
    return {
        "specification": item.specification,
        "quantity": item.quantity,
        "term": item.term,
        "amount": _number(item.amount),
        "expires_at": timestamp(item.expires_at),
    }


def _number(amount: Decimal | None) -> str | None:
    """Returns the number as text, as the floating point of a JSON reader must not change an amount of money."""
    return None if amount is None else str(amount)
