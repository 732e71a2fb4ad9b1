"""The records of a lease: who holds the lock, in which epoch, and for how long without a new record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cache
from secrets import token_hex
from typing import Final

from pydantic import TypeAdapter, ValidationError

from provisioner.model.canonical import JsonObject
from provisioner.model.state import JournalHead
from provisioner.store.chain import Record, link, single_lines
from provisioner.store.contract import LastRecord
from provisioner.store.words import LockHolder

LEASE: Final = "lease"
"""The name of the log."""


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long a lease lasts, and how often it is renewed and looked at, in seconds.

    `stale` is the age, by the store's own clock, at which a held lease is taken over without watching.
    """

    seconds: float = 90.0
    renew_after: float = 15.0
    stale: float = 180.0
    poll: float = 1.0


TERMS: Final = LeaseTerms()


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """One record of the log. `is_fenced`: no run that held the lock before this holder can append to the journal."""

    head: JournalHead
    epoch: int
    writer: str
    seconds: float
    is_held: bool
    is_fenced: bool
    holder: LockHolder

    @property
    def needs_fence(self) -> bool:
        """Whether the next holder has to fence off this one, or one before it."""
        return self.is_held or not self.is_fenced


def encode_lease(record: LeaseRecord, *, after: JournalHead, time: int) -> tuple[bytes, LeaseRecord]:
    """Return the line of a record behind `after`, and the record with its own head."""
    entry: JsonObject = {
        "type": LEASE,
        "epoch": record.epoch,
        "writer": record.writer,
        "seconds": record.seconds,
        "is_held": record.is_held,
        "is_fenced": record.is_fenced,
        "holder": asdict(record.holder),
    }
    nonce: JsonObject = {"nonce": token_hex(8)}
    lines, head = link([entry], lineage=LEASE, serial=0, head=after, time=time, batch=nonce)
    return lines, replace(record, head=head)


def decode_lease(last: LastRecord | None) -> LeaseRecord | None:
    """Return the record; None when there is none, or one that this version cannot read."""
    record = None if last is None else only_record(last.line)
    match None if record is None else record.entry:
        case {
            "type": "lease",
            "epoch": int(epoch),
            "writer": str(writer),
            "seconds": int() | float() as seconds,
            "is_held": bool(is_held),
            "is_fenced": bool(is_fenced),
            "holder": dict(who),
        }:
            try:
                holder = _holder_adapter().validate_python(who)
            except ValidationError:
                return None
            assert record is not None
            return LeaseRecord(record.head, epoch, writer, float(seconds), is_held, is_fenced, holder)
        case _:
            return None


def only_record(line: bytes) -> Record | None:
    """Return the record on a line; None when the line holds no valid one."""
    found = next(single_lines(line + b"\n"), None)
    return found if isinstance(found, Record) else None


@cache
def _holder_adapter() -> TypeAdapter[LockHolder]:
    """Building it takes much longer than using it, and a taker looks at a record each second."""
    return TypeAdapter(LockHolder)
