"""Appends entries that no plan stands behind (a recovery, a person's decision) as a run of their own, so that the history says who wrote
them and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from provisioner.model.journal import Entry, RunEnded, RunStarted
from provisioner.store import Session
from provisioner.workflow.workspace import who


@dataclass(frozen=True, slots=True)
class JournalRun:
    """Appends to a session, each time as one run."""

    session: Session
    command: str
    version: str
    reason: str | None = None

    def append(self, entries: Sequence[Entry]) -> None:
        run = uuid4().hex
        started = RunStarted(run, self.command, who(), self.version, reason=self.reason)
        self.session.append([started, *entries, RunEnded(run, "ended")])
