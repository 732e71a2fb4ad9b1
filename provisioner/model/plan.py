"""A plan as inert data: the changes in order, what the plan was made from, and findings.

No method here performs anything, and nothing refers to a client. `findings` are for readers; apply never reads them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.caller import UNKNOWN_CALLER, Caller
from provisioner.model.change import Change
from provisioner.model.dependency import Dependency
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.due import Due
from provisioner.model.guards import DEFAULT_LIMITS, Allowance, GuardLimits
from provisioner.model.identity import Identity
from provisioner.model.output import OutputChange
from provisioner.model.purchase_policy import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.selection import EVERYTHING, Selection
from provisioner.model.state import JournalHead


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan was made from. Apply refuses it if any of this changed. `lineage` is None before the first apply."""

    stack: str
    environment: str | None
    identity: Identity
    lineage: str | None
    serial: int
    head: JournalHead
    policy: PurchasePolicy = DEFAULT_POLICY
    """The purchase policy with which the plan was approved."""
    limits: GuardLimits = DEFAULT_LIMITS
    """The limits with which the plan was approved."""
    caller: Caller = field(default=UNKNOWN_CALLER, compare=False)
    """Who made the plan. Anybody may apply it."""


class Mode(StrEnum):
    APPLY = "apply"
    DESTROY = "destroy"
    REFRESH = "refresh"

    @property
    def command(self) -> str:
        """The command that a person types for this mode."""
        return "apply --refresh-only" if self is Mode.REFRESH else self.value


def _is_adapted(change: Change) -> bool:
    """Returns whether the change takes a server over and also changes it in place."""
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
    """A plan. `changes` holds every address once, in the order of the work, including no-ops. `refusals` forbid
    applying it. `together` holds, for each call that buys several servers, their addresses; `dependencies` are the
    dependencies, without cycles.

    `allowed` are the guards that a person lifted for this run, and `lifted` the refusals that this turned into
    warnings. An address that is not selected has a no-op here, and is listed in `left_out`.
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
    dependencies: tuple[Dependency, ...] = ()
    noun: str = "server"
    """What messages call one of the plan's resources; "resource" if they are of several kinds."""
    due_now: tuple[Due, ...] = ()
    """What is ordered prepaid or paid, by terms. Part of what a person approves, and no part of the approval's hash:
    it follows from the changes.
    """
    due_later: tuple[Due, ...] = ()
    """The purchases in doubt that a later run orders again once it is known that nothing was ordered."""
    terms_given_up: tuple[Address, ...] = ()
    """The addresses whose release gives up the rest of a paid term."""
    output_changes: tuple[OutputChange, ...] = ()
    """How the declared outputs will change. Outputs are computed when they are read, so this alone is no work."""

    def selects(self, change: Change) -> bool:
        resource = change.desired or change.recorded
        return self.selection.matches(change.address, resource.labels if resource else {})

    @property
    def work(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action is not Action.NO_OP)

    @property
    def not_as_wanted(self) -> tuple[Change, ...]:
        """The changes of wanted servers that are missing, or not as wanted, and that this plan does nothing about."""
        return () if self.mode is Mode.REFRESH else tuple(change for change in self.changes if change.is_not_as_wanted)

    @property
    def left_in_doubt(self) -> bool:
        """Whether a call has an unknown outcome that this plan does not look for."""
        return any(change.action is Action.NO_OP and change.reason is Reason.IN_DOUBT for change in self.changes)

    @property
    def summary(self) -> Summary:
        """Counts as Terraform does: a replacement is one to add, and one to destroy unless it is gone already. What is
        resumed is not counted.
        """
        count = Counter(change.action for change in self.changes)
        return Summary(
            add=count[Action.CREATE] + count[Action.REPLACE],
            change=count[Action.UPDATE] + count[Action.REINSTALL] + sum(_is_adapted(change) for change in self.changes),
            destroy=count[Action.DELETE] + sum(_releases(change) for change in self.changes),
        )


def _releases(change: Change) -> bool:
    return change.action is Action.REPLACE and not change.vanished
