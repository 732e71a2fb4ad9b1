"""What the API shows of a DevServer.

Source: docs/api/devserver-api.md sections 2.2, 3.3 and 4. Both forms of an answer are read (`endpoints` and
`endpoints_response`, `image` and `server_image_response`); unknown fields are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from provisioner.kinds.dev_server import charging, disks
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, ReadFlow, Service
from provisioner.model.resource import Live
from provisioner.model.resource_id import request_spelling

SERVERS = "/v1/{project_id}/dev-servers"
_OBSERVED = (
    "status", "charging_mode", "create_at", "update_at", "cloud_server", "volumes", "category", "server_hps",
    "hps_id", "hps_ecs_id", "resource_flavor",
)  # fmt: skip

ERROR = "ERROR"
"""Not built, or a fault of what was: the status alone does not tell (section 4)."""
CREATE_FAILED = frozenset({"CREATE_FAILED", ERROR})
"""Of these a prepaid one is deleted and not unsubscribed (section 2.3)."""
DELETING = "DELETING"
DELETED = "DELETED"
"""A row of this status is as good as none (section 4: it may never be seen), so it is read as none."""
DELETE_FAILED = "DELETE_FAILED"
RELEASING = frozenset({DELETING})
ADVERSE = frozenset(
    {
        "CREATE_FAILED", "START_FAILED", "STOP_FAILED", "REBOOT_FAILED", "CHANGINGOS_FAILED", "REINSTALLINGOS_FAILED",
        DELETE_FAILED, ERROR,
    }
)  # fmt: skip
RUNNING, STOPPED = "RUNNING", "STOPPED"
STABLE = frozenset({RUNNING, STOPPED}) | ADVERSE
_UNDER_WAY = frozenset({"CREATING", "STARTING", "STOPPING", "REBOOTING", "CHANGINGOS", "REINSTALLINGOS", DELETING})
STATUSES = STABLE | _UNDER_WAY | {DELETED}
"""All that are published. Any other is waited on like one that will change."""
BUILT = STATUSES - CREATE_FAILED - {"CREATING", DELETING, DELETE_FAILED, DELETED}
"""Only what was built has ever shown one of these."""
_POWER = {RUNNING: "running", "STOP_FAILED": "running", STOPPED: "stopped", "START_FAILED": "stopped"}
"""By status: where something else is under way, or broken, nothing is said of it."""

_ARCHITECTURES = frozenset({"X86", "ARM"})
_SERVER_TYPES = frozenset({"BMS", "ECS", "HPS"})
"""Any other spelling tells nothing: it could not be compared with what specs may say."""

_ID = re.compile(r"[-a-zA-Z0-9]{1,64}")
"""Ids go into paths; anything else than this is never sent back."""


def read(row: JsonValue) -> Live:
    """Raises CallFailed when the row is no server: without a well-formed id nothing can be said about it."""
    identifier = row.get("id") if isinstance(row, Mapping) else None
    if not isinstance(row, Mapping) or not isinstance(identifier, str) or not is_id(identifier):
        raise CallFailed(Outcome.UNKNOWN, "the cloud answered with a server that has no usable id")
    image = _object(row, "image") or _object(row, "server_image_response")
    order_id, created_at = row.get("order_id"), row.get("create_at")
    return Live(
        kind="dev_server",
        id=identifier,
        name=_text(row, "name"),
        status=str(row.get("status") or ""),
        order_id=order_id if isinstance(order_id, str) and order_id else None,
        created_at=created_at if isinstance(created_at, int) else None,
        shown=_shown(row, image),
        observed=_observed(row, image),
    )


def _shown(row: JsonObject, image: JsonObject) -> JsonObject:
    shown: dict[str, JsonValue] = {
        key: text for key in ("name", "flavor", "resource_flavor", "key_pair_name") if (text := _text(row, key))
    }
    if image_id := _text(image, "image_id"):
        shown["image_id"] = image_id
    if network := {key: text for key in ("vpc_id", "subnet_id") if (text := _text(row, key))}:
        shown["network"] = network
    if (mode := charging.shown(row)) is not None:
        shown["charging_info"] = {"charging_mode": mode}
    if (power := _POWER.get(str(row.get("status")))) is not None:
        shown["power"] = power
    if (arch := _text(image, "arch")) in _ARCHITECTURES:
        shown["arch"] = arch
    if (server_type := _text(_object(row, "cloud_server"), "type")) in _SERVER_TYPES:
        shown["server_type"] = server_type
    if isinstance(listed := row.get("volumes"), list):
        shown["volumes"] = [disk["evs_id"] for disk in listed if isinstance(disk, Mapping) and _is_data_disk(disk)]
        shown |= disks.shown(listed)
    return shown


def shown_of(observed: JsonObject) -> JsonObject:
    """What rows have shown of it: what is kept of them is as they spell it."""
    return _shown(observed, _object(observed, "image"))


def _is_data_disk(disk: JsonObject) -> bool:
    return disk.get("type") == "DATA" and isinstance(disk.get("evs_id"), str)


def _observed(row: JsonObject, image: JsonObject) -> JsonObject:
    observed = {key: row[key] for key in _OBSERVED if row.get(key) is not None}
    if (
        charging.mode(row.get("charging_mode")) is None
    ):  # it says nothing, and must not stand in the place of what another row said
        observed.pop("charging_mode", None)
    if endpoints := row.get("endpoints") or row.get("endpoints_response"):
        observed["endpoints"] = endpoints
    if image:
        observed["image"] = image
    return observed


def _text(row: JsonObject, key: str) -> str:
    """Empty where it is missing, or no text."""
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _object(row: JsonObject, key: str) -> JsonObject:
    value = row.get(key)
    return value if isinstance(value, Mapping) else {}


def show(identifier: str) -> ReadFlow[Live | None]:
    """None only for the answers that mean not found (section 5.2), and for what can be no id; anything else that fails is raised. One
    that is not found as requests spell it is asked for as it is known, too.
    """
    if not is_id(identifier):
        return None
    for path in dict.fromkeys((server_path(identifier), f"{SERVERS}/{identifier}")):
        try:
            reply = yield Call(Service.MODELARTS, "GET", path, Effect.READ)
        except CallFailed as failed:
            if not failed.not_found:
                raise
        else:
            live = read(reply.body)
            return None if live.status == DELETED else live
    return None


def is_id(text: str) -> bool:
    """Whether it may stand in a path."""
    return _ID.fullmatch(text) is not None


def server_path(identifier: str) -> str:
    return f"{SERVERS}/{request_spelling(identifier)}"
