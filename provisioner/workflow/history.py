"""Reads the audit log of a stack or of one address, and checks whether it can be believed.

Reads files only: neither the cloud nor a lock is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.model.address import Address
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.history import HistoryEntry, Verified, with_context
from provisioner.model.journal import RunStarted
from provisioner.store import LockHolder
from provisioner.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class History:
    """`records` is the whole journal, oldest first, whatever address was asked for. `at_work`: the last run holds the lock."""

    records: tuple[HistoryEntry, ...]
    location: str
    is_running: bool


def read_history(workspace: Workspace, address: Address | None = None) -> History:
    """Raises UsageError for an address that the journal never names, StoreError for damage."""
    store = workspace.store(workspace.stack())
    holder = store.holder()
    records = tuple(with_context(tuple(store.history())))
    if address is not None and all(address not in record.addresses for record in records):
        summary = f"{address} is nowhere in the history of {store.location}"
        hint = "`provisioner history` without an address shows those that are"
        raise UsageError(error("unknown-address", summary, hint=hint))
    return History(records, store.location, holder is not None and _began_under(holder, records))


def _began_under(holder: LockHolder, records: Iterable[HistoryEntry]) -> bool:
    """A holder that still plans, or waits for a yes, has begun no run: then the last one is another's, and over."""
    return any(isinstance(record.entry, RunStarted) and record.record.time > holder.since for record in records)


def verify_history(workspace: Workspace) -> Verified:
    """Raises StoreError for damage, and where nothing was recorded yet."""
    return workspace.store(workspace.stack()).verify()
