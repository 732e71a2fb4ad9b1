"""What a store says to people: the names of its parts, the remedies that it offers, and who holds a lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from provisioner.model.run_progress import RunProgress
from provisioner.model.time_text import format_time

_LONGEST_REASON: Final = 100


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The run that holds a lock.

    `since` is in milliseconds since the epoch. `id` identifies this acquisition. Older versions wrote no `id` and no
    `reason`, and ignore what they do not know.
    """

    who: str
    pid: int
    host: str
    command: str
    since: int
    id: str | None = None
    reason: str = ""

    @property
    def work(self) -> str:
        """The command, its reason, the process, its host and its start, for messages."""
        command = f"`{self.command}`{self.quoted_reason}"
        return f"{command}, process {self.pid} on {self.host}, since {format_time(self.since)}"

    @property
    def quoted_reason(self) -> str:
        """The reason in brackets behind a command, cut to a length for messages; empty if there is none."""
        cut = self.reason if len(self.reason) <= _LONGEST_REASON else f"{self.reason[:_LONGEST_REASON]}..."
        return f' ("{cut}")' if cut else ""


@dataclass(frozen=True, slots=True)
class LockWaitStatus:
    """What a run that waits for a lock knows about the one that holds it.

    Numbers are in seconds. `waited` is the time since the wait began. Only a lease has `silent_for` and
    `taken_over_in`: the time since the last sign of life, and the time until the lock is taken over if none follows.
    `is_alive`: a sign of life was seen, or the lock ends with its process. `is_taken_over`: the wait is over, because
    the lock was taken over. `progress` is None where the holder has begun nothing.
    """

    holder: LockHolder
    waited: float
    silent_for: float | None = None
    taken_over_in: float | None = None
    is_alive: bool = True
    is_taken_over: bool = False
    progress: RunProgress | None = None


LockWaitListener: TypeAlias = Callable[[LockWaitStatus], None]
"""Called at every attempt to take a held lock, and once it is taken over from a run that showed no sign of life."""


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
