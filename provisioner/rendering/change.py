"""Renders one change of a plan in Terraform's layout: a comment that says what happens and why, and a block of fields.

It shows what the change contains. Which field forces what, and how a server is released, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.change import Change
from provisioner.model.effects import resumes_wipe
from provisioner.model.redaction import value_at
from provisioner.model.resource import Phase, Recorded
from provisioner.rendering.blocks import Line, Member, block_text, changed_members, members_of, paint_sign
from provisioner.rendering.style import Style, cells, escape, wrap
from provisioner.rendering.values import leaves, path_text, value_text, without
from provisioner.rendering.wording import UNDER_WAY, pluralize, words_of

KNOWN_AFTER_APPLY = "(known after apply)"
LOSING = frozenset({Action.REINSTALL, Action.REPLACE, Action.DELETE})
"""What these do away with does not come back."""

_SHOWN_BY_IDENTITY = frozenset(
    {
        Action.ADOPT,
        Action.DELETE,
        Action.FORGET,
        Action.MOVE,
        Action.RESUME,
        Action.PAY,
        Action.CANCEL,
        Action.NO_OP,
    }
)
"""Actions of which the text shows what tells the server from its neighbours on the bill."""

_REASONS = {
    Reason.NOT_IN_SPECS: "because it is no longer in the specs",
    Reason.REQUESTED: "because it was asked for",
    Reason.DEPOSED: "because another one has its address by now",
    Reason.VANISHED: "because it is gone from the cloud",
    Reason.REMOVED: "because the specs let it go: nobody releases it, and it goes on running and costing",
}

_RELEASE = {
    "PRE_PAID": "will be unsubscribed, once billing confirms the subscription",
    "POST_PAID": "will be deleted, or unsubscribed if billing shows a paid term",
}
_DELETED_ALONE = "will be deleted, because it was not built or has a fault; billing is not asked to unsubscribe it"
_RELEASE_UNKNOWN = "will be deleted or unsubscribed, depending on what billing shows"


def change_text(change: Change, style: Style) -> Iterator[str]:
    """Yields the lines of the change."""
    address = style.bold(f"# {escape(str(change.address))} ")
    if change.reason is Reason.IN_DOUBT:
        yield f"  {address}{style.bold(style.yellow('is in doubt'))}"
        advice = "(nothing is bought for it until its outcome is known; what can be done is said below)"
        yield from _comment(advice, style, indent=2)
        return
    words = words_of(change)
    yield f"  {address}{paint_future(words.future, change, style)}"
    if change.moved_from is not None:
        yield f"  # (moved from {escape(str(change.moved_from))})"
    for reason in reasons(change):
        yield from _comment(f"({reason})", style, indent=2, is_loss=change.let_go or resumes_wipe(change))
    sign = paint_sign(f"{words.sign:>3}", style)
    yield f"{sign} {escape(change.kind)} {value_text(name_of(change))} {{"
    yield from block_text(_members(change), style, indent=" " * 6, shorten=style.columns is not None)
    if change.action in {Action.UPDATE, Action.REINSTALL, Action.REPLACE} and (hidden := _count_unchanged(change)):
        yield style.dim(f"        # ({pluralize(hidden, 'unchanged field')} hidden)")
    for remark in remarks(change):
        yield from map(style.dim, _comment(remark, style, indent=8))
    for loss in (*losses(change), *leftovers_of(change)):
        yield from _comment(loss, style, indent=8, is_loss=True)
    yield "    }"


def _comment(text: str, style: Style, *, indent: int, is_loss: bool = False) -> Iterator[str]:
    """Yields a comment, on several lines where the screen is too narrow. `text` is safe to print."""
    room = style.width - indent - 2
    for line in (text,) if cells(text) <= room else wrap(text, room):
        yield " " * indent + (paint_loss(f"# {line}", style) if is_loss else f"# {line}")


def paint_future(text: str, change: Change, style: Style) -> str:
    """Returns what will happen, in red where it loses what is on a disk."""
    return paint_loss(text, style) if change.action in LOSING and not change.vanished else style.bold(text)


def paint_loss(text: str, style: Style) -> str:
    """Returns a text about something that is lost, or that costs, so that nobody overlooks it."""
    return style.bold(style.red(text))


def name_of(change: Change) -> str:
    """Returns the name of the server once the change is made, or "" where none is known."""
    if change.after is not None and "name" in change.after:
        return str(change.after["name"])
    if change.desired is not None:
        return change.desired.name
    return "" if change.recorded is None else change.recorded.name


def body_of(change: Change) -> JsonObject:
    """Returns the wanted fields with the labels, which specs declare next to the fields."""
    body = dict(change.after or {})
    if change.desired is not None and change.desired.labels:
        body.setdefault("labels", dict(change.desired.labels))
    return body


def _members(change: Change) -> tuple[Member, ...]:
    match change.action:
        case Action.CREATE:
            computed = tuple(Line(name, KNOWN_AFTER_APPLY, "+") for name in change.computed)
            return (*computed, *members_of(body_of(change), sign="+", sensitive=change.sensitive))
        case Action.ADOPT:
            return (*_identifying_lines(change.recorded, omit=_changed_name(change)), *_adopted_members(change))
        case Action.UPDATE | Action.REINSTALL:
            return (*_id_line(change.recorded), *changed_members(change.fields, sensitive=change.sensitive))
        case Action.RECORD:
            return (*_id_line(change.recorded), *changed_members(shown_fields(change), sensitive=change.sensitive))
        case Action.REPLACE:
            was = "null" if change.recorded is None else value_text(change.recorded.id)
            replaced = Line("id", f"{was} -> {KNOWN_AFTER_APPLY}", "~")
            return (replaced, *changed_members(shown_fields(change), sensitive=change.sensitive))
        case Action.DELETE:
            return _identifying_lines(change.recorded, sign="-", live_name=change.live_name)
        case Action.FORGET | Action.MOVE | Action.RESUME | Action.PAY | Action.CANCEL | Action.NO_OP:
            return _identifying_lines(change.recorded)
        case _:
            assert_never(change.action)


def shown_fields(change: Change) -> tuple[FieldChange, ...]:
    """Returns the fields of which the text of a change shows how they change."""
    if change.action is Action.RECORD:  # all of it is drift, so no field is marked as such
        return tuple(replace(field, drift=False) for field in change.fields)
    changed = {field.path for field in change.fields}
    known = (field for field in change.charging if field.before is not None or field.after is not None)
    return (*change.fields, *(field for field in known if field.path not in changed))


def _adopted_members(change: Change) -> tuple[Member, ...]:
    """Returns what the cloud shows of an adopted server: the fields that will change, then those that are as declared."""
    return (
        *changed_members(change.fields, sensitive=change.sensitive),
        *members_of(adopted_as_wanted(change)),
    )


def adopted_as_wanted(change: Change) -> JsonObject:
    """Returns the fields of an adopted server that the cloud shows as the specs want them, without its name."""
    shown = change.recorded.declared if change.recorded else {}
    for path in (*change.unverifiable, ("name",), *(field.path for field in change.fields)):
        shown = without(shown, path)
    return shown


def _id_line(recorded: Recorded | None) -> tuple[Line, ...]:
    return () if recorded is None else (Line("id", value_text(recorded.id)),)


def _changed_name(change: Change) -> tuple[str, ...]:
    return tuple("name" for field in change.fields if field.path == ("name",))


def _identifying_lines(
    recorded: Recorded | None, *, sign: str = " ", omit: tuple[str, ...] = (), live_name: str = ""
) -> tuple[Line, ...]:
    """Returns what tells a server from its neighbours in the console and on the bill.

    `omit` are lines that are shown elsewhere; `live_name` is its name in the cloud where that is not the recorded one.
    """
    if recorded is None:
        return ()
    facts = {"id": recorded.id, "name": recorded.name, **_bill_facts(recorded)}
    texts = {name: value_text(fact) for name, fact in facts.items() if fact and name not in omit}
    if live_name:
        texts["name"] = f"{value_text(live_name)} # recorded as {value_text(recorded.name)}"
    return tuple(Line(name, text, sign) for name, text in texts.items())


def _bill_facts(recorded: Recorded) -> dict[str, JsonValue]:
    return {
        "order_id": recorded.order_id,
        "charging_mode": recorded.observed.get("charging_mode"),
        "phase": None if recorded.phase is Phase.READY else str(recorded.phase),
    }


def identity_of(change: Change) -> dict[str, JsonValue]:
    """Returns what the text of a change shows of a recorded server besides its id, its name and its fields."""
    if change.recorded is None or change.action not in _SHOWN_BY_IDENTITY:
        return {}
    return {name: fact for name, fact in _bill_facts(change.recorded).items() if fact}


def reasons(change: Change) -> Iterator[str]:
    """Yields why the change is made."""
    if change.reason in _REASONS:
        yield _REASONS[change.reason]
    if change.action is Action.RESUME and change.recorded is not None:
        yield UNDER_WAY[change.recorded.phase]
    elif change.reason is Reason.UNDER_WAY:
        yield "because an earlier run has begun to release it"
    elif change.recorded is not None and change.recorded.pending:
        yield UNDER_WAY[Phase.READY]


def remarks(change: Change) -> Iterator[str]:
    """Yields what else is to be known of the change."""
    if change.action is Action.ADOPT and change.unverifiable:
        hidden_fields = ", ".join(map(path_text, change.unverifiable))
        yield f"(never shown by the cloud, taken from the specs: {hidden_fields})"
    if kept := ", ".join(_fields_kept_as_declared(change)):
        yield f"(a refresh does not record {kept}: what was declared of that stays on record)"
    if change.vanished:
        yield "nothing is released: the cloud does not show the old one any more"
    elif change.create_first:
        yield "the old server is kept until the new one runs; if the new one fails, the old one stays"


def losses(change: Change) -> Iterator[str]:
    """Yields what the change loses or costs, which is never dim."""
    if change.action is Action.REINSTALL:
        yield "stopped first; what is on its system disk is lost; data disks, addresses and the paid term are kept"
    if change.charging and all(field.after is None for field in change.charging):
        yield "the specs leave it to the cloud how the new one is paid for: it may be sold as PRE_PAID"
    is_released = change.action in {Action.DELETE, Action.REPLACE} and not change.vanished
    if is_released and change.recorded is not None and not change.unbilled:
        by_mode = _RELEASE.get(str(change.recorded.observed.get("charging_mode")), _RELEASE_UNKNOWN)
        yield _DELETED_ALONE if change.deleted_alone else by_mode


def leftovers_of(change: Change) -> Iterator[str]:
    """Yields what a release leaves behind, which nobody would look for."""
    kept = "may have been kept by the cloud" if change.vanished else "kept by the cloud"
    yield from (f"{kept}, and billed on: {escape(leftover.what)}" for leftover in change.leftovers)


def _fields_kept_as_declared(change: Change) -> Iterator[str]:
    """Yields the fields whose difference a refresh shows and does not record: the record keeps what was declared."""
    if change.action is Action.RECORD and change.recorded is not None and change.after is not None:
        for field in change.fields:
            was = value_at(change.recorded.declared, field.path)
            is_assumed = value_at(change.recorded.assumed, field.path) is not None
            if is_assumed or (was is not None and value_at(change.after, field.path) == was):
                yield path_text(field.path)


def _count_unchanged(change: Change) -> int:
    changed = {field.path for field in shown_fields(change)}
    return sum(
        not any(path[:length] in changed for length in range(1, len(path) + 1)) for path, _ in leaves(body_of(change))
    )
