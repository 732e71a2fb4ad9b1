"""The state of a growing journal, for simulations that need it at every step: only new entries are replayed."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.model.journal import Entry
from provisioner.model.replay import replay
from provisioner.model.state import State


class IncrementalReplay:
    """Keeps the last state. Replaying a journal at once or entry by entry gives the same (tests/laws/test_laws_journal.py)."""

    def __init__(self) -> None:
        self._base: State | None = None
        self._known: list[Entry] = []
        self._problems: list[str] | None = None

    def state(self, base: State, entries: Sequence[Entry]) -> State:
        count = len(self._known)
        if self._base is not base or self._known != entries[:count]:
            self._base, self._state, self._known, count = base, replay(base, ()), [], 0
            self._problems = None
        if len(entries) > count:
            self._state, self._problems = replay(self._state, entries[count:]), None
            self._known = [*entries]
        return self._state

    def problems(self, base: State, entries: Sequence[Entry]) -> list[str]:
        """Returns the problems of the same state."""
        state = self.state(base, entries)
        if self._problems is None:
            self._problems = [*state.problems()]
        return self._problems
