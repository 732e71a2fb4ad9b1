"""A server of the scripted cloud: what can be done to it, and what it refuses, as the API reference has it in sections 2.4 and 4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.model.flow import CallFailed, Outcome

_WAYS = {
    "start": ({"STOPPED", "STOP_FAILED", "START_FAILED"}, "STARTING", "RUNNING"),
    "stop": ({"RUNNING", "STOP_FAILED"}, "STOPPING", "STOPPED"),
    "changeos": ({"STOPPED"}, "CHANGINGOS", "RUNNING"),
    "reinstallos": ({"STOPPED"}, "REINSTALLINGOS", "RUNNING"),
}


@dataclass(slots=True)
class Server:
    id: str
    name: str
    created_at: float
    order_id: str | None = None
    prepaid: bool = False
    status: str | None = None
    """Overrides what time would make of it."""
    released_at: float | None = None
    strange: bool = False
    flavor: str = "Si2.large.4"
    image: str = "image-1"
    password: Any = None
    volumes: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    wipes: int = 0
    under_way: tuple[str, str, float] | None = None
    """What is being done to it: the status while it is, the one that follows, and when."""

    def settle(self, now: float) -> None:
        if self.under_way is not None and now >= self.under_way[2]:
            self.status, self.under_way = self.under_way[1], None

    @property
    def power(self) -> str:
        return (self.under_way[0] if self.under_way else self.status) or "RUNNING"

    def act(self, method: str, action: list[str], body: Any, *, until: float, ends: Mapping[str, str]) -> Any:
        """Raises CallFailed as the cloud refuses: what is so already, and what its status does not allow. What takes time takes it
        `until` then; `ends` are the statuses of actions that end otherwise.
        """
        match method, action:
            case _, [verb] if verb in _WAYS:
                self._begin(verb, body, until=until, ends=ends)
            case "POST", ["attachvolume"]:
                self._require(body["volume_id"] not in self.volumes)
                self.volumes.append(body["volume_id"])
                return {"operation_id": "operation-1"}
            case "DELETE", ["detachvolume", volume]:
                self._require(volume in self.volumes)
                self.volumes.remove(volume)
            case "GET", ["publicips"]:
                pass
            case "POST", ["publicips"]:
                self._require(self.power == "RUNNING" and body["public_ip_id"] not in self.addresses)
                self.addresses.append(body["public_ip_id"])
            case "DELETE", ["publicips", address]:
                self._require(address in self.addresses)
                self.addresses.remove(address)
            case _:
                raise CallFailed(Outcome.REFUSED, "not found", status=404, code="ModelArts.6404")
        return {"public_ips": [{"id": address} for address in self.addresses]}

    def _begin(self, verb: str, body: Any, *, until: float, ends: Mapping[str, str]) -> None:
        starts, via, end = _WAYS[verb]
        self._require(self.power in starts)
        self.under_way = (via, ends.get(verb, end), until)
        if verb in {"changeos", "reinstallos"}:
            self.wipes += 1
            self.image = body.get("image_id", self.image)
            self.password = body.get("admin_pass")

    def _require(self, allowed: Any) -> None:
        if not allowed:
            message = f"not as it is: {self.power}, {self.volumes}, {self.addresses}"
            raise CallFailed(Outcome.REFUSED, message, status=400, code="ModelArts.7000")
