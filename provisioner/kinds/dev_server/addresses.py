"""How public addresses that exist already are bound to a DevServer and unbound from it, each by its id.

Source: docs/api/devserver-api.md section 2.4. No list of servers shows them, so that they are asked for before anything is
sent, and after what was refused. Nothing is unbound that was not declared here before.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeAlias

from provisioner.kinds.dev_server import rows
from provisioner.kinds.dev_server.power_steps import GaveUp
from provisioner.kinds.dev_server.refused_fields import RefusedForGood, is_for_good
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Answer, Call, CallFailed, Effect, Outcome, Reply, Service, Step
from provisioner.model.resource import Live

_Bound: TypeAlias = dict[str, JsonObject]
"""By id, as the cloud tells them."""


def arrange(row: Live, *, wanted: Iterable[str], declared: Iterable[str]) -> Generator[Step, Answer, JsonObject]:
    """What is to be observed beside its row: no list tells of public addresses, and inventories need them.

    Raises GaveUp for a server that does not run, RefusedForGood, and CallFailed for what else the cloud refuses: an address that
    another has.
    """
    wanted, declared, bound = tuple(wanted), tuple(declared), dict[str, JsonObject]()
    try:
        yield from _arranged(row, wanted, declared, bound)
    except CallFailed as failed:
        if not is_for_good(failed):
            raise
        ours = dict.fromkeys((*declared, *wanted))
        raise RefusedForGood(failed, row, (address for address in ours if address in bound)) from failed
    return {"public_ips": list(bound.values())}


def _arranged(
    row: Live, wanted: Iterable[str], declared: Iterable[str], bound: _Bound
) -> Generator[Step, Answer, None]:
    """`bound` is kept up to date with what the cloud tells."""
    path = f"{rows.server_path(row.id)}/publicips"
    bound |= yield from _bound(path)
    for address in declared:
        if address in bound and address not in wanted:
            call = Call(Service.MODELARTS, "DELETE", f"{path}/{address}", Effect.REPEATABLE)
            yield from _carried_out(path, call, address, present=False)
            del bound[address]
    for address in wanted:
        if address not in bound:
            if row.status != rows.RUNNING:
                raise GaveUp(
                    f"it is {row.status}, and public addresses are bound to servers that run",
                    "write power: running, or leave public_ips as they are until it runs",
                )
            body = {"public_ip_id": address}
            call = Call(Service.MODELARTS, "POST", path, Effect.REPEATABLE, body=body)
            told = yield from _carried_out(path, call, address, present=True)
            bound |= told if address in told else (yield from _bound(path))


def _carried_out(path: str, call: Call, address: str, *, present: bool) -> Generator[Step, Answer, _Bound]:
    """What the cloud told of addresses meanwhile."""
    try:
        reply = yield call
    except CallFailed as failed:
        if failed.outcome not in {Outcome.REFUSED, Outcome.UNKNOWN}:
            raise
        bound = yield from _bound(path)
        if (address in bound) is not present:
            raise
        return bound
    return _listed(reply) or {}


def _bound(path: str) -> Generator[Step, Answer, _Bound]:
    """Raises CallFailed where the answer is no list of addresses."""
    reply = yield Call(Service.MODELARTS, "GET", path, Effect.READ)
    if (listed := _listed(reply)) is None:
        raise CallFailed(Outcome.UNKNOWN, "the list of the server's public addresses is none: public_ips is missing")
    return listed


def _listed(reply: Answer) -> _Bound | None:
    listed = reply.object().get("public_ips") if isinstance(reply, Reply) else None
    if not isinstance(listed, list):
        return None
    return {str(one["id"]): one for one in listed if isinstance(one, dict) and "id" in one}
