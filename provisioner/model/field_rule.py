"""The rules of one field of a kind: what changing it requires, what shows it, and what omitting it means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.canonical import JsonObject, JsonValue, canonical
from provisioner.model.redaction import value_at
from provisioner.model.resource import FieldPath


class OnChange(StrEnum):
    """What changing a field of an existing resource requires."""

    IN_PLACE = "in_place"
    REINSTALL = "reinstall"
    """A change in place that wipes the system disk; a replacement if the lifecycle asks for one."""
    REPLACE = "replace"
    NOTHING = "nothing"
    """Nothing: the field only affects the purchase, so a difference in it is ignored afterwards."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """The rules of one field and of everything below it, unless a longer path has rules of its own.

    - `shown`: the API shows the field, so drift can be detected.
    - `secret`: the value is given as a reference and recorded as a fingerprint.
    - `content`: a text, template or Base64 in the specs, Base64 on the wire, and recorded as a digest.
    - `allows_extra`: a list or a count that the cloud shows together with what nobody declared, so only what is missing
      from it is a difference.
    - `default`: the value, as it is recorded, that the API uses if the field is omitted. Stating it, or omitting it
      again, is no difference.
    - `only_where`: the field has a meaning only while another field has that value.
    - `cloud_chooses`: the cloud chooses the value if the field is omitted. A value that is stated later is compared
      with what is shown, and assumed if nothing shows it.
    - `always_shown`: every row shows the field if it is set. A row without it proves nothing, not even that a change is
      still to be made.
    - `mixed_with`: if that other field is declared, the cloud shows both mixed, so neither can be compared
      (docs/decisions/0019).
    - `shown_by_billing`: no row shows the field; billing shows it for a server that is taken over.
    - `ignores_case`: a value that the cloud shows in another letter case is the same, because a change would never
      show.
    """

    path: FieldPath
    on_change: OnChange = OnChange.REPLACE
    shown: bool = False
    secret: bool = False
    content: bool = False
    allows_extra: bool = False
    default: JsonValue = None
    only_where: tuple[FieldPath, str] | None = None
    cloud_chooses: bool = False
    always_shown: bool = False
    mixed_with: FieldPath | None = None
    shown_by_billing: bool = False
    ignores_case: bool = False

    @property
    def is_observable(self) -> bool:
        return self.shown or self.shown_by_billing

    @property
    def survives_removal(self) -> bool:
        """Whether removing the field from the specs changes nothing: the value that was sent stays on record until the
        server gets another system or is replaced. For a field that changes in place, the recorded value is dropped.
        """
        return self.on_change in {OnChange.REINSTALL, OnChange.REPLACE}

    def observed_value(self, shown: JsonObject, expected: JsonValue, *bodies: JsonObject) -> JsonValue:
        """Returns what the cloud shows of the field, reduced to the part that compares with `expected`, without what
        nobody declared. None if nothing comparable is shown. `bodies` are the recorded and the wanted body.
        """
        is_mixed = self.mixed_with is not None and any(value_at(body, self.mixed_with) for body in bodies)
        now = value_at(shown, self.path) if self.is_observable and not is_mixed else None
        if self.allows_extra and isinstance(expected, list | tuple) and isinstance(now, list | tuple):
            return [item for item in expected if item in now]
        if self.allows_extra and isinstance(expected, int) and isinstance(now, int):
            return min(expected, now)
        return expected if self.ignores_case and _differ_in_case(expected, now) else now

    def is_default(self, value: JsonValue) -> bool:
        """Returns whether the value is the default. Canonical JSON is compared, so False is not 0."""
        return self.default is not None and canonical([value]) == canonical([self.default])


def _differ_in_case(one: JsonValue, other: JsonValue) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.casefold() == other.casefold()
