"""Whose servers a state lists: the account, project and region that every run must match before it plans."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """`account` is the domain id, `project` the project id (API reference section 7)."""

    account: str
    project: str
    region: str

    def __str__(self) -> str:
        return f"account {self.account}, project {self.project}, region {self.region}"
