"""Shows how each replacement is charged before and after, and records which servers have become prepaid.

A replacement shows its charging even where it stays the same, because a server that was bought for a month and comes
back by the hour costs something else than a reader expects. That a server has become prepaid is recorded by the next
apply, because a later row may not show it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provisioner.model.action import FieldChange
from provisioner.model.change import (
    Change,
    MoveChange,
    NoOpChange,
    ReinstallChange,
    ReplaceChange,
    ResumeChange,
    UpdateChange,
)  # fmt: skip
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.redaction import leaves
from provisioner.model.resource import Desired, Recorded
from provisioner.planning.plan_input import PlanInput

_RECORDING_VARIANTS = (UpdateChange, ReinstallChange, ResumeChange, MoveChange, NoOpChange)


def with_charging(changes: Iterable[Change], inputs: PlanInput, catalogue: Catalogue) -> tuple[Change, ...]:
    return tuple(_annotate(change, inputs, catalogue[change.kind]) for change in changes)


def _annotate(change: Change, inputs: PlanInput, kind: Kind) -> Change:
    recorded, desired = change.recorded, change.desired
    if recorded is None or desired is None:
        return change
    if isinstance(change, ReplaceChange):
        return replace(change, charging=tuple(_charging_changes(kind, recorded, desired, inputs.policy)))
    row = inputs.live.get(recorded.id or "")
    if (
        row is None
        or not isinstance(change, _RECORDING_VARIANTS)
        or kind.billing.is_prepaid(recorded, None)
        or not kind.billing.shows_prepaid(row)
    ):
        return change
    seen, sold = change.noted or recorded, kind.billing.sold_otherwise(recorded, row, desired.fields, inputs.policy)
    observed = {**seen.observed, **{key: row.observed[key] for key in kind.billing.observed if key in row.observed}}
    order_id = seen.order_id or row.order_id
    return replace(change, noted=replace(seen, observed=observed, order_id=order_id, sold=sold or seen.sold))


def _charging_changes(
    kind: Kind, recorded: Recorded, desired: Desired, policy: PurchasePolicy
) -> Iterator[FieldChange]:
    before, after = (
        dict(leaves(kind.billing.current_charging(recorded))),
        dict(leaves(kind.billing.future_charging(desired.fields, policy))),
    )
    for path in sorted(before.keys() | after.keys()):
        yield FieldChange(path, before.get(path), after.get(path))
