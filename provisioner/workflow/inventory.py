"""Lists the reachable servers and their network addresses, from the state alone. It asks no cloud and takes no lock.

The inventory names the servers that it leaves out, because they are not ready or their address is unknown. Otherwise
users would take an incomplete list for a complete one.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from provisioner.model.canonical import JsonObject
from provisioner.model.inventory import Host, Inventory, UnreachableServer
from provisioner.model.kind import Catalogue
from provisioner.model.resource import Phase, Recorded
from provisioner.model.state import State
from provisioner.workflow.state import read_state
from provisioner.workflow.workspace import Workspace

_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,62}[A-Za-z0-9])?")
_UNREADY = {
    Phase.ORDERING: "its order is placed, and the server is not known yet",
    Phase.AWAITING_PAYMENT: "its order awaits payment or approval",
    Phase.CREATING: "it is being built",
    Phase.REINSTALLING: "another system is being installed on it",
    Phase.FAILED: "it has failed",
    Phase.DELETING: "it is being released",
}


@dataclass(frozen=True, slots=True)
class InventoryRequest:
    """A host is listed when it has all of `labels`. `public`: hosts are reached at their public addresses."""

    labels: Mapping[str, str]
    public: bool = False


def read_inventory(workspace: Workspace, request: InventoryRequest) -> Inventory:
    """Builds the inventory. Raises StoreError for a damaged state, and UsageError where none was recorded."""
    stack = workspace.stack()
    state = read_state(workspace).state
    recorded_hosts = (one for one in _serving(state) if workspace.catalogue[one.kind].facts.has_addresses)
    recorded = sorted(recorded_hosts, key=lambda one: one.address)
    names = Counter(one.name for one in recorded)
    hosts: list[Host] = []
    left_out = [*_doubtful(state, request, workspace.catalogue)]
    for one in recorded:
        if not request.labels.items() <= one.labels.items():
            continue
        kind = workspace.catalogue[one.kind]
        host = _host(one, kind.facts.collect(one), is_unique=names[one.name] == 1)
        reason = _unreachable(one, host, is_gone=host.status == kind.statuses.gone, public=request.public)
        if reason is None:
            hosts.append(host)
        else:
            left_out.append(UnreachableServer(one.address, reason))
    left_out.sort(key=lambda one: one.address)
    return Inventory(stack.name, stack.environment, tuple(hosts), _groups(hosts), tuple(left_out))


def _serving(state: State) -> Iterator[Recorded]:
    """Yields the server in use at each address: a deposed one is used until its successor is ready."""
    deposed = {one.address.successor: one for one in state.resources.values() if one.address.deposed}
    for address in {one.successor for one in state.resources}:
        current = state.resources.get(address)
        is_ready = current is not None and current.phase is Phase.READY
        yield (
            current
            if current is not None and (is_ready or address not in deposed)
            else replace(deposed[address], address=address)
        )


def _doubtful(state: State, request: InventoryRequest, catalogue: Catalogue) -> Iterator[UnreachableServer]:
    for address, intent in state.doubts.items():
        labels = next((member.labels for member in intent.members if member.address == address), intent.labels)
        is_held = address in state.resources or address.as_deposed in state.resources
        if not is_held and catalogue[intent.kind].facts.has_addresses and request.labels.items() <= labels.items():
            yield UnreachableServer(address, "the outcome of its purchase is not known")


def _host(recorded: Recorded, facts: JsonObject, *, is_unique: bool) -> Host:
    status = facts.get("status")
    identifier = recorded.id or ""
    usable = is_unique and _HOST_NAME.fullmatch(recorded.name) is not None
    return Host(
        recorded.address,
        identifier,
        recorded.name if usable else identifier,
        status if isinstance(status, str) else None,
        recorded.order_id,
        private_addresses=tuple(_addresses(facts.get("private_addresses"))),
        public_addresses=tuple(_addresses(facts.get("public_addresses"))),
        labels=recorded.labels,
    )


def _addresses(value: object) -> Iterator[str]:
    """Yields the valid IP addresses of `value` in canonical form, as they go into configurations of other tools."""
    for text in value if isinstance(value, list) else ():
        try:
            if "%" not in text:  # the zone of an IPv6 address may be any text
                yield str(ipaddress.ip_address(text))
        except ValueError:
            continue


def _unreachable(recorded: Recorded, host: Host, *, is_gone: bool, public: bool) -> str | None:
    if is_gone:
        return "it is gone from the cloud"
    if recorded.phase is not Phase.READY:
        return _UNREADY[recorded.phase]
    if host.first_address(public=public) is None:
        return f"no {'public' if public else 'private'} address of it is recorded"
    return None


def _groups(hosts: Iterable[Host]) -> dict[str, tuple[Host, ...]]:
    groups: dict[str, list[Host]] = {}
    for host in hosts:
        if host.address.key is not None:
            groups.setdefault(str(host.address.group), []).append(host)
    return {group: tuple(members) for group, members in groups.items()}
