"""Compares two bodies, and returns the differences as our own values. Only this module imports deepdiff.

Bodies with equal canonical bytes are the same, and are compared before deepdiff is imported: it is by far the slowest
import and the slowest comparison of the project (docs/benchmarks.md). `==` would not do, because it calls True and 1
equal and the wire does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provisioner.model.canonical import JsonObject, JsonValue, canonical
from provisioner.model.redaction import is_leaf, leaves, value_at
from provisioner.model.resource import FieldPath


@dataclass(frozen=True, slots=True)
class Difference:
    """One differing leaf; an absent value is None. A list is one leaf, however little of it changed."""

    path: FieldPath
    before: JsonValue
    after: JsonValue


def differences(before: JsonObject, after: JsonObject) -> tuple[Difference, ...]:
    """Returns every differing leaf, sorted by path."""
    if canonical(before) == canonical(after):
        return ()
    from deepdiff import DeepDiff

    trees = _with_canonical_leaves(before), _with_canonical_leaves(after)
    report = DeepDiff(*trees, view="tree", threshold_to_diff_deeper=0, ignore_private_variables=False)
    steps = (tuple(map(str, level.path(output_format="list"))) for levels in report.values() for level in levels)
    paths = {leaf for path in steps for leaf in _leaf_paths(before, after, path)}
    return tuple(Difference(path, value_at(before, path), value_at(after, path)) for path in sorted(paths))


def _with_canonical_leaves(body: JsonObject) -> dict[str, object]:
    """Returns `body` with its leaves as canonical bytes. DeepDiff compares list items by `==`, and would miss True for
    1.
    """
    return {
        key: _with_canonical_leaves(value) if isinstance(value, Mapping) and not is_leaf(value) else canonical(value)
        for key, value in body.items()
        if value is not None
    }


def _leaf_paths(before: JsonObject, after: JsonObject, path: FieldPath) -> Iterator[FieldPath]:
    """Yields the leaf at `path`, or, where a whole object was added or removed, each leaf of it."""
    sides = [side for side in (value_at(before, path), value_at(after, path)) if side is not None]
    if any(map(is_leaf, sides)):
        yield path
        return
    for side in sides:
        if isinstance(side, Mapping):
            yield from (leaf for leaf, value in leaves(side, path) if value is not None)
