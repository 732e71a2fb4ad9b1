"""The `guards:` section of stack.yaml: limits on what one run may change without an explicit permission."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from provisioner.model.guards import DEFAULT_LIMITS, GuardLimits


class GuardsSection(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    mass_change_percent: Annotated[int, Field(ge=0, le=100)] = DEFAULT_LIMITS.mass_change_percent
    mass_change_from: Annotated[int, Field(ge=1)] = DEFAULT_LIMITS.mass_change_from
    max_servers: Annotated[int, Field(ge=0)] | None = None

    def limits(self) -> GuardLimits:
        return GuardLimits(self.mass_change_percent, self.mass_change_from, self.max_servers)
