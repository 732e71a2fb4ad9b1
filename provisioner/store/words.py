"""What a store says to people: the names of its parts, the remedies that it offers, and who holds a lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from provisioner.model.time_text import format_time


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The run that holds a lock.

    `since` is in milliseconds since the epoch. `id` identifies this acquisition; older versions wrote none.
    """

    who: str
    pid: int
    host: str
    command: str
    since: int
    id: str | None = None

    @property
    def work(self) -> str:
        """The command, the process, its host and its start, for messages."""
        return f"`{self.command}`, process {self.pid} on {self.host}, since {format_time(self.since)}"


LockWaitListener: TypeAlias = Callable[[LockHolder, float], None]
"""Called at every attempt to take a held lock, with its holder and the seconds waited so far."""


@dataclass(frozen=True, slots=True)
class UnlockAdvice:
    """Explains to the user who holds a lock and how to release it."""

    summary: str
    hint: str


@dataclass(frozen=True, slots=True)
class StoreWords:
    """The names of a state's parts in a store, and the remedies that it offers. Remedies are complete sentences.

    `label` is the name under which the state is kept. A message names a place in full first, then by its short name
    (`..._name`).
    """

    label: str
    place: str
    """The place with all its states, as it is written after `--state`, without any secret."""
    state: str
    journal: str
    backup: str
    lock: str
    state_name: str
    journal_name: str
    backup_name: str
    rename: Callable[[str], str]
    """Returns the remedy for a state that is kept under another label than its own, which is given."""
    restore_state: str
    restore_lost_state: str
    begin_anew: str
    restore_journal: str
    restore_newest: str
    restore_both: str
    separate_histories: str
    make_writable: str
    make_room: str
    end_other_writers: str
    lock_free: str
    late: str
    """The location of the log of late answers."""
    clear_late: str
