"""Fences off the former holder of a lease: a record in the journal makes each of its later appends a conflict."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex

from provisioner.model.canonical import JsonObject
from provisioner.store.appending import append_until_known
from provisioner.store.chain import Record, link
from provisioner.store.clock import StoreClock
from provisioner.store.contract import Conflict, Log
from provisioner.store.lease_record import only_record


def append_fence(
    journal: Log, entry: JsonObject, *, writer: str, clock: StoreClock, may_fence: Callable[[], bool]
) -> bool:
    """Append `entry`, a `fenced` one, behind whatever the former holder has appended. Return whether nobody before the
    new holder can append any more.

    False for an empty journal, as there is nothing yet behind which to append: the run that begins it keeps every other
    out. False for a damaged one, too: reading it says so, and nothing is sent. Raises NotDone.

    `may_fence` returns whether the new holder still has the lock. It is asked after the end of the journal was read: a
    holder that stood still and lost the lock meanwhile would else fence off its own successor.
    """
    before: bytes | None = None
    while (last := journal.last()) is not None:
        record = only_record(last.line)
        if record is None or last.line == before or not may_fence():
            return False  # an end behind which nothing can be appended, although nothing else was, is damaged
        before = last.line
        if record.closed or _append_behind(journal, record, entry, writer=writer, clock=clock):
            return True
    return False


def _append_behind(journal: Log, last: Record, entry: JsonObject, *, writer: str, clock: StoreClock) -> bool:
    """Append the fence behind `last`. Return False when something was appended there in the meantime."""
    batch: JsonObject = {"writer": writer, "nonce": token_hex(8)}
    lines, _ = link([entry], lineage="", serial=last.serial or 0, head=last.head, time=clock.now(), batch=batch)
    try:
        append_until_known(journal, last.head, lines, sending=False, clock=clock, patience=0.0)
    except Conflict:
        return False
    return True
