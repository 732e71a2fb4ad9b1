"""Reads what no list of DevServers shows: the public addresses of one server.

Source: docs/api/devserver-api.md section 2.4. It costs one request per server, so only what updates the record reads
it.
"""

from __future__ import annotations

from provisioner.kinds.dev_server import rows
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, ReadFlow, Service


def read_detail(identifier: str) -> ReadFlow[JsonObject]:
    """Returns what to record as observed beside the row.

    Where the cloud refuses the request, as older ones do, that is nothing.
    """
    path = f"{rows.server_path(identifier)}/publicips"
    try:
        reply = yield Call(Service.MODELARTS, "GET", path, Effect.READ)
    except CallFailed as failed:
        if failed.outcome is not Outcome.REFUSED:
            raise
        return {}
    listed = reply.object().get("public_ips")
    return {"public_ips": listed} if isinstance(listed, list) else {}
