"""The `purchase:` section of stack.yaml: how servers are bought, and when a purchase in doubt counts as not made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo

from provisioner.loading.durations import Seconds
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


def _safe(seconds: float, info: ValidationInfo) -> float:
    """Rejects a period that is shorter than a late request can take: the tool would take it for lost and buy twice."""
    if seconds * 1000 < SHORTEST_SAFE_QUIET_PERIOD and not info.data.get("unsafe_quiet_period"):
        minutes = SHORTEST_SAFE_QUIET_PERIOD // MINUTE
        raise ValueError(
            f"below {minutes}m a request that is only late may be taken for lost, and bought twice; write {minutes}m or more, "
            "or unsafe_quiet_period: true beside it where nothing costs money"
        )
    return seconds


class PurchaseSection(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    unsafe_quiet_period: bool = False  # declared first, because the validator of quiet_period reads it
    quiet_period: Annotated[Seconds, AfterValidator(_safe)] = DEFAULT_POLICY.quiet_period / 1000
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
