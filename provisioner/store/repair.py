"""A writer's time with damaged files, under the lock: old ones are copied aside, then journal and state are written anew.

In this order: copies, journal, state, and the old backup goes last. A journal that was begun beside a later serial than
a state has says everything by itself, so that whatever dies in between, the next repair reads the new story and not a mixture.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from provisioner import __version__
from provisioner.disk import Disk, replace_file
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.document import seal
from provisioner.model.journal import Entry, replay
from provisioner.model.state import JournalHead, State
from provisioner.store.clock import Clock
from provisioner.store.codec import state_to_json
from provisioner.store.protocol import Replaced, Salvaged
from provisioner.store.reading import Files, require_label
from provisioner.store.salvage import Remains
from provisioner.store.witness import Sighting, Witness
from provisioner.store.writing import journal_lines


class LocalRepair:
    def __init__(
        self, files: Files, *, disk: Disk, clock: Clock, witness: Witness, remains: Remains, salvaged: Salvaged
    ) -> None:
        self._files = files
        self._witness = witness
        self._disk = disk
        self._clock = clock
        self._remains = {files.state: remains.state, files.journal: remains.journal, files.backup: remains.backup}
        self.salvaged = salvaged

    def replace(self, state: State, entries: Sequence[Entry]) -> Replaced:
        require_label(self._files, state)
        lines, state = self._written(state, entries)
        document = seal(state_to_json(state), tool=__version__)
        path = self._files.folder
        try:
            self._require_unmoved()
            aside = [*self._copy_aside()]
            path = self._files.journal
            replace_file(self._disk, path, lines)
            path = self._files.state
            replace_file(self._disk, path, document)
            path = self._files.backup
            self._disk.remove(path)
            self._disk.sync_folder(self._files.folder)
        except OSError as failure:
            raise StoreError(
                error(
                    "rebuild-not-written",
                    f"cannot write {failure.filename or path}: {failure.strerror or failure}",
                    hint="No server was touched, and nothing that was readable is lost: copies stand beside the files. Make the "
                    "folder writable (space, permissions, a healthy disk) and run `provisioner state rebuild` again.",
                )
            ) from failure
        self._witness.note(state.lineage, Sighting(state.serial, state.head, str(self._files.state)))
        return Replaced(state, tuple(file.name for file in aside))

    def _written(self, empty: State, entries: Sequence[Entry]) -> tuple[bytes, State]:
        """The journal names the serial before the new state's: what a run that checkpoints it would have written."""
        lines, head = journal_lines(
            self._files,
            entries,
            lineage=empty.lineage,
            serial=empty.serial - 1,
            head=JournalHead(),
            time=self._clock.now(),
        )
        state = replace(replay(empty, entries), head=head)
        if (problem := next(state.problems(), None)) is not None:
            hint = "Nothing was written. Please report this, with the files as they are."
            raise StoreError(error("state-invalid", f"a rebuilt state would contradict itself: {problem}", hint=hint))
        return lines, state

    def _require_unmoved(self) -> None:
        for path, before in self._remains.items():
            if self._disk.read(path) != before:
                raise OSError(
                    errno.ESTALE, "it was changed while it was being looked at, and is left as it is", str(path)
                )

    def _copy_aside(self) -> Sequence[Path]:
        moment = datetime.fromtimestamp(self._clock.now() / 1000, UTC)
        mark = f"before-{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03}Z"
        copies = []
        for path, data in self._remains.items():
            if data is not None:
                copies.append(path.with_name(f"{path.name}.{mark}"))
                replace_file(self._disk, copies[-1], data)
        return copies
