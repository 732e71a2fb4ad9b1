"""Renders many changes: one of a kind in full, and a line for each that is like it, with what differs.

Plans and drift share this. Nothing is left out but what is the same as in the model; `full` shows every change whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.canonical import JsonValue
from provisioner.model.change import Change
from provisioner.model.plan import Mode
from provisioner.model.resource import FieldPath
from provisioner.model.secret import HIDDEN
from provisioner.rendering.blocks import Line, below_text, changed_line, paint_sign
from provisioner.rendering.change import change_text, leftovers_of, name_of, paint_future, paint_loss, shown_fields
from provisioner.rendering.grouping import Absent, GroupMember, SimilarChanges, group_similar
from provisioner.rendering.style import Style, cells, escape, pad
from provisioner.rendering.text_difference import SignedLine
from provisioner.rendering.values import is_hidden, pair_texts, path_text, value_text
from provisioner.rendering.wording import words_of

_INDENT = " " * 8
_SIGN = 4
"""Cells of the sign with the space behind it."""
_GAP = 2


def change_sections(changes: Iterable[Change], style: Style, *, mode: Mode, full: bool = False) -> Iterator[str]:
    """Yields the text of each change or group, without a newline at the end. The cost is linear."""
    sections = [*(changes if full else group_similar(changes))]
    last = {found.model.address.group: found for found in sections if isinstance(found, SimilarChanges)}
    for found in sections:
        if not isinstance(found, SimilarChanges):
            yield "\n".join(change_text(found, style))
            continue
        group = found.model.address.group
        advice = _command_lines(group, style, mode) if last[group] is found else ()
        yield "\n".join((*_similar_changes(found, style), *advice))


def _similar_changes(group: SimilarChanges, style: Style) -> Iterator[str]:
    """Yields one line per server: its address, name and id, and the fields in which it differs from the model."""
    model, members = group.model, group.members
    is_doubt = model.reason is Reason.IN_DOUBT
    future = (
        style.bold(style.yellow("are in doubt")) if is_doubt else paint_future(words_of(model).plural, model, style)
    )
    like = f"like {escape(str(model.address))}"
    exception = ", except for the fields shown" if any(member.differences for member in members) else ""
    plain = f"  # {len(members)} more {words_of(model).plural} {like}{exception}"
    exception = exception if cells(plain) <= style.width or not exception else ",\n  # except for the fields shown"
    yield f"  {style.bold(f'# {len(members)} more')} {future} {style.bold(like + exception)}"
    sign = style.yellow("  ?") if is_doubt else paint_sign(f"{words_of(model).sign:>3}", style)
    rows = [_cells_of(member.change) for member in members]
    widths = _fitting([max(cells(row[column]) for row in rows) for column in range(3)], style)
    width = _SIGN + sum(widths) + _GAP * (len(widths) - 1)
    for member, row in zip(members, rows, strict=True):
        named = "  ".join(pad(text, width) for text, width in zip(row, widths, strict=False))
        yield from _member_lines(f"{sign} {named}", width, member, group.model, style)


def _cells_of(change: Change) -> tuple[str, str, str]:
    """Returns the columns, of which the last ones are left out where the screen is too small for them."""
    identifier = escape(change.recorded.id or "") if change.recorded is not None else ""
    names = (_name_text(change), identifier)
    first, second = reversed(names) if change.action is Action.ADOPT else names
    return escape(str(change.address)), first, second


def _name_text(change: Change) -> str:
    for renamed in change.fields:
        if renamed.path == ("name",):
            return " -> ".join(pair_texts(renamed.before, renamed.after))
    name = change.live_name or name_of(change)
    return value_text(name) if name else ""


def _fitting(widths: Sequence[int], style: Style) -> list[int]:
    """Returns the widths of the columns that are shown, without those that are empty."""
    shown = list(widths)
    while len(shown) > 1 and (not shown[-1] or _SIGN + sum(shown) + _GAP * (len(shown) - 1) > style.width):
        shown.pop()
    return shown


def _member_lines(start: str, width: int, member: GroupMember, model: Change, style: Style) -> Iterator[str]:
    """Yields the line of a member. What does not fit beside its name, in `width` cells, gets lines of its own."""
    change = member.change
    if not (member.differences or change.moved_from or change.leftovers):
        yield start.rstrip()
        return
    texts = [] if change.moved_from is None else [f"moved from {escape(str(change.moved_from))}"]
    texts += (_difference_text(change, path, value) for path, value in member.differences)
    if width + sum(_GAP + cells(text) for text in texts) <= style.width:
        yield "  ".join((start, *texts)).rstrip()
    else:
        yield start.rstrip()
        yield from (_INDENT + text for text in texts)
    for path, value in member.differences:
        if isinstance(value, FieldChange) and _signed_lines(value, change) != _signed_lines(
            _field_of(model, path), model
        ):
            yield from below_text(_line_of(value, change), style, indent=_INDENT)
    yield from (_INDENT + paint_loss(f"# {left}", style) for left in leftovers_of(change))


def _signed_lines(field: FieldChange | None, change: Change) -> list[SignedLine]:
    """Returns the lines of a text that change, without those beside them, in which servers may differ."""
    return [] if field is None else [line for line in _line_of(field, change).below if line.sign.strip()]


def _field_of(change: Change, path: FieldPath) -> FieldChange | None:
    return next((field for field in shown_fields(change) if field.path == path), None)


def _line_of(field: FieldChange, change: Change) -> Line:
    return changed_line(field, hidden=field.sensitive or is_hidden(field.path, change.sensitive))


def _difference_text(change: Change, path: FieldPath, value: FieldChange | JsonValue | Absent) -> str:
    name = path_text(path)
    match value:
        case Absent():
            return f"{name} = (not set)" if change.action in {Action.CREATE, Action.ADOPT} else f"{name} stays"
        case FieldChange():
            line = _line_of(value, change)
            return f"{name} = {line.value}" + (f" # {line.note}" if line.note else "")
        case _:
            return f"{name} = {HIDDEN if is_hidden(path, change.sensitive) else value_text(value)}"


def _command_lines(group: Address, style: Style, mode: Mode) -> Iterator[str]:
    """Yields what to run for a group alone, and for all but it: below all that is planned for the group."""
    name, quoted = escape(str(group)), escape(group.shell_quoted)
    alone, others = f"{name} alone: provisioner {mode.command} --target {quoted}", f"all but {name}: --exclude {quoted}"
    joined = f"    # {alone}; {others}"
    lines = (joined,) if cells(joined) <= style.width else (f"    # {alone}", f"    # {others}")
    yield from map(style.dim, lines)
