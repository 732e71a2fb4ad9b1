"""The settings of a stack: frozen, from `stack.yaml`, with the environment already chosen."""

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
    """`region` is None when the credentials' surroundings are to say it."""

    name: str
    cloud: CloudName = CloudName.HUAWEICLOUD
    region: str | None = None
    environment: str | None = None
    purchase: PurchasePolicy = DEFAULT_POLICY
    guards: GuardLimits = DEFAULT_LIMITS

    @property
    def label(self) -> str:
        """Names the state's files: `demo.dev`, or `demo` where there are no environments."""
        return self.name if self.environment is None else f"{self.name}.{self.environment}"
