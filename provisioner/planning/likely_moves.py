"""Suggests a move where a server would be released and an equal one bought: most likely it is the same server under
another address.

It is only a suggestion, and decides nothing: two servers may well be alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, digest
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.redaction import with_value

_NAME = ("name",)
_Pair = tuple[Change, Change]


def likely_moves(changes: Sequence[Change], catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Yields one finding for each pair of groups, however many servers they have."""
    groups: dict[tuple[Address, Address], list[_Pair]] = defaultdict(list)
    for released, created in _pairs(changes, catalogue):
        groups[released.address.group, created.address.group].append((released, created))
    for (origin, address), pairs in groups.items():
        as_groups = len(pairs) > 1 and all(one.address.key == other.address.key for one, other in pairs)
        for released, created in pairs[:1] if as_groups else pairs:
            moved = (origin, address) if as_groups else (released.address, created.address)
            yield _suggestion(
                *moved, servers=len(pairs) if as_groups else 1, created=created, noun=catalogue[created.kind].noun
            )


def _pairs(changes: Sequence[Change], catalogue: Catalogue) -> Iterator[_Pair]:
    """Yields the pairs of a release and an equal purchase in the order of their addresses, each server once."""
    by_key: dict[str, tuple[list[Change], list[Change]]] = defaultdict(lambda: ([], []))
    for change in changes:
        if change.action is Action.DELETE and change.reason is Reason.NOT_IN_SPECS and change.recorded is not None:
            by_key[_comparison_key(catalogue[change.kind], change.recorded.declared)][0].append(change)
    for change in changes if by_key else ():  # most plans release nothing, and need not digest what they buy
        if change.action is Action.CREATE and change.after is not None:
            by_key[_comparison_key(catalogue[change.kind], change.after)][1].append(change)
    for released, created in by_key.values():
        yield from _match(released, created)


def _match(released: list[Change], created: list[Change]) -> Iterator[_Pair]:
    """Pairs members with the same key first: in a renamed group, each member is still the same one."""
    vacant = {change.address.key: change for change in created if change.address.key is not None}
    kept = [(change, vacant.pop(change.address.key)) for change in released if change.address.key in vacant]
    yield from kept
    taken = {change.address for pair in kept for change in pair}
    rest = ([change for change in side if change.address not in taken] for side in (released, created))
    yield from zip(*rest, strict=False)


def _comparison_key(kind: Kind, declared: JsonObject) -> str:
    """Returns a digest of all that distinguishes two servers except their names. Passwords do not count: another
    password does not make another server.
    """
    declared = kind.lasting_fields(declared)
    for path in (_NAME, *kind.sensitive()):
        declared = with_value(declared, path, None)
    return f"{kind.name} {digest(declared)}"


def _suggestion(origin: Address, address: Address, *, servers: int, created: Change, noun: str) -> Diagnostic:
    what = f"{servers} {noun}s of {origin}" if servers > 1 else str(origin)
    other = f"the same number of {address}" if servers > 1 else str(address)
    return warning(
        "likely-move",
        f"{what} would be released and {other} bought, with the same fields",
        hint=f"if only the address changed, keep the {noun}: `provisioner state mv '{origin}' {address.shell_quoted}`, or "
        f"moved: [{{from: '{origin}', to: {address.shell_quoted}}}] in the specs",
        source=created.desired.source if created.desired else None,
        address=created.address,
    )
