"""A DevServer that exists as the specs would declare it, as far as the cloud shows it (docs/api/devserver-api.md section 4).

What it hides is left to the defaults of the stack, and never made up: an invented value would be bought, should the server
ever be replaced.
"""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.draft import Draft
from provisioner.model.resource import Live

HIDDEN = "security group, zone, enterprise project, userdata, password, term and renewal"
_BOUGHT = frozenset({"BMS", "ECS"})
"""Specs have no others."""
_PASSWORD = {"secret": "env:ADMIN_PASSWORD"}
"""One for all: it is a place to put the real one at, and each that is not set is warned of."""


def draft(row: Live, defaults: Mapping[str, JsonValue]) -> Draft:
    fields: dict[str, JsonValue] = {"name": row.name}
    remarks: list[str] = []
    machine = _machine(row, defaults)
    fields |= {"flavor": None, "resource_flavor": None, machine: row.shown.get(machine)}
    fields |= {key: row.shown[key] for key in ("image_id", "network", "arch", "root_volume") if key in row.shown}
    if row.shown.get("server_type") in _BOUGHT:
        fields["server_type"] = row.shown["server_type"]
    if isinstance(disks := row.shown.get("data_volume"), Mapping):
        fields["data_volume"] = disks if disks.get("type") else None
        if disks.get("type"):
            remarks.append(
                "data_volume: disks that were attached later look the same; take them out of it where it has such"
            )
    if "key_pair_name" in row.shown:
        fields |= {"key_pair_name": row.shown["key_pair_name"], "admin_pass": None}
    else:
        fields |= {"key_pair_name": None, "admin_pass": defaults.get("admin_pass") or _PASSWORD}
        remarks.append(
            "the cloud shows no key pair, so that a password is assumed; it is needed only where one is sent"
        )
    mode, usual = _mode(row.shown), _mode(defaults)
    term = _term(row.shown)
    if mode != usual or (term and {**_term(defaults), **term} != _term(defaults)):
        fields["charging_info"] = term or None
    if mode == "PRE_PAID" and mode != usual and not term:
        remarks.append(
            "charging_info: PRE_PAID in the cloud, and billing does not tell its term; until it is declared, plans say unconfirmed"
        )
    return Draft(fields, tuple(remarks))


def _machine(row: Live, defaults: Mapping[str, JsonValue]) -> str:
    """Both names may come back for one machine: the one that the stack uses."""
    usual = "resource_flavor" if defaults.get("resource_flavor") else "flavor"
    other = "flavor" if usual == "resource_flavor" else "resource_flavor"
    return usual if usual in row.shown else other


def _term(fields: Mapping[str, JsonValue]) -> JsonObject:
    """How a prepaid one was bought, where that is known whole; it is not said that it does not renew, as that is what leaving it out says."""
    charging = fields.get("charging_info")
    if not isinstance(charging, Mapping) or "period_type" not in charging:
        return {}
    return {key: value for key, value in charging.items() if (key, value) != ("is_auto_renew", False)}


def _mode(fields: Mapping[str, JsonValue]) -> JsonValue:
    charging = fields.get("charging_info")
    return charging.get("charging_mode") if isinstance(charging, Mapping) else None


def particulars(row: Live) -> tuple[str, str]:
    machine = row.shown.get("flavor") or row.shown.get("resource_flavor") or ""
    return str(machine), str(row.observed.get("charging_mode") or "")
