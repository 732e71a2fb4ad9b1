"""Refuses actions on servers whose paid term is over and which the cloud still keeps, unless a person allows them.

Source: docs/api/devserver-api.md section 2.3. In its grace period and its frozen period such a server can be renewed,
and released in the console only. The cloud refuses anything else, or does it to a machine that is about to go. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioner.model.action import Action
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.guards import Allowance
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Plan
from provisioner.model.time_text import format_time
from provisioner.planning.paid_until import end_of_term, term_has_ended
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.releases import release_has_begun

_EFFECTS = {
    Action.UPDATE: "be changed",
    Action.REINSTALL: "have its system disk wiped",
    Action.REPLACE: "be released, and another one bought",
    Action.DELETE: "be released",
}
_IN_STATE_ONLY = frozenset({"labels", "lifecycle"})
REMEDY = "renew it in the console before the cloud releases it, then `provisioner apply --refresh-only`; or release it there (usermanual-server-0025)"


def term_ended(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to change, reinstall, replace or release a server whose paid term is over.

    The end comes from billing where it was asked for this plan, and else from the record. This guard takes the place of
    those against releasing or replacing a prepaid server, as there is no term left to lose: one thing is refused once,
    and allowed once.
    """
    for change in plan.changes:
        recorded = change.recorded
        if recorded is None or not _is_sent_to_cloud(change) or release_has_begun(change):
            continue
        end = end_of_term(recorded, inputs)
        if end is not None and term_has_ended(recorded, inputs, catalogue[change.kind]):
            yield error(
                Allowance.TERM_ENDED,
                f"{change.address}: its paid term ended {format_time(end)}, and it would {_EFFECTS[change.action]}",
                detail="until it is renewed or gone, the cloud refuses to unsubscribe it and may refuse other requests too",
                hint=f"{REMEDY}; to do it anyway in this run: --allow {Allowance.TERM_ENDED}",
                source=change.desired.source if change.desired else None,
                address=change.address,
            )


def without_duplicates(findings: Iterable[Diagnostic], guarded: Plan) -> tuple[Diagnostic, ...]:
    """Drops the findings that a guard reports already for the same server: `expired` where `term-ended` does, a
    charging mismatch, and any finding with the same code and summary.
    """
    reported = {
        ("expired", one.address) for one in (*guarded.refusals, *guarded.lifted) if one.code == Allowance.TERM_ENDED
    }
    reported |= {(one.code, one.address) for one in guarded.refusals if one.code == Allowance.CHARGING_MISMATCH}
    same = {(one.code, one.summary) for one in guarded.refusals}
    return tuple(
        one for one in findings if (one.code, one.address) not in reported and (one.code, one.summary) not in same
    )


def _is_sent_to_cloud(change: Change) -> bool:
    """Whether the change does something in the cloud. Labels and lifecycle are kept in the state only."""
    if change.action is Action.UPDATE:
        return any(item.path[0] not in _IN_STATE_ONLY for item in change.fields)
    return change.action in _EFFECTS
