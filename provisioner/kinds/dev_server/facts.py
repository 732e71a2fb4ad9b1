"""Reads what no spec declares of a DevServer and other tools want: its status, charging mode and addresses.

They come from what the state keeps of a row (docs/api/devserver-api.md section 3.3), so they are available without the
cloud.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provisioner.model.canonical import JsonObject, JsonValue


def read_facts(observed: JsonObject) -> JsonObject:
    """Returns the facts, under the names of the specs where specs have one. A fact that was never shown is absent."""
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
    """Yields each text once, in the cloud's order: two services of a server share its address."""
    values = [row.get(key) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    yield from dict.fromkeys(text for text in values if isinstance(text, str) and text)
