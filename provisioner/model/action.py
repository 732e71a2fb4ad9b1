"""What can be done about one address, why it is chosen, and how one field differs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.canonical import JsonValue
from provisioner.model.resource import FieldPath


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
