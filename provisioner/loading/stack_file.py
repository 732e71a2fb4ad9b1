"""Reads the settings of a stack from stack.yaml and chooses its environment.

The sections `variables:` and `defaults:` are read elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from provisioner.loading.durations import Seconds
from provisioner.loading.findings import Findings
from provisioner.loading.sources import ENVIRONMENTS, STACK_FILE, Sources
from provisioner.loading.tree import Layer, locate, without_invalid
from provisioner.loading.unplaced_error import UnplacedError, closest_match
from provisioner.loading.validation import validate
from provisioner.model.guards import DEFAULT_LIMITS, GuardLimits
from provisioner.model.lookalikes import describe_non_ascii
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
from provisioner.model.stack import CloudName, Stack

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def _slug(value: str) -> str:
    """Checks a name that becomes part of file names, so it must not lead to another folder."""
    if _SLUG.fullmatch(value) is None:
        raise ValueError(
            f"use up to 64 letters, digits, - and _, and begin with a letter or digit{describe_non_ascii(value)}"
        )
    return value


def _region(value: str) -> str:
    """Checks a region, which becomes part of the host name to which signed requests are sent."""
    if _REGION.fullmatch(value) is None:
        raise ValueError(f"a region is written like cn-north-4{describe_non_ascii(value)}")
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


class _StackFile(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    stack: Annotated[str, AfterValidator(_slug)]
    cloud: Literal["huaweicloud", "sandbox"] = "huaweicloud"
    region: Annotated[str, AfterValidator(_region)] | None = None
    environment: Annotated[str, AfterValidator(_slug)] | None = None
    variables: dict[str, Any] | None = None
    defaults: dict[str, Any] | None = None
    purchase: PurchaseSection = PurchaseSection()
    guards: GuardsSection = GuardsSection()


def read_stack(directory: Path, environment: str | None) -> Stack:
    """Reads only stack.yaml and chooses the environment, for commands that need no specs. Raises as `load` does."""
    findings = Findings()
    sources = Sources(directory, findings)
    settings = sources.read_stack_file()
    stack = None if settings is None else resolve_stack(settings, environment, sources)
    findings.raise_errors()
    assert stack is not None, "a stack file that cannot be read is a finding"
    return stack


def resolve_stack(settings: Layer, environment: str | None, sources: Sources) -> Stack:
    """Returns the stack of `settings` with its environment, where `environment` is the one given on the command line."""
    stack = parse_stack(settings, sources.findings)
    chosen = resolve_environment(environment, settings, sources.environments(), sources.findings)
    return replace(stack, environment=chosen)


def parse_stack(layer: Layer, findings: Findings) -> Stack:
    """Returns the settings of stack.yaml. Invalid ones are reported and replaced by their default or a placeholder."""
    data, omitted = without_invalid(layer.node)
    found = validate(_StackFile, data, omitted)
    for problem in found:
        findings.add(
            problem.mistake,
            at=locate([layer], problem.path, key=problem.key, unknown=problem.unknown),
            path=problem.path,
        )
    invalid = {path[0] for path in (*omitted, *(problem.path for problem in found)) if path}
    valid = {key: value for key, value in data.items() if key not in invalid}
    settings = _StackFile.model_validate({"stack": "broken"} | valid)
    return Stack(
        settings.stack,
        CloudName(settings.cloud),
        settings.region,
        settings.environment,
        purchase=settings.purchase.policy(),
        guards=settings.guards.limits(),
    )


def resolve_environment(
    requested: str | None, layer: Layer, available: dict[str, Path] | None, findings: Findings
) -> str | None:
    """Returns the environment's name: `requested` (from -e), else the one in stack.yaml.

    Returns None if the stack has no environments, or after a finding.
    """
    written = layer.node.get("environment")
    chosen = requested or (written if isinstance(written, str) else None)
    at = None if requested else locate([layer], ("environment",))
    if available is None:
        if chosen is not None:
            hint = f"leave the environment out, or make {ENVIRONMENTS}/{chosen}.yaml beside {STACK_FILE}"
            findings.add(
                UnplacedError("unknown-environment", "this stack has no environments", hint=hint),
                at=at,
                usage=requested is not None,
            )
        return None
    if chosen in available:
        return chosen
    names = ", ".join(available) or "none yet"
    if chosen is None:
        hint = f"add -e NAME or write environment: in {STACK_FILE}; there are: {names}"
        findings.add(
            UnplacedError("environment-required", "this stack has environments and none was chosen", hint=hint),
            usage=True,
        )
    else:
        suggestion = closest_match(chosen, available)
        hint = (
            f"did you mean {suggestion}?"
            if suggestion
            else f"choose one that there is, or make {ENVIRONMENTS}/NAME.yaml"
        )
        mistake = UnplacedError(
            "unknown-environment", f"there is no environment {chosen}; there are: {names}", hint=hint
        )
        findings.add(mistake, at=at, usage=requested is not None)
    return None
