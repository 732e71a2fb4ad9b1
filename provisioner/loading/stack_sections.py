"""The schemas of the sections of stack.yaml that set limits and rules: `purchase:`, `guards:` and `environments:`.

The user's configuration has the same pins, so its schema is derived from these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from provisioner.loading.durations import Seconds
from provisioner.model.guards import DEFAULT_LIMITS, GuardLimits
from provisioner.model.lookalikes import describe_non_ascii
from provisioner.model.pin import PinnedField
from provisioner.model.purchase_policy import (
    DEFAULT_POLICY,
    MINUTE,
    SHORTEST_SAFE_QUIET_PERIOD,
    ChargingDefault,
    Marker,
    Prepaid,
    PurchasePolicy,
    UserdataField,
)

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ID_OR_NAME = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?")


def is_slug(value: str) -> bool:
    return _SLUG.fullmatch(value) is not None


def check_slug(value: str) -> str:
    """Checks a name that becomes part of file names, so it must not lead to another folder."""
    if not is_slug(value):
        raise ValueError(
            f"use up to 64 letters, digits, - and _, and begin with a letter or digit{describe_non_ascii(value)}"
        )
    return value


def check_region(value: str) -> str:
    """Checks a region, which becomes part of the host name to which signed requests are sent."""
    if _REGION.fullmatch(value) is None:
        raise ValueError(f"a region is written like cn-north-4{describe_non_ascii(value)}")
    return value


def _check_id_or_name(value: str) -> str:
    """Checks the id or the name of an account or a project."""
    if _ID_OR_NAME.fullmatch(value) is None:
        raise ValueError(f"write an id or a name, of up to 128 characters{describe_non_ascii(value)}")
    return value


def _safe_period(seconds: float, info: ValidationInfo) -> float:
    """Rejects a period that is shorter than a late request can take: the tool would take it for lost and buy twice."""
    if seconds * 1000 < SHORTEST_SAFE_QUIET_PERIOD and not info.data.get("unsafe_quiet_period"):
        minutes = SHORTEST_SAFE_QUIET_PERIOD // MINUTE
        raise ValueError(
            f"below {minutes}m a request that is only late may be taken for lost, and bought twice; write {minutes}m or more, "
            "or unsafe_quiet_period: true beside it where nothing costs money"
        )
    return seconds


class PurchaseSection(BaseModel):
    """`purchase:`: how servers are bought, and when a purchase in doubt counts as not made."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    unsafe_quiet_period: bool = False  # declared first, because the validator of quiet_period reads it
    quiet_period: Annotated[Seconds, AfterValidator(_safe_period)] = DEFAULT_POLICY.quiet_period / 1000
    marker: Literal["name", "nonce"] = "name"
    prepaid: Literal["one-step", "two-step"] = "one-step"
    charging_default: Literal["post-paid", "cloud"] = "post-paid"
    userdata_field: Literal["as-published", "userdata", "user_data"] = "as-published"

    def policy(self) -> PurchasePolicy:
        return PurchasePolicy(
            round(self.quiet_period * 1000),
            Marker(self.marker),
            Prepaid(self.prepaid),
            ChargingDefault(self.charging_default),
            UserdataField(self.userdata_field),
        )


class GuardsSection(BaseModel):
    """`guards:`: limits on what one run may change without an explicit permission."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    mass_change_percent: Annotated[int, Field(ge=0, le=100)] = DEFAULT_LIMITS.mass_change_percent
    mass_change_from: Annotated[int, Field(ge=1)] = DEFAULT_LIMITS.mass_change_from
    max_servers: Annotated[int, Field(ge=0)] | None = None

    def limits(self) -> GuardLimits:
        return GuardLimits(self.mass_change_percent, self.mass_change_from, self.max_servers)

    def overridden_by(self, other: GuardsSection) -> GuardsSection:
        """Returns these limits with those that `other` writes in their place."""
        return self.model_copy(update={name: getattr(other, name) for name in other.model_fields_set})


Slug: TypeAlias = Annotated[str, AfterValidator(check_slug)]
Region: TypeAlias = Annotated[str, AfterValidator(check_region)]
_IdOrName: TypeAlias = Annotated[str, AfterValidator(_check_id_or_name)]


class PinsSection(BaseModel):
    """What a run in one environment must act as, and whether a person confirms by the environment's name."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    account: _IdOrName | None = None
    project: _IdOrName | None = None
    region: Region | None = None
    protected: bool = False

    def pinned(self) -> Mapping[PinnedField, str]:
        """Returns the values that are pinned, by field."""
        values = {field: getattr(self, field.value) for field in PinnedField}
        return {field: value for field, value in values.items() if value is not None}


class EnvironmentSection(PinsSection):
    """One environment of `environments:` in stack.yaml."""

    guards: GuardsSection = GuardsSection()
    state: str | None = None
