"""Reads one field of an item for the filter `map(attribute=...)`: a key of a map, never an attribute of a Python object.

This module knows values, not templates. The caller charges for the work.
"""

from __future__ import annotations

from typing import Any

from provisioner.loading.tree import INVALID
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError


def item_field(row: Any, name: Any) -> Any:
    """Returns a field of an item.

    Raises UnplacedError when the item lacks the field, and AlreadyReported when either was invalid and has been reported.
    """
    if row is INVALID:
        raise AlreadyReported
    if not isinstance(row, dict) or name not in row:
        hint = "every item must be a map with that field"
        raise UnplacedError("template-error", "map(attribute=...) names a field that an item lacks", hint=hint)
    if row[name] is INVALID:
        raise AlreadyReported
    return row[name]
