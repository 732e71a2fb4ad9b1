"""Whose servers a state lists: the account, project and region that every run must match before it plans; and how a run
proves to be theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

TEMPORARY_KEY_PREFIX: Final = "temporary:"
"""How the pseudonym of a sender begins of whom nothing but a temporary key is known: the same user has another one tomorrow."""


@dataclass(frozen=True, slots=True)
class Identity:
    """`account` is the domain id, `project` the project id (API reference section 7)."""

    account: str
    project: str
    region: str

    def __str__(self) -> str:
        return f"account {self.account}, project {self.project}, region {self.region}"


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """Who the cloud takes us for, and by what: no secret is in it.

    A name is None where the user may not ask for it. `ends_at` is None for a `temporary` proof whose end nobody tells.
    """

    source: str
    method: str
    identity: Identity
    account_name: str | None
    project_name: str | None
    temporary: bool
    ends_at: datetime | None
    endpoints: Mapping[str, str]
