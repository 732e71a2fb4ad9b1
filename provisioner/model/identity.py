"""Whose servers a state holds: the account, project and region that every run must match before it plans, and the
identity with which the caller is authenticated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

TEMPORARY_KEY_PREFIX: Final = "temporary:"
"""The prefix of the pseudonym of a sender who is known only by a temporary key. It changes with the key, so the same
user has another pseudonym tomorrow.
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """`account` is the domain id and `project` the project id (API reference section 7)."""

    account: str
    project: str
    region: str

    def __str__(self) -> str:
        return f"account {self.account}, project {self.project}, region {self.region}"


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """Who the cloud authenticates the caller as, and with which credentials. It contains no secret.

    `agency` is the name of the agency that the caller has assumed, if any. A name is None if the user lacks the permission to read it. `ends_at` is None if the end of `temporary` credentials
    is not known.
    """

    source: str
    method: str
    identity: Identity
    account_name: str | None
    project_name: str | None
    temporary: bool
    ends_at: datetime | None
    endpoints: Mapping[str, str]
    agency: str | None = None
