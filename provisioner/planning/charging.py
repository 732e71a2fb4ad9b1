"""How each replacement is paid for, before and after. A plan shows it also where it stays the same: what was bought for a month
and comes back by the hour costs otherwise than the reader expects. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provisioner.model.change import Action, Change, FieldChange
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.purchasing import PurchasePolicy
from provisioner.model.redaction import leaves
from provisioner.model.resource import Desired, Recorded


def with_charging(changes: Iterable[Change], policy: PurchasePolicy, catalogue: Catalogue) -> tuple[Change, ...]:
    return tuple(
        replace(change, charging=tuple(_charging(catalogue[change.kind], change.recorded, change.desired, policy)))
        if change.action is Action.REPLACE and change.desired is not None and change.recorded is not None
        else change
        for change in changes
    )


def _charging(kind: Kind, recorded: Recorded, desired: Desired, policy: PurchasePolicy) -> Iterator[FieldChange]:
    before, after = dict(leaves(kind.charged(recorded))), dict(leaves(kind.charging(desired.fields, policy)))
    for path in sorted(before.keys() | after.keys()):
        yield FieldChange(path, before.get(path), after.get(path))
