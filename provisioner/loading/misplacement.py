"""Recognises fields that wrong indentation has put beside the name that they belong to.

    web:
    flavor: Si2.large.4     # read as a second name, with a text for its body

One wrong indentation moves all fields of a body, so they are one mistake, and the empty name above them is none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from provisioner.loading.tree import INVALID, Layer, MapNode, locate
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.model.diagnostic import SourceRange


@dataclass(frozen=True, slots=True)
class Misplacement:
    """The fields `names` stand beside `owner`, the name that they belong to, if there is one above them."""

    names: tuple[str, ...]
    owner: str | None
    mistake: UnplacedError
    at: SourceRange

    def explains(self, name: str) -> bool:
        """Returns whether a name needs no check of its own."""
        return name in self.names or name == self.owner


def find_misplaced(section: Layer, fields: Collection[str], noun: str) -> Misplacement | None:
    """Returns the fields of a `noun` that stand among the names of `section`, if any."""
    owner, found = None, list[str]()
    for name, body in section.node.items():
        if name in fields and _is_no_body(body, fields, owner):
            found.append(name)
        elif body is None and not found:
            owner = name
    if not found:
        return None
    names = listed(found)
    is_field, stands = (
        (f"is a field of a {noun}", "stands") if len(found) == 1 else (f"are fields of a {noun}", "stand")
    )
    summary = f"{names} {is_field}, and {stands} where the name of a {noun} is expected"
    hint = (
        f"indent {names} more than {owner}"
        if owner
        else f"write the name of the {noun} above, and indent {names} below it"
    )
    at = locate([section], (found[0],), key=True)
    return Misplacement(tuple(found), owner, UnplacedError("wrong-type", summary, hint=hint), at)


def listed(names: Collection[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _is_no_body(body: object, fields: Collection[str], owner: str | None) -> bool:
    """Returns whether a value can't be the body of a name: it is no map, or has no field and follows an empty name."""
    if isinstance(body, MapNode):
        return owner is not None and bool(body) and not any(key in fields for key in body)
    return body is not None and body is not INVALID
