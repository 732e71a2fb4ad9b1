"""Replaces a damaged state under the lock: writes a new journal and a new state, and keeps copies of the damaged parts.

The new journal states a serial that no old state exceeds, which marks it as complete by itself. So after a crash
between the two writes, the next repair reads the new journal alone and not a mixture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex

from provisioner.model.diagnostic import Diagnostic, StoreError, error
from provisioner.model.journal import Entry
from provisioner.model.replay import replay
from provisioner.model.state import State
from provisioner.store.clock import StoreClock
from provisioner.store.codec import created_entry, encode_state, journal_lines
from provisioner.store.contract import START, DamagedParts, LockedStore, NotDone
from provisioner.store.current import parts_of
from provisioner.store.high_water_marks import HighWaterMark, HighWaterMarks
from provisioner.store.known_state import FOREIGN, find_relocation, kept_elsewhere_error, require_owner
from provisioner.store.mentions import mentions_of
from provisioner.store.salvage import Salvaged, salvage
from provisioner.store.words import StoreWords


def begin_repair(
    locked: LockedStore,
    words: StoreWords,
    *,
    read: Callable[[], object],
    clock: StoreClock,
    marks: HighWaterMarks,
    force: bool,
) -> Repair:
    """Return a repair of what `locked` holds, of which `read` finds the damage. See `StateStore.repair`."""
    damaged = parts_of(locked)
    moved = find_relocation(words, damaged.journal or b"")
    if moved is not None and (moved.is_final or not force):
        raise kept_elsewhere_error(words, moved)
    try:
        read()
        damage: tuple[Diagnostic, ...] = ()
    except StoreError as refusal:
        damage = refusal.diagnostics
        if damage[0].code == FOREIGN:
            raise
    salvaged = _checked_against_mark(marks, salvage(words, damaged, damage=damage))
    return Repair(locked, words, clock=clock, marks=marks, damaged=damaged, salvaged=salvaged)


def _checked_against_mark(marks: HighWaterMarks, salvaged: Salvaged) -> Salvaged:
    """Mark the result as incomplete when it is older than its high-water mark: everything may be readable in an older
    copy.
    """
    seen = marks.load(salvaged.lineage or "")
    if seen is None or salvaged.serial > seen.serial or seen.head in salvaged.heads:
        return salvaged
    return replace(salvaged, is_complete=False, serial=max(salvaged.serial, seen.serial))


@dataclass(frozen=True, slots=True)
class RebuiltState:
    """The state that a rebuild wrote. `aside` names the copies of the damaged parts."""

    state: State
    aside: tuple[str, ...]


class Repair:
    """A repair in progress, which holds the lock. `salvaged` is what could be read of the damaged state."""

    def __init__(
        self,
        store: LockedStore,
        words: StoreWords,
        *,
        clock: StoreClock,
        marks: HighWaterMarks,
        damaged: DamagedParts,
        salvaged: Salvaged,
    ) -> None:
        self._store = store
        self._words = words
        self._clock = clock
        self._marks = marks
        self._damaged = damaged
        self.salvaged = salvaged

    def replace(self, state: State, entries: Sequence[Entry]) -> RebuiltState:
        """Write a journal of `entries` and the state that they lead to from `state`.

        The damaged parts are copied first.

        `state` has its new serial and neither resources nor intents, which come from `entries`. Raises StoreError. A
        crash at any moment leaves either the old parts, or damage that the next repair recognises.
        """
        require_owner(self._words, state)
        lines, state = self._encode_parts(state, entries)
        try:
            aside = self._store.replace(
                self._damaged, lines, encode_state(state), mentions=mentions_of([created_entry(state), *entries])
            )
        except NotDone as failure:
            raise StoreError(
                error(
                    "rebuild-not-written",
                    f"cannot write {failure.place or self._words.state}: {failure.reason}",
                    hint="No server was changed, and nothing readable is lost: copies are beside the files. "
                    f"{self._words.make_writable} and run `provisioner state rebuild` again.",
                )
            ) from failure
        self._marks.save(state.lineage, HighWaterMark(state.serial, state.head, self._words.state))
        return RebuiltState(state, aside)

    def _encode_parts(self, empty: State, entries: Sequence[Entry]) -> tuple[bytes, State]:
        """Return the journal and the state.

        The journal states the serial before the new one, as if a run had checkpointed it.
        """
        lines, head = journal_lines(
            self._words,
            [created_entry(empty), *entries],
            lineage=empty.lineage,
            serial=empty.serial - 1,
            head=START,
            time=self._clock.now(),
            batch={"writer": token_hex(16), "nonce": token_hex(8)},
        )
        state = replace(replay(empty, entries), head=head)
        if (problem := next(state.problems(), None)) is not None:
            hint = "Nothing was written. Please report this, with the files as they are."
            raise StoreError(error("state-invalid", f"a rebuilt state would contradict itself: {problem}", hint=hint))
        return lines, state
