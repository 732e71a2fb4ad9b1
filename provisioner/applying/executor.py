"""Carries out a plan. Every change runs on its own; one that fails stops only the changes that depend on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from provisioner.applying.change_runner import ChangeRunner
from provisioner.applying.dependencies import DependencyGate
from provisioner.applying.group_purchase import GroupPurchase
from provisioner.applying.preflight import Preflight
from provisioner.applying.run_context import RunContext
from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change, CreateChange, DeleteChange, ReplaceChange, convert_to
from provisioner.model.dependency import Dependency, describe_release
from provisioner.model.diagnostic import StoreError
from provisioner.model.event import Result, RunResult
from provisioner.model.journal import Moved
from provisioner.model.plan import Plan
from provisioner.model.shared_orders import group_by_order


async def execute(context: RunContext) -> RunResult:
    """Carries out the plan and returns a result for each change. What happens to a server is reported there and never
    raised. Once the journal has failed, nothing more is bought.
    """
    context = replace(context, plan=split_create_first(context.plan))
    async with context.open():
        await _move(context)
        gate = DependencyGate(context.plan.dependencies, (change.address for change in context.plan.work))
        preflight = Preflight(context, gate)
        groups = _groups(context)
        runners = [
            ChangeRunner(context, preflight, gate, change, group=groups.get(change.address))
            for change in context.plan.work
        ]
        outcomes = await asyncio.gather(*(runner.run() for runner in runners), return_exceptions=True)
    results = tuple(_results(outcomes))
    lost = tuple(finding for runner in runners for finding in runner.lost_answers())
    return RunResult(results, interrupted=context.interruption.requested, noun=context.plan.noun, findings=lost)


async def _move(context: RunContext) -> None:
    """Records the moves before anything is sent, so that everything recorded from now on stands under the new
    addresses.
    """
    moves = [Moved(change.moved_from, change.address) for change in context.plan.work if change.moved_from]
    if moves:
        with suppress(StoreError):  # each change that has a move checks the journal itself
            await context.journal.write(*moves)


def _groups(context: RunContext) -> dict[Address, GroupPurchase]:
    """Returns the group purchases of the plan, by the address of each member."""
    changes = {change.address: change for change in context.plan.work if context.plan.together}
    groups: dict[Address, GroupPurchase] = {}
    for addresses in context.plan.together:
        kind = context.catalogue[changes[addresses[0]].kind]
        wanted = tuple(desired for address in addresses if (desired := changes[address].desired) is not None)
        groups |= dict.fromkeys(addresses, GroupPurchase(kind, wanted))
    return groups


def _results(outcomes: Iterable[Result | BaseException]) -> Iterator[Result]:
    """Yields the results. Raises an unexpected error only here, when no change is running any more."""
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        yield outcome


def split_create_first(plan: Plan) -> Plan:
    """Returns the plan with each `create_first` replacement split in two: a creation at the address, and a deletion of
    the old server under its deposed address. The deletion depends on the creation.
    """
    if not any(change.create_first for change in plan.changes):
        return plan
    changes = tuple(part for change in plan.changes for part in _split(change))
    return replace(plan, changes=changes, dependencies=(*plan.dependencies, *_dependencies(changes)))


def _dependencies(changes: Iterable[Change]) -> Iterator[Dependency]:
    """Yields the dependencies of the deposed servers. An order ends as a whole, so the servers of one order are
    released together, once all of their successors are there.
    """
    deposed = [change.recorded for change in changes if change.address.deposed and change.action is Action.DELETE]
    for records in group_by_order(record for record in deposed if record):
        successors = tuple(record.address.successor for record in records)
        yield Dependency(tuple(record.address for record in records), successors, describe_release(successors))


def _split(change: Change) -> Iterator[Change]:
    if not isinstance(change, ReplaceChange) or not change.create_first:
        yield change
        return
    yield convert_to(change, CreateChange)
    deposed = change.address.as_deposed
    yield DeleteChange(
        deposed,
        change.kind,
        recorded=replace(change.recorded, address=deposed),
        reason=Reason.DEPOSED,
        leftovers=change.leftovers,
        live_name=change.live_name,
    )
