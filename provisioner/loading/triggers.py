"""Checks `replace_triggered_by`: every address that it names is declared, and there is no cycle.

This module works on addresses, not on source positions. Its cost is linear in the number of servers and references.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from provisioner.loading.declarations import Declarations
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.model.address import Address

Edges = Mapping[Address, tuple[Address, ...]]


def unknown_trigger(reference: Address, declarations: Declarations) -> UnplacedError | None:
    """Returns the error for an address that is certainly not declared, else None."""
    if not declarations.lacks(reference):
        return None
    return UnplacedError(
        "unknown-trigger",
        f"replace_triggered_by names {reference}, which the specs do not declare",
        hint=declarations.suggest(reference),
        about=declarations.missing(reference),
    )


def find_cycle(references: Edges, addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Returns the addresses of one cycle, without groups, or () if there is none. The first one is the smallest address."""
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
    """Searches depth first, without recursion, because a chain can have as many links as the stack has servers.

    `finished`: addresses that are known to lead to no cycle; the search adds to it.
    """

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
            return tuple(address for address in chain[chain.index(successor) :] if address not in members)
        elif successor not in finished:
            path[successor] = successors(successor)
    return ()
