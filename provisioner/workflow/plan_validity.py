"""Checks whether a plan that a person was asked about may still be executed: it must be the plan that would be made now."""

from __future__ import annotations

from provisioner.model.diagnostic import UsageError, error
from provisioner.model.plan import Plan


def require_unchanged(approved: Plan, now: Plan) -> None:
    """Raises UsageError `plan-outdated` when the plan `now` has refusals or differs from the one that was shown."""
    if _what_was_shown(now) != _what_was_shown(approved) or now.refusals:
        raise UsageError(
            error(
                "plan-outdated",
                "the cloud has changed since this plan was shown, so it was not carried out",
                hint="Nothing was sent. Run the command again, and look at the plan as it is now",
            ),
            *now.refusals,
        )


def _what_was_shown(plan: Plan) -> tuple[object, ...]:
    return plan.changes, plan.together, plan.lifted
