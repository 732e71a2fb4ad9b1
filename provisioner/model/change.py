"""A plan as inert data: changes in order, what it was made from, and what was noticed on the way.

No method here acts and nothing refers to a client. `reason` and `findings` explain to a reader; applying never reads them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.identity import Identity
from provisioner.model.purchasing import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.resource import Desired, FieldPath, Phase, Recorded
from provisioner.model.state import JournalHead


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    FORGET = "forget"
    RESUME = "resume"
    PAY = "pay"
    CANCEL = "cancel"
    """The last two are a person's commands about an order; no comparison of specs and cloud ever comes to them."""
    NO_OP = "no-op"


class Reason(StrEnum):
    """Why an action was chosen: for the reader only."""

    REQUESTED = "requested"
    CANNOT_UPDATE = "cannot_update"
    NOT_IN_SPECS = "not_in_specs"
    DESTROY = "destroy"
    VANISHED = "vanished"
    UNDER_WAY = "under_way"
    IN_DOUBT = "in_doubt"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One leaf that differs. Absent is None. `sensitive` values are never shown, whatever stands in them."""

    path: FieldPath
    before: JsonValue
    after: JsonValue
    forces_replacement: bool = False
    sensitive: bool = False
    drift: bool = False
    """The cloud changed, not the specs."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to happen to one address. `after` is the wanted body, redacted; `unverifiable` are its hidden fields."""

    address: Address
    kind: str
    action: Action
    fields: tuple[FieldChange, ...] = ()
    desired: Desired | None = None
    recorded: Recorded | None = None
    after: JsonObject | None = None
    reason: Reason | None = None
    sensitive: tuple[FieldPath, ...] = ()
    unverifiable: tuple[FieldPath, ...] = ()


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


class Mode(StrEnum):
    APPLY = "apply"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Summary:
    add: int
    change: int
    destroy: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`changes` holds every address once, no-ops included, in the order of the work. `refusals` forbid applying it. `together`
    are the creates that one call buys, for each such call.
    """

    mode: Mode
    basis: Basis
    changes: tuple[Change, ...] = ()
    findings: tuple[Diagnostic, ...] = ()
    refusals: tuple[Diagnostic, ...] = ()
    together: tuple[tuple[Address, ...], ...] = ()

    @property
    def work(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action is not Action.NO_OP)

    @property
    def unsettled(self) -> tuple[Change, ...]:
        """Wanted servers that are not there and that nothing will be done about: vanished, released by somebody else, or failed to be built."""
        return tuple(
            change
            for change in self.changes
            if change.action is Action.NO_OP
            and change.recorded is not None
            and (change.reason in {Reason.VANISHED, Reason.LEAVING} or change.recorded.phase is Phase.FAILED)
        )

    @property
    def summary(self) -> Summary:
        """Counts as Terraform's: a replacement is one to add and one to destroy; what resumes counts with neither."""
        count = Counter(change.action for change in self.changes)
        return Summary(
            add=count[Action.CREATE] + count[Action.REPLACE],
            change=count[Action.UPDATE],
            destroy=count[Action.DELETE] + count[Action.REPLACE],
        )
