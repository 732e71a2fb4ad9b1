"""The tree that YAML is read into: dicts and lists that keep the source offsets of their parts.

An offset is converted to a line and a column only when a finding needs them, so ten thousand correct servers don't pay
for it. This module knows nothing about the meaning of the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from provisioner.model.diagnostic import SourceRange

if TYPE_CHECKING:
    from provisioner.loading.document import Document


class _Invalid(Enum):
    INVALID = "invalid"


INVALID: Final = _Invalid.INVALID
"""Replaces a value that was invalid and has been reported, so that the rest can still be checked."""

Invalid: TypeAlias = Literal[_Invalid.INVALID]
DEPTH_LIMIT: Final = 64
"""Deepest nesting of maps and lists, whether written or made by a template."""

Path: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = "str | int | float | bool | MapNode | ListNode | Invalid | None"


class MapNode(dict[str, Any]):
    """A map. `offsets`: the offset of each key and of its value, by key."""

    __slots__ = ("offsets",)

    def __init__(self) -> None:
        super().__init__()
        self.offsets: dict[str, tuple[int, int]] = {}


class PartialMap(dict[str, Any]):
    """A map of which a part was invalid and has been reported, so that any key may be in it."""

    __slots__ = ()


class ListNode(list[Any]):
    """A list. `offsets`: the offset of each item."""

    __slots__ = ("offsets",)

    def __init__(self) -> None:
        super().__init__()
        self.offsets: list[int] = []


@dataclass(frozen=True, slots=True)
class Layer:
    """A map of one document. `start` and `name`: the offset and text to report when nothing inside the map matches."""

    document: Document
    node: MapNode
    start: int = 0
    name: str | None = None

    def child(self, key: str) -> Layer:
        """Returns the map under `key`, located at that key. The map is empty when there is none."""
        value = self.node.get(key)
        node = value if isinstance(value, MapNode) else MapNode()
        return (
            Layer(self.document, node, self.node.offsets[key][0], key)
            if key in self.node
            else Layer(self.document, node)
        )


def locate(
    layers: Sequence[Layer], path: Path, *, key: bool = False, unknown: bool = False, near: str = ""
) -> SourceRange:
    """Returns where the value at `path` was written, or its key: in the first layer that has it, else its nearest parent.

    `unknown`: the key at `path` is unknown, so its value is masked in the excerpt. `near`: the part of a text of several lines
    to look for.
    """
    _, layer, offset, text = max((_deepest(layer, path, key=key) for layer in layers), key=lambda found: found[0])
    if near and text is None:
        offset = _offset_in_text(layer, path, offset, near)
    return layer.document.locate(offset, text, unknown=unknown)


def find_layer(layers: Sequence[Layer], path: Path) -> Layer | None:
    """Returns the first layer in which the value at `path` is written."""
    return next((layer for layer in layers if _deepest(layer, path, key=False)[0] == len(path)), None)


def _deepest(layer: Layer, path: Path, *, key: bool) -> tuple[int, Layer, int, str | None]:
    node: Any = layer.node
    offset, text = layer.start, layer.name
    steps = 0
    for step in path:
        if isinstance(node, MapNode) and step in node:
            name = str(step)
            value = node[name]
            at_key = key or isinstance(value, (MapNode, ListNode)) or value is None
            offset, text = (node.offsets[name][0], name) if at_key else (node.offsets[name][1], None)
        elif isinstance(node, ListNode) and (index := _list_index(step)) is not None and index < len(node):
            value = node[index]
            offset, text = node.offsets[index], None
        else:
            break
        node = value
        steps += 1
    return steps, layer, offset, text


def _offset_in_text(layer: Layer, path: Path, offset: int, near: str) -> int:
    """Returns the offset of a part of the text at `path`, which begins at `offset`, if it has several lines."""
    value: Any = layer.node
    for step in path:
        value = value[str(step)] if isinstance(value, MapNode) else value[_list_index(step) or 0]
    if not isinstance(value, str) or "\n" not in value:
        return offset
    indented = len(value) + (value.count("\n") + 1) * DEPTH_LIMIT
    found = layer.document.text.find(near, offset, offset + indented)
    return offset if found < 0 else found


def _list_index(step: str | int) -> int | None:
    """Returns a step of a path as an index of a list, or None. Paths of fields have their indexes as texts."""
    if isinstance(step, int):
        return step
    return int(step) if step.isascii() and step.isdigit() else None


def without_invalid(value: Any) -> tuple[Any, frozenset[Path]]:
    """Returns a plain copy without INVALID, and the paths where it was. An invalid item of a list becomes None."""
    invalid: set[Path] = set()
    return _copy_valid(value, (), invalid), frozenset(invalid)


def _copy_valid(value: Any, path: Path, invalid: set[Path]) -> Any:
    if value is INVALID:
        invalid.add(path)
        return None
    if isinstance(value, dict):
        copies = ((key, _copy_valid(item, (*path, key), invalid)) for key, item in value.items())
        return {key: copy for key, copy in copies if (*path, key) not in invalid}
    if isinstance(value, list):
        return [_copy_valid(item, (*path, index), invalid) for index, item in enumerate(value)]
    return value
