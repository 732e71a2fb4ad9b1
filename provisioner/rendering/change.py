"""One change of a plan as Terraform's readers know it: a comment that says what and why, and a block of fields.

It shows what the change carries. Which field forces what, and how a server is released, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from provisioner.model.canonical import JsonObject
from provisioner.model.change import Action, Change, Reason
from provisioner.model.resource import Phase, Recorded
from provisioner.rendering.blocks import Line, Member, block_text, changed_members, members_of, painted_sign
from provisioner.rendering.style import Style, escape
from provisioner.rendering.values import leaves, value_text
from provisioner.rendering.wording import UNDER_WAY, WORDS, amount

COMPUTED = ("id", "private_address")
"""What no spec can say and only the cloud decides."""

KNOWN_LATER = "(known after apply)"

_WHY = {
    Reason.NOT_IN_SPECS: "because it is no longer in the specs",
    Reason.REQUESTED: "because it was asked for",
    Reason.VANISHED: "because it is gone from the cloud",
}

_RELEASE = {
    "PRE_PAID": "released by unsubscribing, once billing confirms the subscription",
    "POST_PAID": "released by deleting, unless billing knows a subscription",
}
_RELEASE_UNKNOWN = "released by deleting or by unsubscribing: billing decides"


def change_text(change: Change, style: Style) -> Iterator[str]:
    if change.reason is Reason.IN_DOUBT:
        yield f"  {style.bold(f'# {escape(str(change.address))} is in doubt')}"
        yield "  # (nothing is bought for it until its outcome is known; below is said what apply does about it)"
        return
    words = WORDS[change.action]
    yield f"  {style.bold(f'# {escape(str(change.address))} {words.future}')}"
    yield from (f"  # ({why})" for why in _explanations(change))
    sign = painted_sign(f"{words.sign:>3}", style)
    yield f"{sign} {escape(change.kind)} {value_text(name_of(change))} {{"
    yield from block_text(_members(change), style, indent=" " * 6)
    yield from (style.dim(f"        # {remark}") for remark in _remarks(change))
    yield "    }"


def name_of(change: Change) -> str:
    if change.after is not None and "name" in change.after:
        return str(change.after["name"])
    if change.desired is not None:
        return change.desired.name
    return "" if change.recorded is None else change.recorded.name


def body_of(change: Change) -> JsonObject:
    """The wanted fields together with the labels, which the specs name beside them."""
    body = dict(change.after or {})
    if change.desired is not None and change.desired.labels:
        body.setdefault("labels", dict(change.desired.labels))
    return body


def _members(change: Change) -> tuple[Member, ...]:
    match change.action:
        case Action.CREATE:
            computed = tuple(Line(name, KNOWN_LATER, "+") for name in COMPUTED)
            return (*computed, *members_of(body_of(change), sign="+", sensitive=change.sensitive))
        case Action.UPDATE:
            return (*_identity(change.recorded), *changed_members(change.fields, sensitive=change.sensitive))
        case Action.REPLACE:
            was = "null" if change.recorded is None else value_text(change.recorded.id)
            replaced = Line("id", f"{was} -> {KNOWN_LATER}", "~")
            return (replaced, *changed_members(change.fields, sensitive=change.sensitive))
        case Action.DELETE:
            return _particulars(change.recorded, sign="-")
        case Action.FORGET | Action.RESUME | Action.PAY | Action.CANCEL | Action.NO_OP:
            return _particulars(change.recorded)
        case _:
            assert_never(change.action)


def _identity(recorded: Recorded | None) -> tuple[Line, ...]:
    return () if recorded is None else (Line("id", value_text(recorded.id)),)


def _particulars(recorded: Recorded | None, *, sign: str = " ") -> tuple[Line, ...]:
    """What tells a server from its neighbours in the console and on the bill."""
    if recorded is None:
        return ()
    facts = {
        "id": recorded.id,
        "name": recorded.name,
        "order_id": recorded.order_id,
        "charging_mode": recorded.observed.get("charging_mode"),
        "phase": None if recorded.phase is Phase.READY else str(recorded.phase),
    }
    return tuple(Line(name, value_text(fact), sign) for name, fact in facts.items() if fact)


def _explanations(change: Change) -> Iterator[str]:
    if change.reason in _WHY:
        yield _WHY[change.reason]
    if change.action is Action.RESUME and change.recorded is not None:
        yield UNDER_WAY[change.recorded.phase]
    elif change.reason is Reason.UNDER_WAY:
        yield "because an earlier run has begun to release it"


def _remarks(change: Change) -> Iterator[str]:
    if change.action in {Action.UPDATE, Action.REPLACE} and (hidden := _unchanged(change)):
        yield f"({amount(hidden, 'unchanged field')} hidden)"
    if change.action in {Action.DELETE, Action.REPLACE} and change.recorded is not None:
        yield _RELEASE.get(str(change.recorded.observed.get("charging_mode")), _RELEASE_UNKNOWN)


def _unchanged(change: Change) -> int:
    changed = {field.path for field in change.fields}
    return sum(
        not any(path[:length] in changed for length in range(1, len(path) + 1)) for path, _ in leaves(body_of(change))
    )
