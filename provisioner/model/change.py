"""What is to happen to one address, as inert data: a closed union, each variant with exactly what it needs.

No method here acts and nothing refers to a client.
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


class _NotSaid:
    """What a variant has no place for reads as nothing, so that whoever only reads need not ask for the variant first."""

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
        """The wanted body, redacted; `unverifiable` are its fields that the API hides."""
        return None

    @property
    def sensitive(self) -> tuple[FieldPath, ...]:
        return ()

    @property
    def unverifiable(self) -> tuple[FieldPath, ...]:
        return ()

    @property
    def assumed(self) -> tuple[FieldPath, ...]:
        """The fields that are believed to be as the specs say: no answer of the cloud shows them, and they were never sent."""
        return ()

    @property
    def held(self) -> tuple[FieldPath, ...]:
        """The fields that are told as `unconfirmed`: wanted, not known to be there, and not sent."""
        return ()

    @property
    def noted(self) -> Recorded | None:
        """Its record with what the specs state by now and did not say when it was made, written when the plan is applied."""
        return None

    @property
    def leftovers(self) -> tuple[Leftover, ...]:
        return ()

    @property
    def live_name(self) -> str:
        """Its name in the cloud, where that is not the recorded one."""
        return ""

    @property
    def deleted_alone(self) -> bool:
        """Of what is to be released: it is deleted, whatever billing says of it."""
        return False

    @property
    def unbilled(self) -> bool:
        """Of what is to be released: its kind has no terms, so that there is one way only and nothing is said of it."""
        return False

    @property
    def computed(self) -> tuple[str, ...]:
        """The fields of what is wanted that only the cloud decides."""
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
class _Addressed(_NotSaid):
    address: Address
    kind: str
    reason: Reason | None = field(default=None, kw_only=True)
    moved_from: Address | None = field(default=None, kw_only=True)
    """Its record stands under that address so far."""

    @property
    def is_gone(self) -> bool:
        """It is only written down that the cloud has it no more."""
        return self.action is Action.FORGET or (
            self.action is Action.RECORD and self.reason in {Reason.VANISHED, Reason.UNDER_WAY}
        )

    @property
    def is_left_alone(self) -> bool:
        """Nothing is done about its server, and not because it is not selected."""
        return self.action in {Action.NO_OP, Action.MOVE} and self.reason is not Reason.LEFT_OUT

    @property
    def is_not_as_wanted(self) -> bool:
        """Left although it vanished, is released by somebody else, failed to be built, or is held back because of one that did."""
        has_failed = self.recorded is not None and self.recorded.phase is Phase.FAILED
        return self.is_left_alone and (has_failed or self.reason in {Reason.VANISHED, Reason.LEAVING, Reason.HELD_BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Described(_Addressed):
    """Told with the body that is wanted."""

    after: JsonObject | None = None
    computed: tuple[str, ...] = ()
    sensitive: tuple[FieldPath, ...] = ()
    unverifiable: tuple[FieldPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared(_Described):
    fields: tuple[FieldChange, ...] = ()
    assumed: tuple[FieldPath, ...] = ()
    held: tuple[FieldPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Existing(_Compared):
    desired: Desired = field()
    recorded: Recorded = field()
    noted: Recorded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateChange(_Described):
    """`create_first`: it buys the successor of a server that gives up its address for it, and is released after it."""

    action = Action.CREATE
    desired: Desired = field()
    create_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateChange(_Existing):
    action = Action.UPDATE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstallChange(_Existing):
    action = Action.REINSTALL


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceChange(_Existing):
    """`noted` is for a run in which it is held back. `create_first`: the old one is released when the new one is there, and else
    kept. `charging`: how the old one is paid for and how the new one will be, also where that stays the same.
    """

    action = Action.REPLACE
    create_first: bool = False
    charging: tuple[FieldChange, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    live_name: str = ""
    deleted_alone: bool = False
    unbilled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteChange(_Addressed):
    action = Action.DELETE
    recorded: Recorded = field()
    desired: Desired | None = None
    leftovers: tuple[Leftover, ...] = ()
    live_name: str = ""
    deleted_alone: bool = False
    unbilled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportChange(_Described):
    """`recorded` is what will be recorded, and `fields` what is changed in place after that."""

    action = Action.ADOPT
    desired: Desired = field()
    recorded: Recorded = field()
    fields: tuple[FieldChange, ...] = ()
    assumed: tuple[FieldPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetChange(_Addressed):
    """`let_go`: it is forgotten although it is there, and nobody releases it."""

    action = Action.FORGET
    recorded: Recorded = field()
    desired: Desired | None = None
    let_go: bool = False
    leftovers: tuple[Leftover, ...] = ()
    live_name: str = ""
    deleted_alone: bool = False
    unbilled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange(_Addressed):
    """`after` and `observed` are what is written down."""

    action = Action.RECORD
    recorded: Recorded = field()
    observed: JsonObject = field()
    desired: Desired | None = None
    fields: tuple[FieldChange, ...] = ()
    after: JsonObject | None = None
    sensitive: tuple[FieldPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeChange(_Existing):
    """An order, a build or a change that is under way goes on."""

    action = Action.RESUME


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveChange(_Addressed):
    """What became of a purchase in doubt is looked for; it goes on from there where it is still wanted."""

    action = Action.RESUME
    desired: Desired | None = None
    let_go: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PayChange(_Addressed):
    action = Action.PAY
    recorded: Recorded = field()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelChange(_Addressed):
    action = Action.CANCEL
    recorded: Recorded = field()


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveChange(_Compared):
    """Only its address is another one."""

    action = Action.MOVE
    recorded: Recorded = field()
    desired: Desired | None = None
    noted: Recorded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOpChange(_Compared):
    action = Action.NO_OP
    recorded: Recorded | None = None
    desired: Desired | None = None
    noted: Recorded | None = None


Change: TypeAlias = (
    CreateChange | UpdateChange | ReinstallChange | ReplaceChange | DeleteChange | ImportChange | ForgetChange | RecordChange | ResumeChange
    | ResolveChange | PayChange | CancelChange | MoveChange | NoOpChange
)  # fmt: skip
"""What is to happen to one address: each variant has exactly what it needs."""

Variant = TypeVar("Variant", bound=Change)


def evolve(change: Change, **facts: Any) -> Change:
    """The same change with other `facts`, as `dataclasses.replace`."""
    return replace(change, **facts)


def convert_to(change: Change, into: type[Variant], **facts: Any) -> Variant:
    """Something else about the same address: with what both have place for, and with `facts`."""
    kept = {each.name: getattr(change, each.name) for each in dataclass_fields(into) if each.name not in facts}
    return into(**kept, **facts)
