"""The written form of faults, in the file of `--faults` and in the control API (docs/sandbox.md).

What a fault does is implemented in faults, wire and the services.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from provisioner.sandbox.faults import Rule
from provisioner.sandbox.settings_files import read_settings
from provisioner.sandbox.wire_fault_rules import (
    AnswerRule,
    LateRule,
    OversizeRule,
    ResetRule,
    SlowRule,
    ThrottleRule,
    TruncateRule,
)
from provisioner.sandbox.world_fault_rules import (
    CapRule,
    FilteredRule,
    LagRule,
    ReturnsRule,
    RewriteRule,
    SellsRule,
    ShiftRule,
    ShortRule,
    SkewRule,
    SpellingRule,
    StrangerRule,
)


def read_faults(path: Path) -> list[Rule]:
    """Reads a file of faults. Raises SettingsError."""
    return read_settings(path, FaultsFile).value()


AnyRule = Annotated[
    ResetRule
    | AnswerRule
    | ThrottleRule
    | TruncateRule
    | OversizeRule
    | SlowRule
    | LateRule
    | LagRule
    | ShiftRule
    | ShortRule
    | CapRule
    | FilteredRule
    | SkewRule
    | StrangerRule
    | SellsRule
    | SpellingRule
    | ReturnsRule
    | RewriteRule,
    Field(discriminator="fault"),
]


class FaultsFile(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    faults: Annotated[list[AnyRule], Field(max_length=1000)]

    def value(self) -> list[Rule]:
        return [rule.value() for rule in self.faults]


def written(rule: Rule, hits: int) -> Mapping[str, object]:
    """Returns a rule in the form that the control API shows."""
    return {**rule.written, "hits": hits}
