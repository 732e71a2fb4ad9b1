"""Carries out a plan: every address on its own way, a failed one stopping only those whose turn comes after it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from provisioner.applying.claims import Claims
from provisioner.applying.deposing import in_two_steps
from provisioner.applying.execution import Execution
from provisioner.applying.first_purchases import FirstPurchases
from provisioner.applying.group import GroupPurchase
from provisioner.applying.journey import Journey
from provisioner.applying.names import Names
from provisioner.applying.order_guard import EndGuard
from provisioner.applying.poll import Poll
from provisioner.applying.pool import ChannelPool
from provisioner.applying.precautions import Precautions
from provisioner.applying.readiness import ReadinessChecks
from provisioner.applying.reading import run_read
from provisioner.applying.scribe import Scribe
from provisioner.applying.turns import Turns
from provisioner.applying.workshop import Workshop
from provisioner.model.address import Address
from provisioner.model.change import Action
from provisioner.model.diagnostic import StoreError
from provisioner.model.event import Result, RunResult
from provisioner.model.journal import Moved
from provisioner.model.resource import Live


async def execute(execution: Execution) -> RunResult:
    """Never raises for what happens to a server: each has its result. A journal that fails ends every purchase."""
    execution = replace(execution, plan=in_two_steps(execution.plan))
    kinds = [execution.catalogue[name] for name in {change.kind for change in execution.plan.work}]
    async with execution.cloud.channel() as lookout, ChannelPool(execution.cloud, execution.parallelism) as pool:

        async def look() -> dict[str, Live]:
            return {row.id: row for kind in kinds for row in await run_read(kind.list(), lookout)}

        async def show(identifier: str) -> Live | None:
            rows = [await run_read(kind.show(identifier), lookout) for kind in kinds]
            return next((row for row in rows if row is not None), None)

        poll = Poll(look, execution.clock, execution.interruption, show, _to_stay(execution))
        claims = Claims(change.recorded for change in execution.plan.changes if change.recorded is not None)
        workshop = Workshop(
            scribe=Scribe(execution.ledger, on_failure=poll.end),
            pool=pool,
            claims=claims,
            names=Names(execution, poll, claims),
            first_purchases=FirstPurchases(execution.interruption),
            poll=poll,
            secrets=execution.secrets,
            clock=execution.clock,
            server_time=execution.server_time,
            interruption=execution.interruption,
            listen=execution.listen,
            who=execution.who,
            sender=execution.sender,
            mode=execution.plan.mode,
            lineage=execution.lineage,
            policy=execution.policy,
            elsewhere=execution.elsewhere,
            ends=(ends := EndGuard(execution, pool)),
            listed=frozenset(execution.live),
        )
        polling = asyncio.ensure_future(poll.run())
        try:
            await _move(execution, workshop)
            turns = Turns(execution.plan.turns, (change.address for change in execution.plan.work))
            precautions = Precautions(
                execution, pool, workshop.names, ReadinessChecks(execution, workshop, turns), ends
            )
            groups = _groups(execution)
            journeys = (
                Journey(execution, workshop, precautions, turns, change, group=groups.get(change.address)).travel()
                for change in execution.plan.work
            )
            outcomes = await asyncio.gather(*journeys, return_exceptions=True)
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
    return RunResult(tuple(_results(outcomes)), interrupted=execution.interruption.requested)


def _to_stay(execution: Execution) -> Iterator[str]:
    """The ids of the servers that were there when the run began, and that it leaves to their addresses."""
    for change in execution.plan.changes:
        identifier = change.recorded.id if change.recorded else None
        if (
            identifier is not None
            and identifier in execution.live
            and change.action not in {Action.DELETE, Action.REPLACE, Action.FORGET}
        ):
            yield identifier


async def _move(execution: Execution, workshop: Workshop) -> None:
    """Before anything is sent, so that all that is recorded of a server from now on is under its new address."""
    moves = [Moved(change.moved_from, change.address) for change in execution.plan.work if change.moved_from]
    if moves:
        with suppress(StoreError):  # each journey of one that was to move finds that out for itself
            await workshop.scribe.write(*moves)


def _groups(execution: Execution) -> dict[Address, GroupPurchase]:
    """By address: the one purchase that the plan makes for it and others."""
    changes = {change.address: change for change in execution.plan.work if execution.plan.together}
    groups: dict[Address, GroupPurchase] = {}
    for addresses in execution.plan.together:
        kind = execution.catalogue[changes[addresses[0]].kind]
        wanted = tuple(desired for address in addresses if (desired := changes[address].desired) is not None)
        groups |= dict.fromkeys(addresses, GroupPurchase(kind, wanted))
    return groups


def _results(outcomes: Iterable[Result | BaseException]) -> Iterator[Result]:
    """An error of our own is raised only now, when nobody else is on the way any more."""
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        yield outcome
