"""How a DevServer is charged: what is requested, what the cloud shows, and what proves that it is prepaid.

Source: docs/api/devserver-api.md sections 3.2 and 3.3. Only prepaid servers have an order, so an order is evidence of
the mode as well (docs/decisions/0018).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.due import OrderTerms, Payment
from provisioner.model.flow import Answer, ChargingShown, Ended, Remark, Reply
from provisioner.model.order_ways import apply_hint, cancel_hint, keep_hint, pay_hint, release_hint
from provisioner.model.purchase_policy import ChargingDefault, Prepaid, PurchasePolicy
from provisioner.model.resource import Desired, Fields, FieldValue, Live, Recorded
from provisioner.model.term import Term

PRE_PAID, POST_PAID = "PRE_PAID", "POST_PAID"
_MODES = {"PREPAID": PRE_PAID, "POSTPAID": POST_PAID}
_PERIODS, _MAX_PERIODS = frozenset({"MONTH", "YEAR", "DAY", "HOUR", "WEEK"}), 11
"""The units and the greatest length of a term that a spec may declare (section 3.1)."""
_DEFAULT: Fields = {"charging_mode": POST_PAID, "period_type": "MONTH", "period_num": 1}
"""Sent where the specs declare nothing.

Were it left out, the cloud would choose a mode, and which one is not published (section 10, question 3).
"""


def request_section(fields: Fields, policy: PurchasePolicy) -> Fields | None:
    """Returns `charging_info` as a purchase sends it, or None to leave it to the cloud.

    Both flags are always sent, as their defaults are not published. Under a two-step policy the order is placed unpaid.
    """
    declared = fields.get("charging_info")
    if not isinstance(declared, Mapping):
        if policy.charging_default is ChargingDefault.CLOUD:
            return None
        declared = _DEFAULT
    unpaid: dict[str, FieldValue] = {"is_auto_pay": False} if policy.prepaid is Prepaid.TWO_STEP else {}
    return {"is_auto_pay": False, "is_auto_renew": False, **declared, **unpaid}


def future_charging(fields: Fields, policy: PurchasePolicy) -> JsonObject:
    """Returns how a purchase of these fields would be charged, in the shape of the specs."""
    return _as_body(request_section(fields, policy) or {})


def order_terms(fields: Fields, policy: PurchasePolicy) -> OrderTerms | None:
    """Returns the terms under which a purchase is ordered, or None for one that is certainly pay-per-use.

    Where the stack leaves the mode to the cloud, it may turn out to be prepaid, and nobody knows for how long.
    """
    item = str(fields.get("resource_flavor") or fields.get("flavor") or "")
    ordered = {name: str(fields[name]) for name in ("resource_flavor", "flavor") if fields.get(name)}
    section = request_section(fields, policy)
    if section is None:
        return OrderTerms(item, None, Payment.UNKNOWN, renews=False, declared=ordered)
    if parse_mode(section.get("charging_mode")) != PRE_PAID:
        return None
    declared = fields.get("charging_info")
    is_automatic = isinstance(declared, Mapping) and declared.get("is_auto_pay") is True
    payment = Payment.AWAITED
    if is_automatic:
        payment = Payment.CHECKED if policy.prepaid is Prepaid.TWO_STEP else Payment.AT_ONCE
    unit, number = section.get("period_type"), section.get("period_num")
    period = (unit, number) if isinstance(unit, str) and isinstance(number, int) else None
    body = {**_as_body(section), **ordered}
    return OrderTerms(item, period, payment, renews=section.get("is_auto_renew") is True, declared=body)


def current_charging(recorded: Recorded) -> JsonObject:
    """Returns how a recorded server is charged, in the shape of the specs.

    It is prepaid where anything shows that. Else the observed mode counts more than the declared one.
    """
    declared = recorded.declared.get("charging_info")
    known = {"is_auto_pay": False, "is_auto_renew": False, **(declared if isinstance(declared, Mapping) else {})}
    shown = recorded.observed.get("charging_mode") or known.get("charging_mode")
    return _as_body({**known, "charging_mode": PRE_PAID if is_prepaid(recorded, None) else shown})


def _as_body(charging: Mapping[str, object]) -> JsonObject:
    """Returns a body with nothing but `charging_info`: of pay-per-use only the mode, as it has no term."""
    mode = charging.get("charging_mode")
    kept = charging if mode == PRE_PAID else {"charging_mode": mode}
    return {
        "charging_info": {key: value for key, value in kept.items() if value is None or isinstance(value, str | int)}
    }


def wanted_mode(fields: Mapping[str, FieldValue] | JsonObject, policy: PurchasePolicy) -> str | None:
    """Returns the mode in which a purchase must be sold, or None where the stack leaves that to the cloud."""
    declared = fields.get("charging_info")
    if isinstance(declared, Mapping):
        return parse_mode(declared.get("charging_mode"))
    return None if policy.charging_default is ChargingDefault.CLOUD else POST_PAID


def may_place_order(fields: Fields, policy: PurchasePolicy) -> bool:
    """Returns whether a purchase may place an order.

    Only prepaid servers have one, and what the cloud chooses may be prepaid.
    """
    return wanted_mode(fields, policy) != POST_PAID


def parse_mode(value: object) -> str | None:
    """Returns PRE_PAID or POST_PAID for any spelling of it, and None for anything else.

    COMMON is one of the others: it describes a flavor and says nothing about a server.
    """
    return _MODES.get(value.strip().upper().replace("_", "").replace("-", "")) if isinstance(value, str) else None


def _shown_modes(charging_mode: object, order_id: object) -> tuple[str, ...]:
    """Returns the mode that is shown, then PRE_PAID where there is an order, as only a prepaid server has one."""
    shown = parse_mode(charging_mode)
    return tuple(filter(None, (shown, PRE_PAID if isinstance(order_id, str) and order_id else None)))


def shown_mode(row: JsonObject) -> str | None:
    """Returns the mode that a row shows, or None.

    Its order counts only where it shows no mode: a server that has become pay-per-use may keep its order.
    """
    modes = _shown_modes(row.get("charging_mode"), row.get("order_id"))
    return modes[0] if modes else None


def compare(
    wanted: str | None, modes: tuple[str, ...], address: Address, *, is_listed: bool = False
) -> Generator[Remark | ChargingShown, Answer, Ended | None]:
    """Reports to the run whether a purchase was sold in the wanted mode, and returns how it ends where it was not.

    It was not where `modes`, all that was shown, lack the wanted one. `is_listed`: a row of it is known, so there is
    more than an order. The caller goes on with the server and records it in any case.
    """
    if wanted is None:
        yield ChargingShown(as_wanted=True)
        return None
    if not modes:
        return None
    yield ChargingShown(as_wanted=wanted in modes)
    if wanted in modes:
        return None
    problem = f"the cloud sold this server as {modes[0]}, not {wanted}"
    release = release_hint((address,))
    if modes[0] == PRE_PAID and not is_listed:
        release = f"while its order is unpaid, {cancel_hint(address)}; once there is a server, {release}"
    step = f"{_NEXT}{keep_hint((address,), modes[0])}; {release}"
    yield Remark("charging-mismatch", problem, step)
    return Ended(None, problem, step, code="charging-mismatch")


def compare_row(
    wanted: str | None, row: Live, desired: Desired, *, order_id: str | None, is_new: bool
) -> Generator[Remark | ChargingShown, Answer, tuple[str, Ended] | None]:
    """Does the same as `compare` by the server's row, where no answer showed the mode.

    Returns the sold mode with how it ends. For a purchase that an earlier run sent (`is_new` is false) only a mismatch
    is reported, and only where everything that is shown contradicts both what was wanted and what the specs declare by
    now: the row may have changed since.
    """
    modes = _shown_modes(row.observed.get("charging_mode"), row.order_id or order_id)
    if wanted is None or not modes:
        if is_new and wanted is not None:
            yield ChargingShown(as_wanted=None)
        return None
    modes = modes[:1] if is_new else modes
    if wanted in modes or (not is_new and _declared_mode(desired.fields) in modes):
        if is_new:
            yield ChargingShown(as_wanted=True)
        return None
    mismatch = yield from compare(wanted, modes, desired.address, is_listed=True)
    return None if mismatch is None else (modes[0], mismatch)


_NEXT = "it is recorded as it was sold, and nothing more is bought in this run; look at it in the console; "


def unpaid_mismatch(ended: Ended, *, sold: str, order_id: str, address: Address) -> Ended:
    """Returns how an order ends that awaits a person and was sold in another mode than wanted: it must not be paid."""
    return Ended(
        ended.phase,
        f"the cloud sold it as {sold}, which is not what was declared; order {order_id} is not paid",
        f"do not pay it: {cancel_hint(address)}; {keep_hint((address,), sold)}; then {pay_hint(address)} and {apply_hint((address,))}",
        code="charging-mismatch",
    )


def modes_in_reply(reply: Answer) -> tuple[str, ...]:
    """Returns the mode that the answer to a purchase shows: one at most."""
    answer = reply.object() if isinstance(reply, Reply) else {}
    return _shown_modes(answer.get("charging_mode"), answer.get("order_id"))[:1]


def is_prepaid(recorded: Recorded, live: Live | None) -> bool:
    """Returns whether anything shows it: what was declared or observed, an order, a known term, or its row.

    One sign is enough: an unguarded paid term would be lost, while a guard that was not needed can be lifted.
    """
    ordered = recorded.declared.get("charging_info")
    modes: list[JsonValue | object] = [recorded.observed.get("charging_mode")]
    if isinstance(ordered, Mapping):
        modes.append(ordered.get("charging_mode"))
    if live is not None:
        modes.append(live.observed.get("charging_mode"))
    has_order = bool(recorded.order_id or (live and live.order_id))
    return has_order or recorded.term is not None or PRE_PAID in map(parse_mode, modes)


def shows_prepaid(row: Live) -> bool:
    """Returns whether the row by itself shows a prepaid server.

    Its order counts only where it shows no mode: a server that has become pay-per-use may keep its order.
    """
    shown = parse_mode(row.observed.get("charging_mode"))
    return shown == PRE_PAID or (shown is None and row.order_id is not None)


def with_term(row: Live, period: tuple[str, int] | None, term: Term | None) -> Live:
    """Returns a prepaid row with its term added to what it shows, as far as specs could declare it.

    Any other row is returned unchanged.
    """
    if not shows_prepaid(row):
        return row
    charging_info: JsonObject = {"charging_mode": PRE_PAID}
    if period is not None and period[0] in _PERIODS and 1 <= period[1] <= _MAX_PERIODS:
        charging_info = {**charging_info, "period_type": period[0], "period_num": period[1]}
    if term is not None and term.renews is not None:
        charging_info = {**charging_info, "is_auto_renew": term.renews}
    return replace(row, shown={**row.shown, "charging_info": charging_info})


def sold_otherwise(
    recorded: Recorded, live: Live | None, specs: Mapping[str, FieldValue] | None, policy: PurchasePolicy
) -> str | None:
    """Returns the mode in which the cloud sold our own purchase where nothing that we declared accepts it, else None.

    The specs accept the mode that they declare by now. Where they declare none, the mode that was declared before and
    the one that leaving it out stands for are accepted. An order counts where no mode is shown. A server that was taken
    over, or whose mode changed since, is not a purchase of ours that went wrong.
    """
    shown = live or recorded
    modes = _shown_modes(shown.observed.get("charging_mode"), shown.order_id)
    before, now = wanted_mode(recorded.declared, policy), _declared_mode(specs or {})
    accepted = {now or before} if now is not None or specs is None else {wanted_mode({}, policy)}
    if now is None and recorded.sold is None:
        accepted |= {before}  # else the mismatch was recorded because the specs stated for a while how it was sold
    if not modes or before is None or accepted & {modes[0], None}:
        return None
    return modes[0] if _went_wrong(recorded) else None


def _went_wrong(recorded: Recorded) -> bool:
    """Returns whether a mode that is not accepted comes from the purchase itself.

    It does where the purchase is known to be sold otherwise, or where no mode was observed yet: the first one shown is
    how it was sold.
    """
    was_seen = _shown_modes(recorded.observed.get("charging_mode"), recorded.order_id)
    return recorded.sold is not None or not (recorded.observed and was_seen)


def _declared_mode(fields: Mapping[str, FieldValue]) -> str | None:
    charging = fields.get("charging_info")
    return parse_mode(charging.get("charging_mode")) if isinstance(charging, Mapping) else None
