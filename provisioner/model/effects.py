"""Counts what a plan does to servers, for pipelines that let some plans pass without a person."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.action import Action
from provisioner.model.change import Change, ResolveChange
from provisioner.model.plan import Mode, Plan
from provisioner.model.resource import BEING_BOUGHT, Phase


@dataclass(frozen=True, slots=True)
class Effects:
    """How many servers a plan buys, continues, changes in place, wipes, releases and forgets without a release. A
    replacement counts as bought and as released.
    """

    buys: int
    resumes: int
    changes: int
    wipes: int
    releases: int
    lets_go: int
    only_adds: bool
    """Whether the plan leaves every existing server as it is and keeps its record. True for a plan without work."""

    @classmethod
    def of(cls, plan: Plan) -> Effects:
        work = plan.work
        counted = [change.action for change in work]

        def count(*actions: Action) -> int:
            return sum(action in actions for action in counted)

        return cls(
            buys=count(Action.CREATE, Action.REPLACE),
            resumes=count(Action.RESUME),
            changes=count(Action.UPDATE)
            + sum(change.action is Action.ADOPT and bool(change.fields) for change in work),
            wipes=count(Action.REINSTALL) + sum(resumes_wipe(change) for change in work),
            releases=count(Action.DELETE, Action.REPLACE),
            lets_go=sum(change.let_go for change in work),
            only_adds=all(_only_adds(change) for change in work) and not (work and plan.mode is Mode.DESTROY),
        )


def _only_adds(change: Change) -> bool:
    """Returns whether the change at most adds a server. Changes of the record alone do not count."""
    match change.action:
        case Action.CREATE | Action.MOVE | Action.RECORD:
            return True
        case Action.ADOPT:
            return not change.fields
        case Action.RESUME:
            return _resumes_purchase(change)
        case Action.FORGET:
            return not change.let_go
        case _:
            return False


def _resumes_purchase(change: Change) -> bool:
    """Returns whether the change continues a purchase. Other work in progress is not known to be harmless."""
    if isinstance(change, ResolveChange):
        return not change.let_go
    return change.recorded is not None and change.recorded.phase in BEING_BOUGHT


def resumes_wipe(change: Change) -> bool:
    is_wiping = change.recorded is not None and change.recorded.phase is Phase.REINSTALLING
    return change.action is Action.RESUME and is_wiping
