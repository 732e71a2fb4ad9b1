"""What the vendor's Terraform provider wrote down of a DevServer, as specs say it.

Source of the names, types and values: schema, documentation and acceptance tests of the provider's resource
huaweicloud_modelarts_devserver, release 1.97.1 (docs/api/devserver-api.md section 11). Only what the cloud hides is taken from
there: what it shows it knows better. Passwords and userdata are never copied, as they stand there in clear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.resource import Live

RESOURCE = "huaweicloud_modelarts_devserver"
ACTIONS = frozenset({"huaweicloud_modelarts_devserver_action"})
"""Records of a start, stop or reinstallation that was carried out once. They own nothing in the cloud."""

_PLAIN = {
    "architecture": "arch",
    "availability_zone": "availability_zone",
    "enterprise_project_id": "enterprise_project_id",
    "type": "server_type",
}
_NETWORK = ("subnet_id", "security_group_id", "roce_id")


def hidden(attributes: JsonObject, row: Live) -> JsonObject:
    """Absent and empty attributes are left out, as an import by Terraform leaves a dozen of them empty. So is whatever `row`
    shows.
    """
    found: dict[str, JsonValue] = {
        ours: attributes[theirs] for theirs, ours in _PLAIN.items() if attributes.get(theirs) and ours not in row.shown
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
    """The term of a prepaid server. The provider copies `charging_mode` from the server's row at every refresh and sends a term
    for prepaid servers only, and always with automatic payment. A term that it does not name is not made up.
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
