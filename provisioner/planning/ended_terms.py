"""Servers whose paid term is over and which the cloud still keeps: nothing is done to one without a person's word.

Source: docs/api/devserver-api.md section 2.3. In its grace and its frozen period such a server can be renewed, and released in the console
only; what else is asked for is refused, or done to a machine that is about to go. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.change import Action, Change, Plan
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.doubt import moment
from provisioner.model.guarding import Allowance
from provisioner.model.kind import Catalogue
from provisioner.model.resource import Recorded
from provisioner.planning.releases import was_allowed
from provisioner.planning.survey import Survey

_DONE_TO_IT = {
    Action.UPDATE: "be changed",
    Action.REINSTALL: "have its system disk wiped",
    Action.REPLACE: "be released, and another one bought",
    Action.DELETE: "be released",
}
_IN_STATE_ONLY = frozenset({"labels", "lifecycle"})
WAY_OUT = "renew it in the console before the cloud releases it, then apply --refresh-only; or release it there (usermanual-server-0025)"


def term_ended(plan: Plan, survey: Survey, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """By what billing told for this plan, where it was asked, and else by what is recorded."""
    for change in plan.changes:
        recorded = change.recorded
        if recorded is None or not _acts(change) or was_allowed(change):
            continue
        row = survey.live.get(recorded.id or "")
        end = _end(recorded, survey)
        is_over = end is not None and survey.at is not None and end <= survey.at
        if end is not None and is_over and row is not None and catalogue[change.kind].prepaid(recorded, row):
            yield error(
                Allowance.TERM_ENDED,
                f"{change.address}: its paid term ended {moment(end)}, and it would {_DONE_TO_IT[change.action]}",
                detail="until it is renewed or gone, the cloud refuses to unsubscribe it and may refuse anything else",
                hint=f"{WAY_OUT}; for this one run all the same: --allow {Allowance.TERM_ENDED}",
                source=change.desired.source if change.desired else None,
                address=change.address,
            )


def _acts(change: Change) -> bool:
    """What stands in the state alone is nothing to the cloud."""
    if change.action is Action.UPDATE:
        return any(item.path[0] not in _IN_STATE_ONLY for item in change.fields)
    return change.action in _DONE_TO_IT


def _end(recorded: Recorded, survey: Survey) -> int | None:
    """None where it goes on, as far as is known."""
    term = recorded.term
    known = None if term is None or term.renews else term.expires_at
    return survey.foresight.paid_until.get(recorded.id or "", known)
