"""A paid term ends only where a person said that it may: asked at the place where a release is sent, whatever the plan believed.

A saved plan is older than the last look, rows hide how a server is paid for, and billing may be the only one that knows. What is given up
by that was allowed for this run, or named for its replacement, or its release had begun already (docs/decisions/0026).
"""

from __future__ import annotations

from provisioner.applying.run_context import RunContext
from provisioner.model.change import Action, Change, Plan, Reason
from provisioner.model.guarding import Allowance
from provisioner.model.resource import Phase

_LIFTING = frozenset({"prepaid-delete", "prepaid-replace", Allowance.TERM_ENDED})


class TermKept(Exception):  # noqa: N818 - a decision, not a malfunction
    """Releasing it would give up a paid term, and nobody has allowed that."""

    def __init__(self, *, replaced: bool) -> None:
        super().__init__("a paid term would be given up")
        self.replaced = replaced


class TermCheck:
    """One for all changes of a run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def refuse_shown_term(self, change: Change) -> None:
        """Raises TermKept where the record or the row, as it is now, says that a term would be given up."""
        recorded, kind = change.recorded, self._context.catalogue[change.kind]
        if recorded is not None and kind.billing.gives_up_a_term(recorded, self._context.live_row(recorded)):
            self.refuse_term(change)

    def refuse_term(self, change: Change) -> None:
        """Raises TermKept unless a person allowed it."""
        if not is_allowed(self._context.plan, change):
            raise TermKept(replaced=change.action is Action.REPLACE or change.create_first)


def is_allowed(plan: Plan, change: Change) -> bool:
    """To give up the term of what this change releases."""
    recorded, origin = change.recorded, _deposing(plan, change)
    addresses = {change.address, *([origin.address] if origin else [])}
    if recorded is not None and (recorded.phase is Phase.DELETING or recorded.term_given_up):
        return True
    if any(one.code in _LIFTING and one.address in addresses for one in plan.lifted):
        return True
    if origin is not None:
        return _is_named(origin)
    return _is_named(change) if change.action is Action.REPLACE else Allowance.PREPAID_DELETE in plan.allowed


def _is_named(change: Change) -> bool:
    """By `--replace` with its address."""
    return change.reason is Reason.REQUESTED


def _deposing(plan: Plan, change: Change) -> Change | None:
    """What buys, in this very run, the server in whose favour this one is released."""
    if change.reason is not Reason.DEPOSED:
        return None
    return next((one for one in plan.changes if one.create_first and one.address == change.address.successor), None)
