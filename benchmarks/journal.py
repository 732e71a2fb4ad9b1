"""What the journal costs: an apply of 1,000 servers with it and without it, in turns, in one run.

The cloud answers each call after 20 milliseconds and ten calls are in flight, so an apply takes two seconds at the least. Only
this measurement may leave the journal out; the tool has no such switch.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from provisioner.applying import Execution, Interruption, execute
from provisioner.kinds import CATALOGUE
from provisioner.model.address import Address
from provisioner.model.change import Action, Basis, Change, Mode, Plan
from provisioner.model.event import Event, EventType, ResultType
from provisioner.model.flow import Call, Reply
from provisioner.model.identity import Identity
from provisioner.model.journal import Entry
from provisioner.model.resource import Desired
from provisioner.model.secret import Secret, SecretReference
from provisioner.model.state import JournalHead
from provisioner.store import open_store
from provisioner.workflow.workspace import SystemClock

SERVERS, LATENCY, PARALLELISM, ROUNDS = 1_000, 0.020, 10, 5
_IDENTITY = Identity(account="account", project="project", region="cn-north-4")
_NETWORK = {"vpc_id": "v", "subnet_id": "s", "security_group_id": "g"}


class _Cloud:
    """Servers run at once; a list shows all of them."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[_Cloud]:
        yield self

    async def turn(self, call: Call) -> None:
        """Always at once."""

    async def send(self, call: Call, _reveal: Callable[[SecretReference], Secret]) -> Reply:
        await asyncio.sleep(LATENCY)
        now = time.time_ns() // 1_000_000
        if call.method == "POST":
            assert call.body is not None
            row = {"id": f"id-{len(self._rows)}", "name": call.body["name"], "status": "RUNNING", "create_at": now}
            self._rows.append(row)
            return Reply(200, row, server_time=now)
        offset, limit = int(call.query["offset"]), int(call.query["limit"])
        page: Any = {"total": len(self._rows), "data": self._rows[offset : offset + limit]}
        return Reply(200, page, server_time=now)


class _NoSecrets:
    def reveal(self, reference: SecretReference) -> Secret:
        raise AssertionError(reference)

    def fingerprint(self, _reference: SecretReference) -> str | None:
        return None


class _NoJournal:
    def append(self, _entries: Sequence[Entry]) -> None:
        """Forgotten at once."""


def costs() -> tuple[float, float]:
    """Median seconds until the last purchase is answered and recorded, with the journal and without it. What follows is
    waiting for a list that is read once a second, which would hide the difference or make it a whole second.
    """
    with_it, without = [], []
    for _ in range(ROUNDS):
        without.append(_apply(nullcontext(_NoJournal())))
        with_it.append(_apply(_journal()))
    return statistics.median(with_it), statistics.median(without)


def _apply(ledger: AbstractContextManager[Any]) -> float:
    with ledger as open_ledger:
        bought: list[float] = []

        def listen(event: Event) -> None:
            if event.type is EventType.BOUGHT:
                bought.append(time.perf_counter())

        execution = Execution(
            plan=_plan(),
            live={},
            catalogue=CATALOGUE,
            cloud=_Cloud(),
            ledger=open_ledger,
            secrets=_NoSecrets(),
            clock=SystemClock(),
            interruption=Interruption(),
            listen=listen,
            who="bench",
            lineage="bench",
            server_time=lambda: time.time_ns() // 1_000_000,
            parallelism=PARALLELISM,
        )
        begun = time.perf_counter()
        result = asyncio.run(execute(execution))
    assert len(result.of(ResultType.DONE)) == len(bought) == SERVERS
    return bought[-1] - begun


@contextmanager
def _journal() -> Any:
    with TemporaryDirectory() as place:
        store = open_store(Path(place), "bench")
        with store.write(command="apply", who="bench", timeout=0) as session:
            session.create("bench", None, identity=_IDENTITY)
            yield session


def _plan() -> Plan:
    servers = [_server(index) for index in range(SERVERS)]
    changes = tuple(Change(server.address, server.kind, Action.CREATE, desired=server) for server in servers)
    return Plan(Mode.APPLY, Basis("bench", None, _IDENTITY, None, 0, JournalHead()), changes)


def _server(index: int) -> Desired:
    fields = {"name": f"node-{index}", "flavor": "Si2.large.4", "image_id": "i", "network": _NETWORK}
    return Desired(Address("node", index), "dev_server", fields)
