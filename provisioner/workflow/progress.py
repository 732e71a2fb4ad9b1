"""Follows what is under way in a stack, from any machine: the run at work, and then what no run waits for.

It takes no lock and writes nothing. How far a run is comes from the journal alone. What goes on in the cloud without a
run is read from the state and from the cloud's list.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

from provisioner.applying.poll_pace import PAUSES
from provisioner.model.diagnostic import CloudError, Diagnostic, ProvisionerError, Severity, StoreError, UsageError
from provisioner.model.event import Event
from provisioner.model.resource import Live
from provisioner.model.run_progress import RunProgress, RunTracker
from provisioner.model.state import State
from provisioner.model.under_way import AWAITED, CallTimes, ServerUnderWay
from provisioner.planning import under_way
from provisioner.store import LockHolder, StateStore
from provisioner.workflow.cloud_snapshot import check_identity, read_cloud
from provisioner.workflow.state_place import require_recorded
from provisioner.workflow.system_clock import SystemClock
from provisioner.workflow.workspace import Workspace

if TYPE_CHECKING:
    from provisioner.cloud import Cloud

_SECONDS_BETWEEN_LOOKS: Final = 1.5
"""How often the journal of a run is looked at where the store does not tell when something was appended."""
_SECONDS_TO_GATHER: Final = 0.2
"""How long to gather records after one was seen, so that a wide run does not cost a look for each."""
_FAILURES_IN_A_ROW: Final = 5


class ProgressUI(Protocol):
    """The user interface: receives what has changed as soon as it is known."""

    def listen(self, event: Event) -> None: ...

    def show_run(self, holder: LockHolder, progress: RunProgress | None) -> None:
        """Shows who holds the lock and how far that run is. Called at each look."""

    def show_servers(self, servers: tuple[ServerUnderWay, ...], waited: float) -> None:
        """Shows what is still awaited, at each look, after so many seconds."""


@dataclass(frozen=True, slots=True)
class ProgressRequest:
    """`follows`: follow the run at work until it ends. `waits`: then also wait for what no run waits for.

    `timeout` is in seconds, for both together.
    """

    follows: bool = False
    waits: bool = False
    timeout: float = inf


@dataclass(frozen=True, slots=True)
class ProgressResult:
    """What was under way at last. `holder` is the run that still holds the lock, and `progress` how far it is.

    `is_cloud_read`: the stages of the servers are those that the cloud shows, and not only those on record.
    """

    location: str
    holder: LockHolder | None
    progress: RunProgress | None
    servers: tuple[ServerUnderWay, ...] = field(repr=False)
    is_cloud_read: bool = False
    notes: tuple[Diagnostic, ...] = ()


async def read_progress(workspace: Workspace, request: ProgressRequest, ui: ProgressUI) -> ProgressResult:
    """Reads and follows what is under way.

    Raises UsageError where nothing was ever recorded, and StoreError for damage. With `waits` also CloudError and
    UsageError where the cloud cannot be asked; otherwise that is a note.
    """
    follower = _Follower(workspace, request, ui)
    await follower.follow_run()
    return follower.result(()) if follower.is_run_at_work else await follower.follow_servers()


class _Follower:
    """One command: the store, what was read of it so far, and until when it goes on."""

    def __init__(self, workspace: Workspace, request: ProgressRequest, ui: ProgressUI) -> None:
        self.workspace = workspace
        self.request = request
        self.ui = ui
        self.stack = workspace.stack()
        self.store = workspace.store(self.stack)
        self.clock = SystemClock()
        self.began_at = self.clock.monotonic()
        self.holder: LockHolder | None = None
        self._tail = self.store.tail()
        self._tracker = RunTracker()
        self._times: CallTimes | None = None
        self._has_read = False

    @property
    def progress(self) -> RunProgress | None:
        """How far the run is that holds the lock; None where it has begun nothing."""
        progress, holder = self._tracker.progress, self.holder
        return progress if progress and holder and progress.began_at >= holder.since else None

    @property
    def waited(self) -> float:
        return self.clock.monotonic() - self.began_at

    @property
    def seconds_left(self) -> float:
        return self.request.timeout - self.waited

    @property
    def is_run_at_work(self) -> bool:
        """Whether a run holds the lock that has begun something, or that is the first one of the stack.

        What is under way is its own then, and it waits for that itself.
        """
        return self.holder is not None and (self.progress is not None or self.store.load() is None)

    def result(self, servers: tuple[ServerUnderWay, ...], *, is_cloud_read: bool = False) -> ProgressResult:
        return ProgressResult(
            self.store.location, self.holder, self.progress, servers, is_cloud_read, self.store.warnings
        )

    def look(self) -> bool:
        """Reads who holds the lock, and then the new records. Returns whether there are any.

        Events are shown of what happens from the first look on.
        """
        self.holder = self.store.holder()
        records = self._tail.read()
        events = self._tracker.note(records)
        if self._times is not None:
            self._times.note(records)
        for event in events if self._has_read else ():
            self.ui.listen(event)
        self._has_read = True
        if self.holder is not None:
            self.ui.show_run(self.holder, self.progress)
        return bool(records)

    async def follow_run(self) -> None:
        """Follows the run at work until it ends, or as long as was asked for."""
        self.look()
        while self.holder is not None and (self.request.follows or self.request.waits) and self.seconds_left > 0:
            await asyncio.to_thread(self.store.wait, min(_SECONDS_BETWEEN_LOOKS, self.seconds_left))
            await self.clock.sleep(_SECONDS_TO_GATHER)
            self.look()

    async def follow_servers(self) -> ProgressResult:
        """Reads what no run waits for, and waits for that if it was asked for."""
        state = self._load()
        servers = self._servers(state, None)
        if not servers:
            return self.result(())
        try:
            async with self._cloud(state) as cloud:
                return await self._wait_for_servers(state, cloud)
        except (CloudError, UsageError, StoreError) as failure:
            if self.request.waits:
                raise
            result = self.result(servers)
            return replace(result, notes=(*result.notes, *_as_warnings(failure)))

    async def _wait_for_servers(self, state: State, cloud: Cloud) -> ProgressResult:
        pauses, polls = list(PAUSES), 0
        while True:
            live = await self._read_list(state, cloud)
            polls += 1
            servers = self._servers(state, live, polls=polls)
            awaited = tuple(one for one in servers if one.stage in AWAITED)
            if not self.request.waits or not awaited or self.seconds_left <= 0:
                return self.result(servers, is_cloud_read=True)
            self.ui.show_servers(awaited, self.waited)
            if await self._rest(pauses.pop(0) if len(pauses) > 1 else pauses[0]):
                await self.follow_run()
                if self.is_run_at_work:
                    return self.result(())
                state = self._load()

    async def _rest(self, pause: float) -> bool:
        """Waits for so many seconds, or until another run begins. Returns whether the state may be another one now."""
        ends_at = self.clock.monotonic() + min(pause, self.seconds_left)
        while (left := ends_at - self.clock.monotonic()) > 0:
            await self.clock.sleep(min(left, _SECONDS_BETWEEN_LOOKS))
            if self.look() or self.holder is not None:
                return True
        return False

    async def _read_list(self, state: State, cloud: Cloud) -> dict[str, Live]:
        """Reads the cloud's rows. While it waits, a reading that fails is made again, a few times."""
        failures = 0
        # The outcome of an open call is looked for by apply, which asks billing for that, and not here.
        recorded = replace(state, intents={}, absent={})
        while True:
            try:
                snapshot = await read_cloud(cloud, recorded, self.workspace.catalogue)
            except CloudError:
                failures += 1
                if not self.request.waits or failures == _FAILURES_IN_A_ROW or self.seconds_left <= 0:
                    raise
                await self.clock.sleep(PAUSES[-1])
            else:
                cloud.progress.end()
                return dict(snapshot.live)

    @asynccontextmanager
    async def _cloud(self, state: State) -> AsyncIterator[Cloud]:
        async with self.workspace.cloud(self.stack, self.ui.listen) as cloud:
            check_identity(state, cloud.identity)
            yield cloud

    def _load(self) -> State:
        return require_recorded(self.store, self.store.load())

    def _servers(self, state: State, live: dict[str, Live] | None, *, polls: int = 1) -> tuple[ServerUnderWay, ...]:
        times = {} if self._times is None else self._times.times
        found = under_way(state, live, self.workspace.catalogue, since=times, polls=polls)
        if found and self._times is None:
            self._times = _call_times(self.store)
            return self._servers(state, live, polls=polls)
        return found


def _call_times(store: StateStore) -> CallTimes:
    """Reads from the whole journal, once, when the calls were sent."""
    times = CallTimes()
    times.note(store.history())
    return times


def _as_warnings(failure: ProvisionerError) -> tuple[Diagnostic, ...]:
    """Returns why the cloud was not asked, as warnings."""
    return tuple(
        replace(one, severity=Severity.WARNING, summary=f"the cloud was not asked: {one.summary}")
        for one in failure.diagnostics
    )
