"""What the cloud says of a DevServer only when it is asked about that one: its public addresses.

Source: docs/api/devserver-api.md section 2.4. One request a server, so nobody asks but who wants the record brought up to date.
"""

from __future__ import annotations

from provisioner.kinds.dev_server import rows
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, ReadFlow, Service


def read_detail(identifier: str) -> ReadFlow[JsonObject]:
    """What is to be observed beside its row. A cloud that refuses to say, as older ones do, leaves it unknown."""
    path = f"{rows.server_path(identifier)}/publicips"
    try:
        reply = yield Call(Service.MODELARTS, "GET", path, Effect.READ)
    except CallFailed as failed:
        if failed.outcome is not Outcome.REFUSED:
            raise
        return {}
    listed = reply.object().get("public_ips")
    return {"public_ips": listed} if isinstance(listed, list) else {}
