"""What the list of a DevServer's disks says of those that it was bought with, in the words of the specs.

Source: docs/api/devserver-api.md section 3.3. Disks that were attached later stand in the same list and look the same, so that data
disks tell something only where they are all alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.model.canonical import JsonObject, JsonValue

_TYPES = frozenset({"ESSD", "GPSSD", "SAS", "SATA", "SSD"})
_SIZES = {"ROOT": range(100, 1025), "DATA": range(100, 32769)}
"""By role, in gigabytes. What specs cannot say tells nothing: it could not be compared."""
_ROLES = frozenset(_SIZES)
_MOST = 8


def shown(listed: Sequence[JsonValue]) -> dict[str, JsonValue]:
    """`root_volume` and `data_volume`, each as far as it is told. A list with a disk of no known role tells nothing, as does one
    without a system disk of data disks that it does not name. A system disk alone says that there are no data disks.
    """
    disks = [disk for disk in listed if isinstance(disk, Mapping)]
    if len(disks) < len(listed) or not all(_word(disk, "type", _ROLES) for disk in disks):
        return {}
    roots = [disk for disk in disks if disk["type"] == "ROOT"]
    data = {str(disk.get("evs_id") or place): disk for place, disk in enumerate(disks) if disk["type"] == "DATA"}
    told: dict[str, JsonValue] = {}
    if len(roots) == 1 and (root := _described(roots[0])):
        told["root_volume"] = root
    kinds = [_described(disk) for disk in data.values()]
    if 0 < len(kinds) <= _MOST and all(kind == kinds[0] and kind.keys() == {"type", "size"} for kind in kinds):
        told["data_volume"] = {**kinds[0], "count": len(kinds)}
    elif not kinds and len(roots) == 1:
        told["data_volume"] = {"count": 0}
    return told


def _described(disk: JsonObject) -> JsonObject:
    size, kind = disk.get("size"), _word(disk, "evs_type", _TYPES)
    is_size = isinstance(size, int) and not isinstance(size, bool) and size in _SIZES[str(disk["type"])]
    return ({"type": kind} if kind else {}) | ({"size": size} if is_size else {})


def _word(disk: JsonObject, key: str, known: frozenset[str]) -> str | None:
    value = disk.get(key)
    return value if isinstance(value, str) and value in known else None
