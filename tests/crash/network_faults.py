"""What the network and a service behind it can do to one call, as rules of the sandbox's faults (docs/sandbox.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crash.crash_environment import ALONE
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
"""What is only asked for is the same to the asker whether or not it was carried out before its answer was lost."""
_MAKING = frozenset({"CreateDevServer", "PayOrders"})
_LISTS = frozenset({"ListDevServers", "ListAllDevServers"})

_IMPATIENT = FaultPlan(patience=0.1)
"""A time-out that a test can wait for."""
_LEAFING = FaultPlan(page=3)
"""Servers a page, so that eight of them come on several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFault:
    """`faults` hit one call together. `lasting`: and all further ones of that operation, to the end of the run; `everywhere`: of
    all operations.
    """

    name: str
    faults: tuple[Settings, ...]
    places: frozenset[str] = EVERY
    lasting: bool = False
    everywhere: bool = False
    pages: bool = False
    """It happens only to lists of more than one page."""
    is_belated: bool = False
    """What was asked for is done, and long after the answer."""
    fault_plan: FaultPlan = ALONE

    def rules(self, calls: Sequence[str], number: int) -> list[dict[str, object]]:
        """For the call of that number, counted from 0, of a run that makes these calls."""
        operation = calls[number]
        before = number if self.everywhere else [*calls[:number]].count(operation)
        place = {"at": "*" if self.everywhere else operation, "after": before}
        times = {"times": "always"} if self.lasting_fields else {}
        return [{**place, **times, **fault} for fault in self.faults]


def _answers() -> Iterator[tuple[str, Settings]]:
    yield "500", {"status": 500}
    yield "502", {"status": 502, "code": "APIG.0202", "message": "Backend unavailable."}
    yield "503", {"status": 503, "code": "ModelArts.0010", "message": "Service unavailable."}
    yield "504", {"status": 504, "code": "APIG.0203", "message": "Backend timeout."}
    yield "302", {"status": 302, "headers": {"Location": "https://elsewhere.invalid/"}}
    yield "307", {"status": 307, "headers": {"Location": "/elsewhere"}}


def _lost() -> Iterator[NetworkFault]:
    """Answers that say nothing of what was done."""
    replies = [("reset", {"fault": "reset"})]
    replies += [(name, {"fault": "answer", **answer}) for name, answer in _answers()]
    for name, reply in replies:
        yield NetworkFault(name=name, faults=({**reply, "executed": False},))
        yield NetworkFault(name=f"{name}, carried out", faults=({**reply, "executed": True},), places=CHANGING)


def _turned_away() -> Iterator[NetworkFault]:
    forbidden = {"fault": "answer", "status": 403, "code": "ModelArts.0103", "message": "Forbidden.", "executed": False}
    yield NetworkFault(name="403", faults=(forbidden,))
    yield NetworkFault(name="429 of the gateway", faults=({"fault": "throttle"},))
    yield NetworkFault(name="429 with Retry-After", faults=({"fault": "throttle", "retry_after": 30},))
    yield NetworkFault(name="429 of the service", faults=({"fault": "throttle", "by": "service"},))


def _spoilt() -> Iterator[NetworkFault]:
    yield NetworkFault(name="truncated", faults=({"fault": "truncate"},))
    yield NetworkFault(name="oversized", faults=({"fault": "oversize", "megabytes": 33},))
    yield NetworkFault(name="silent", faults=({"fault": "slow", "seconds": 30},), fault_plan=_IMPATIENT)
    drops = {"fault": "slow", "seconds": 0, "bytes_per_second": 20}
    yield NetworkFault(name="in drops", faults=(drops,), fault_plan=_IMPATIENT)


def _belated() -> Iterator[NetworkFault]:
    """All of it within the quiet period of the scenarios' stacks."""
    for seconds in (5, 300):
        late = {"fault": "late", "seconds": seconds}
        yield NetworkFault(name=f"carried out {seconds} s later", faults=(late,), places=CHANGING, is_belated=True)
    yield NetworkFault(name="listed late", faults=({"fault": "lag", "seconds": 40},), places=_MAKING)
    for show in (True, False):
        hidden = {"fault": "lag", "seconds": 300, "show": show}
        name = f"reset, carried out, listed late{'' if show else ' and not shown'}"
        yield NetworkFault(name=name, faults=({"fault": "reset", "executed": True}, hidden), places=_MAKING)


def _wrong_lists() -> Iterator[NetworkFault]:
    short = {"fault": "short", "rows": 1}
    yield NetworkFault(name="short", faults=(short,), places=_LISTS)
    yield NetworkFault(name="short from then on", faults=(short,), places=_LISTS, lasting=True)
    for rows in (1, -1):
        shift = {"fault": "shift", "rows": rows}
        name = f"pages shift by {rows:+}"
        yield NetworkFault(name=name, faults=(shift,), places=_LISTS, pages=True, fault_plan=_LEAFING)
        yield NetworkFault(
            name=f"{name} from then on", faults=(shift,), places=_LISTS, pages=True, fault_plan=_LEAFING, lasting=True
        )


def _lasting() -> Iterator[NetworkFault]:
    reset = {"fault": "reset", "executed": False}
    yield NetworkFault(name="nobody answers from then on", faults=(reset,), lasting=True, everywhere=True)
    yield NetworkFault(
        name="503 from then on", faults=({"fault": "answer", "status": 503, "executed": False},), lasting=True
    )
    yield NetworkFault(name="429 from then on", faults=({"fault": "throttle"},), lasting=True)
    everything = {"fault": "reset", "executed": True}
    yield NetworkFault(name="every answer is lost from then on", faults=(everything,), lasting=True, everywhere=True)


TROUBLES = (*_lost(), *_turned_away(), *_spoilt(), *_belated(), *_wrong_lists(), *_lasting())


def troubles_of(operation: str, *, pages: bool) -> list[NetworkFault]:
    return [trouble for trouble in TROUBLES if operation in trouble.places and (pages or not trouble.pages)]
