"""A plan as inert data: changes in order, what it was made from, and what was noticed on the way.

No method here acts and nothing refers to a client. `findings` explain to a reader; applying never reads them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.dependency import Dependency
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.guards import DEFAULT_LIMITS, Allowance, GuardLimits
from provisioner.model.identity import Identity
from provisioner.model.purchase_policy import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.selection import EVERYTHING, Selection
from provisioner.model.state import JournalHead


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan was made from; apply refuses it when any of this has moved. `lineage` is None before the first apply."""

    stack: str
    environment: str | None
    identity: Identity
    lineage: str | None
    serial: int
    head: JournalHead
    policy: PurchasePolicy = DEFAULT_POLICY
    """How it was to be bought when somebody approved of it."""
    limits: GuardLimits = DEFAULT_LIMITS
    """How much one run was to do then."""


class Mode(StrEnum):
    APPLY = "apply"
    DESTROY = "destroy"
    REFRESH = "refresh"

    @property
    def command(self) -> str:
        """What a person types for it."""
        return "apply --refresh-only" if self is Mode.REFRESH else self.value


def _is_adapted(change: Change) -> bool:
    """Taken over, and changed in place as well."""
    return change.action is Action.ADOPT and bool(change.fields)


@dataclass(frozen=True, slots=True)
class Summary:
    add: int
    change: int
    destroy: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What would be done about an address that is not selected."""

    address: Address
    action: Action


@dataclass(frozen=True, slots=True)
class Plan:
    """`changes` holds every address once, no-ops included, in the order of the work. `refusals` forbid applying it. `together`
    are the creates that one call buys, for each such call; `turns` say who waits for whom, and lead in no circle.

    `allowed` is what a person allowed for this one run, `lifted` the refusals that thereby are none, as warnings.
    What is not selected is a no-op here, and told in `left_out`.
    """

    mode: Mode
    basis: Basis
    changes: tuple[Change, ...] = ()
    findings: tuple[Diagnostic, ...] = ()
    refusals: tuple[Diagnostic, ...] = ()
    allowed: tuple[Allowance, ...] = ()
    lifted: tuple[Diagnostic, ...] = ()
    selection: Selection = EVERYTHING
    left_out: tuple[LeftOut, ...] = ()
    together: tuple[tuple[Address, ...], ...] = ()
    turns: tuple[Dependency, ...] = ()
    noun: str = "server"
    """What one of those that it is about is called; "resource" where they are of several kinds."""

    def selects(self, change: Change) -> bool:
        bearer = change.desired or change.recorded
        return self.selection.matches(change.address, bearer.labels if bearer else {})

    @property
    def work(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action is not Action.NO_OP)

    @property
    def not_as_wanted(self) -> tuple[Change, ...]:
        """Wanted servers that are not there, or not as wanted, and that nothing will be done about."""
        return () if self.mode is Mode.REFRESH else tuple(change for change in self.changes if change.is_not_as_wanted)

    @property
    def left_in_doubt(self) -> bool:
        """A call has an unknown outcome, and this plan does not look for it."""
        return any(change.action is Action.NO_OP and change.reason is Reason.IN_DOUBT for change in self.changes)

    @property
    def summary(self) -> Summary:
        """Counts as Terraform's: a replacement is one to add and one to destroy; what resumes counts with neither."""
        count = Counter(change.action for change in self.changes)
        return Summary(
            add=count[Action.CREATE] + count[Action.REPLACE],
            change=count[Action.UPDATE] + count[Action.REINSTALL] + sum(_is_adapted(change) for change in self.changes),
            destroy=count[Action.DELETE] + count[Action.REPLACE],
        )
