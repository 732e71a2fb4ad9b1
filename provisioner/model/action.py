"""The actions that a plan can take on an address, the reasons for them, and the difference in one field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.canonical import JsonValue
from provisioner.model.resource import FieldPath


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REINSTALL = "reinstall"
    """Installs another system on the same machine, which wipes the system disk."""
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    MOVE = "move"
    FORGET = "forget"
    RESUME = "resume"
    RECORD = "record"
    """Records what the cloud shows; nothing is sent."""
    PAY = "pay"
    CANCEL = "cancel"
    """PAY and CANCEL are commands that a person gives about an order; comparing specs and cloud never yields them."""
    NO_OP = "no-op"


class Reason(StrEnum):
    """Why an action was chosen. Readers see it, and guards and later planning steps decide by it."""

    REQUESTED = "requested"
    CANNOT_UPDATE = "cannot_update"
    NOT_IN_SPECS = "not_in_specs"
    DESTROY = "destroy"
    VANISHED = "vanished"
    UNDER_WAY = "under_way"
    IN_DOUBT = "in_doubt"
    LEAVING = "leaving"
    LEFT_OUT = "left_out"
    BLOCKED = "blocked"
    """Not done in this run, because something that it depends on is not in order."""
    DEPOSED = "deposed"
    """Another server holds its address now."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A difference in one leaf of a body. None means absent. `sensitive` values are never shown, whatever they hold."""

    path: FieldPath
    before: JsonValue
    after: JsonValue
    forces_replacement: bool = False
    sensitive: bool = False
    drift: bool = False
    """The cloud changed, and the specs did not."""
    reinstalls: bool = False
    """Changing it requires another system on the same machine."""
    text_before: str | None = None
    """For content, whose values here are digests: what people may read of it, without secrets. None: not known."""
    text_after: str | None = None
