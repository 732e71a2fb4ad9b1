"""How a DevServer is charged: what is asked for, what the cloud shows, and whether anything says that it is paid in advance.

Source: docs/api/devserver-api.md sections 3.2 and 3.3. Only prepaid servers have an order, so an order shows the mode as well
(docs/decisions/0018).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.flow import Answer, Ended, Remark, Reply, Sold
from provisioner.model.order_ways import apply_hint, cancel_hint, keep_hint, pay_hint, release_hint
from provisioner.model.purchase_policy import ChargingDefault, Prepaid, PurchasePolicy
from provisioner.model.resource import Desired, Fields, FieldValue, Live, Recorded
from provisioner.model.term import Term

PRE_PAID, POST_PAID = "PRE_PAID", "POST_PAID"
_MODES = {"PREPAID": PRE_PAID, "POSTPAID": POST_PAID}
_PERIODS, _MOST_PERIODS = frozenset({"MONTH", "YEAR", "DAY", "HOUR", "WEEK"}), 11
"""What a spec may say of a term (section 3.1)."""
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


def may_place_order(fields: Fields, policy: PurchasePolicy) -> bool:
    """Only what is paid for in advance is ordered; what is left to the cloud may be."""
    return wanted(fields, policy) != POST_PAID


def mode(value: object) -> str | None:
    """PRE_PAID or POST_PAID, however it is spelt. None for anything else: COMMON describes a flavor and says nothing of a server."""
    return _MODES.get(value.strip().upper().replace("_", "").replace("-", "")) if isinstance(value, str) else None


def _signs(charging_mode: object, order_id: object) -> tuple[str, ...]:
    """The mode that is shown, and what an order says: only a prepaid server has one."""
    shown = mode(charging_mode)
    return tuple(filter(None, (shown, PRE_PAID if isinstance(order_id, str) and order_id else None)))


def shown(row: JsonObject) -> str | None:
    """What a row says. Its order counts only where the mode tells nothing: a server that has become pay-per-use may keep it."""
    signs = _signs(row.get("charging_mode"), row.get("order_id"))
    return signs[0] if signs else None


def compare(
    name: str | None, signs: tuple[str, ...], address: Address, *, is_there: bool = False
) -> Generator[Remark | Sold, Answer, Ended | None]:
    """Tells the run whether a purchase came as it was wanted (`name` is the wanted mode). Answers how the purchase ends where it
    did not: where nothing that is shown says so. `is_there`: a row of it is known, so that there is more than an order. The server is followed and recorded all the same.
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
    release = release_hint((address,))
    if signs[0] == PRE_PAID and not is_there:
        release = f"while it is an order that nobody has paid, {cancel_hint(address)}; once it is a server, {release}"
    step = f"{_NEXT}{keep_hint((address,), signs[0])}; {release}"
    yield Remark("charging-mismatch", problem, step)
    return Ended(None, problem, step, code="charging-mismatch")


def compare_row(
    name: str | None, row: Live, desired: Desired, *, order_id: str | None, is_new: bool
) -> Generator[Remark | Sold, Answer, tuple[str, Ended] | None]:
    """As `compare`, for what no answer has shown; with the mode that was sold otherwise. Of a purchase that an earlier run has sent only
    a mismatch is told, and only where nothing at all says what was wanted, or what the specs declare by now: a row may have been
    changed since.
    """
    signs = _signs(row.observed.get("charging_mode"), row.order_id or order_id)
    if name is None or not signs:
        if is_new and name is not None:
            yield Sold(as_wanted=None)
        return None
    signs = signs[:1] if is_new else signs
    if name in signs or (not is_new and _declared(desired.fields) in signs):
        if is_new:
            yield Sold(as_wanted=True)
        return None
    otherwise = yield from compare(name, signs, desired.address, is_there=True)
    return None if otherwise is None else (signs[0], otherwise)


_NEXT = "it is recorded as it is, and nothing more is bought in this run; look at it in the console; "


def unpaid(ended: Ended, *, sold: str, order_id: str, address: Address) -> Ended:
    """How the way of an order ends that waits for a person, and that was sold otherwise than it was wanted: nobody is to pay it."""
    return Ended(
        ended.phase,
        f"the cloud sold it as {sold}, which is not what was declared; order {order_id} is not paid",
        f"do not pay it: {cancel_hint(address)}; {keep_hint((address,), sold)}; then {pay_hint(address)} and {apply_hint((address,))}",
        code="charging-mismatch",
    )


def answered(reply: Answer) -> tuple[str, ...]:
    """What the answer to a purchase says of its mode."""
    answer = reply.object() if isinstance(reply, Reply) else {}
    return _signs(answer.get("charging_mode"), answer.get("order_id"))[:1]


def is_prepaid(recorded: Recorded, live: Live | None) -> bool:
    """Whether anything says so: what was ordered, the order, what was observed, a term that billing told of, or the row as it is now. One
    sign is enough, as a paid term that nobody guards is lost, and a guard that was not needed is lifted.
    """
    ordered = recorded.declared.get("charging_info")
    modes: list[JsonValue | object] = [recorded.observed.get("charging_mode")]
    if isinstance(ordered, Mapping):
        modes.append(ordered.get("charging_mode"))
    if live is not None:
        modes.append(live.observed.get("charging_mode"))
    has_order = bool(recorded.order_id or (live and live.order_id))
    return has_order or recorded.term is not None or PRE_PAID in map(mode, modes)


def shows_prepaid(row: Live) -> bool:
    """By the row alone. Its order counts only where the mode tells nothing: a server that has become pay-per-use may keep it."""
    shown = mode(row.observed.get("charging_mode"))
    return shown == PRE_PAID or (shown is None and row.order_id is not None)


def with_term(row: Live, period: tuple[str, int] | None, term: Term | None) -> Live:
    """A prepaid row that shows its term as well, as far as specs could say it; any other as it is."""
    if not shows_prepaid(row):
        return row
    told: JsonObject = {"charging_mode": PRE_PAID}
    if period is not None and period[0] in _PERIODS and 1 <= period[1] <= _MOST_PERIODS:
        told = {**told, "period_type": period[0], "period_num": period[1]}
    if term is not None and term.renews is not None:
        told = {**told, "is_auto_renew": term.renews}
    return replace(row, shown={**row.shown, "charging_info": told})


def sold_otherwise(
    recorded: Recorded, live: Live | None, specs: Mapping[str, FieldValue] | None, policy: PurchasePolicy
) -> str | None:
    """The mode that our own purchase came to, where that is neither what the specs declare by now, nor, where they do not say it, what was
    declared or what leaving it out stands for. An order counts where no mode is shown. What was taken over, and what became so since,
    is no purchase of ours that went wrong.
    """
    shown = live or recorded
    signs = _signs(shown.observed.get("charging_mode"), shown.order_id)
    asked = wanted(recorded.declared, policy)
    accepted = {now or asked} if (now := _declared(specs or {})) is not None or specs is None else {wanted({}, policy)}
    if now is None and recorded.sold is None:
        accepted |= {asked}  # else it is on record because the specs have stated for a while how it was sold
    if not signs or asked is None or accepted & {signs[0], None}:
        return None
    return signs[0] if _is_ours(recorded) else None


def _is_ours(recorded: Recorded) -> bool:
    """Known to be sold otherwise, or never yet seen how: then the first thing that is shown tells how it was sold."""
    was_seen = _signs(recorded.observed.get("charging_mode"), recorded.order_id)
    return recorded.sold is not None or not (recorded.observed and was_seen)


def _declared(fields: Mapping[str, FieldValue]) -> str | None:
    charging = fields.get("charging_info")
    return mode(charging.get("charging_mode")) if isinstance(charging, Mapping) else None
