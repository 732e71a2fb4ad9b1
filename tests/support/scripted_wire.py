"""The channel to a scripted cloud: it logs every call, may delay it, fail it or replace its answer, and notifies listeners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner.model.flow import Call, CallFailed, Dispatch, Effect, Reply, Service

if TYPE_CHECKING:
    from support.scripted_cloud import ScriptedCloud


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` calls of this effect (and name): `failure` is raised, or `body` answered."""

    effect: Effect
    name: str | None
    executed: bool
    failure: CallFailed | None = None
    body: Any = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Sent:
    what: str
    call: Call
    at: float
    channel: int


@dataclass(frozen=True, slots=True)
class ScriptedChannel:
    cloud: ScriptedCloud
    number: int

    async def wait_for_budget(self, call: Call) -> None:
        if self.cloud.pause:
            for told in self.cloud.arrivals:
                told(f"queue to {described(call)}")
            await self.cloud.clock.sleep(self.cloud.pause)

    async def send(self, call: Call, reveal: Any, dispatch: Dispatch | None = None) -> Reply:
        cloud, what = self.cloud, described(call)
        assert (dispatch is not None) == call.effect.is_journaled
        if dispatch is not None:
            cloud.before_sending()
            dispatch.check()
            cloud.dispatches[what] = dispatch
        cloud.crash_plan.reach(f"before {what}")
        cloud.log.append(Sent(what, call, cloud.clock.time, self.number))
        for told in cloud.arrivals:
            told(what)
        cloud.in_flight += 1
        cloud.most_in_flight = max(cloud.most_in_flight, cloud.in_flight)
        try:
            return await self._answer(call, what)
        finally:
            cloud.in_flight -= 1

    async def _answer(self, call: Call, what: str) -> Reply:
        cloud = self.cloud
        fault = cloud.fault(call)
        status, body = (200, None) if fault and not fault.executed else cloud.execute(call)
        if cloud.latency:
            await cloud.clock.sleep(cloud.latency)
        cloud.crash_plan.reach(f"after {what}")
        if fault and fault.failure:
            raise fault.failure
        cloud.answered()
        return Reply(
            status,
            fault.body if fault else body,
            request_id="request-1",
            server_time=cloud.clock.now() + cloud.clock_ahead,
        )


def described(call: Call) -> str:
    """The call in a word or two, as the tests and the numbered steps name it."""
    last = call.path.rsplit("/", 1)[-1]
    if call.service is Service.BILLING:
        return {"query": "ask billing", "unsubscribe": "unsubscribe", "pay": "pay", "cancel": "cancel"}.get(
            last, "read order"
        )
    action = call.path.partition("/dev-servers/")[2].split("/")[1:]
    if action:
        return " ".join((*([] if call.method == "PUT" else [call.method.lower()]), *action))
    name = (call.body or {}).get("name", "")
    verbs = {"POST": f"buy {name}", "PUT": f"rename to {name}", "DELETE": f"delete {last}"}
    return verbs.get(call.method, "list" if last in {"all", "dev-servers"} else "show")
