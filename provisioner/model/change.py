"""A plan as inert data: changes in order, what it was made from, and what was noticed on the way.

No method here acts and nothing refers to a client. `findings` explain to a reader; applying never reads them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.guarding import DEFAULT_LIMITS, Allowance, GuardLimits
from provisioner.model.identity import Identity
from provisioner.model.leftover import Leftover
from provisioner.model.purchasing import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.resource import Desired, FieldPath, Phase, Recorded
from provisioner.model.selection import EVERYTHING, Selection
from provisioner.model.state import JournalHead
from provisioner.model.turn import Turn


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REINSTALL = "reinstall"
    """In place too, and the system disk is wiped."""
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    MOVE = "move"
    FORGET = "forget"
    RESUME = "resume"
    RECORD = "record"
    """Writes down what the cloud shows; nothing is sent."""
    PAY = "pay"
    CANCEL = "cancel"
    """The last two are a person's commands about an order; no comparison of specs and cloud ever comes to them."""
    NO_OP = "no-op"


class Reason(StrEnum):
    """Why an action was chosen: for the reader, and for what is judged of it after that."""

    REQUESTED = "requested"
    CANNOT_UPDATE = "cannot_update"
    NOT_IN_SPECS = "not_in_specs"
    DESTROY = "destroy"
    VANISHED = "vanished"
    UNDER_WAY = "under_way"
    IN_DOUBT = "in_doubt"
    LEAVING = "leaving"
    LEFT_OUT = "left_out"
    HELD_BACK = "held_back"
    """Its turn does not come in this run, because something is wrong with what it would come after."""
    DEPOSED = "deposed"
    """Another server has its address by now."""
    REMOVED = "removed"


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
    reinstalls: bool = False
    """It takes another system, on the same machine."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to happen to one address. `after` is the wanted body, redacted; `unverifiable` are its hidden fields.

    Of what is adopted, `recorded` is what will be recorded. `moved_from`: its record stands under that address so far.
    `let_go`: it is forgotten although it is there, and nobody releases it.
    """

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
    leftovers: tuple[Leftover, ...] = ()
    moved_from: Address | None = None
    let_go: bool = False
    create_first: bool = False
    """Of a replacement: the old server is released when the new one is there, and else kept."""
    observed: JsonObject | None = None
    """What is to be recorded as seen, where that is the whole change."""
    charging: tuple[FieldChange, ...] = ()
    """Of a replacement: how the old server is paid for and how the new one will be, also where that stays the same."""
    assumed: tuple[FieldPath, ...] = ()
    """The fields that are believed to be as the specs say: no answer of the cloud shows them, and they were never sent."""
    held: tuple[FieldPath, ...] = ()
    """The fields that are told as `unconfirmed`: wanted, not known to be there, and not sent."""
    live_name: str = ""
    """Of a server that is to be released: its name in the cloud, where that is not the recorded one."""
    noted: Recorded | None = None
    """Its record with what the specs state by now and did not say when it was made; written when the plan is applied. None where that
    is nothing.
    """

    @property
    def deposes(self) -> bool:
        """It buys the successor of a server that is released after it and gives up its address for that (docs/decisions/0016)."""
        return self.action is Action.CREATE and self.create_first

    @property
    def is_gone(self) -> bool:
        """It is only written down that the cloud has it no more."""
        return self.action is Action.FORGET or (
            self.action is Action.RECORD and self.reason in {Reason.VANISHED, Reason.UNDER_WAY}
        )

    @property
    def is_left(self) -> bool:
        """Nothing is done about its server, and not because it is not selected."""
        return self.action in {Action.NO_OP, Action.MOVE} and self.reason is not Reason.LEFT_OUT

    @property
    def is_not_as_wanted(self) -> bool:
        """Left although it vanished, is released by somebody else, failed to be built, or is held back because of one that did."""
        has_failed = self.recorded is not None and self.recorded.phase is Phase.FAILED
        return self.is_left and (has_failed or self.reason in {Reason.VANISHED, Reason.LEAVING, Reason.HELD_BACK})


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
    turns: tuple[Turn, ...] = ()

    def selects(self, change: Change) -> bool:
        bearer = change.desired or change.recorded
        return self.selection.fits(change.address, bearer.labels if bearer else {})

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
