"""Translates what the vendor's Terraform provider has recorded of a DevServer into the fields of specs.

The names, types and values come from the schema, documentation and acceptance tests of the provider's resource
huaweicloud_modelarts_devserver, release 1.97.1 (docs/api/devserver-api.md section 11). Only fields that the cloud hides
are taken from a Terraform state: what the cloud shows is more reliable. Passwords and userdata are never copied, as
they are in clear text there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.resource import Live

RESOURCE = "huaweicloud_modelarts_devserver"
ACTIONS = frozenset({"huaweicloud_modelarts_devserver_action"})
"""Resources that record one start, stop or reinstallation. They own nothing in the cloud."""

_TOP_LEVEL = {
    "architecture": "arch",
    "availability_zone": "availability_zone",
    "enterprise_project_id": "enterprise_project_id",
    "type": "server_type",
}
_NETWORK = ("subnet_id", "security_group_id", "roce_id")


def hidden_fields(attributes: JsonObject, row: Live) -> JsonObject:
    """Returns the fields that the Terraform attributes have and `row` does not show.

    Absent and empty attributes are left out, as an import by Terraform leaves a dozen of them empty.
    """
    found: dict[str, JsonValue] = {
        ours: attributes[theirs]
        for theirs, ours in _TOP_LEVEL.items()
        if attributes.get(theirs) and ours not in row.shown
    }
    shown_network = _object(row.shown.get("network"))
    network = {key: attributes[key] for key in _NETWORK if attributes.get(key) and key not in shown_network}
    if attributes.get("ipv6_enable") is True:
        network["ipv6_enable"] = True
    if network:
        found["network"] = network
    volume = _first(attributes.get("root_volume"))
    disk = {key: volume[key] for key in ("type", "size") if volume.get(key)}
    if disk and "root_volume" not in row.shown:
        found["root_volume"] = disk
    if charging := _charging(attributes, row):
        found["charging_info"] = charging
    return found


def _charging(attributes: JsonObject, row: Live) -> JsonObject | None:
    """Returns the term of a prepaid server, or None where the attributes do not name it in full: it is never made up.

    The provider copies `charging_mode` from the server's row at every refresh. It sends a term for prepaid servers
    only, and always with automatic payment.
    """
    mode, unit, period = (attributes.get(key) for key in ("charging_mode", "period_unit", "period"))
    shown = _object(row.shown.get("charging_info")).get("charging_mode")
    if mode == "POST_PAID" or shown == "POST_PAID":
        return None
    if not isinstance(unit, str) or not unit or not isinstance(period, int) or isinstance(period, bool) or period < 1:
        return None
    return {
        "charging_mode": "PRE_PAID",
        "period_type": unit,
        "period_num": period,
        "is_auto_pay": True,
        "is_auto_renew": attributes.get("auto_renew") == "true",
    }


def _first(blocks: JsonValue) -> JsonObject:
    return _object(blocks[0]) if isinstance(blocks, Sequence) and not isinstance(blocks, str) and blocks else {}


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, Mapping) else {}
