"""Pins: the account, project and region in which an environment may act, and where each of them is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provisioner.model.diagnostic import SourceRange

_ID: Final = re.compile(r"[0-9a-f]{32}")


class PinnedField(StrEnum):
    ACCOUNT = "account"
    PROJECT = "project"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class Pin:
    """A run must act in this account, project or region. An account or a project is given by its id or by its name.

    `trusted`: the pin stands in the user's configuration, which no repository can change.
    """

    field: PinnedField
    value: str
    source: SourceRange
    trusted: bool = False

    @property
    def is_by_name(self) -> bool:
        """Whether only a name can match it. An id has the form of all ids of the cloud, or is compared as a text."""
        return self.field is not PinnedField.REGION and _ID.fullmatch(self.value) is None

    def matches(self, identifier: str, name: str | None) -> bool:
        """Returns whether the pin is for the account, project or region with this id and name."""
        return self.value == identifier or (self.is_by_name and self.value == name)
