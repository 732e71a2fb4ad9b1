"""Adds to every release what the cloud keeps of the server, the name that the console shows, and how the server is
released.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from provisioner.model.action import Action, Reason
from provisioner.model.change import Change, DeleteChange, ForgetChange, ReplaceChange
from provisioner.model.kind import Catalogue, Kind
from provisioner.planning.plan_input import PlanInput


def with_leftovers(changes: Iterable[Change], inputs: PlanInput, catalogue: Catalogue) -> tuple[Change, ...]:
    return tuple(
        _annotate(change, inputs, catalogue[change.kind])
        if isinstance(change, DeleteChange | ReplaceChange | ForgetChange) and _is_released(change)
        else change
        for change in changes
    )


def _annotate(change: DeleteChange | ReplaceChange | ForgetChange, inputs: PlanInput, kind: Kind) -> Change:
    recorded = change.recorded
    row = inputs.live.get(recorded.id or "")
    is_renamed = row is not None and row.name not in {"", recorded.name}
    return replace(
        change,
        leftovers=kind.leftovers(recorded, row),
        live_name=row.name if row is not None and is_renamed else "",
        deleted_alone=row is not None and kind.orders.deleted_alone(row),
        unbilled=not kind.has_terms,
    )


def _is_released(change: Change) -> bool:
    """Whether the server is released by this change, or was released by a run that died before recording it."""
    return change.action is not Action.FORGET or change.reason is Reason.UNDER_WAY
