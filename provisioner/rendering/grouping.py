"""Groups similar changes of one `count` or `for_each`, so that a plan can show one in full and a line for each other.

Changes are alike where they do the same for the same reasons. What differs in their fields is kept with each, so that a
group hides nothing. How a group looks is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from provisioner.model.action import Action, FieldChange
from provisioner.model.canonical import JsonValue
from provisioner.model.change import Change
from provisioner.model.resource import FieldPath
from provisioner.rendering.change import adopted_as_wanted, body_of, identity_of, losses, reasons, remarks, shown_fields
from provisioner.rendering.values import leaves

SMALLEST_GROUP = 4
"""Up to three servers are shown in full: reading them is less work than comparing them in the mind."""

MAX_DIFFERENCES = 3
"""How many fields besides the name may differ. A server that differs in more becomes another model, shown in full."""

_MOST_MODELS = 4
"""How many models one group has at most. Then a server is compared with the nearest of them, however much differs."""

_NAME: FieldPath = ("name",)
Difference: TypeAlias = tuple[FieldPath, "FieldChange | JsonValue | Absent"]
_Picture: TypeAlias = Mapping[FieldPath, "FieldChange | JsonValue"]


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands for a field that the model shows and this change does not."""


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class GroupMember:
    change: Change
    differences: tuple[Difference, ...]
    """The fields that differ from the model, without the name."""


@dataclass(slots=True)
class SimilarChanges:
    """Changes like that of `model`, which is shown in full before them."""

    model: Change
    members: list[GroupMember] = field(default_factory=list)


def group_similar(changes: Iterable[Change]) -> Iterator[Change | SimilarChanges]:
    """Yields every change once, alone or in a group. A group stands in the place of its first change: what a renamed key
    releases and what it creates alternate in a plan, and neighbours alone would not be found alike.
    """
    changes = tuple(changes)
    families: dict[object, list[Change]] = {}
    keys = [_family(change) for change in changes]
    for key, change in zip(keys, changes, strict=True):
        families.setdefault(key, []).append(change)
    for key, change in zip(keys, changes, strict=True):
        family = families[key]
        if len(family) < SMALLEST_GROUP:
            yield change
        elif change is family[0]:
            yield from _group_family(family)


def _family(change: Change) -> tuple[object, ...]:
    """Returns what all changes of a group have in common: all that is shown of one, except its names and its fields."""
    address, recorded = change.address, change.recorded
    family = (
        change.kind, address.modules, address.name, address.deposed, change.action, change.create_first, change.reason
    )  # fmt: skip
    if recorded is None:
        return family
    return (*family, recorded.phase, *reasons(change), *remarks(change), *losses(change))


def _group_family(family: Iterable[Change]) -> Iterator[Change | SimilarChanges]:
    groups: list[tuple[_Picture, SimilarChanges]] = []
    for change in family:
        own = _picture(change)
        nearest, found = None, None
        for wanted, group in groups:
            differences = _differences(wanted, own)
            if found is None or len(differences) < len(found):
                nearest, found = group, differences
            if len(found) <= MAX_DIFFERENCES:
                break
        if nearest is None or found is None or (len(found) > MAX_DIFFERENCES and len(groups) < _MOST_MODELS):
            groups.append((own, SimilarChanges(change)))
        else:
            nearest.members.append(GroupMember(change, found))
    for _, group in groups:
        yield group.model
        if group.members:
            yield group


def _picture(change: Change) -> _Picture:
    """Returns the fields that the full text of the change shows, except its name and id, which every server has."""
    if change.action is Action.CREATE:
        created = dict(leaves(body_of(change)))
        created.pop(_NAME, None)
        return created
    shown: dict[FieldPath, FieldChange | JsonValue] = {(name,): text for name, text in identity_of(change).items()}
    if change.action is Action.ADOPT:
        shown.update(leaves(adopted_as_wanted(change)))
    shown.update((item.path, item) for item in shown_fields(change))
    shown.pop(_NAME, None)
    return shown


def _differences(wanted: _Picture, own: _Picture) -> tuple[Difference, ...]:
    if wanted == own:
        return ()
    found: list[Difference] = [
        (path, value) for path, value in own.items() if path not in wanted or value != wanted[path]
    ]
    found += ((path, ABSENT) for path in wanted if path not in own)
    return tuple(found)
