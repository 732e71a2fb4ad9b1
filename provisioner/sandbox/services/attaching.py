"""ModelArts: disks, public addresses and ports of a server (docs/api/devserver-api.md section 2.4). Only disks take time and
answer with an operation; the rest is done at once.
"""

import hashlib
from functools import partial
from typing import Final
from uuid import uuid4

from provisioner.sandbox import attachments, operations, servers
from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.errors import ApiError, Service, operation_refused
from provisioner.sandbox.requests.attaching import AttachPort, AttachVolume, BindAddress
from provisioner.sandbox.requests.reading import read_body
from provisioner.sandbox.servers import Server
from provisioner.sandbox.services.finding import existing

_UP: Final = frozenset({"RUNNING"})
_UP_OR_STOPPED: Final = frozenset({"RUNNING", "STOPPED"})


def attach_volume(call: Call) -> Answer:
    server = _in_status(call, _UP_OR_STOPPED, only_a3="attach a volume")
    volume_id = read_body(AttachVolume, call.body).volume_id
    connection = call.transaction.connection
    if operations.is_busy(connection, volume_id) or operations.holder(connection, volume_id) is not None:
        raise operation_refused(server.id, f"cannot attach volume {volume_id}: it is attached already.")
    return _begin(call, server, "node_attach_volume", volume_id)


def detach_volume(call: Call) -> Answer:
    server, volume_id = _in_status(call, _UP_OR_STOPPED, only_a3="detach a volume"), call.path["volume_id"].lower()
    if server.server_type == "BMS":
        raise operation_refused(server.id, "type is BMS, does not support detach volume device.")
    if volume_id not in servers.detachable_volumes(server) or operations.is_busy(
        call.transaction.connection, volume_id
    ):
        raise operation_refused(server.id, f"has no volume {volume_id} that could be detached.")
    return _begin(call, server, "node_detach_volume", volume_id)


def show_operation(call: Call) -> Answer:
    server = existing(call, call.path["id"])
    operation = operations.find(call.transaction.connection, server.id, call.path["operation_id"])
    if operation is None:
        raise ApiError(400, "ModelArts.6404", f"Operation '{call.path['operation_id']}' not found.")
    return Answer(operation.wire())


def list_addresses(call: Call) -> Answer:
    server = existing(call, call.path["id"])
    _require_a3(call, server, "list public addresses")
    return Answer({"public_ips": attachments.of_server(call.transaction.connection, "address", server.id)})


def bind_address(call: Call) -> Answer:
    server = _in_status(call, _UP, only_a3="bind a public address")
    address_id = read_body(BindAddress, call.body).public_ip_id
    if attachments.holder(call.transaction.connection, "address", address_id) is not None:
        raise operation_refused(server.id, f"cannot bind address {address_id}: it is bound already.")
    body = {"id": address_id, "address": _address(address_id)}
    attachments.add(call.transaction.connection, "address", address_id, server_id=server.id, body=body)
    return list_addresses(call)


def unbind_address(call: Call) -> Answer:
    _remove(call, "address", call.path["publicip_id"])
    return Answer(None)


def attach_port(call: Call) -> Answer:
    server = _in_status(call, _UP_OR_STOPPED)
    request = read_body(AttachPort, call.body)
    port_id = request.port_id or str(uuid4())
    if attachments.holder(call.transaction.connection, "port", port_id) is not None:
        raise operation_refused(server.id, f"cannot attach port {port_id}: it is attached already.")
    body = {
        "port_id": port_id,
        "mac_addr": _hardware_address(port_id),
        "port_state": "ACTIVE",
        "virsubnet_id": request.network_id or server.subnet_id,
    }
    attachments.add(call.transaction.connection, "port", port_id, server_id=server.id, body=body)
    return Answer(body)


def detach_port(call: Call) -> Answer:
    _remove(call, "port", call.path["port_id"])
    return Answer({"port_id": call.path["port_id"]})


def _begin(call: Call, server: Server, kind: operations.Kind, volume_id: str) -> Answer:
    now, step = call.transaction.now, call.transaction.rules.step_milliseconds
    operation = operations.Operation(
        id=str(uuid4()),
        server_id=server.id,
        kind=kind,
        volume_id=volume_id,
        begin_at=now + step // 2,
        end_at=now + step,
    )
    operations.add(call.transaction.connection, operation)
    return Answer(operation.wire())


def _remove(call: Call, kind: attachments.Kind, attached_id: str) -> None:
    server = existing(call, call.path["id"])
    if attachments.holder(call.transaction.connection, kind, attached_id) != server.id:
        raise operation_refused(server.id, f"has no {kind} {attached_id}.")
    attachments.remove(call.transaction.connection, kind, attached_id)


def _require_a3(call: Call, server: Server, what: str) -> None:
    """Refuses other machines. The cloud's words for it are not published; these are the published ones for BMS."""
    if not call.transaction.rules.market.takes_attachments(server.flavor):
        raise operation_refused(server.id, f"is no A3 machine, does not support to {what}.")


def _in_status(call: Call, allowed: frozenset[str], *, only_a3: str = "") -> Server:
    server = existing(call, call.path["id"])
    if only_a3:
        _require_a3(call, server, only_a3)
    if server.status not in allowed:
        raise operation_refused(server.id, f"is {server.status}: it must be {' or '.join(sorted(allowed))}.")
    return server


def _address(address_id: str) -> str:
    """Returns an address of the block that is reserved for documents (RFC 5737), always the same for an id."""
    return f"203.0.113.{hashlib.sha256(address_id.encode()).digest()[0] % 254 + 1}"


def _hardware_address(port_id: str) -> str:
    return ":".join(("fa", "16", "3e", *(f"{byte:02x}" for byte in hashlib.sha256(port_id.encode()).digest()[:3])))


_SERVER: Final = "/v1/{project_id}/dev-servers/{id}"
_operation = partial(Operation, service=Service.MODELARTS)

OPERATIONS: Final = (
    _operation("AttachDevServerVolume", "POST", f"{_SERVER}/attachvolume", attach_volume),
    _operation("DetachDevServerVolume", "DELETE", f"{_SERVER}/detachvolume/{{volume_id}}", detach_volume),
    _operation("GetDevServerOperation", "GET", f"{_SERVER}/operation/{{operation_id}}", show_operation),
    _operation("ListDevServerPublicIP", "GET", f"{_SERVER}/publicips", list_addresses),
    _operation("BindDevServerPublicIP", "POST", f"{_SERVER}/publicips", bind_address),
    _operation("UnbindDevServerPublicIP", "DELETE", f"{_SERVER}/publicips/{{publicip_id}}", unbind_address),
    _operation("AttachDevServerPort", "POST", f"{_SERVER}/attach-ports", attach_port),
    _operation("DetachDevServerPort", "DELETE", f"{_SERVER}/detach-ports/{{port_id}}", detach_port),
)
