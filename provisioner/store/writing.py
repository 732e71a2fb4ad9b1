"""Entries to the lines of a journal, or to the reason why they cannot be written down. Touches no file."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.model.diagnostic import StoreError, error
from provisioner.model.journal import Entry
from provisioner.model.state import JournalHead
from provisioner.store.chain import link
from provisioner.store.codec import entry_to_json
from provisioner.store.reading import Files


def journal_lines(
    files: Files, entries: Sequence[Entry], *, lineage: str, serial: int, head: JournalHead, time: int
) -> tuple[bytes, JournalHead]:
    """The lines that follow `head` beside a state of `serial`, and the new head. Raises StoreError `entry-unwritable`."""
    try:
        return link(map(entry_to_json, entries), lineage=lineage, serial=serial, head=head, time=time)
    except (TypeError, ValueError) as problem:
        raise StoreError(
            error(
                "entry-unwritable",
                f"an entry for {files.journal} is no JSON: {problem}",
                hint="Nothing was written. Look for text that is no Unicode, such as a --reason or a user's name.",
            )
        ) from problem
