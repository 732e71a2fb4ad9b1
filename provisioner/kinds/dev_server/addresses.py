"""Binds public addresses that already exist to a DevServer and unbinds them, each by its id.

Source: docs/api/devserver-api.md section 2.4. No list of servers shows addresses, so the server's own are read before
anything is sent and again after a refusal. Only addresses that were declared before are unbound.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeAlias

from provisioner.kinds.dev_server import rows
from provisioner.kinds.dev_server.power_steps import GaveUp
from provisioner.kinds.dev_server.refused_fields import PermanentRefusal, is_permanent
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Answer, Call, CallFailed, Effect, Outcome, Reply, Service, Step
from provisioner.model.resource import Live

_Bound: TypeAlias = dict[str, JsonObject]
"""The bound addresses by id, as the cloud shows them."""


def reconcile(row: Live, *, wanted: Iterable[str], declared: Iterable[str]) -> Generator[Step, Answer, JsonObject]:
    """Binds every wanted address, and unbinds those that were `declared` and are no longer wanted.

    Returns what to record as observed beside the row: no list shows public addresses, and inventories need them. Raises
    GaveUp for a server that is not running, PermanentRefusal, and CallFailed for any other refusal, such as an address
    that another server has.
    """
    wanted, declared, bound = tuple(wanted), tuple(declared), dict[str, JsonObject]()
    try:
        yield from _reconcile(row, wanted, declared, bound)
    except CallFailed as failed:
        if not is_permanent(failed):
            raise
        ours = dict.fromkeys((*declared, *wanted))
        raise PermanentRefusal(failed, row, (address for address in ours if address in bound)) from failed
    return {"public_ips": list(bound.values())}


def _reconcile(
    row: Live, wanted: Iterable[str], declared: Iterable[str], bound: _Bound
) -> Generator[Step, Answer, None]:
    """Fills `bound` and keeps it up to date, so that the caller knows what is bound when this raises."""
    path = f"{rows.server_path(row.id)}/publicips"
    bound |= yield from _read_bound(path)
    for address in declared:
        if address in bound and address not in wanted:
            call = Call(Service.MODELARTS, "DELETE", f"{path}/{address}", Effect.REPEATABLE)
            yield from _send(path, call, address, present=False)
            del bound[address]
    for address in wanted:
        if address not in bound:
            if row.status != rows.RUNNING:
                raise GaveUp(
                    f"it is {row.status}, and public addresses can be bound only to servers that run",
                    "write power: running, or leave public_ips unchanged until it runs",
                )
            body = {"public_ip_id": address}
            call = Call(Service.MODELARTS, "POST", path, Effect.REPEATABLE, body=body)
            shown = yield from _send(path, call, address, present=True)
            bound |= shown if address in shown else (yield from _read_bound(path))


def _send(path: str, call: Call, address: str, *, present: bool) -> Generator[Step, Answer, _Bound]:
    """Sends the call, and reads the addresses again where it was refused or its answer was lost.

    Returns the addresses that an answer showed. Raises CallFailed unless the address is there, or gone, as `present`
    wants it.
    """
    try:
        reply = yield call
    except CallFailed as failed:
        if failed.outcome not in {Outcome.REFUSED, Outcome.UNKNOWN}:
            raise
        bound = yield from _read_bound(path)
        if (address in bound) is not present:
            raise
        return bound
    return _parse(reply) or {}


def _read_bound(path: str) -> Generator[Step, Answer, _Bound]:
    """Reads the addresses of the server. Raises CallFailed where the answer contains no list of them."""
    reply = yield Call(Service.MODELARTS, "GET", path, Effect.READ)
    if (listed := _parse(reply)) is None:
        raise CallFailed(Outcome.UNKNOWN, "the list of the server's public addresses is none: public_ips is missing")
    return listed


def _parse(reply: Answer) -> _Bound | None:
    listed = reply.object().get("public_ips") if isinstance(reply, Reply) else None
    if not isinstance(listed, list):
        return None
    return {str(one["id"]): one for one in listed if isinstance(one, dict) and "id" in one}
