"""One field of one of many, for `map(attribute=...)`: a map's own, never an attribute of Python's.

Knows values, not templates; what gathering costs is paid by whoever asks.
"""

from __future__ import annotations

from typing import Any

from provisioner.loading.tree import INVALID
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError


def item_field(row: Any, name: Any) -> Any:
    """Raises UnplacedError for an item that lacks it, and AlreadyReported where either is not to be had."""
    if row is INVALID:
        raise AlreadyReported
    if not isinstance(row, dict) or name not in row:
        hint = "every item must be a map with that field"
        raise UnplacedError("template-error", "map(attribute=...) names a field that an item lacks", hint=hint)
    if row[name] is INVALID:
        raise AlreadyReported
    return row[name]
