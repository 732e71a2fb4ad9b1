"""How a DevServer is charged: what is asked for, what the cloud shows, and whether anything says that it is paid in advance.

Source: docs/api/devserver-api.md sections 3.2 and 3.3. Only prepaid servers have an order, so an order shows the mode as well
(docs/decisions/0018).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.flow import Answer, Ended, Remark, Reply, Sold
from provisioner.model.purchasing import ChargingDefault, Prepaid, PurchasePolicy
from provisioner.model.resource import Fields, FieldValue, Live, Recorded

PRE_PAID, POST_PAID = "PRE_PAID", "POST_PAID"
_MODES = {"PREPAID": PRE_PAID, "POSTPAID": POST_PAID}
_UNDECLARED: Fields = {"charging_mode": POST_PAID, "period_type": "MONTH", "period_num": 1}
"""Sent where nothing is declared: a mode that is left out is the cloud's to choose, and not published (section 10, question 3)."""


def wire(fields: Fields, policy: PurchasePolicy) -> Fields | None:
    """`charging_info` of a purchase; None leaves it to the cloud. Both flags are spelt out, as their defaults are not published.
    Under a two-step policy the order is placed unpaid.
    """
    declared = fields.get("charging_info")
    if not isinstance(declared, Mapping):
        if policy.charging_default is ChargingDefault.CLOUD:
            return None
        declared = _UNDECLARED
    unpaid: dict[str, FieldValue] = {"is_auto_pay": False} if policy.prepaid is Prepaid.TWO_STEP else {}
    return {"is_auto_pay": False, "is_auto_renew": False, **declared, **unpaid}


def wanted(fields: Mapping[str, FieldValue] | JsonObject, policy: PurchasePolicy) -> str | None:
    """The mode that a purchase has to come to; None where the stack leaves it to the cloud."""
    declared = fields.get("charging_info")
    if isinstance(declared, Mapping):
        return mode(declared.get("charging_mode"))
    return None if policy.charging_default is ChargingDefault.CLOUD else POST_PAID


def mode(value: object) -> str | None:
    """PRE_PAID or POST_PAID, however it is spelt. None for anything else: COMMON describes a flavor and says nothing of a server."""
    return _MODES.get(value.strip().upper().replace("_", "").replace("-", "")) if isinstance(value, str) else None


def _signs(charging_mode: object, order_id: object) -> tuple[str, ...]:
    """The mode that is shown, and what an order says: only a prepaid server has one."""
    shown = mode(charging_mode)
    return tuple(filter(None, (shown, PRE_PAID if isinstance(order_id, str) and order_id else None)))


def compare(name: str | None, signs: tuple[str, ...]) -> Generator[Remark | Sold, Answer, Ended | None]:
    """Tells the run whether a purchase came as it was wanted (`name` is the wanted mode). Answers how the purchase ends where it
    did not: where nothing that is shown says so. The server is followed and recorded all the same.
    """
    if name is None:
        yield Sold(as_wanted=True)
        return None
    if not signs:
        return None
    yield Sold(as_wanted=name in signs)
    if name in signs:
        return None
    problem = f"the cloud sold this server as {signs[0]}, not {name}"
    yield Remark("charging-mismatch", problem, _NEXT)
    return Ended(None, problem, _NEXT, code="charging-mismatch")


def compare_row(
    name: str | None, row: Live, *, order_id: str | None, is_new: bool
) -> Generator[Remark | Sold, Answer, Ended | None]:
    """As `compare`, for what no answer has shown. Of a purchase that an earlier run has sent only a mismatch is told, and only
    where nothing at all says what was wanted: a row may have been changed since.
    """
    signs = _signs(row.observed.get("charging_mode"), row.order_id or order_id)
    if name is None or not signs:
        if is_new and name is not None:
            yield Sold(as_wanted=None)
        return None
    if is_new:
        return (yield from compare(name, signs[:1]))
    return None if name in signs else (yield from compare(name, signs))


_NEXT = (
    "it is recorded as it is, and nothing more is bought in this run; look at its order in the console, give an unpaid order up "
    "with `provisioner orders cancel ADDRESS`, and declare charging_info as the cloud sells before you buy more"
)


def answered(reply: Answer) -> tuple[str, ...]:
    """What the answer to a purchase says of its mode."""
    answer = reply.object() if isinstance(reply, Reply) else {}
    return _signs(answer.get("charging_mode"), answer.get("order_id"))[:1]


def is_prepaid(recorded: Recorded, live: Live | None) -> bool:
    """Whether anything says so: what was ordered, the order, what was observed, or the row as it is now. One sign is enough, as a
    paid term that nobody guards is lost, and a guard that was not needed is lifted.
    """
    ordered = recorded.declared.get("charging_info")
    modes: list[JsonValue | object] = [recorded.observed.get("charging_mode")]
    if isinstance(ordered, Mapping):
        modes.append(ordered.get("charging_mode"))
    if live is not None:
        modes.append(live.observed.get("charging_mode"))
    has_order = bool(recorded.order_id or (live and live.order_id))
    return has_order or PRE_PAID in map(mode, modes)


def shows_prepaid(row: Live) -> bool:
    """By the row alone. Its order counts only where the mode tells nothing: a server that has become pay-per-use may keep it."""
    shown = mode(row.observed.get("charging_mode"))
    return shown == PRE_PAID or (shown is None and row.order_id is not None)


def sold_otherwise(recorded: Recorded, live: Live | None, policy: PurchasePolicy) -> str | None:
    """The mode that the cloud shows of it, where that is not the declared one nor what leaving it out stands for. An order counts where
    no mode is shown.
    """
    shown = live or recorded
    signs = _signs(shown.observed.get("charging_mode"), shown.order_id)
    asked = wanted(recorded.declared, policy)
    return signs[0] if asked is not None and signs and signs[0] != asked else None
