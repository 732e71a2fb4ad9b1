"""Finds what a released DevServer leaves behind, and the cloud goes on billing.

Source: docs/api/devserver-api.md section 2.3. Data disks that were ordered with a server are released with a prepaid
server and kept with a pay-per-use one. Disks that were attached later are always kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from provisioner.kinds.dev_server import charging
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.leftover import Leftover
from provisioner.model.resource import Live, Recorded


def find_leftovers(recorded: Recorded, live: Live | None) -> tuple[Leftover, ...]:
    """Returns the disks that a release keeps, by its row where there is one and else by its record."""
    disks = [*_data_disks((live or recorded).observed)]
    ordered = recorded.declared.get("data_volume")
    count = ordered.get("count") if isinstance(ordered, Mapping) else 0
    released = count if isinstance(count, int) and charging.is_prepaid(recorded, live) else 0
    if released == 0 and disks:
        return tuple(
            Leftover(f"data disk {disk.get('evs_id')}{_size_text(disk)}", _id(disk), _size(disk)) for disk in disks
        )
    if released == 0 and isinstance(ordered, Mapping):
        return (Leftover(f"data disks ordered with it ({count}), whose ids the cloud does not show"),)
    if len(disks) > released:
        names = ", ".join(str(disk.get("evs_id")) for disk in disks)
        return (Leftover(f"data disks attached later ({len(disks) - released}), among {names}"),)
    return ()


def _data_disks(observed: JsonObject) -> Iterator[JsonObject]:
    volumes = observed.get("volumes")
    for volume in volumes if isinstance(volumes, Sequence) and not isinstance(volumes, str) else ():
        if isinstance(volume, Mapping) and volume.get("type") == "DATA":
            yield volume


def _size_text(disk: JsonObject) -> str:
    return "" if (size := _size(disk)) is None else f" ({size} GB)"


def _size(disk: JsonObject) -> int | None:
    size: JsonValue = disk.get("size")
    return size if isinstance(size, int) else None


def _id(disk: JsonObject) -> str | None:
    identifier = disk.get("evs_id")
    return identifier if isinstance(identifier, str) else None
