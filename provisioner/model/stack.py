"""The settings of a stack from `stack.yaml`, for one environment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.guards import DEFAULT_LIMITS, GuardLimits
from provisioner.model.purchase_policy import DEFAULT_POLICY, PurchasePolicy


class CloudName(StrEnum):
    HUAWEICLOUD = "huaweicloud"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Stack:
    """The settings. `region` is None if the environment of the credentials determines it."""

    name: str
    cloud: CloudName = CloudName.HUAWEICLOUD
    region: str | None = None
    environment: str | None = None
    purchase: PurchasePolicy = DEFAULT_POLICY
    guards: GuardLimits = DEFAULT_LIMITS

    @property
    def label(self) -> str:
        """The base name of the state's files: `demo.dev`, or `demo` without environments."""
        return self.name if self.environment is None else f"{self.name}.{self.environment}"
