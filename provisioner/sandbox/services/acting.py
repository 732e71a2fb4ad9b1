"""The state machine of docs/api/devserver-api.md section 4: the status in which each action starts, the status on the
way, and the final one.

An action in any other status is refused; none does nothing.
"""

from dataclasses import dataclass
from typing import Final, Literal

from provisioner.sandbox import servers
from provisioner.sandbox.calls import Call
from provisioner.sandbox.errors import Service, operation_refused, parameter_error
from provisioner.sandbox.requests.dev_servers import ReinstallOs
from provisioner.sandbox.servers import Server, Status
from provisioner.sandbox.services.userdata import effect_of

Installation = Literal["changeos", "reinstallos"]
Action = Literal["start", "stop", "reboot"] | Installation


@dataclass(frozen=True, slots=True)
class _Way:
    starts: frozenset[Status]
    via: Status
    end: Status
    failure: Status


_INSTALLABLE: Final[frozenset[Status]] = frozenset({"STOPPED", "CHANGINGOS_FAILED", "REINSTALLINGOS_FAILED"})
_WAYS: Final[dict[Action, _Way]] = {
    "start": _Way(frozenset({"STOPPED", "STOP_FAILED", "START_FAILED"}), "STARTING", "RUNNING", "START_FAILED"),
    "stop": _Way(frozenset({"RUNNING", "STOP_FAILED"}), "STOPPING", "STOPPED", "STOP_FAILED"),
    "reboot": _Way(frozenset({"RUNNING"}), "REBOOTING", "RUNNING", "REBOOT_FAILED"),
    "changeos": _Way(_INSTALLABLE, "CHANGINGOS", "RUNNING", "CHANGINGOS_FAILED"),
    "reinstallos": _Way(_INSTALLABLE, "REINSTALLINGOS", "RUNNING", "REINSTALLINGOS_FAILED"),
}


def act(call: Call, server: Server, action: Action) -> None:
    """Starts the action. Raises ApiError if the status of the server does not allow it."""
    way, transaction = _WAYS[action], call.transaction
    if server.status not in way.starts:
        allowed = " or ".join(sorted(way.starts))
        raise operation_refused(server.id, f"is {server.status}, does not support {action}: it must be {allowed}.")
    flavor = transaction.rules.market.flavor(server.spec)
    fails = flavor is not None and action in flavor.fails
    servers.transit(
        transaction.connection,
        server.id,
        way.via,
        end=way.failure if fails else way.end,
        now=transaction.now,
        milliseconds=transaction.rules.step_milliseconds,
    )


def install(call: Call, server: Server, action: Installation, request: ReinstallOs) -> None:
    """Starts an installation like `act`. The server shows its new image and key pair from the beginning."""
    connection, market = call.transaction.connection, call.transaction.rules.market
    image = market.image(request.image_id or server.image_id)
    if image is None and request.image_id is not None:
        raise parameter_error(Service.MODELARTS, "image_id: the image does not exist")
    script = effect_of(call, request)
    act(call, server, action)
    name = server.image_name if image is None else image.name
    servers.change(
        connection,
        server,
        image_id=request.image_id or server.image_id,
        image_name=name,
        key_pair_name=request.key_pair_name,
    )
    call.record("wipe", server_id=server.id, name=server.name, detail=f"{action}{script}")
