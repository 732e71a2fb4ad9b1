"""Puts a pulled state into an empty place, while its lock is held (docs/decisions/0044).

The journal is written in one step with the records of the push, one of which is `Arrived`. A folder needs two
steps, and what it holds between them is refused as damaged. Late answers are journaled in the same step. Pushing the same
document again completes an interrupted push.
"""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.diagnostic import Diagnostic, StoreError, error
from provisioner.model.journal import Answered, Arrived, RunEnded, RunStarted, Settled
from provisioner.model.state import State
from provisioner.store.access import StoreAccess
from provisioner.store.arrival import Arrival, CopiedState, Kept, carry_late, state_exists
from provisioner.store.chain import line_ending
from provisioner.store.clock import StoreClock
from provisioner.store.contract import LockedStore, Store
from provisioner.store.high_water_marks import HighWaterMark, HighWaterMarks
from provisioner.store.known_state import KnownState
from provisioner.store.late_answers import find_late, open_answers
from provisioner.store.older_copies import begins_with_rebuild, is_behind
from provisioner.store.pulled_state import PulledState
from provisioner.store.siblings import SiblingReader
from provisioner.store.words import LockWaitListener


def push_state(
    pulled: PulledState,
    target: StoreAccess,
    run: RunStarted,
    *,
    name: str,
    timeout: float,
    on_wait: LockWaitListener | None = None,
) -> State:
    """Write a pulled state into the empty place `target`. Raises what `Push.run` raises, and LockHeld."""
    holder = target.holder(run.command, run.who)
    with target.store.lock(holder, timeout=timeout, on_wait=on_wait) as held:
        return Push(pulled, target.store, target.clock, target.marks, name).run(held, run)


@dataclass(frozen=True, slots=True)
class Push:
    """A pulled state on its way into `target`. `name` is the name of its document, for messages."""

    pulled: PulledState
    target: Store
    clock: StoreClock
    marks: HighWaterMarks
    name: str

    def run(self, held: LockedStore, run: RunStarted) -> State:
        """Write the state, or complete an earlier push of the same document. Return it as it is kept.

        Raises StoreError `state-exists` where anything else is kept, and `pull-older` for a document that is older than what
        this user has seen of the state.
        """
        copied = self.pulled.copied
        arrival = Arrival(copied, self.target, held, self.clock, self.marks)
        late = find_late(self.pulled.late)
        kept = arrival.find()
        if kept is None:
            self._require_newest(copied)
            self._require_only_one(copied)
            entries = (run, *open_answers(copied.state, late), Arrived(copied.origin), RunEnded(run.run, "ended"))
            arrival.install(entries, serial=copied.state.serial + 1)
        elif not _is_own(kept, copied):
            raise state_exists(self.target.words)
        else:
            arrival.complete(kept, serial=copied.state.serial + 1)
        state = arrival.read_back().state
        carry_late(late, self.target, lineage=state.lineage, clock=self.clock)
        arrival.save_mark(state)
        return state

    def _require_newest(self, copied: CopiedState) -> None:
        state, seen = copied.state, self.marks.load(copied.state.lineage)
        known = KnownState(written=state, state=state, journal_end=len(copied.journal))
        if seen is not None and is_behind(
            known,
            lambda head: line_ending(head) in copied.journal,
            lambda: begins_with_rebuild(copied.journal),
            seen=seen,
        ):
            raise StoreError(self._older(state, seen))

    def _require_only_one(self, copied: CopiedState) -> None:
        """Raises StoreError where the state is kept at the same place under another name, as after a renaming."""
        siblings = SiblingReader(self.target, self.marks)
        for label, state in siblings.read(siblings.labels).states.items():
            if state.lineage == copied.state.lineage:
                summary = f"the state is kept at {self.target.words.place} already, under the name {label}"
                hint = f"Nothing was changed. `provisioner state rename {label} {self.target.words.label}` gives it this name."
                raise StoreError(error("state-in-use", summary, hint=hint))

    def _older(self, state: State, seen: HighWaterMark) -> Diagnostic:
        has = f"serial {state.serial} and {state.head.sequence} records"
        was = f"serial {seen.serial} and {seen.head.sequence} records"
        return error(
            "pull-older",
            f"{self.name} has {has}, and you have seen this state at {seen.location} with {was}",
            detail="what was bought or released since is not in it, so that it would be bought again",
            hint=f"Nothing was changed. Push the newest pull, or use {seen.location}. If both are lost: remove {self.marks.place(state.lineage)}, "
            "push this one again, and run `provisioner state rebuild --force` before anything is planned: it finds what was bought since.",
        )


def _is_own(kept: Kept, copied: CopiedState) -> bool:
    """Whether this very document was pushed there, and nothing has happened since."""
    return kept.records == copied.state.head.sequence and kept.consists_of(
        RunStarted, Answered, Settled, RunEnded, Arrived
    )
