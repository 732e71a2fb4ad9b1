"""What a row says of whether its server may be counted on. Asked by the plan, and once more right before something is released on its
account. Pure.
"""

from __future__ import annotations

from collections.abc import Container

from provisioner.model.canonical import JsonObject
from provisioner.model.kind import Kind
from provisioner.model.redaction import value_at
from provisioner.model.resource import FieldPath, Live, Recorded


def is_healthy(kind: Kind, row: Live) -> bool:
    """In a status that the API describes, and that is none of a fault or of a release."""
    return row.status in kind.statuses.known - kind.statuses.unhealthy


def differing_fields(
    kind: Kind, row: Live, wanted: JsonObject, recorded: Recorded | None, given: Container[FieldPath]
) -> tuple[FieldPath, ...]:
    """The fields that the row shows otherwise than they are wanted, where that takes another system or another machine. What the first
    row of our own purchase showed is another spelling of what was bought, but for what it was `given` since.
    """
    shown = kind.baseline(wanted, row.shown)
    first = recorded.baseline if recorded else {}
    return tuple(
        rule.path
        for rule in kind.rules
        if (now := value_at(shown, rule.path)) is not None and (rule.path in given or now != value_at(first, rule.path))
    )


def unconfirmed_fields(kind: Kind, sent: JsonObject, row: Live | None, wanted: JsonObject) -> tuple[FieldPath, ...]:
    """Of what a reinstallation whose answer was lost was to bring (`Recorded.unconfirmed`): the fields that are wanted still and that nothing shows to be there: none once the row shows one of them as it was sent and
    was not before, because one call brings them all, nor where it shows every one of them.
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
