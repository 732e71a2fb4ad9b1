"""How many servers of a group are ready after a run, such as "8 of 10": more than that the run failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.event import ResultType, RunResult
from provisioner.model.plan import Mode, Plan


@dataclass(frozen=True, slots=True)
class Fleet:
    """`ready` of the `wanted` servers of a group exist and are as the specs want them."""

    group: Address
    ready: int
    wanted: int


def unfinished_fleets(plan: Plan, run: RunResult) -> tuple[Fleet, ...]:
    """Returns the groups that are not completely ready after the run, among the addresses that were selected for it."""
    if plan.mode is not Mode.APPLY:
        return ()
    done = {result.address for result in run.of_type(ResultType.DONE)}
    not_as_wanted = {change.address for change in plan.not_as_wanted}
    members = [
        change
        for change in plan.changes
        if change.desired is not None and change.address.key is not None and plan.selects(change)
    ]
    wanted = Counter(change.address.group for change in members)
    ready = Counter(
        change.address.group
        for change in members
        if change.address in done or (change.action is Action.NO_OP and change.address not in not_as_wanted)
    )
    return tuple(
        Fleet(group, ready[group], number) for group, number in wanted.items() if number > 1 and ready[group] < number
    )
