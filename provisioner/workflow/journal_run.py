"""Appends entries that come from no plan (a recovery, a person's decision) as a run of their own, so that the history
shows who wrote them and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from provisioner.model.caller import UNKNOWN_CALLER, Caller
from provisioner.model.journal import Entry, RunEnded, RunStarted
from provisioner.store import Session
from provisioner.workflow.workspace import who


@dataclass(frozen=True, slots=True)
class JournalRun:
    """Appends entries to a session. Each call of `append` is one run of the history."""

    session: Session
    command: str
    version: str
    reason: str | None = None
    approval: str = ""
    caller: Caller = UNKNOWN_CALLER

    def append(self, entries: Sequence[Entry]) -> None:
        run = uuid4().hex
        started = RunStarted(
            run, self.command, who(), self.version, reason=self.reason, approval=self.approval, caller=self.caller
        )
        self.session.append([started, *entries, RunEnded(run, "ended")])
