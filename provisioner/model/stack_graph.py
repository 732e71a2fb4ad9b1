"""What a stack declares, by group, and in which order the work on it is done: batches of a rollout, and triggers.

It follows from the specs alone. A declaration without `count` and `for_each` is a group of one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from provisioner.model.address import Address
from provisioner.model.kind import Catalogue
from provisioner.model.resource import Desired


@dataclass(frozen=True, slots=True)
class Batches:
    """Batches of the same size that follow each other in a rollout."""

    size: int
    times: int


@dataclass(frozen=True, slots=True)
class Group:
    """One declaration. `address` has no key, and `noun` is what messages call one of its servers."""

    address: Address
    noun: str
    size: int = 0
    rollout: tuple[Batches, ...] = ()
    """Empty where all servers of the group are worked on at the same time."""
    is_one_order: bool = False
    protected: int = 0
    """How many of its servers have `prevent_destroy`."""
    successor_first: int = 0
    """How many of its servers have `create_before_destroy`."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """`lifecycle.replace_triggered_by` of a group. `cause` and `dependent` are addresses of groups.

    `named` are the servers of the cause that are named by themselves; it is empty where the whole group is. `dependents`
    is how many servers of the dependent group are replaced.
    """

    cause: Address
    dependent: Address
    named: tuple[Address, ...]
    dependents: int


@dataclass(frozen=True, slots=True)
class StackGraph:
    """`groups` are sorted by address. `counted` is how many servers there are, in words."""

    stack: str
    environment: str | None
    counted: str
    groups: tuple[Group, ...]
    triggers: tuple[Trigger, ...]


def groups_of(desired: Iterable[Desired], catalogue: Catalogue) -> tuple[Group, ...]:
    """Returns the groups, and those without servers that a trigger names."""
    members: dict[Address, list[Desired]] = {}
    for one in desired:
        members.setdefault(one.address.group, []).append(one)
    named = {cause.group for group in members.values() for one in group for cause in one.lifecycle.replace_triggered_by}
    found = [_group(address, members[address], catalogue) for address in members]
    empty = [Group(address, catalogue.first.noun) for address in named - members.keys()]
    return tuple(sorted((*found, *empty), key=lambda group: group.address))


def triggers_of(desired: Iterable[Desired]) -> tuple[Trigger, ...]:
    named: dict[tuple[Address, Address], set[Address]] = {}
    dependents: dict[tuple[Address, Address], set[Address]] = {}
    for one in desired:
        for reference in one.lifecycle.replace_triggered_by:
            edge = (reference.group, one.address.group)
            named.setdefault(edge, set()).add(reference)
            dependents.setdefault(edge, set()).add(one.address)
    return tuple(
        Trigger(*edge, () if edge[0] in named[edge] else tuple(sorted(named[edge])), len(dependents[edge]))
        for edge in sorted(named)
    )


def _group(address: Address, members: list[Desired], catalogue: Catalogue) -> Group:
    return Group(
        address,
        catalogue.noun(members[0].kind),
        len(members),
        _rollout(members),
        is_one_order=members[0].together,
        protected=sum(bool(one.lifecycle.prevent_destroy) for one in members),
        successor_first=sum(one.lifecycle.create_before_destroy for one in members),
    )


def _rollout(members: Iterable[Desired]) -> tuple[Batches, ...]:
    sizes: dict[int, int] = {}
    for one in members:
        sizes[one.wave] = sizes.get(one.wave, 0) + 1
    if len(sizes) == 1:
        return ()
    in_order = (sizes[number] for number in sorted(sizes))
    return tuple(Batches(size, len([*run])) for size, run in groupby(in_order))
