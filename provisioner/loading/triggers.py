"""Whether `replace_triggered_by` can be followed: every address that it names is declared, and no chain of them leads back.

Works on addresses; where they are written is known to whoever reports. Cost is linear in servers and references.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from provisioner.loading.unplaced_error import UnplacedError, suggest
from provisioner.model.address import Address

Edges = Mapping[Address, tuple[Address, ...]]


def unknown_trigger(reference: Address, known: Collection[Address]) -> UnplacedError | None:
    """`known` has the groups as well; one that counts to 0 is known, too."""
    if reference in known:
        return None
    hint = suggest(str(reference), map(str, known), title="the specs declare")
    return UnplacedError(
        "unknown-trigger", f"replace_triggered_by names {reference}, which the specs do not declare", hint=hint
    )


def find_cycle(references: Edges, addresses: Iterable[Address]) -> tuple[Address, ...]:
    """One chain of addresses that leads back to its first, if there is any; groups are left out of it."""
    members: dict[Address, list[Address]] = {}
    for address in addresses:
        if address.key is not None:
            members.setdefault(address.group, []).append(address)
    finished: set[Address] = set()
    for start in sorted(references):
        if found := _find_cycle_from(start, references, members, finished):
            first = found.index(min(found))
            return (*found[first:], *found[:first])
    return ()


def _find_cycle_from(
    start: Address, references: Edges, members: Mapping[Address, list[Address]], finished: set[Address]
) -> tuple[Address, ...]:
    """Depth first, without recursion: a chain may be as long as a stack has servers. `over` is known to lead nowhere."""

    def successors(address: Address) -> Iterator[Address]:
        yield from references.get(address, ())
        yield from members.get(address, ())

    path: dict[Address, Iterator[Address]] = {start: successors(start)}
    while path:
        address = next(reversed(path))
        successor = next(path[address], None)
        if successor is None:
            finished.add(address)
            del path[address]
        elif successor in path:
            chain = list(path)
            return tuple(one for one in chain[chain.index(successor) :] if one not in members)
        elif successor not in finished:
            path[successor] = successors(successor)
    return ()
