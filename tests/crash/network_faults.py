"""What the network and a service behind it can do to one call, as fault rules of the sandbox (docs/sandbox.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crash.crash_environment import NO_FAULTS
from support.crash_fork_server import FaultPlan

from provisioner.sandbox.contract import OPERATIONS
from provisioner.sandbox.errors import Service

Settings = Mapping[str, object]

EVERY = frozenset(operation.name for operation in OPERATIONS)
CHANGING = frozenset(
    operation.name
    for operation in OPERATIONS
    if operation.method != "GET" and operation.service is not Service.IDENTITY and not operation.name.startswith("List")
)
"""Operations that change something. Only for these it matters whether a request was carried out before its answer was lost."""
_PURCHASING = frozenset({"CreateDevServer", "PayOrders"})
_LISTS = frozenset({"ListDevServers", "ListAllDevServers"})

_SHORT_TIMEOUT = FaultPlan(silence_timeout=0.1)
"""A time-out that a test can afford to wait for."""
_SMALL_PAGES = FaultPlan(page_size=3)
"""So few servers a page that eight of them need several pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFault:
    """Sandbox rules that hit one call together.

    `lasting`: they also hit every later call of the same operation, to the end of the run; with `everywhere`, of every operation.
    """

    name: str
    faults: tuple[Settings, ...]
    places: frozenset[str] = EVERY
    lasting: bool = False
    everywhere: bool = False
    pages: bool = False
    """It needs a list of more than one page."""
    executes_late: bool = False
    """The request is carried out long after its answer was lost."""
    fault_plan: FaultPlan = NO_FAULTS

    def rules(self, calls: Sequence[str], number: int) -> list[dict[str, object]]:
        """Returns the sandbox rules that hit call `number`, counted from 0, of a run that makes these calls."""
        operation = calls[number]
        before = number if self.everywhere else [*calls[:number]].count(operation)
        place = {"at": "*" if self.everywhere else operation, "after": before}
        times = {"times": "always"} if self.lasting else {}
        return [{**place, **times, **fault} for fault in self.faults]


def _answers() -> Iterator[tuple[str, Settings]]:
    yield "500", {"status": 500}
    yield "502", {"status": 502, "code": "APIG.0202", "message": "Backend unavailable."}
    yield "503", {"status": 503, "code": "ModelArts.0010", "message": "Service unavailable."}
    yield "504", {"status": 504, "code": "APIG.0203", "message": "Backend timeout."}
    yield "302", {"status": 302, "headers": {"Location": "https://elsewhere.invalid/"}}
    yield "307", {"status": 307, "headers": {"Location": "/elsewhere"}}


def _lost() -> Iterator[NetworkFault]:
    """Answers that do not show whether the request was carried out."""
    replies = [("reset", {"fault": "reset"})]
    replies += [(name, {"fault": "answer", **answer}) for name, answer in _answers()]
    for name, reply in replies:
        yield NetworkFault(name=name, faults=({**reply, "executed": False},))
        yield NetworkFault(name=f"{name}, carried out", faults=({**reply, "executed": True},), places=CHANGING)


def _refused() -> Iterator[NetworkFault]:
    forbidden = {"fault": "answer", "status": 403, "code": "ModelArts.0103", "message": "Forbidden.", "executed": False}
    yield NetworkFault(name="403", faults=(forbidden,))
    yield NetworkFault(name="429 of the gateway", faults=({"fault": "throttle"},))
    yield NetworkFault(name="429 with Retry-After", faults=({"fault": "throttle", "retry_after": 30},))
    yield NetworkFault(name="429 of the service", faults=({"fault": "throttle", "by": "service"},))


def _unreadable() -> Iterator[NetworkFault]:
    yield NetworkFault(name="truncated", faults=({"fault": "truncate"},))
    yield NetworkFault(name="oversized", faults=({"fault": "oversize", "megabytes": 33},))
    yield NetworkFault(name="silent", faults=({"fault": "slow", "seconds": 30},), fault_plan=_SHORT_TIMEOUT)
    drops = {"fault": "slow", "seconds": 0, "bytes_per_second": 20}
    yield NetworkFault(name="in drops", faults=(drops,), fault_plan=_SHORT_TIMEOUT)


def _delayed() -> Iterator[NetworkFault]:
    """Delays, all of them shorter than the quiet period of the scenarios' stacks."""
    for seconds in (5, 300):
        late = {"fault": "late", "seconds": seconds}
        yield NetworkFault(name=f"carried out {seconds} s later", faults=(late,), places=CHANGING, executes_late=True)
    yield NetworkFault(name="listed late", faults=({"fault": "lag", "seconds": 40},), places=_PURCHASING)
    for show in (True, False):
        hidden = {"fault": "lag", "seconds": 300, "show": show}
        name = f"reset, carried out, listed late{'' if show else ' and not shown'}"
        yield NetworkFault(name=name, faults=({"fault": "reset", "executed": True}, hidden), places=_PURCHASING)


def _wrong_lists() -> Iterator[NetworkFault]:
    short = {"fault": "short", "rows": 1}
    yield NetworkFault(name="short", faults=(short,), places=_LISTS)
    yield NetworkFault(name="short from then on", faults=(short,), places=_LISTS, lasting=True)
    for rows in (1, -1):
        shift = {"fault": "shift", "rows": rows}
        name = f"pages shift by {rows:+}"
        yield NetworkFault(name=name, faults=(shift,), places=_LISTS, pages=True, fault_plan=_SMALL_PAGES)
        yield NetworkFault(
            name=f"{name} from then on",
            faults=(shift,),
            places=_LISTS,
            pages=True,
            fault_plan=_SMALL_PAGES,
            lasting=True,
        )


def _lasting() -> Iterator[NetworkFault]:
    reset = {"fault": "reset", "executed": False}
    yield NetworkFault(name="nobody answers from then on", faults=(reset,), lasting=True, everywhere=True)
    yield NetworkFault(
        name="503 from then on", faults=({"fault": "answer", "status": 503, "executed": False},), lasting=True
    )
    yield NetworkFault(name="429 from then on", faults=({"fault": "throttle"},), lasting=True)
    lost = {"fault": "reset", "executed": True}
    yield NetworkFault(name="every answer is lost from then on", faults=(lost,), lasting=True, everywhere=True)


NETWORK_FAULTS = (*_lost(), *_refused(), *_unreadable(), *_delayed(), *_wrong_lists(), *_lasting())


def faults_of(operation: str, *, pages: bool) -> list[NetworkFault]:
    return [fault for fault in NETWORK_FAULTS if operation in fault.places and (pages or not fault.pages)]
