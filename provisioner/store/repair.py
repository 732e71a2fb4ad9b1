"""A writer's time with a damaged state, under the lock: journal and state are written anew, and what stood there is
kept aside.

A journal that was begun beside a later serial than a state has says everything by itself, so that whatever dies in
between, the next repair reads the new one and not a mixture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from secrets import token_hex

from provisioner import __version__
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.document import seal
from provisioner.model.journal import Entry
from provisioner.model.replay import replay
from provisioner.model.state import State
from provisioner.store.clock import StoreClock
from provisioner.store.codec import created_entry, journal_lines, state_to_json
from provisioner.store.contract import START, DamagedParts, LockedStore, NotDone, StoreWords
from provisioner.store.high_water_marks import HighWaterMark, HighWaterMarks
from provisioner.store.known_state import require_owner
from provisioner.store.salvage import Salvaged


@dataclass(frozen=True, slots=True)
class RebuiltState:
    """What a rebuild wrote. `aside` names the copies of what stood there before."""

    state: State
    aside: tuple[str, ...]


class Repair:
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
        """A journal of `entries`, and `state` as they lead to; what stood there is copied aside first.

        `state` comes with its new serial and without resources or intents: those are what `entries` say. Raises
        StoreError; dying at any moment leaves either the old parts, or damage that the next repair sees through.
        """
        require_owner(self._words, state)
        lines, state = self._written(state, entries)
        try:
            aside = self._store.replace(self._damaged, lines, seal(state_to_json(state), tool=__version__))
        except NotDone as failure:
            raise StoreError(
                error(
                    "rebuild-not-written",
                    f"cannot write {failure.place or self._words.state}: {failure.reason}",
                    hint="No server was touched, and nothing that was readable is lost: copies stand beside the files. "
                    f"{self._words.make_writable} and run `provisioner state rebuild` again.",
                )
            ) from failure
        self._marks.save(state.lineage, HighWaterMark(state.serial, state.head, self._words.state))
        return RebuiltState(state, aside)

    def _written(self, empty: State, entries: Sequence[Entry]) -> tuple[bytes, State]:
        """The journal names the serial before the new state's: what a run that checkpoints it would have written."""
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
