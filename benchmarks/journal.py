"""What the journal costs: an apply of 1,000 servers with it and without it, in turns, in one run.

The client is the real one, down to the requests that it would put on a wire. They are answered after 20 milliseconds and ten are
in flight, so an apply takes two seconds at the least. Only this measurement may leave the journal out; the tool has no such
switch.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from provisioner.applying import Interruption, RunContext, execute
from provisioner.cloud import Cloud, connect
from provisioner.cloud.credentials import AccessKey
from provisioner.cloud.endpoints import region_endpoints
from provisioner.kinds import CATALOGUE
from provisioner.model.address import Address
from provisioner.model.change import CreateChange
from provisioner.model.event import Event, EventType, Listener, ResultType, RunResult
from provisioner.model.identity import Identity
from provisioner.model.journal import Entry
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.resource import Desired
from provisioner.model.secret import Secret, SecretReference
from provisioner.model.state import JournalHead
from provisioner.store import open_store
from provisioner.workflow.system_clock import SystemClock

SERVERS, LATENCY, PARALLELISM, ROUNDS = 1_000, 0.020, 10, 5
_IDENTITY = Identity(account="account", project="project", region="cn-north-4")
_NETWORK = {"vpc_id": "v", "subnet_id": "s", "security_group_id": "g"}


class _Servers:
    """What answers the client's requests: servers run at once; a list shows all of them."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(LATENCY)
        if request.method == "POST":
            now = time.time_ns() // 1_000_000
            name = json.loads(request.content)["name"]
            self._rows.append({"id": f"id-{len(self._rows)}", "name": name, "status": "RUNNING", "create_at": now})
            return _answer(self._rows[-1])
        offset, limit = (int(request.url.params[key]) for key in ("offset", "limit"))
        return _answer({"total": len(self._rows), "data": self._rows[offset : offset + limit]})


def _answer(body: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json=body, headers={"Date": format_datetime(datetime.now(UTC), usegmt=True)})


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
    bought: list[float] = []

    def listen(event: Event) -> None:
        if event.type is EventType.BOUGHT:
            bought.append(time.perf_counter())

    async def apply() -> RunResult:
        async with _connected() as cloud:
            return await execute(_context(open_ledger, cloud, listen))

    with ledger as open_ledger:
        begun = time.perf_counter()
        result = asyncio.run(apply())
    assert len(result.of_type(ResultType.DONE)) == len(bought) == SERVERS
    return bought[-1] - begun


def _connected() -> AbstractAsyncContextManager[Cloud]:
    return connect(
        endpoints=region_endpoints(_IDENTITY.region),
        credentials=AccessKey("EXAMPLEAK0000000001", Secret("example-secret-key")),
        region=_IDENTITY.region,
        project_id=_IDENTITY.project,
        domain_id=_IDENTITY.account,
        user_agent="provisioner/benchmark",
        backend=httpx.MockTransport(_Servers()),
    )


def _context(ledger: Any, cloud: Cloud, listen: Listener) -> RunContext:
    return RunContext(
        plan=_plan(),
        live={},
        catalogue=CATALOGUE,
        cloud=cloud,
        ledger=ledger,
        secrets=_NoSecrets(),
        clock=SystemClock(),
        interruption=Interruption(),
        listen=listen,
        who="bench",
        sender="bench",
        lineage="bench",
        server_time=lambda: time.time_ns() // 1_000_000,
        parallelism=PARALLELISM,
    )


@contextmanager
def _journal() -> Any:
    with TemporaryDirectory() as place:
        store = open_store(Path(place), "bench")
        with store.write(command="apply", who="bench", timeout=0) as session:
            session.create("bench", None, identity=_IDENTITY)
            yield session


def _plan() -> Plan:
    servers = [_server(index) for index in range(SERVERS)]
    changes = tuple(CreateChange(server.address, server.kind, desired=server) for server in servers)
    return Plan(Mode.APPLY, Basis("bench", None, _IDENTITY, None, 0, JournalHead()), changes)


def _server(index: int) -> Desired:
    fields = {"name": f"node-{index}", "flavor": "Si2.large.4", "image_id": "i", "network": _NETWORK}
    return Desired(Address("node", index), "dev_server", fields)
