"""Checks of a state for `doctor`: its place, then what is recorded there, its journal, its lock and this user's high-water marks.

They take no lock, except for an instant to see whether it is free, and write nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from provisioner.model.check import CheckResult, doubtful, failed, passed, result_of, skipped
from provisioner.model.diagnostic import StoreError
from provisioner.model.state import State
from provisioner.store.contract import StoreCheck
from provisioner.store.state_store import StateStore

_ALREADY_EXAMINED: Final = "store-folder-open"
_SHOWN: Final = 5


def state_checks(store: StateStore, mark_folder: Path | None) -> Iterator[StoreCheck]:
    """Yield the checks of the store, then those of the state. The store's first check is about reach: the others need it."""
    reach: tuple[str, ...] = ()
    for check in store.place_checks():
        reach = reach or (check.name,)
        yield check
    examination = _StateExamination(store)
    yield StoreCheck("state", examination.examine_state, needs=reach)
    yield StoreCheck("journal", examination.examine_journal, needs=("state",))
    yield StoreCheck("lock", examination.examine_lock, needs=reach)
    yield StoreCheck("notices", examination.examine_notices, needs=reach)
    yield StoreCheck("high-water-marks", lambda: _examine_marks(mark_folder))


class _StateExamination:
    def __init__(self, store: StateStore) -> None:
        self._store = store

    def examine_state(self) -> CheckResult:
        state = self._store.load()
        if seen := self._store.replaced(state):
            found = (
                f"another state than you have seen is at {self._store.location}, or none: you have seen one with {seen}"
            )
            return failed(
                "state-replaced", found, hint="restore it, or `provisioner state rebuild`; apply buys nothing there"
            )
        if state is None:
            return passed(f"nothing is recorded yet at {self._store.location}")
        if state.purchases_in_doubt:
            return _in_doubt(state)
        return passed(f"{len(state.resources)} recorded, serial {state.serial}, at {self._store.location}")

    def examine_journal(self) -> CheckResult:
        try:
            verified = self._store.verify()
        except StoreError as problem:
            if problem.diagnostics[0].code == "nothing-recorded":
                return skipped("nothing is recorded yet")
            raise
        return passed(f"{verified.records} records, each follows from the one before, and they lead to the state")

    def examine_lock(self) -> CheckResult:
        holder = self._store.holder()
        if holder is None:
            return passed(f"the lock is free; {self._store.lock_free}")
        advice = self._store.unlock_advice(holder)
        found = f"{holder.who} is at work on this state: {holder.work}"
        return doubtful("lock-held", found, hint=f"Wait for it, for example with --lock-timeout 10m. {advice.hint}")

    def examine_notices(self) -> CheckResult:
        findings = [finding for finding in self._store.warnings if finding.code != _ALREADY_EXAMINED]
        return (
            result_of(findings[0], more=len(findings) - 1) if findings else passed("nothing else is to be said of it")
        )


def _in_doubt(state: State) -> CheckResult:
    addresses = sorted({str(address) for intent in state.purchases_in_doubt for address in intent.addresses})
    more = f" and {len(addresses) - _SHOWN} more" if len(addresses) > _SHOWN else ""
    return doubtful(
        "in-doubt",
        f"it is unknown whether an earlier purchase was carried out: {', '.join(addresses[:_SHOWN])}{more}",
        hint=f"The next apply looks for it. If it can't find out, settle it by hand: `provisioner resolve {addresses[0]}`.",
    )


def _examine_marks(folder: Path | None) -> CheckResult:
    if folder is None:
        return skipped("this user keeps none")
    try:
        place = folder
        while not place.is_dir() and place != place.parent:
            place = place.parent
        is_usable = os.access(place, os.R_OK | os.W_OK | os.X_OK) and not place.is_relative_to("/proc")
    except OSError:
        is_usable = False
    if is_usable:
        return passed(f"{folder}")
    return doubtful(
        "high-water-marks-unusable",
        f"{folder} cannot be used, so a restored older copy of the state would not be noticed",
        hint="Let HOME, or XDG_STATE_HOME, name a folder that this user can write, and that outlives the run.",
    )
