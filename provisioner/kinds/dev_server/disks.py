"""Derives the disks that a DevServer was bought with from the list of its disks, in the shape of the specs.

Source: docs/api/devserver-api.md section 3.3. Disks that were attached later are in the same list and look the same, so
data disks are conclusive only where they are all alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.model.canonical import JsonObject, JsonValue

_TYPES = frozenset({"ESSD", "GPSSD", "SAS", "SATA", "SSD"})
_SIZES = {"ROOT": range(100, 1025), "DATA": range(100, 32769)}
"""The sizes in gigabytes that specs may declare, by role. Any other size is ignored, as it could not be compared."""
_ROLES = frozenset(_SIZES)
_MAX_DATA_DISKS = 8


def bought_volumes(listed: Sequence[JsonValue]) -> dict[str, JsonValue]:
    """Returns `root_volume` and `data_volume`, each as far as the list shows it.

    A list with a disk of unknown role shows nothing. A list without a system disk may lack data disks as well, so it
    never shows that there are none; a system disk alone shows that.
    """
    disks = [disk for disk in listed if isinstance(disk, Mapping)]
    if len(disks) < len(listed) or not all(_known_word(disk, "type", _ROLES) for disk in disks):
        return {}
    roots = [disk for disk in disks if disk["type"] == "ROOT"]
    data = {str(disk.get("evs_id") or place): disk for place, disk in enumerate(disks) if disk["type"] == "DATA"}
    volumes: dict[str, JsonValue] = {}
    if len(roots) == 1 and (root := _describe(roots[0])):
        volumes["root_volume"] = root
    kinds = [_describe(disk) for disk in data.values()]
    if 0 < len(kinds) <= _MAX_DATA_DISKS and all(
        kind == kinds[0] and kind.keys() == {"type", "size"} for kind in kinds
    ):
        volumes["data_volume"] = {**kinds[0], "count": len(kinds)}
    elif not kinds and len(roots) == 1:
        volumes["data_volume"] = {"count": 0}
    return volumes


def _describe(disk: JsonObject) -> JsonObject:
    size, kind = disk.get("size"), _known_word(disk, "evs_type", _TYPES)
    is_size = isinstance(size, int) and not isinstance(size, bool) and size in _SIZES[str(disk["type"])]
    return ({"type": kind} if kind else {}) | ({"size": size} if is_size else {})


def _known_word(disk: JsonObject, key: str, known: frozenset[str]) -> str | None:
    value = disk.get(key)
    return value if isinstance(value, str) and value in known else None
