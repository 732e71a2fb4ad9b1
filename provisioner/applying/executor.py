"""Carries out a plan: every address on its own way, a failed one stopping no other.

It does what the plan says in the plan's words and re-decides nothing; what it checks again is only what may have changed since
a saved plan was made: that no stranger took a wanted name, and that what is to be forgotten is still gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

from provisioner.applying import endings
from provisioner.applying.claims import Claims
from provisioner.applying.driver import Driver
from provisioner.applying.interruption import Interruption
from provisioner.applying.poll import Poll
from provisioner.applying.pool import ChannelPool
from provisioner.applying.ports import Clock, Cloud, Ledger, Listener, Secrets
from provisioner.applying.reading import run_read
from provisioner.applying.scribe import Scribe
from provisioner.applying.workshop import ServerClock, Workshop
from provisioner.model.change import Action, Change, Plan
from provisioner.model.event import EventType, Result, ResultType, RunResult
from provisioner.model.flow import Ended
from provisioner.model.journal import Forgotten
from provisioner.model.kind import Catalogue
from provisioner.model.resource import Live, Recorded, Timeouts


@dataclass(frozen=True)
class Execution:
    """All that a run works with. `live` is the one complete read at its start; `who` is written into every intent."""

    plan: Plan
    live: Mapping[str, Live]
    catalogue: Catalogue
    cloud: Cloud
    ledger: Ledger
    secrets: Secrets
    clock: Clock
    interruption: Interruption
    listen: Listener
    who: str
    parallelism: int = 10

    def namesakes(self, name: str) -> list[Live]:
        """The live servers that bore this name when the run began."""
        return self._by_name.get(name, [])

    def stranger(self, name: str) -> Live | None:
        """A namesake that no address of the plan owns."""
        return next((row for row in self.namesakes(name) if row.id not in self._ours), None)

    @cached_property
    def _by_name(self) -> Mapping[str, list[Live]]:
        by_name: dict[str, list[Live]] = {}
        for row in self.live.values():
            by_name.setdefault(row.name, []).append(row)
        return by_name

    @cached_property
    def _ours(self) -> frozenset[str | None]:
        return frozenset(change.recorded.id for change in self.plan.changes if change.recorded is not None)


async def execute(execution: Execution) -> RunResult:
    """Never raises for what happens to a server: each has its result. A journal that fails ends every purchase."""
    kinds = [execution.catalogue[name] for name in {change.kind for change in execution.plan.work}]
    async with execution.cloud.channel() as lookout, ChannelPool(execution.cloud, execution.parallelism) as pool:

        async def look() -> dict[str, Live]:
            return {row.id: row for kind in kinds for row in await run_read(kind.listing(), lookout)}

        poll = Poll(look, execution.clock, execution.interruption)
        workshop = Workshop(
            scribe=Scribe(execution.ledger, on_failure=poll.end),
            pool=pool,
            claims=Claims(change.recorded for change in execution.plan.changes if change.recorded is not None),
            poll=poll,
            secrets=execution.secrets,
            clock=execution.clock,
            server_clock=ServerClock(execution.clock),
            interruption=execution.interruption,
            listen=execution.listen,
            who=execution.who,
        )
        polling = asyncio.ensure_future(poll.run())
        try:
            journeys = (_Journey(execution, workshop, change).travel() for change in execution.plan.work)
            outcomes = await asyncio.gather(*journeys, return_exceptions=True)
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
    return RunResult(tuple(_results(outcomes)), interrupted=execution.interruption.requested)


def _results(outcomes: Iterable[Result | BaseException]) -> Iterator[Result]:
    """An error of our own is raised only now, when nobody else is on the way any more."""
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        yield outcome


class _Journey:
    """One change from its start to its result."""

    def __init__(self, execution: Execution, workshop: Workshop, change: Change) -> None:
        self._execution = execution
        self._workshop = workshop
        self._kind = execution.catalogue[change.kind]
        self._change = change
        self._driver = self._new_driver(change.recorded)

    async def travel(self) -> Result:
        try:
            ended = await self._do()
        except endings.EXPECTED as reason:
            result = endings.broken_off(self._change, self._driver, reason)
        else:
            result = endings.arrived(self._change, self._driver, ended)
        self._announce(result)
        return result

    async def _do(self) -> Ended:
        change = self._change
        match change.action:
            case Action.CREATE:
                return await self._create(change)
            case Action.RESUME:
                return await self._resume(change)
            case Action.UPDATE:
                return await self._update(change)
            case Action.DELETE:
                return await self._release(change)
            case Action.REPLACE:
                self._refuse_stranger(change)
                released = await self._release(change)
                if released.phase is not None:
                    return released
                self._driver = self._new_driver(None)
                return await self._create(change)
            case Action.FORGET:
                return await self._forget_vanished(change)
            case Action.NO_OP:
                return Ended(change.recorded.phase if change.recorded else None)
            case _:
                assert_never(change.action)

    async def _create(self, change: Change) -> Ended:
        assert change.desired is not None  # only what is wanted is bought
        self._refuse_stranger(change)
        return await self._driver.drive(self._kind.create(change.desired, None))

    def _refuse_stranger(self, change: Change) -> None:
        """Asked before a replacement's release too: to release and then not to buy would be the worst of both."""
        if change.desired is not None and (stranger := self._execution.stranger(change.desired.name)) is not None:
            raise endings.NameTaken(stranger)

    async def _resume(self, change: Change) -> Ended:
        if change.recorded is None:
            raise endings.StillInDoubt
        assert change.desired is not None  # what is not wanted is released, not resumed
        return await self._driver.drive(self._kind.create(change.desired, change.recorded))

    async def _update(self, change: Change) -> Ended:
        assert change.desired is not None and change.recorded is not None  # noqa: PT018 - one fact: both exist
        changed = frozenset(item.path for item in change.fields)
        return await self._driver.drive(self._kind.update(change.desired, change.recorded, changed))

    async def _release(self, change: Change) -> Ended:
        assert change.recorded is not None  # only what is recorded is released
        live = self._execution.live.get(change.recorded.id or "")
        ended = await self._driver.drive(self._kind.delete(change.recorded, live))
        return await self._forget("released") if ended.phase is None else ended

    async def _forget_vanished(self, change: Change) -> Ended:
        """A saved plan may be older than the last look: a server that shows again is not given up."""
        assert change.recorded is not None  # only what is recorded can have vanished
        if change.recorded.id in self._execution.live:
            raise endings.ShowsAgain
        return await self._forget("gone from the cloud")

    async def _forget(self, reason: str) -> Ended:
        await self._workshop.scribe.write(Forgotten(self._change.address, reason, self._driver.identifier))
        return Ended(None)

    def _new_driver(self, recorded: Recorded | None) -> Driver:
        desired = self._change.desired
        timeouts = desired.timeouts if desired else Timeouts()
        releasing = recorded is not None and self._change.action in {Action.DELETE, Action.REPLACE}
        return Driver(
            workshop=self._workshop,
            kind=self._kind,
            change=self._change,
            timeout=timeouts.delete if releasing else timeouts.create,
            recorded=recorded,
            earlier_ids=tuple(row.id for row in self._execution.namesakes(desired.name)) if desired else (),
        )

    def _announce(self, result: Result) -> None:
        detail = result.told
        match result.type:
            case ResultType.DONE:
                self._driver.announce(EventType.FINISHED, identifier=self._driver.identifier)
            case ResultType.FAILED:
                self._driver.announce(EventType.FAILED, detail=detail)
            case ResultType.INCOMPLETE:
                self._driver.announce(EventType.DETACHED, detail=detail)
            case ResultType.NOT_STARTED:
                self._driver.announce(EventType.SKIPPED, detail=detail)
            case ResultType.IN_DOUBT:
                self._driver.announce(EventType.IN_DOUBT, detail=detail)
            case _:
                assert_never(result.type)
