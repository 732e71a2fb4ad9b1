"""Checks whether an approved or saved plan may still be executed: it must be the plan that would be made now."""

from __future__ import annotations

from pathlib import Path

from provisioner.cloud import Cloud
from provisioner.model.diagnostic import InDoubt, UsageError, error
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.stack import Stack
from provisioner.model.state import State
from provisioner.saved_plans import plan_id
from provisioner.store import Session
from provisioner.workflow.cloud_snapshot import basis_of


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


def check_current(plan: Plan, path: Path, stack: Stack, session: Session, cloud: Cloud) -> None:
    """Raises UsageError for a saved plan that was used, is stale or for another stack, and while calls are unsettled.

    Raises InDoubt while a purchase is in doubt.
    """
    state = session.state
    _check_settled(state, plan.mode)
    if session.plan_used(plan_id(plan)):
        raise UsageError(
            error(
                "plan-used",
                f"the plan {path}, or one that is equal to it, has been carried out before",
                hint="Plan again with: plan --out FILE",
            )
        )
    now = basis_of(stack, state, cloud.identity)
    if (plan.basis.stack, plan.basis.environment) != (now.stack, now.environment):
        summary = f"the plan {path} is for stack {plan.basis.stack!r}, environment {plan.basis.environment!r}"
        raise UsageError(error("plan-foreign", summary, hint="check -e and the specs directory"))
    if plan.basis != now:
        changed = _what_changed(plan.basis, now)
        hint = "Nothing was sent. Plan again with: plan --out FILE"
        raise UsageError(error("plan-stale", f"the plan {path} is stale: {changed} since it was made", hint=hint))


def _check_settled(state: State | None, mode: Mode) -> None:
    """Raises an error while calls are open.

    Settling them changes the state, which makes an earlier plan stale anyway.
    """
    if state is None or not state.in_doubt:
        return
    doubts = [
        error(
            "in-doubt",
            f"{intent.address_list}: the outcome of an earlier call is not known, so a saved plan is not carried out",
            hint=f"run {mode.command} without a plan file: it looks for what it became first",
            address=intent.address,
        )
        for intent in state.purchases_in_doubt
    ]
    unsettled = [
        error(
            "unsettled",
            f"{intent.address_list}: the outcome of an earlier {intent.effect.noun} is not known, so a saved plan is not carried out",
            hint=f"run {mode.command} without a plan file: it looks at what became of it first",
            address=intent.address,
        )
        for intent in state.unsettled
    ]
    raise (InDoubt if doubts else UsageError)(*doubts, *unsettled)


def _what_changed(approved: Basis, now: Basis) -> str:
    if approved.policy != now.policy:
        return "purchase: in stack.yaml has changed"
    return "guards: in stack.yaml has changed" if approved.limits != now.limits else "the state has moved"
