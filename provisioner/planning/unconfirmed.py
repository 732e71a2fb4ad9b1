"""Finds differences that only a row shows and that another system or another machine would remove, and holds them back.

Nothing is sent again because of a row: it may be late, or spell a value in another way, or somebody may have changed
the value on purpose, and each sending wipes the disk. Where it is to be sent, a person names the address. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from provisioner.model.action import FieldChange
from provisioner.model.address import Address
from provisioner.model.change import Change, NoOpChange
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.field_rule import OnChange
from provisioner.model.kind import Kind
from provisioner.model.lookalikes import quote_distinctly
from provisioner.model.readiness import unconfirmed_fields
from provisioner.model.redaction import value_at
from provisioner.model.resource import FieldPath, Live, Recorded
from provisioner.planning.comparison import contradicted_defaults, effective_on_change, is_ignored
from provisioner.planning.plan_input import PlanInput


def fields_to_hold(
    items: Iterable[FieldChange], recorded: Recorded, row: Live | None, inputs: PlanInput, kind: Kind
) -> tuple[FieldChange, ...]:
    """Returns the fields that are only reported, and not sent.

    They are fields that differ only in the row, and fields that the specs want otherwise than recorded while the row
    shows nothing of them, so that they may be there already. The latter are sent with another system or machine that
    comes anyway.
    """
    billed = contradicted_by_billing(items := tuple(items), row, kind)
    costly = [item for item in items if (item.forces_replacement or item.reinstalls) and item not in billed]
    is_named = recorded.address in inputs.reinstall
    by_row = tuple(item for item in costly if item.drift and not (is_named and item.reinstalls))
    unseen = [item for item in costly if item not in by_row and _is_unseen(item, recorded, row, kind)]
    heads = {item.path for item in unseen}
    unseen += [item for item in costly if item not in (*by_row, *unseen) and _goes_with(item, heads, kind)]
    sent = [item for item in costly if item not in (*by_row, *unseen)]
    if any(item.forces_replacement for item in sent):
        return by_row
    another_system = is_named or bool(sent)
    return (*by_row, *(item for item in unseen if item.forces_replacement or not another_system))


def contradicted_by_billing(items: Iterable[FieldChange], row: Live | None, kind: Kind) -> tuple[FieldChange, ...]:
    """Returns the fields of which billing shows another value than the specs newly declare. Billing is asked because
    this state did not buy the server so. Its value may be of an earlier term than the current one, so a person has to
    decide. The fields are sent with a machine that comes anyway.
    """
    if row is None:
        return ()
    return tuple(
        item for item in items if kind.rule(item.path).shown_by_billing and value_at(row.shown, item.path) is not None
    )


def _is_unseen(item: FieldChange, recorded: Recorded, row: Live | None, kind: Kind) -> bool:
    """Whether the field had another value before, sent or meant by leaving it out, and the row lacks it although rows
    show it.
    """
    rule = kind.rule(item.path)
    is_lacking = (
        row is not None and _is_shown_by_rows(item.path, recorded, kind) and value_at(row.shown, item.path) is None
    )
    had_other_value = item.before is not None or rule.default is not None
    return is_lacking and not item.drift and had_other_value and item.after is not None


def _is_shown_by_rows(path: FieldPath, recorded: Recorded, kind: Kind) -> bool:
    """Whether every row, or an earlier row of this server, shows the field, so that its absence from a row says
    nothing.
    """
    return kind.rule(path).always_shown or value_at(kind.shown(recorded.observed), path) is not None


def _goes_with(item: FieldChange, heads: Collection[FieldPath], kind: Kind) -> bool:
    """Whether the field applies only beside a field that is held itself, such as a term beside a charging mode."""
    condition = kind.rule(item.path).only_where
    return condition is not None and condition[0] in heads


def reinstalled_fields(change: Change, row: Live | None, inputs: PlanInput, kind: Kind) -> tuple[FieldChange, ...]:
    """Returns all that is declared for the system disk, where a person named the address for a reinstallation.

    The reason is that the installation failed, or that the row does not show some of it or shows other values, so that
    only a person can tell whether it is there. Nothing is returned where the row shows all of it.
    """
    desired, recorded, after = change.desired, change.recorded, change.after
    if row is None or recorded is None or change.address not in inputs.reinstall:
        return ()
    assert desired is not None and after is not None  # noqa: PT018 - one fact: it is wanted
    rules = [
        rule
        for rule in kind.rules
        if effective_on_change(kind, desired, rule.path) is OnChange.REINSTALL
        and value_at(after, rule.path) is not None
    ]
    is_shown = all(rule.shown and value_at(row.shown, rule.path) == value_at(after, rule.path) for rule in rules)
    if (
        is_shown
        and row.status not in kind.reinstall.failed
        and not unconfirmed_fields(kind, recorded.unconfirmed, row, after)
    ):
        return ()
    return tuple(
        FieldChange(
            rule.path,
            value_at(row.shown, rule.path),
            value_at(after, rule.path),
            sensitive=rule.secret,
            reinstalls=True,
        )
        for rule in rules
    )


def contradicted_defaults_to_report(
    change: Change, row: Live | None, inputs: PlanInput, kind: Kind
) -> tuple[FieldChange, ...]:
    """Returns the defaults that the cloud contradicts, without those that `ignore_changes` names."""
    desired, recorded, after = change.desired, change.recorded, change.after
    assert desired is not None and recorded is not None and after is not None  # noqa: PT018 - one fact: both exist
    ignored = desired.lifecycle.ignore_changes
    return tuple(
        item
        for item in contradicted_defaults(kind, recorded.declared, row, after, inputs.policy)
        if not any(item.path[: len(path)] == path for path in ignored)
    )


def unseen_after_lost_answer(change: Change, row: Live | None, kind: Kind) -> tuple[FieldPath, ...]:
    """Returns the fields that a reinstallation whose answer was lost was to set and that nothing shows, without those
    that `ignore_changes` names.
    """
    desired, recorded, after = change.desired, change.recorded, change.after
    if desired is None or recorded is None or after is None:
        return ()
    unseen = unconfirmed_fields(kind, recorded.unconfirmed, row, after)
    return tuple(path for path in unseen if not is_ignored(path, desired))


def without_confirmed(change: NoOpChange, row: Live | None, kind: Kind) -> NoOpChange:
    """Clears the record's unconfirmed fields once something has shown them, or once nobody wants them any more."""
    recorded, after = change.noted or change.recorded, change.after
    if recorded is None or after is None or not recorded.unconfirmed:
        return change
    if unconfirmed_fields(kind, recorded.unconfirmed, row, after):
        return change
    return replace(change, noted=replace(recorded, unconfirmed={}))


def paths_of(items: Iterable[FieldChange]) -> tuple[FieldPath, ...]:
    return tuple(item.path for item in items)


def mismatch_warnings(
    recorded: Recorded,
    kind: Kind,
    items: Iterable[FieldChange],
    undeclared: Iterable[FieldChange] = (),
    lost: Iterable[FieldPath] = (),
    billed: Iterable[FieldChange] = (),
) -> Iterator[Diagnostic]:
    """Yields at most one warning about all fields, and one about those that billing contradicts (`billed`).
    `undeclared` are fields whose absence means another value than the cloud shows. `lost` are fields of which nothing
    shows that they were installed.
    """
    items, undeclared, address = tuple(items), tuple(undeclared), recorded.address
    if billed := tuple(billed):
        yield _billing_warning(address, billed)
    lost = sorted(set(lost) - {item.path for item in items})
    together = (*items, *undeclared)
    if not together and not lost:
        return
    fields = "; ".join(
        (
            *map(_describe_difference, items),
            *map(_describe_default, undeclared),
            *map(_describe_lost, lost),
        )
    )
    reinstall = (
        f"`provisioner apply --reinstall {address.shell_quoted}` wipes its system disk and installs what is declared"
    )
    buy = f"`provisioner apply --replace {address.shell_quoted}` releases it and buys a new one"
    unsafe = sorted({item.path for item in items if item.drift and not _is_shown_by_rows(item.path, recorded, kind)})
    remedy = buy if any(item.forces_replacement for item in together) else reinstall
    yield warning(
        "unconfirmed",
        f"{address}: the cloud does not show what was declared: {fields}"
        if items or lost
        else f"{address}: the cloud shows other values for fields that were left out: {fields}",
        hint=f"{_waiting_hint(items)}; {remedy}; {_hint_without_sending(together, lost, unsafe)}",
        address=address,
    )


def _billing_warning(address: Address, items: Iterable[FieldChange]) -> Diagnostic:
    fields = "; ".join(f"{'.'.join(item.path)} is {item.before!r}, and the specs say {item.after!r}" for item in items)
    return warning(
        "unconfirmed",
        f"{address}: billing shows another term than the specs: {fields}",
        detail="billing shows the term of the first order; a later renewal may have had another one",
        hint=f"nothing is sent because of that. Declare what billing shows, which changes nothing, or name the fields in "
        f"lifecycle.ignore_changes; `provisioner apply --replace {address.shell_quoted}` releases it and buys a new one",
        address=address,
    )


def _hint_without_sending(together: tuple[FieldChange, ...], lost: list[FieldPath], unsafe: list[FieldPath]) -> str:
    """Returns how to end the warning without touching the server. Declaring the shown value ends it only where a later
    row without that value is known to say nothing by that; `unsafe` are the fields where it is not.
    """
    if unsafe:
        return f"or, to keep what is shown, name {_named(unsafe)} in lifecycle.ignore_changes"
    if together:
        return "or declare what is shown"
    return f"or look at it, and if it is there, name {_named(lost)} in lifecycle.ignore_changes"


def _named(paths: Iterable[FieldPath]) -> str:
    return ", ".join(".".join(path) for path in paths)


def _describe_lost(path: FieldPath) -> str:
    return f"nothing shows that {'.'.join(path)} is there, because the answer to its reinstallation was lost"


def _waiting_hint(items: tuple[FieldChange, ...]) -> str:
    if any(not item.drift for item in items):
        return "nothing is sent while the cloud's answer is incomplete; plan again in a minute"
    return "nothing is sent again because of that"


def _describe_difference(item: FieldChange) -> str:
    before, declared = quote_distinctly(item.before, item.after)
    if not item.drift:
        before = "left out" if item.before is None else before
        return f"{'.'.join(item.path)} was {before}, {declared} is declared now, and the cloud shows none at the moment"
    return f"{'.'.join(item.path)} is {before} and {declared} was declared"


def _describe_default(item: FieldChange) -> str:
    shown, meant = quote_distinctly(item.before, item.after)
    return f"{'.'.join(item.path)} is {shown}, and leaving it out means {meant}"
