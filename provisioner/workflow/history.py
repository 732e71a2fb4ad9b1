"""Reads the audit log of a stack or of one address, and verifies that it was not altered.

It reads the state only, and needs neither the cloud nor a lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.model.address import Address
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.history import HistoryEntry, VerifiedJournal, with_context
from provisioner.model.journal import RunStarted
from provisioner.store import LockHolder
from provisioner.workflow.state_place import require_recorded
from provisioner.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class History:
    """The whole journal, oldest record first, even when one address was requested.

    `is_running`: the last run holds the lock.
    """

    records: tuple[HistoryEntry, ...]
    location: str
    is_running: bool


def read_history(workspace: Workspace, address: Address | None = None) -> History:
    """Reads the journal. Raises StoreError for damage, and UsageError where no state was recorded and for an address
    that the journal never names.
    """
    store = workspace.store(workspace.stack())
    workspace.progress.begin("Reading the history")
    holder = store.holder()
    records = tuple(with_context(tuple(store.history())))
    if not records:
        require_recorded(store, store.load())
    if address is not None and all(address not in record.addresses for record in records):
        summary = f"{address} is not in the history of {store.location}"
        hint = "`provisioner history` without an address shows all addresses"
        raise UsageError(error("unknown-address", summary, hint=hint))
    return History(records, store.location, holder is not None and _has_begun_run(holder, records))


def _has_begun_run(holder: LockHolder, records: Iterable[HistoryEntry]) -> bool:
    """Returns whether the holder of the lock has begun a run.

    While it plans or waits for approval it has not, and the last run has ended.
    """
    return any(isinstance(record.entry, RunStarted) and record.record.time > holder.since for record in records)


def verify_history(workspace: Workspace) -> VerifiedJournal:
    """Checks the whole journal. Raises StoreError for damage, and when nothing was recorded yet."""
    return workspace.store(workspace.stack()).verify()
