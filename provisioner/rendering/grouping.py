"""Groups similar creates of one `count` or `for_each`, so that a plan can show one line for each.

Only neighbours are grouped, as the order of a plan is the order of the work. How a group looks is decided elsewhere.
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
"""Up to three servers are shown in full: reading them is less work than comparing them in the mind."""

MAX_DIFFERENCES = 3
"""How many fields besides the name may differ. A server that differs in more is shown in full."""

_NAME: FieldPath = ("name",)
_Leaves: TypeAlias = Mapping[FieldPath, JsonValue]


@dataclass(frozen=True, slots=True)
class GroupMember:
    change: Change
    differences: tuple[tuple[FieldPath, JsonValue], ...]
    """The fields that differ from the model, without the name."""


@dataclass(frozen=True, slots=True)
class SimilarCreates:
    """Neighbours that are created like `model`, which is shown in full before them."""

    model: Address
    members: tuple[GroupMember, ...]


def group_similar(changes: Iterable[Change]) -> Iterator[Change | SimilarCreates]:
    """Yields every change once and in order, alone or in a group."""
    for _, neighbours in groupby(changes, key=_family):
        family = tuple(neighbours)
        if len(family) < SMALLEST_GROUP or family[0].action is not Action.CREATE:
            yield from family
        else:
            yield from _group_family(family)


def _family(change: Change) -> tuple[str, str, tuple[str, ...], str]:
    return (change.action, change.kind, change.address.modules, change.address.name)


def _group_family(family: tuple[Change, ...]) -> Iterator[Change | SimilarCreates]:
    model, *others = family
    yield model
    wanted = dict(leaves(body_of(model)))
    compared = [(change, _differences(wanted, change)) for change in others]
    for alike, run in groupby(compared, key=lambda pair: pair[1] is not None):
        if alike:
            yield SimilarCreates(model.address, tuple(GroupMember(change, found or ()) for change, found in run))
        else:
            yield from (change for change, _ in run)


def _differences(wanted: _Leaves, change: Change) -> tuple[tuple[FieldPath, JsonValue], ...] | None:
    """Returns the fields that differ, or None where the two have different fields or too many differ."""
    own = dict(leaves(body_of(change)))
    if own.keys() != wanted.keys():
        return None
    found = tuple((path, value) for path, value in own.items() if value != wanted[path] and path != _NAME)
    return found if len(found) <= MAX_DIFFERENCES else None
