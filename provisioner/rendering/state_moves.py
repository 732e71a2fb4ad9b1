"""Renders what was moved, for `state migrate`, `state pull` and `state push`."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.flow import Effect
from provisioner.model.state import State
from provisioner.rendering.style import escape
from provisioner.rendering.wording import pluralize

_SHOWN = 10


def render_pulled(state: State) -> str:
    """Returns one line about a state: its name, how far it is, and what is open in it."""
    counted = f"serial {state.serial}, {pluralize(state.head.sequence, 'record')}, {pluralize(len(state.resources), 'server')}"
    opened = _open(state)
    return f"{escape(state.label)}: {counted}" + (f", {', '.join(opened)}" if opened else "")


def render_migration(
    state: State, *, origin: str, place: str, in_specs: str | None, late: int, was_done: bool, is_dry: bool
) -> str:
    """Returns what was moved, or would be, and what to write so that the new place is used.

    `in_specs` is the place as stack.yaml may name it; None where it may not. `late` counts late answers that were carried
    over.
    """
    title = f"{escape(origin)} -> {escape(place)}"
    if was_done:
        title += " (moved already)"
    elif is_dry:
        title += " (checked; nothing was changed)"
    lines = [title, render_pulled(state), *_open_lines(state)]
    if late:
        lines.append(f"{pluralize(late, 'late answer')} carried over.")
    if not is_dry:
        lines += [
            "",
            "Every command is refused at the old place from now on, except `history`.",
            f"Write into stack.yaml: `state: {escape(in_specs)}`"
            if in_specs
            else f"Specs may not name this folder. Write into your own configuration, or set PROVISIONER_STATE: {escape(place)}",
        ]
    return "".join(f"{line}\n" for line in lines)


def _open(state: State) -> list[str]:
    approvals = len(state.approvals)
    return [
        text
        for count, text in (
            (len(state.purchases_in_doubt), pluralize(len(state.purchases_in_doubt), "purchase") + " in doubt"),
            (len(state.unsettled), pluralize(len(state.unsettled), "other open call")),
            (approvals, pluralize(approvals, "approval") + " under way"),
        )
        if count
    ]


def _open_lines(state: State) -> Iterator[str]:
    """Yields what is open, which moves along and is settled by the next apply at the new place."""
    for intent in state.in_doubt[:_SHOWN]:
        how = "in doubt" if intent.effect is Effect.PURCHASE else "not settled"
        yield f"  {how}: {intent.effect.noun} of {escape(intent.address_list)}"
    if len(state.in_doubt) > _SHOWN:
        yield f"  and {len(state.in_doubt) - _SHOWN} more"
