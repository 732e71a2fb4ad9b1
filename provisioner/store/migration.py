"""Moves a state to another place, while the locks of both are held (docs/decisions/0044).

1. The old place is verified as a whole.
2. Its journal is copied, with the record `Arriving` behind it: until `Arrived` follows, every reader refuses the copy.
3. The copy is read back and compared.
4. The old journal is closed with the record `Relocated`: from here on every reader refuses the old place, for ever.
5. Late answers are carried over, `Arrived` is appended to the new journal, and the new state is written.

So no moment has two places that can be used. A death before step 4 leaves the old place as it was; a death after it leaves
none until the same command completes the move, which needs only what steps 2 to 4 made durable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from provisioner.model.diagnostic import Diagnostic, StoreError, UsageError, error
from provisioner.model.journal import Arriving, Relocated, RunStarted
from provisioner.model.state import State
from provisioner.store.access import StoreAccess, lock_both
from provisioner.store.appending import close_until_known
from provisioner.store.arrival import (
    PATIENCE,
    Arrival,
    CopiedState,
    Kept,
    a_batch,
    as_store_error,
    carry_late,
    find_copy,
    require_alone,
    state_exists,
)
from provisioner.store.chain import Record, single_lines
from provisioner.store.codec import journal_lines
from provisioner.store.contract import JOURNAL, LockedStore, Reader, Store
from provisioner.store.current import read_whole
from provisioner.store.known_state import KnownState, kept_elsewhere_error, require_owner
from provisioner.store.late_answers import read_late
from provisioner.store.state_errors import OR_REBUILD, lock_unreliable
from provisioner.store.verification import verify
from provisioner.store.words import LockWaitListener, StoreWords

_COMMAND: Final = "state migrate"
_OF_CLOSING: Final = frozenset({"created", "run_started", "relocated", "fenced"})
"""The types of the records that a closing adds, or a migration that takes over the lock of a dead one."""


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """The state at its new place. `late` counts the answers that were carried over by this run; `was_done`: an earlier run
    had moved the state already.
    """

    state: State
    origin: str
    place: str
    late: int = 0
    was_done: bool = False


def migrate_state(
    source: StoreAccess,
    target: Store,
    run: RunStarted,
    *,
    timeout: float,
    on_wait: LockWaitListener | None = None,
    is_dry: bool = False,
) -> MigrationResult:
    """Move the state in `source` to `target`; with `is_dry` only check that. `run` is recorded at both places.

    Raises UsageError where there is no state, LockHeld, and StoreError for damage, for a target that holds anything else,
    and for a source that was moved to another place.
    """
    migration = Migration(source, target)
    if is_dry:
        return migration.look()
    migration.require_state()
    holder = source.holder(run.command, run.who)
    with lock_both(source.store, target, holder, timeout=timeout, on_wait=on_wait) as (held, target_held):
        return migration.run(held, target_held, run)


class Migration:
    """A move of the state in `source` to `target`."""

    def __init__(self, source: StoreAccess, target: Store) -> None:
        if source.store.words.place == target.words.place:
            raise UsageError(_same_place(target.words))
        self._access = source
        self._source = source.store
        self._target = target
        self._marks = source.marks
        self._clock = source.clock

    def require_state(self) -> None:
        """Check the old place without a lock, so that a mistake leaves no trace at the new one. Raises what `run` raises."""
        self._read(self._source)

    def look(self) -> MigrationResult:
        """Check without a lock what `run` would do, and return the state as it is. Raises what `run` raises."""
        known, journal = self._read(self._source)
        copied = CopiedState.of(known, journal, self._source.words.place)
        kept = find_copy(copied, self._target, self._target)
        if known.relocation is None:
            self._require_own(kept)
        else:
            self._require_here(journal, kept)
        if kept is not None and kept.is_open:
            return self._done()
        return self._result(known.state)

    def run(self, held: LockedStore, target_held: LockedStore, run: RunStarted) -> MigrationResult:
        """Move the state, or complete a move that an earlier run has begun. `run` is recorded at both places."""
        known, journal = self._read(held)
        if (intrusion := held.taken_over()) is not None:
            raise lock_unreliable(self._source.words, intrusion)
        copied = CopiedState.of(known, journal, self._source.words.place)
        arrival = Arrival(copied, self._target, target_held, self._clock, self._marks)
        kept = arrival.find()
        if known.relocation is None:
            self._copy(arrival, copied, kept)
            self._close(held, copied, run)
        else:
            self._require_here(journal, kept)
            assert kept is not None
            arrival = replace(arrival, copied=copied.first(kept.records))
        late = carry_late(read_late(self._source), self._target, lineage=known.written.lineage, clock=self._clock)
        if kept is not None and kept.is_open:
            return self._done(late)
        return self._result(arrival.open(run), late)

    def _done(self, late: int = 0) -> MigrationResult:
        """Return the state that an earlier run has moved, as it is at its new place by now."""
        known = read_whole(
            self._target,
            self._target.words,
            requires_checkpoint=self._target.requires_checkpoint,
            marks=self._marks,
            kept_elsewhere=True,
        )
        assert known is not None  # its journal was read before
        return self._result(replace(known[0].state, serial=known[0].written.serial), late, was_done=True)

    def _result(self, state: State, late: int = 0, *, was_done: bool = False) -> MigrationResult:
        return MigrationResult(state, self._source.words.place, self._target.words.place, late, was_done)

    def _read(self, reader: Reader) -> tuple[KnownState, bytes]:
        """Read and verify the whole state of the old place. Raises StoreError for damage, and for one that moved elsewhere."""
        words = self._source.words
        read = read_whole(
            reader,
            words,
            requires_checkpoint=self._source.requires_checkpoint,
            marks=self._marks,
            kept_elsewhere=True,
        )
        if read is None:
            hint = "check -e, --state and the directory you stand in"
            raise UsageError(error("no-state", f"no state was ever recorded at {words.state}", hint=hint))
        known, journal = read
        require_owner(words, known.state, owner=self._access.owner)
        relocation = known.relocation
        if relocation is not None and not self._is_to_target(relocation.entry):
            raise kept_elsewhere_error(words, relocation)
        verify(words, known, journal)
        return known, journal

    def _is_to_target(self, entry: Relocated | Arriving) -> bool:
        return isinstance(entry, Relocated) and entry.to == self._target.words.place

    def _copy(self, arrival: Arrival, copied: CopiedState, kept: Kept | None) -> None:
        self._require_own(kept)
        serial = copied.state.serial
        if kept is not None and kept.records == copied.state.head.sequence:
            arrival.complete(kept, serial=serial)
        else:
            arrival.install([Arriving(copied.origin)], serial=serial)
        if arrival.read_back().relocation is None:
            raise state_exists(self._target.words)

    def _require_own(self, kept: Kept | None) -> None:
        """Raises StoreError for anything but a copy that an earlier run has begun and not completed."""
        if kept is not None and not kept.consists_of(Arriving):
            raise state_exists(self._target.words)

    def _require_here(self, journal: bytes, kept: Kept | None) -> None:
        """Raises StoreError where the new place lacks the state, or a record of it, although the old one is closed."""
        is_here = kept is not None and kept.has_come
        records = (line for line in single_lines(journal) if isinstance(line, Record))
        if not is_here or kept is None or not all(map(_is_of_closing, islice(records, kept.records, None))):
            raise _copy_lost(self._source.words, self._target.words)

    def _close(self, held: LockedStore, copied: CopiedState, run: RunStarted) -> None:
        words, state = self._source.words, copied.state
        lines, _ = journal_lines(
            words,
            [*copied.described, run, Relocated(self._target.words.place)],
            lineage=state.lineage,
            serial=state.serial,
            head=state.head,
            time=self._clock.now(),
            batch=a_batch(),
            closing=True,
        )
        require_alone(held, words)
        patience = 0.0 if self._source.requires_checkpoint else PATIENCE
        with as_store_error(words):
            close_until_known(held.log(JOURNAL), state.head, lines, clock=self._clock, patience=patience)


def _is_of_closing(record: Record) -> bool:
    is_run = record.entry.get("type") == "run_started"
    return record.entry.get("type") in _OF_CLOSING and (not is_run or record.entry.get("command") == _COMMAND)


def _same_place(words: StoreWords) -> Diagnostic:
    return error(
        "migrate-same-place",
        f"the state is kept at {words.place} already",
        hint="give the new place with --to, and the old one with --state if stack.yaml names the new one already",
    )


def _copy_lost(source: StoreWords, target: StoreWords) -> StoreError:
    return StoreError(
        error(
            "state-copy-lost",
            f"{source.state} was moved to {target.place}, and that place does not hold it any more",
            hint=f"Nothing was changed. Restore {target.place} from its backup, or push the newest pull of it there with `provisioner state push`. "
            f"{OR_REBUILD}",
        )
    )
