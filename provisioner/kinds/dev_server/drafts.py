"""Drafts the specs of a DevServer that exists, as far as the cloud shows it (docs/api/devserver-api.md section 4).

What the cloud hides is left to the defaults of the stack and never made up: an invented value would be bought if the
server were ever replaced.
"""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.draft import Draft
from provisioner.model.resource import Live

HIDDEN = "security group, zone, enterprise project, userdata, password, term and renewal"
_DECLARABLE_TYPES = frozenset({"BMS", "ECS"})
"""Specs accept no other type."""
_PASSWORD = {"secret": "env:ADMIN_PASSWORD"}
"""A placeholder for the real reference, the same for all servers: each secret that is not set gets a warning."""


def draft(row: Live, defaults: Mapping[str, JsonValue]) -> Draft:
    """Returns the fields that specs would declare for the row, and remarks on what it cannot show.

    `defaults` are those of the stack.
    """
    fields: dict[str, JsonValue] = {"name": row.name}
    remarks: list[str] = []
    flavor_field = _flavor_field(row, defaults)
    fields |= {"flavor": None, "resource_flavor": None, flavor_field: row.shown.get(flavor_field)}
    fields |= {key: row.shown[key] for key in ("image_id", "network", "arch", "root_volume") if key in row.shown}
    if row.shown.get("server_type") in _DECLARABLE_TYPES:
        fields["server_type"] = row.shown["server_type"]
    if isinstance(disks := row.shown.get("data_volume"), Mapping):
        fields["data_volume"] = disks if disks.get("type") else None
        if disks.get("type"):
            remarks.append("data_volume: disks that were attached later look the same; remove them from it")
    if "key_pair_name" in row.shown:
        fields |= {"key_pair_name": row.shown["key_pair_name"], "admin_pass": None}
    else:
        fields |= {"key_pair_name": None, "admin_pass": defaults.get("admin_pass") or _PASSWORD}
        remarks.append("the cloud shows no key pair, so a password is assumed; it is needed only if one is sent")
    mode, default_mode = _mode(row.shown), _mode(defaults)
    term = _term(row.shown)
    if mode != default_mode or (term and {**_term(defaults), **term} != _term(defaults)):
        fields["charging_info"] = term or None
    if mode == "PRE_PAID" and mode != default_mode and not term:
        remarks.append(
            "charging_info: PRE_PAID in the cloud, and billing does not know its term; until you declare it, plans report unconfirmed"
        )
    return Draft(fields, tuple(remarks))


def _flavor_field(row: Live, defaults: Mapping[str, JsonValue]) -> str:
    """Returns the field that names the machine.

    A row may show both: then it is the one that the stack's defaults use.
    """
    preferred = "resource_flavor" if defaults.get("resource_flavor") else "flavor"
    other = "flavor" if preferred == "resource_flavor" else "resource_flavor"
    return preferred if preferred in row.shown else other


def _term(fields: Mapping[str, JsonValue]) -> JsonObject:
    """Returns the `charging_info` of a prepaid server whose term is fully known, and else nothing.

    `is_auto_renew: false` is left out: leaving it out means the same.
    """
    charging = fields.get("charging_info")
    if not isinstance(charging, Mapping) or "period_type" not in charging:
        return {}
    return {key: value for key, value in charging.items() if (key, value) != ("is_auto_renew", False)}


def _mode(fields: Mapping[str, JsonValue]) -> JsonValue:
    charging = fields.get("charging_info")
    return charging.get("charging_mode") if isinstance(charging, Mapping) else None


def particulars(row: Live) -> tuple[str, str]:
    """Returns the flavor and the charging mode, which tell rows apart in a list; each is empty if it is not shown."""
    flavor = row.shown.get("flavor") or row.shown.get("resource_flavor") or ""
    return str(flavor), str(row.observed.get("charging_mode") or "")
