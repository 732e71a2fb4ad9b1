"""Carries out a plan: every address on its own way, a failed one stopping only those whose turn comes after it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from provisioner.applying.deposing import in_two_steps
from provisioner.applying.group import GroupPurchase
from provisioner.applying.journey import Journey
from provisioner.applying.names import Names
from provisioner.applying.order_guard import EndGuard
from provisioner.applying.precautions import Precautions
from provisioner.applying.readiness import ReadinessChecks
from provisioner.applying.run_context import RunContext
from provisioner.applying.turns import Turns
from provisioner.model.address import Address
from provisioner.model.diagnostic import StoreError
from provisioner.model.event import Result, RunResult
from provisioner.model.journal import Moved


async def execute(context: RunContext) -> RunResult:
    """Never raises for what happens to a server: each has its result. A journal that fails ends every purchase."""
    context = replace(context, plan=in_two_steps(context.plan))
    async with context.opened():
        await _move(context)
        turns = Turns(context.plan.turns, (change.address for change in context.plan.work))
        names, ends = Names(context), EndGuard(context)
        precautions = Precautions(context, names, ReadinessChecks(context, turns), ends)
        groups = _groups(context)
        journeys = (
            Journey(context, precautions, turns, change, group=groups.get(change.address)).travel()
            for change in context.plan.work
        )
        outcomes = await asyncio.gather(*journeys, return_exceptions=True)
    return RunResult(tuple(_results(outcomes)), interrupted=context.interruption.requested)


async def _move(context: RunContext) -> None:
    """Before anything is sent, so that all that is recorded of a server from now on is under its new address."""
    moves = [Moved(change.moved_from, change.address) for change in context.plan.work if change.moved_from]
    if moves:
        with suppress(StoreError):  # each journey of one that was to move finds that out for itself
            await context.journal.write(*moves)


def _groups(context: RunContext) -> dict[Address, GroupPurchase]:
    """By address: the one purchase that the plan makes for it and others."""
    changes = {change.address: change for change in context.plan.work if context.plan.together}
    groups: dict[Address, GroupPurchase] = {}
    for addresses in context.plan.together:
        kind = context.catalogue[changes[addresses[0]].kind]
        wanted = tuple(desired for address in addresses if (desired := changes[address].desired) is not None)
        groups |= dict.fromkeys(addresses, GroupPurchase(kind, wanted))
    return groups


def _results(outcomes: Iterable[Result | BaseException]) -> Iterator[Result]:
    """An error of our own is raised only now, when nobody else is on the way any more."""
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        yield outcome
