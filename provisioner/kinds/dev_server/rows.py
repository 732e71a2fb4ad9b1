"""Reads the rows in which the API shows DevServers, and says what their statuses mean.

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
"""The server was not built, or was built and has a fault: the status alone does not show which (section 4)."""
CREATE_FAILED = frozenset({"CREATE_FAILED", ERROR})
"""In these statuses a prepaid server is deleted and not unsubscribed (section 2.3)."""
DELETING = "DELETING"
DELETED = "DELETED"
"""A row with this status is treated like a missing row (section 4: it may never be seen)."""
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
"""All published statuses. Any other is treated as one that will change: flows wait for the next."""
BUILT = STATUSES - CREATE_FAILED - {"CREATING", DELETING, DELETE_FAILED, DELETED}
"""The statuses that only a built server shows."""
_POWER = {RUNNING: "running", "STOP_FAILED": "running", STOPPED: "stopped", "START_FAILED": "stopped"}
"""The power by status. Where something else is under way or broken, the power is not known."""

_ARCHITECTURES = frozenset({"X86", "ARM"})
_SERVER_TYPES = frozenset({"BMS", "ECS", "HPS"})
"""Any other word is ignored, as it could not be compared with what specs may declare."""

_ID = re.compile(r"[-a-zA-Z0-9]{1,64}")
"""Ids become parts of paths, so an id of another form is never sent back."""


def read(row: JsonValue) -> Live:
    """Reads a row. Raises CallFailed when it has no well-formed id, as nothing can then be said about the server."""
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
    if (mode := charging.shown_mode(row)) is not None:
        shown["charging_info"] = {"charging_mode": mode}
    if (power := _POWER.get(str(row.get("status")))) is not None:
        shown["power"] = power
    if (arch := _text(image, "arch")) in _ARCHITECTURES:
        shown["arch"] = arch
    if (server_type := _text(_object(row, "cloud_server"), "type")) in _SERVER_TYPES:
        shown["server_type"] = server_type
    if isinstance(listed := row.get("volumes"), list):
        shown["volumes"] = [disk["evs_id"] for disk in listed if isinstance(disk, Mapping) and _is_data_disk(disk)]
        shown |= disks.bought_volumes(listed)
    return shown


def shown_fields(observed: JsonObject) -> JsonObject:
    """Returns the fields that rows have shown, from what a record keeps of them: that is kept as the rows spell it."""
    return _shown(observed, _object(observed, "image"))


def _is_data_disk(disk: JsonObject) -> bool:
    return disk.get("type") == "DATA" and isinstance(disk.get("evs_id"), str)


def _observed(row: JsonObject, image: JsonObject) -> JsonObject:
    observed = {key: row[key] for key in _OBSERVED if row.get(key) is not None}
    if charging.parse_mode(row.get("charging_mode")) is None:  # it must not replace a mode that another row showed
        observed.pop("charging_mode", None)
    if endpoints := row.get("endpoints") or row.get("endpoints_response"):
        observed["endpoints"] = endpoints
    if image:
        observed["image"] = image
    return observed


def _text(row: JsonObject, key: str) -> str:
    """Returns the text, or "" where the key is missing or its value is no text."""
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _object(row: JsonObject, key: str) -> JsonObject:
    value = row.get(key)
    return value if isinstance(value, Mapping) else {}


def show(identifier: str) -> ReadFlow[Live | None]:
    """Reads one server by its id.

    Returns None where the cloud answers not found (section 5.2), or where the text can be no id. An id that is not
    found in the spelling of requests is tried in its own spelling as well. Raises CallFailed for any other failure.
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
    """Returns whether the text is a well-formed id, which may be part of a path."""
    return _ID.fullmatch(text) is not None


def server_path(identifier: str) -> str:
    return f"{SERVERS}/{request_spelling(identifier)}"
