"""Whether `replace_triggered_by` can be followed: every address that it names is declared, and no chain of them leads back.

Works on addresses; where they are written is known to whoever reports. Cost is linear in servers and references.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from provisioner.loading.unplaced_error import UnplacedError, nearest
from provisioner.model.address import Address

Edges = Mapping[Address, tuple[Address, ...]]


def unknown(reference: Address, known: Collection[Address]) -> UnplacedError | None:
    """`known` has the groups as well; one that counts to 0 is known, too."""
    if reference in known:
        return None
    hint = nearest(str(reference), map(str, known), title="the specs declare")
    return UnplacedError(
        "unknown-trigger", f"replace_triggered_by names {reference}, which the specs do not declare", hint=hint
    )


def cycle(references: Edges, addresses: Iterable[Address]) -> tuple[Address, ...]:
    """One chain of addresses that leads back to its first, if there is any; groups are left out of it."""
    members: dict[Address, list[Address]] = {}
    for address in addresses:
        if address.key is not None:
            members.setdefault(address.group, []).append(address)
    over: set[Address] = set()
    for start in sorted(references):
        if found := _back_to_itself(start, references, members, over):
            first = found.index(min(found))
            return (*found[first:], *found[:first])
    return ()


def _back_to_itself(
    start: Address, references: Edges, members: Mapping[Address, list[Address]], over: set[Address]
) -> tuple[Address, ...]:
    """Depth first, without recursion: a chain may be as long as a stack has servers. `over` is known to lead nowhere."""

    def following(address: Address) -> Iterator[Address]:
        yield from references.get(address, ())
        yield from members.get(address, ())

    way: dict[Address, Iterator[Address]] = {start: following(start)}
    while way:
        address = next(reversed(way))
        following_one = next(way[address], None)
        if following_one is None:
            over.add(address)
            del way[address]
        elif following_one in way:
            chain = list(way)
            return tuple(one for one in chain[chain.index(following_one) :] if one not in members)
        elif following_one not in over:
            way[following_one] = following(following_one)
    return ()
