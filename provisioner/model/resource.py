"""The three views of a server: desired, recorded, live. They are three types, so no function can take the wrong one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

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
    """How a server gets another system: on the same machine, whose system disk is wiped, or on a new one."""

    REINSTALL = "reinstall"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The lifecycle settings. `prevent_destroy` is None if the specs do not set it; the recorded value then holds."""

    prevent_destroy: bool | None = None
    ignore_changes: tuple[FieldPath, ...] = ()
    on_os_change: OnOsChange = OnOsChange.REINSTALL
    create_before_destroy: bool = False
    replace_triggered_by: tuple[Address, ...] = ()
    """An address without a key stands for all instances of its group."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a build and for a release. What takes longer is recorded and resumed, never bought again."""

    create: float = 3600.0
    delete: float = 1800.0


@dataclass(frozen=True, slots=True)
class Desired:
    """What the specs want. `fields` has the names and nesting of the create API, with secrets as references."""

    address: Address
    kind: str
    fields: Fields
    labels: Mapping[str, str] = field(default_factory=dict)
    lifecycle: Lifecycle = Lifecycle()
    timeouts: Timeouts = Timeouts()
    source: SourceRange | None = None
    together: bool = False
    """Whether one call buys it together with the equal members of its group (docs/decisions/0010)."""
    wave: int = 0
    """The number of its batch in the rollout of its group, from 0. A batch starts once those before it are done
    (docs/decisions/0015).
    """

    @property
    def name(self) -> str:
        return str(self.fields["name"])


class Phase(StrEnum):
    """The stage that a recorded server has reached. `ordering`: an order id is known, and no server yet.
    `reinstalling`: the cloud was asked to install another system on it.
    """

    ORDERING = "ordering"
    AWAITING_PAYMENT = "awaiting_payment"
    CREATING = "creating"
    READY = "ready"
    REINSTALLING = "reinstalling"
    FAILED = "failed"
    DELETING = "deleting"


BEING_BOUGHT: Final = frozenset({Phase.ORDERING, Phase.AWAITING_PAYMENT, Phase.CREATING})
"""The phases of a purchase that is under way."""


@dataclass(frozen=True, slots=True)
class Recorded(HasId):
    """What the state last knew. `declared` is what was sent, secrets as fingerprints and opaque content as digests."""

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
    """The paid term of a prepaid server, as apply last read it."""
    pending: JsonObject = field(default_factory=dict)
    """What a half-finished change in place still has to do, in a form that its kind defines."""
    baseline: JsonObject = field(default_factory=dict)
    """The values that the first row after our own purchase showed and that differ from what was declared. A row that
    still shows them is no difference. Not written if empty.
    """
    refused: JsonObject = field(default_factory=dict)
    """By top-level field: the wanted `value` that the cloud refuses for this server, its `code` and its `message`. Not
    written if empty.
    """
    sold: str | None = None
    """The charging mode that our own purchase of it got, if that is not the requested one. Not written if None."""
    paid: bool = False
    """Whether its order is known to be paid, because a person paid it with this tool. Not written if False."""
    assumed: JsonObject = field(default_factory=dict)
    """What the specs stated at the last apply and the cloud has neither shown nor been sent. Not written if empty."""
    unconfirmed: JsonObject = field(default_factory=dict)
    """What a reinstallation whose answer was lost was to change, while nothing shows that it was carried out: by field,
    the value `before` and `after` it. Not written if empty.
    """
    bought_by: str = ""
    """The pseudonym of the user who sent its purchase. A list that shows the server shows that user's servers. Not
    written if not known.
    """
    term_given_up: bool = False
    """For a deposed server: a person named its address when its successor was bought, so its paid term may be given up.
    Not written if False.
    """
    contents: Mapping[str, str] = field(default_factory=dict)
    """By digest: what people may read of the content that was sent, such as userdata, without secrets. Not written if
    empty.
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
    """What the state keeps of the row: status, charging mode, times, cloud server, endpoints, image."""
