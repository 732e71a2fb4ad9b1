"""Finds the creates of one `count` or `for_each` that say the same but for a few values, so that they can be told in a line each.

Only neighbours are gathered, for the order of a plan is the order of the work. Nothing here decides how they look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.canonical import JsonValue
from provisioner.model.change import Change
from provisioner.model.resource import FieldPath
from provisioner.rendering.change import body_of
from provisioner.rendering.values import leaves

SMALLEST_GROUP = 4
"""Up to three servers are shown in full: reading them costs less than comparing them in the mind."""

MOST_DIFFERENCES = 3
"""Beside the name. A server that differs in more is shown in full."""

_NAME: FieldPath = ("name",)
_Leaves: TypeAlias = Mapping[FieldPath, JsonValue]


@dataclass(frozen=True, slots=True)
class GroupMember:
    change: Change
    differences: tuple[tuple[FieldPath, JsonValue], ...]
    """What differs from the model, the name aside."""


@dataclass(frozen=True, slots=True)
class Likenesses:
    """Neighbours that are created like `model`, which is shown in full before them."""

    model: Address
    members: tuple[GroupMember, ...]


def grouped(changes: Iterable[Change]) -> Iterator[Change | Likenesses]:
    """Every change once and in order, alone or among its likenesses."""
    for _, neighbours in groupby(changes, key=_family):
        family = tuple(neighbours)
        if len(family) < SMALLEST_GROUP or family[0].action is not Action.CREATE:
            yield from family
        else:
            yield from _likened(family)


def _family(change: Change) -> tuple[str, str, tuple[str, ...], str]:
    return (change.action, change.kind, change.address.modules, change.address.name)


def _likened(family: tuple[Change, ...]) -> Iterator[Change | Likenesses]:
    model, *others = family
    yield model
    wanted = dict(leaves(body_of(model)))
    compared = [(change, _differences(wanted, change)) for change in others]
    for alike, run in groupby(compared, key=lambda pair: pair[1] is not None):
        if alike:
            yield Likenesses(model.address, tuple(GroupMember(change, found or ()) for change, found in run))
        else:
            yield from (change for change, _ in run)


def _differences(wanted: _Leaves, change: Change) -> tuple[tuple[FieldPath, JsonValue], ...] | None:
    """None where the two have other fields or differ in too many."""
    own = dict(leaves(body_of(change)))
    if own.keys() != wanted.keys():
        return None
    found = tuple((path, value) for path, value in own.items() if value != wanted[path] and path != _NAME)
    return found if len(found) <= MOST_DIFFERENCES else None
