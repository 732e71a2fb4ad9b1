"""What holds of one field of a kind: what changing it takes, who shows it, and what leaving it out says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.canonical import JsonObject, JsonValue, canonical
from provisioner.model.redaction import value_at
from provisioner.model.resource import FieldPath


class OnChange(StrEnum):
    """What changing a field of a living resource takes."""

    IN_PLACE = "in_place"
    REINSTALL = "reinstall"
    """In place, and the system disk is wiped; a replacement where the lifecycle says so."""
    REPLACE = "replace"
    NOTHING = "nothing"
    """It says how a resource is bought, and nothing of one that is there: no difference then."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """The rule of one field and of everything below it, unless a longer path has its own.

    `shown`: the API reveals it, so drift can be seen. `secret`: the value is given as a reference and kept as a
    fingerprint. `content`: a text, template or Base64 in the specs, Base64 on the wire, kept as a digest. `among`: a list or a count
    that is shown together with what nobody declared, so that only what it lacks is a difference. `default`: what leaving the field out means
    by the API, as it is written down, so that to state it is no difference, nor to leave it out instead. `only_where`: it says
    something only beside that value of another field. `chosen`: leaving it out leaves the choice to the cloud, so that a value which
    is stated later is compared with what is shown, and assumed where nothing shows it. `always`: every row shows what it has of it, so that
    one which does not tells nothing, not even that a change of it is still to be made. `blurred_by`: where that field is declared,
    the cloud shows the two mixed, so that neither tells anything (docs/decisions/0019). `by_billing`: no row shows it, and billing tells it
    of a server that is taken over. `any_case`: a cloud that shows it in another case has spelt it in its own way, and a change would never
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
        """Taking it out of the specs asks for nothing: what was sent stays on record, until another system or machine comes. What is
        changed in place is given up instead.
        """
        return self.on_change in {OnChange.REINSTALL, OnChange.REPLACE}

    def observed_value(self, shown: JsonObject, expected: JsonValue, *bodies: JsonObject) -> JsonValue:
        """What the cloud shows of it, as far as `expected` can be told from what nobody declared; None where that is nothing.
        `bodies` are the record and what is wanted.
        """
        blurred = self.mixed_with is not None and any(value_at(body, self.mixed_with) for body in bodies)
        now = value_at(shown, self.path) if self.is_observable and not blurred else None
        if self.allows_extra and isinstance(expected, list | tuple) and isinstance(now, list | tuple):
            return [item for item in expected if item in now]
        if self.allows_extra and isinstance(expected, int) and isinstance(now, int):
            return min(expected, now)
        return expected if self.ignores_case and _differ_in_case(expected, now) else now

    def is_default(self, value: JsonValue) -> bool:
        """By what would be written: False is not 0."""
        return self.default is not None and canonical([value]) == canonical([self.default])


def _differ_in_case(one: JsonValue, other: JsonValue) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.casefold() == other.casefold()
