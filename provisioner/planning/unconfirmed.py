"""What a row shows otherwise than it was sent, where another system or another machine would be the way back.

Nothing of it is sent again because of what a row shows: the row may be late, or spell it in another way, or somebody may have
changed it on purpose, and the disk is lost each time. A person names the address for that. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.model.address import Address
from provisioner.model.change import Change, FieldChange
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.kind import Kind, OnChange
from provisioner.model.redaction import at
from provisioner.model.resource import Desired, Live, OnOsChange
from provisioner.planning.survey import Survey


def what_it_takes(kind: Kind, desired: Desired, path: tuple[str, ...]) -> OnChange:
    """To change a field of this server: what its kind says, unless its lifecycle wants another machine for another system."""
    on_change = kind.rule(path).on_change
    other_machine = desired.lifecycle.on_os_change is OnOsChange.REPLACE
    return OnChange.REPLACE if on_change is OnChange.REINSTALL and other_machine else on_change


def is_unconfirmed(item: FieldChange, address: Address, survey: Survey) -> bool:
    """Whether it is told only, and not sent."""
    named = item.reinstalls and address in survey.reinstall
    return item.drift and (item.forces_replacement or item.reinstalls) and not named


def once_more(change: Change, row: Live | None, survey: Survey, kind: Kind) -> tuple[FieldChange, ...]:
    """All that is declared for the system disk, where putting it there has failed and a person named it to be tried again."""
    desired, after = change.desired, change.after
    if row is None or row.status not in kind.uninstalled or change.address not in survey.reinstall:
        return ()
    assert desired is not None and after is not None  # noqa: PT018 - one fact: it is wanted
    return tuple(
        FieldChange(rule.path, at(row.shown, rule.path), value, sensitive=rule.secret, reinstalls=True)
        for rule in kind.rules
        if what_it_takes(kind, desired, rule.path) is OnChange.REINSTALL and (value := at(after, rule.path)) is not None
    )


def told(address: Address, items: Iterable[FieldChange]) -> Diagnostic:
    items = tuple(items)
    fields = "; ".join(f"{'.'.join(item.path)} is {item.before!r} and {item.after!r} was declared" for item in items)
    reinstall = f"`apply --reinstall '{address}'` wipes its system disk and puts on it what is declared"
    replace = f"`apply --replace '{address}'` releases it and buys a new one"
    way = replace if any(item.forces_replacement for item in items) else reinstall
    return warning(
        "unconfirmed",
        f"{address}: the cloud does not show what was declared: {fields}",
        hint=f"nothing is sent again because of that; {way}; or declare what is shown",
        address=address,
    )
