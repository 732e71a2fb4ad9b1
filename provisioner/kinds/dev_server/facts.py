"""What people and other tools want to know of a DevServer that no spec says: how it stands, how it is charged, how to reach it.

Read from what the state keeps of a row (docs/api/devserver-api.md section 3.3), so that it can be had without the cloud.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provisioner.model.canonical import JsonObject, JsonValue


def facts(observed: JsonObject) -> JsonObject:
    """Under the names of the specs where they have one. Absent is what was never shown."""
    known: dict[str, JsonValue] = {}
    if status := observed.get("status"):
        known["status"] = status
    if mode := observed.get("charging_mode"):
        known["charging_info"] = {"charging_mode": mode}
    if "endpoints" in observed:
        known["private_addresses"] = list(_texts(observed["endpoints"], "uri"))
    if "public_ips" in observed:
        known["public_addresses"] = list(_texts(observed["public_ips"], "address"))
    return known


def _texts(rows: JsonValue, key: str) -> Iterator[str]:
    """Each once, in the order in which the cloud tells them: two services of a server share its address."""
    told = [row.get(key) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    yield from dict.fromkeys(text for text in told if isinstance(text, str) and text)
