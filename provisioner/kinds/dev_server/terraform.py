"""What the vendor's Terraform provider wrote down of a DevServer, as specs say it.

Only what the cloud hides is taken from there: what it shows it knows better. Passwords and userdata are never copied, as they
stand there in clear or in a form that nobody promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.model.canonical import JsonObject, JsonValue

RESOURCE = "huaweicloud_modelarts_devserver"
_PLAIN = {
    "availability_zone": "availability_zone",
    "enterprise_project_id": "enterprise_project_id",
    "type": "server_type",
}
_NETWORK = ("security_group_id", "roce_id")
_MODES = {"prePaid": "PRE_PAID", "postPaid": "POST_PAID"}


def hidden(attributes: JsonObject) -> JsonObject:
    """Absent and empty attributes are left out, as an import by Terraform leaves a dozen of them empty."""
    found: dict[str, JsonValue] = {
        ours: attributes[theirs] for theirs, ours in _PLAIN.items() if attributes.get(theirs)
    }
    if isinstance(arch := attributes.get("architecture"), str) and arch:
        found["arch"] = arch.upper()
    network = {key: attributes[key] for key in _NETWORK if attributes.get(key)}
    if attributes.get("ipv6_enable") is True:
        network["ipv6_enable"] = True
    if network:
        found["network"] = network
    if volume := _first(attributes.get("root_volume")):
        found["root_volume"] = {key: volume[key] for key in ("type", "size") if volume.get(key)}
    if charging := _charging(attributes):
        found["charging_info"] = charging
    return found


def _first(blocks: JsonValue) -> JsonObject:
    first = blocks[0] if isinstance(blocks, Sequence) and not isinstance(blocks, str) and blocks else {}
    return first if isinstance(first, Mapping) else {}


def _charging(attributes: JsonObject) -> JsonObject | None:
    """The provider pays by itself, always. A term that it does not name is nobody's to make up."""
    mode, unit, period = (attributes.get(key) for key in ("charging_mode", "period_unit", "period"))
    if _MODES.get(str(mode)) != "PRE_PAID" or not isinstance(unit, str) or not isinstance(period, int):
        return None
    return {
        "charging_mode": "PRE_PAID",
        "period_type": unit.upper(),
        "period_num": period,
        "is_auto_pay": True,
        "is_auto_renew": str(attributes.get("auto_renew")).lower() == "true",
    }
