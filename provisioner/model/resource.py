"""The three faces of a server: wanted, recorded, live. Three types, so that no function can take the wrong one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject
from provisioner.model.diagnostic import SourceRange
from provisioner.model.resource_id import HasId
from provisioner.model.secret import SecretReference
from provisioner.model.term import Term

FieldPath: TypeAlias = tuple[str, ...]
FieldValue: TypeAlias = (
    "str | int | float | bool | SecretReference | tuple[FieldValue, ...] | list[FieldValue] | Fields | None"
)
Fields: TypeAlias = "Mapping[str, FieldValue]"


class OnOsChange(StrEnum):
    """How a server comes by another system: on the same machine, whose system disk is wiped, or on another one."""

    REINSTALL = "reinstall"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """`prevent_destroy` is None where the specs do not say: what is recorded then stands."""

    prevent_destroy: bool | None = None
    ignore_changes: tuple[FieldPath, ...] = ()
    on_os_change: OnOsChange = OnOsChange.REINSTALL
    create_before_destroy: bool = False
    replace_triggered_by: tuple[Address, ...] = ()
    """One without a key stands for all instances of its group."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a build and for a release; what takes longer is recorded and resumed, never bought again."""

    create: float = 3600.0
    delete: float = 1800.0


@dataclass(frozen=True, slots=True)
class Desired:
    """What the specs want. `fields` has the names and nesting of the create API; secrets stand in it as references."""

    address: Address
    kind: str
    fields: Fields
    labels: Mapping[str, str] = field(default_factory=dict)
    lifecycle: Lifecycle = Lifecycle()
    timeouts: Timeouts = Timeouts()
    source: SourceRange | None = None
    together: bool = False
    """To be bought by one call with the others of its group that are alike (docs/decisions/0010)."""
    wave: int = 0
    """Of its group's, from 0: begun once those before it are done (docs/decisions/0015)."""

    @property
    def name(self) -> str:
        return str(self.fields["name"])


class Phase(StrEnum):
    """How far a recorded server has come. `ordering`: an order id is known and no server yet. `reinstalling`: the cloud has
    been asked to put another system on it.
    """

    ORDERING = "ordering"
    AWAITING_PAYMENT = "awaiting_payment"
    CREATING = "creating"
    READY = "ready"
    REINSTALLING = "reinstalling"
    FAILED = "failed"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Recorded(HasId):
    """What the state last knew. `declared` is what was sent, with secrets and opaque content as fingerprints."""

    address: Address
    kind: str
    phase: Phase
    declared: JsonObject
    id: str | None = None
    order_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    observed: JsonObject = field(default_factory=dict)
    protected: bool = False
    term: Term | None = None
    """Of a prepaid one, as apply last heard of it."""
    pending: JsonObject = field(default_factory=dict)
    """What a change in place that is half way has still to see to, in the words of its kind."""
    baseline: JsonObject = field(default_factory=dict)
    """What its first row after our own purchase showed otherwise than it was declared: such a row is no difference. Absent from what
    is written where it is empty.
    """
    refused: JsonObject = field(default_factory=dict)
    """By top-level field: the wanted `value` that the cloud refuses for this server, its `code` and its `message`. Absent from what
    is written where it is empty.
    """
    sold: str | None = None
    """The charging mode that our own purchase of it came to, where that is not the one that was asked for. Absent from what is
    written where there is none.
    """
    paid: bool = False
    """Its order is known to be paid, as a person has paid it from here. Absent from what is written where it is not known."""
    assumed: JsonObject = field(default_factory=dict)
    """What the specs stated of it when they were last applied, and nothing showed or had sent. Absent from what is written where it is
    empty.
    """
    unconfirmed: JsonObject = field(default_factory=dict)
    """Of a reinstallation whose answer was lost, while nothing shows that it was carried out: by field, what was there `before` it and
    what it was to bring (`after`). Absent from what is written where it is empty.
    """
    bought_by: str = ""
    """Who sent its purchase, by a pseudonym: a list that shows it shows that user's servers. Absent from what is written where nobody can
    tell.
    """
    term_given_up: bool = False
    """Of a deposed one: a person named its address when its successor was bought, so that a paid term of it may end. Absent from what is
    written where it is False.
    """

    @property
    def name(self) -> str:
        return str(self.declared.get("name", ""))


@dataclass(frozen=True, slots=True)
class Live(HasId):
    """What the cloud shows now. `shown` has the shape of `Desired.fields`, limited to what the API reveals."""

    kind: str
    id: str
    name: str
    status: str
    order_id: str | None = None
    created_at: int | None = None
    """Milliseconds since the epoch, by the cloud's clock."""
    shown: JsonObject = field(default_factory=dict)
    observed: JsonObject = field(default_factory=dict)
    """What the state keeps of it: status, charging mode, times, cloud server, endpoints, image."""
