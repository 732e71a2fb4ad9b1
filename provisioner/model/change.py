"""The planned change of one address, as inert data: a closed union whose variants have exactly the fields they need.

No method here performs anything, and nothing refers to a client.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from typing import Any, ClassVar, TypeAlias, TypeVar

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject
from provisioner.model.leftover import Leftover
from provisioner.model.resource import Desired, FieldPath, Phase, Recorded


class _EmptyChange:
    """Empty values for the fields that a variant lacks, so that readers need not check the variant first."""

    __slots__ = ()
    action: ClassVar[Action]

    @property
    def desired(self) -> Desired | None:
        return None

    @property
    def recorded(self) -> Recorded | None:
        return None

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        return ()

    @property
    def after(self) -> JsonObject | None:
        """The wanted body, redacted. `unverifiable` are its fields that the API hides."""
        return None

    @property
    def sensitive(self) -> tuple[FieldPath, ...]:
        return ()

    @property
    def unverifiable(self) -> tuple[FieldPath, ...]:
        return ()

    @property
    def assumed(self) -> tuple[FieldPath, ...]:
        """The fields that are assumed to be as the specs say: the cloud never shows them, and they were never sent."""
        return ()

    @property
    def held(self) -> tuple[FieldPath, ...]:
        """The fields that are reported as `unconfirmed`: they are wanted, not known to be in place, and not sent."""
        return ()

    @property
    def noted(self) -> Recorded | None:
        """The record with what the specs state now and did not state when it was made. Apply writes it."""
        return None

    @property
    def leftovers(self) -> tuple[Leftover, ...]:
        return ()

    @property
    def live_name(self) -> str:
        """The server's name in the cloud, if it differs from the recorded name; else empty."""
        return ""

    @property
    def deleted_alone(self) -> bool:
        """Whether the released server is deleted by itself, whatever billing says about it."""
        return False

    @property
    def vanished(self) -> bool:
        """Whether the cloud shows the server that is replaced no more, so that nothing is released."""
        return False

    @property
    def unbilled(self) -> bool:
        """Whether the released server's kind has no terms: there is one way to release it, so the plan names none."""
        return False

    @property
    def computed(self) -> tuple[str, ...]:
        """The fields that only the cloud decides, known after apply."""
        return ()

    @property
    def charging(self) -> tuple[FieldChange, ...]:
        return ()

    @property
    def let_go(self) -> bool:
        return False

    @property
    def create_first(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class _BaseChange(_EmptyChange):
    address: Address
    kind: str
    reason: Reason | None = field(default=None, kw_only=True)
    moved_from: Address | None = field(default=None, kw_only=True)
    """The address that holds the record until this change is applied."""

    @property
    def is_gone(self) -> bool:
        """Whether the change only records that the server no longer exists."""
        is_recorded_as_gone = self.reason in {Reason.VANISHED, Reason.UNDER_WAY}
        return self.action is Action.FORGET or (self.action is Action.RECORD and is_recorded_as_gone)

    @property
    def is_left_alone(self) -> bool:
        """Whether nothing is done about the server, for a reason other than that it is not selected."""
        return self.action in {Action.NO_OP, Action.MOVE} and self.reason is not Reason.LEFT_OUT

    @property
    def is_not_as_wanted(self) -> bool:
        """Whether the server is left alone although it vanished, is leaving, failed, or waits for one that failed."""
        has_failed = self.recorded is not None and self.recorded.phase is Phase.FAILED
        return self.is_left_alone and (has_failed or self.reason in {Reason.VANISHED, Reason.LEAVING, Reason.BLOCKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _WithBody(_BaseChange):
    after: JsonObject | None = None
    computed: tuple[str, ...] = ()
    sensitive: tuple[FieldPath, ...] = ()
    unverifiable: tuple[FieldPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _WithComparison(_WithBody):
    fields: tuple[FieldChange, ...] = ()
    assumed: tuple[FieldPath, ...] = ()
    held: tuple[FieldPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnExisting(_WithComparison):
    desired: Desired = field()
    recorded: Recorded = field()
    noted: Recorded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateChange(_WithBody):
    """`create_first`: this buys the successor of a deposed server, which is released afterwards."""

    action = Action.CREATE
    desired: Desired = field()
    create_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateChange(_OnExisting):
    action = Action.UPDATE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstallChange(_OnExisting):
    action = Action.REINSTALL


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceChange(_OnExisting):
    """`noted` is written if the replacement is held back. `create_first`: the old server is released only once the new
    one is ready. `charging`: how the old one is paid for and the new one will be, also where that is the same.
    """

    action = Action.REPLACE
    create_first: bool = False
    charging: tuple[FieldChange, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    live_name: str = ""
    deleted_alone: bool = False
    unbilled: bool = False
    vanished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending(_BaseChange):
    recorded: Recorded = field()
    desired: Desired | None = None
    leftovers: tuple[Leftover, ...] = ()
    live_name: str = ""
    deleted_alone: bool = False
    unbilled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteChange(_Ending):
    action = Action.DELETE


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportChange(_WithBody):
    """`recorded` is the record that will be written, and `fields` are what is changed in place after that."""

    action = Action.ADOPT
    desired: Desired = field()
    recorded: Recorded = field()
    fields: tuple[FieldChange, ...] = ()
    assumed: tuple[FieldPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetChange(_Ending):
    """`let_go`: the server still exists; it is forgotten and not released."""

    action = Action.FORGET
    let_go: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange(_BaseChange):
    """Writes `after` and `observed` to the record; nothing is sent."""

    action = Action.RECORD
    recorded: Recorded = field()
    observed: JsonObject = field()
    desired: Desired | None = None
    fields: tuple[FieldChange, ...] = ()
    after: JsonObject | None = None
    sensitive: tuple[FieldPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeChange(_OnExisting):
    """Continues an order, a build or a change that is under way."""

    action = Action.RESUME


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveChange(_BaseChange):
    """Looks for the outcome of a purchase in doubt, and continues from there if the server is still wanted."""

    action = Action.RESUME
    desired: Desired | None = None
    let_go: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PayChange(_BaseChange):
    action = Action.PAY
    recorded: Recorded = field()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelChange(_BaseChange):
    action = Action.CANCEL
    recorded: Recorded = field()


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveChange(_WithComparison):
    """Records the server under another address and changes nothing else."""

    action = Action.MOVE
    recorded: Recorded = field()
    desired: Desired | None = None
    noted: Recorded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOpChange(_WithComparison):
    action = Action.NO_OP
    recorded: Recorded | None = None
    desired: Desired | None = None
    noted: Recorded | None = None


Change: TypeAlias = (
    CreateChange | UpdateChange | ReinstallChange | ReplaceChange | DeleteChange | ImportChange | ForgetChange | RecordChange | ResumeChange
    | ResolveChange | PayChange | CancelChange | MoveChange | NoOpChange
)  # fmt: skip
"""The planned change of one address; match on the variants."""

Variant = TypeVar("Variant", bound=Change)


def evolve(change: Change, **values: Any) -> Change:
    """Returns the change with `values` in place of its own, like `dataclasses.replace`."""
    return replace(change, **values)


def convert_to(change: Change, into: type[Variant], **values: Any) -> Variant:
    """Returns a variant `into` for the same address, with `values` and with the fields that both variants have."""
    kept = {each.name: getattr(change, each.name) for each in dataclass_fields(into) if each.name not in values}
    return into(**kept, **values)
