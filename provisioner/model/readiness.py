"""Whether a row shows that its server can be relied on. Plans check it, and apply checks it again right before it
releases another server because of it. Pure.
"""

from __future__ import annotations

from collections.abc import Container

from provisioner.model.canonical import JsonObject
from provisioner.model.kind import Kind
from provisioner.model.redaction import value_at
from provisioner.model.resource import FieldPath, Live, Recorded


def is_healthy(kind: Kind, row: Live) -> bool:
    """Returns whether the row has a status that the API describes and that means neither a fault nor a release."""
    return row.status in kind.statuses.known - kind.statuses.unhealthy


def differing_fields(
    kind: Kind, row: Live, wanted: JsonObject, recorded: Recorded | None, given: Container[FieldPath]
) -> tuple[FieldPath, ...]:
    """Returns the fields that the row shows with another value than wanted, and that only another system or another
    machine can change. A value that the first row after our own purchase showed is another spelling of what was bought
    and no difference, except in the fields that were `given` since.
    """
    shown = kind.baseline(wanted, row.shown)
    first = recorded.baseline if recorded else {}
    return tuple(
        rule.path
        for rule in kind.rules
        if (now := value_at(shown, rule.path)) is not None and (rule.path in given or now != value_at(first, rule.path))
    )


def unconfirmed_fields(kind: Kind, sent: JsonObject, row: Live | None, wanted: JsonObject) -> tuple[FieldPath, ...]:
    """Returns the fields of a reinstallation whose answer was lost (`sent`, from `Recorded.unconfirmed`) that are still
    wanted and that nothing shows to be in place.

    There are none once the row shows one of them with the value that was sent and was not there before, because one
    call sets them all; nor if the row shows every one of them with the value that was sent.
    """
    shown = row.shown if row else {}
    names = [name for name in sent if value_at(sent, (name, "after")) == value_at(wanted, (name,))]
    changed = {name for name in sent if value_at(sent, (name, "before")) != value_at(sent, (name, "after"))}
    seen = {
        name
        for name in sent
        if kind.rule((name,)).shown and value_at(shown, (name,)) == value_at(sent, (name, "after"))
    }
    if seen & changed or set(names) <= seen:
        return ()
    return tuple((name,) for name in names if name in changed or not changed)
