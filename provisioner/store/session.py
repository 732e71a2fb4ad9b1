"""A writer's time with a folder, under its lock: the journal first, the state as its checkpoint.

Each failure is final for the session, but for a full disk that nothing was written to. What a run knows and could not write down
is for its caller to print: the errors here name the file and the reason, not the entries.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from uuid import uuid4

from provisioner import __version__
from provisioner.disk import Disk, replace_file
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.document import seal
from provisioner.model.identity import Identity
from provisioner.model.journal import Entry, Intended, RunStarted, replay
from provisioner.model.state import JournalHead, State
from provisioner.store.clock import Clock
from provisioner.store.codec import state_to_json
from provisioner.store.journal_file import JournalFile, NoRoom
from provisioner.store.reading import Files, Known, require_label
from provisioner.store.reserve import Reserve
from provisioner.store.witness import Sighting, Witness
from provisioner.store.writing import journal_lines

_JOURNAL_HINT = (
    "Nothing more is bought in this run. Make the folder writable (space, permissions, a healthy disk), then run apply: it "
    "looks in the cloud for what was sent and could not be recorded."
)
_FULL_HINT = (
    "Nothing of this was written and nothing was sent for it; what is known already can still be recorded. Make room in that "
    "folder, then run apply."
)
_NOTHING_YET_HINT = "Nothing was sent. Make the folder writable (space, permissions, a healthy disk) and try again."
_STATE_HINT = (
    "Nothing is lost: the journal beside it holds everything that was done. Make the folder writable (space, permissions, "
    "a healthy disk); the next apply writes the state anew."
)
_ALONE_HINT = (
    "Nothing more is sent in this run. Find out who else works on this folder (another run, an editor, a sync tool) and end "
    "it, then run apply: it looks in the cloud for what was sent and could not be recorded."
)


class LocalSession:
    """`known` and the bytes are what stood in the folder when the lock was taken; all None before the first run. `locked`
    tells whether the lock that was taken still keeps others out.
    """

    def __init__(
        self,
        files: Files,
        *,
        disk: Disk,
        clock: Clock,
        witness: Witness,
        locked: Callable[[], bool],
        known: Known | None,
        state: bytes | None,
        journal: bytes | None,
    ) -> None:
        self._files = files
        self._disk = disk
        self._clock = clock
        self._witness = witness
        self._locked = locked
        self._unmoved_at: tuple[int, int, int] | None = None
        """The stamp of the state file when it was last seen to be ours, so that it is read again only when that changes."""
        self._known = known
        self._state_bytes = state
        self._journal = None if known is None else self._journal_of(known, journal or b"")
        self._entries: list[Entry] = []
        self._broken: str | None = None
        self._fenced_off: StoreError | None = None
        self._one_at_a_time = Lock()

    @property
    def state(self) -> State | None:
        return None if self._known is None else self._known.state

    def create(self, stack: str, environment: str | None, *, identity: Identity) -> State:
        with self._one_at_a_time:
            self._require_whole()
            if self._known is not None:
                raise StoreError(error("state-exists", f"{self._files.state} exists already; nothing was changed"))
            state = State(stack=stack, environment=environment, lineage=str(uuid4()), serial=1, identity=identity)
            require_label(self._files, state)
            data = seal(state_to_json(state), tool=__version__)
            with self._durably("state-not-written", self._files.state, _NOTHING_YET_HINT):
                self._require_unmoved()
                replace_file(self._disk, self._files.state, data)
            self._state_bytes = data
            self._known = Known(written=state, state=state, plans=frozenset(), journal_end=0)
            self._journal = self._journal_of(self._known, b"")
            self._note(state.serial, state.head)
            return state

    def append(self, entries: Sequence[Entry]) -> JournalHead:
        with self._one_at_a_time:
            known, journal = self._begun()
            if not entries:
                return journal.head
            lines, head = journal_lines(
                self._files,
                entries,
                lineage=known.written.lineage,
                serial=known.written.serial,
                head=journal.head,
                time=self._clock.now(),
            )
            sending = any(isinstance(entry, Intended) for entry in entries)
            if sending:
                self._require_alone()
            with self._durably("journal-not-durable", self._files.journal, _JOURNAL_HINT):
                journal.append(lines, head=head, sending=sending)
            if sending:
                self._note(known.written.serial, head)
            self._entries.extend(entries)
            return head

    def checkpoint(self) -> State:
        with self._one_at_a_time:
            known, journal = self._begun()
            if journal.head == known.written.head:
                return known.state
            state = self._advanced(known, journal.head)
            data = seal(state_to_json(state), tool=__version__)
            with self._durably("journal-not-durable", self._files.journal, _JOURNAL_HINT):
                journal.settle()
            with self._durably("state-not-written", self._files.state, _STATE_HINT):
                replace_file(self._disk, self._files.backup, self._require_unmoved())
                replace_file(self._disk, self._files.state, data)
            self._state_bytes = data
            self._known = replace(known, written=state, state=state, plans=known.plans | self._plans())
            self._entries.clear()
            self._note(state.serial, state.head)
            return state

    def plan_used(self, plan: str) -> bool:
        known = self._known
        return known is not None and (plan in known.plans or plan in self._plans())

    def close(self) -> None:
        """After it nothing is written any more: the lock is about to be free."""
        with self._one_at_a_time:
            self._broken = self._broken or "the run has ended"
            if self._journal is not None:
                self._journal.close()

    def _require_whole(self) -> None:
        if self._broken is not None:
            raise StoreError(
                error(
                    "journal-not-durable",
                    f"{self._files.journal} is closed for the rest of this run: {self._broken}",
                    hint=_JOURNAL_HINT,
                )
            )

    def _begun(self) -> tuple[Known, JournalFile]:
        self._require_whole()
        if self._known is None or self._journal is None:
            raise StoreError(error("state-missing", f"{self._files.state} has to be created before its journal begins"))
        return self._known, self._journal

    def _advanced(self, known: Known, head: JournalHead) -> State:
        try:
            state = replace(replay(known.state, self._entries), serial=known.written.serial + 1, head=head)
            problem = next(state.problems(), None)
        except ValueError as contradiction:
            problem = str(contradiction)
            state = known.state
        if problem is not None:
            raise StoreError(
                error(
                    "state-invalid",
                    f"{self._files.state} was not written, because it would contradict itself: {problem}",
                    hint=f"{self._files.journal} holds everything that was done in this run. Please report this.",
                )
            )
        return state

    def _require_alone(self) -> None:
        """Before anything is sent. What was sent already may still be recorded, for as long as the journal is ours."""
        self._fenced_off = self._fenced_off or self._intrusion()
        if self._fenced_off is not None:
            raise self._fenced_off

    def _intrusion(self) -> StoreError | None:
        """Whoever got round the lock is not heard of again: a run that was once not alone, or could not look, sends nothing more."""
        try:
            if not self._locked():
                return _not_alone("lock-lost", self._files.lock, "it was moved or removed while this run held the lock")
        except OSError as failure:
            return _not_alone("lock-lost", self._files.lock, failure.strerror or str(failure))
        try:
            stamp = self._disk.stamp(self._files.state)
            if stamp is None or stamp != self._unmoved_at:
                self._require_unmoved()
                self._unmoved_at = stamp
        except OSError as failure:
            return _not_alone("state-moved", self._files.state, failure.strerror or str(failure))
        return None

    def _require_unmoved(self) -> bytes:
        """The lock keeps other runs out; this keeps out whatever got round it: an editor, a sync tool, a copied folder."""
        found = self._disk.read(self._files.state)
        if found != self._state_bytes:
            raise OSError(errno.ESTALE, "it was changed while this run held the lock, and the change is left as it is")
        return found or b""

    def _note(self, serial: int, head: JournalHead) -> None:
        """Only what is on disk for good."""
        if self._known is not None:
            seen = Sighting(serial, head, str(self._files.state))
            self._witness.note(self._known.written.lineage, seen)

    def _plans(self) -> frozenset[str]:
        return frozenset(entry.plan for entry in self._entries if isinstance(entry, RunStarted) and entry.plan)

    def _journal_of(self, known: Known, content: bytes) -> JournalFile:
        return JournalFile(
            self._files.journal,
            disk=self._disk,
            reserve=Reserve(self._files.reserve, disk=self._disk),
            head=known.state.head,
            content=content,
            end=known.journal_end,
        )

    @contextmanager
    def _durably(self, code: str, path: Path, hint: str) -> Iterator[None]:
        try:
            yield
        except NoRoom as full:
            raise StoreError(error("journal-full", f"cannot write {path}: {full.strerror}", hint=_FULL_HINT)) from full
        except OSError as failure:
            self._broken = f"{failure.strerror or failure}"
            raise StoreError(error(code, f"cannot write {path}: {self._broken}", hint=hint)) from failure
        except BaseException:
            self._broken = "a write was interrupted"
            raise


def _not_alone(code: str, path: Path, found: str) -> StoreError:
    return StoreError(error(code, f"cannot rely on {path}: {found}", hint=_ALONE_HINT))
