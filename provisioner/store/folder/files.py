"""The file names of a state's parts in a folder, and the remedies that messages suggest for them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from provisioner.store.contract import JOURNAL, LATE
from provisioner.store.words import StoreWords

_PART = re.compile(r"(?P<label>.+)\.(json|journal|backup|reserve|late)", re.IGNORECASE | re.DOTALL)
_COPY_OF_PART = re.compile(_PART.pattern + r"[^A-Za-z].*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one label: for `demo.dev` these are demo.dev.json, demo.dev.journal, demo.dev.backup, demo.dev.lock
    and others.
    """

    folder: Path
    label: str

    @property
    def state(self) -> Path:
        return self.folder / f"{self.label}.json"

    @property
    def backup(self) -> Path:
        """The state before the last run."""
        return self.folder / f"{self.label}.backup"

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.label}.lock"

    @property
    def reserve(self) -> Path:
        return self.folder / f"{self.label}.reserve"

    @property
    def journal(self) -> Path:
        return self.log(JOURNAL)

    def log(self, name: str) -> Path:
        return self.folder / f"{self.label}.{name}"

    @property
    def words(self) -> StoreWords:
        backup, journal, state = self.backup.name, self.journal.name, self.state.name
        return StoreWords(
            label=self.label,
            place=os.path.realpath(self.folder),
            state=str(self.state),
            journal=str(self.journal),
            backup=str(self.backup),
            lock=str(self.lock),
            state_name=state,
            journal_name=journal,
            backup_name=backup,
            rename=lambda label: (
                f"Put it back as {label}.json, with its journal, and run the command again. To give it "
                f"this name: `provisioner state rename {label} {self.label}`, once it is back."
            ),
            restore_state=f"Put {backup}, the state before the last run, in its place: the journal beside it then brings it up to "
            "date.",
            restore_lost_state=f"Put {backup} or your own copy in its place; the journal then brings it up to date.",
            begin_anew="To begin anew on purpose, move the other files away too.",
            restore_journal="Put your own copy of the journal back",
            restore_newest="Put the newest copy back.",
            restore_both=f"Put the newest copy of {state} and {journal} back, or work where they are.",
            separate_histories=f"One of the two is another copy's: move {journal}, or {state} and {backup}, out of the folder, keep "
            "it, and run this again.",
            make_writable="Make the folder writable (space, permissions, a healthy disk)",
            make_room="Make room in that folder",
            end_other_writers="Find out who else works on this folder (another run, an editor, a sync tool) and end it",
            lock_free="a lock ends with the process that held it",
            late=str(self.log(LATE)),
            clear_late=f"When that is done, move {self.log(LATE).name} out of the folder.",
        )


def label_of(name: str) -> str | None:
    """Return the label of the state that a file belongs to, or None.

    Copies, pieces of a journal and names in other case count.

    A lock file does not count, because a run that recorded nothing leaves one, too; nor does a hidden copy, such as an
    editor's.
    """
    found = _PART.fullmatch(name) or (None if name.startswith(".") else _COPY_OF_PART.fullmatch(name))
    return found["label"] if found and found["label"].strip(".") else None
