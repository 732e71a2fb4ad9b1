"""Guards against one run doing too much: each compares the plan with a limit of the stack, or reports a loss that
nobody may have meant.

They judge what would be done, and not what is declared: a change that is left out of the run does not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.action import Action, Reason
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Mode, Plan
from provisioner.planning.address_list import list_addresses
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.releases import release_has_begun

_NAMED = 5
"""How many addresses a refusal names at most; the plan itself lists them all."""
_RELEASING = frozenset({Action.DELETE, Action.REPLACE})
_NOT_UPDATING = frozenset({Action.ADOPT, Action.CREATE, Action.FORGET, Action.MOVE, Action.RESUME, Action.NO_OP})


def mass_change(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses a plan that releases or changes too large a share of the servers, because a mistake in `defaults:`
    reaches every server. Destroy is exempt: it releases all servers by definition.
    """
    limits = inputs.limits
    total = sum(change.recorded is not None and change.action is not Action.ADOPT for change in plan.changes)
    if plan.mode is Mode.DESTROY or total < limits.mass_change_from:
        return
    released = [change for change in plan.changes if change.action in _RELEASING and not _was_counted(change)]
    updated = [change for change in plan.changes if change.recorded is not None and _is_updated(change)]
    for changes, effect in ((released, "released"), (updated, "changed")):
        if len(changes) * 100 > limits.mass_change_percent * total:
            yield error(
                "mass-change",
                f"{len(changes)} of {catalogue.counted(total, (one.kind for one in changes))} would be {effect}: more than {limits.mass_change_percent} %",
                detail=list_addresses([change.address for change in changes], most=_NAMED),
                hint="check that you really mean so many, then use --allow mass-change; the limits are `guards:` in stack.yaml",
            )


def _was_counted(change: Change) -> bool:
    """Whether an earlier run counted this release: when it was sent, or when the successor was bought."""
    return release_has_begun(change) or change.reason is Reason.DEPOSED


def _is_updated(change: Change) -> bool:
    """Whether the change updates a server. Labels are kept in the state only, so no server notices them."""
    of_labels_only = bool(change.fields) and all(item.path[0] == "labels" for item in change.fields)
    return change.action not in _RELEASING | _NOT_UPDATING and not of_labels_only


def max_servers(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses a plan with which the stack holds more than `guards.max_servers` servers at any time. A stack above the
    limit may still shrink.
    """
    most = inputs.limits.max_servers
    ours = [change for change in plan.changes if change.kind == catalogue.first.name]
    purchases = [change for change in ours if change.action is Action.CREATE or change.create_first]
    waiting = {address for dependency in plan.dependencies for address in dependency.addresses}
    held = sum((_is_held(change) or change.address in waiting) + change.create_first for change in ours)
    if most is not None and purchases and held > most:
        yield error(
            "max-servers",
            f"the stack would have {held} {catalogue.first.noun}s, and guards.max_servers is {most}",
            detail=f"to be bought: {list_addresses([change.address for change in purchases], most=_NAMED)}",
            hint="declare fewer, raise guards.max_servers (`provisioner config show --origin` shows where it is set), or for this run: --allow max-servers",
        )


def _is_held(change: Change) -> bool:
    if change.action in {Action.DELETE, Action.FORGET}:
        return False
    return change.recorded is not None or change.action is not Action.NO_OP


def vanished(plan: Plan, _inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to drop the record of a vanished server: it may exist where these credentials do not see it, and cost all
    the same. Its record is the last trace.
    """
    for change in plan.changes:
        if change.action is Action.FORGET and change.reason is Reason.VANISHED and change.recorded is not None:
            yield error(
                "vanished",
                f"{change.address}: the record of {catalogue[change.kind].noun} {change.recorded.id} would be dropped, because the cloud does not show it",
                hint="look for it in the console and on the bill; if it is really gone: --allow vanished",
                source=change.desired.source if change.desired else None,
                address=change.address,
            )
