"""The settings of a stack from `stack.yaml`, for one environment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.guards import DEFAULT_LIMITS, GuardLimits
from provisioner.model.pin import Pin
from provisioner.model.purchase_policy import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.state_setting import StateSetting


class CloudName(StrEnum):
    HUAWEICLOUD = "huaweicloud"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Stack:
    """The settings. `region` is None if the environment of the credentials determines it.

    `environments` are the names of all environments of the stack; it is empty if the stack has none. A run must match
    every one of `pins`. `protected`: a person approves by the name of the environment, not by `yes`. `strict`: a
    secret that the specs hold in clear is an error. `state` is where the specs, or the user's own configuration in their
    place, keep the state; None means the nearest state folder.
    """

    name: str
    cloud: CloudName = CloudName.HUAWEICLOUD
    region: str | None = None
    environment: str | None = None
    purchase: PurchasePolicy = DEFAULT_POLICY
    guards: GuardLimits = DEFAULT_LIMITS
    environments: tuple[str, ...] = ()
    pins: tuple[Pin, ...] = ()
    protected: bool = False
    strict: bool = False
    state: StateSetting | None = None

    @property
    def label(self) -> str:
        """The base name of the state's files: `demo.dev`, or `demo` without environments."""
        return self.name if self.environment is None else f"{self.name}.{self.environment}"

    @property
    def approval_word(self) -> str:
        """What a person types to approve: `yes`, or the name of a protected environment, or of a protected stack without
        environments.
        """
        return (self.environment or self.name) if self.protected else "yes"
