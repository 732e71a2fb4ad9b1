"""What is to happen to one address, as inert data: no method here acts and nothing refers to a client."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject
from provisioner.model.leftover import Leftover
from provisioner.model.resource import Desired, FieldPath, Phase, Recorded


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
    deleted_alone: bool = False
    """Of a server that is to be released: it is deleted, whatever billing says of it."""
    noted: Recorded | None = None
    """Its record with what the specs state by now and did not say when it was made; written when the plan is applied. None where that
    is nothing.
    """
    computed: tuple[str, ...] = ()
    """The fields of what is wanted that only the cloud decides."""
    unbilled: bool = False
    """Of what is to be released: its kind has no terms, so that there is one way only and nothing is said of it."""

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
