"""The written form of a log: one record on each line, each linked to the one before it by its hash.

A line is `{...,"hash":"<64 hex digits>"}` and a newline. Its *body* is the same object without `hash`: the canonical
JSON of `sequence` (1, 2, 3 ...), `time` (milliseconds since the epoch), `serial` (of the checkpoint at that time),
`previous` and the fields of the entry. `hash` is SHA-256 of the body's bytes; `previous` is the hash of the line
before, and in the first line SHA-256 of the lineage, so that a journal of another state is noticed; that line contains
its `lineage` too. Older lines have neither `serial` nor `lineage`. The first line of an append contains its `batch`:
the `writer` (random, one for each session), its `run` if there is one, and a random `nonce`, so that no two appends are
ever the same bytes. The last record of a closed log contains `closed`. This module works on bytes: it knows neither
files nor the meaning of entries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pydantic_core import from_json

from provisioner.model.canonical import JsonObject, canonical, parse_json
from provisioner.model.document import Damaged
from provisioner.model.state import JournalHead

_BEFORE_HASH = b',"hash":"'
_AFTER_HASH = b'"}'
_START = JournalHead()
_HASH_LENGTH = hashlib.sha256().digest_size * 2
_TAIL_LENGTH = len(_BEFORE_HASH) + _HASH_LENGTH + len(_AFTER_HASH)
_AFTER_HASH_LENGTH = len(_AFTER_HASH) + len(b"\n")
"""The number of bytes from the end of a line's hash to the end of the line."""
CHAIN_KEYS = frozenset({"sequence", "time", "previous", "serial", "lineage", "batch", "closed"})


class Record(NamedTuple):
    """One record of a log. `sequence` is also the number of its line; `end` is the offset of the next line."""

    sequence: int
    time: int
    previous: str
    hash: str
    entry: JsonObject
    end: int
    serial: int | None = None
    lineage: str | None = None
    closed: bool = False

    @property
    def head(self) -> JournalHead:
        return JournalHead(self.sequence, self.hash)


class BrokenChain(Damaged):
    """A line that holds no valid record, or one that does not follow from the line before."""

    def __init__(self, line: int, found: str) -> None:
        super().__init__(found)
        self.line = line


def link(
    entries: Iterable[JsonObject],
    *,
    lineage: str,
    serial: int,
    head: JournalHead,
    time: int,
    batch: JsonObject | None = None,
    closing: bool = False,
) -> tuple[bytes, JournalHead]:
    """Return the lines that continue a log after `head`, and its new head.

    `closing` marks them as the last ones of the log.
    """
    lines = bytearray()
    written = [dict(entry) for entry in entries]
    if written and batch:
        written[0]["batch"] = batch
    if written and closing:
        written[-1]["closed"] = True
    for line in written:
        sequence = head.sequence + 1
        line["sequence"], line["time"], line["serial"] = sequence, time, serial
        line["previous"] = anchor(lineage, head)
        if sequence == 1:
            line["lineage"] = lineage
        body = canonical(line)
        hash_ = hashlib.sha256(body).hexdigest()
        lines += body[:-1] + _BEFORE_HASH + hash_.encode() + _AFTER_HASH + b"\n"
        head = JournalHead(sequence, hash_)
    return bytes(lines), head


def records(data: bytes, *, lineage: str, at: JournalHead = _START) -> Iterator[Record]:
    """Yield every complete record of `data`, which begins with the first record of the log, or with that of `at`.

    Raises BrokenChain.

    A torn last line is omitted: its append never completed, so nobody relies on it.
    """
    head = _START
    start = 0
    while start < len(data):
        newline = data.find(b"\n", start)
        end = len(data) if newline < 0 else newline
        line = data[start:end]
        if newline < 0 and is_torn(line):
            return
        record = _record(line, number=head.sequence + 1, end=min(end + 1, len(data)))
        if head == _START and at != _START:
            if record.head != at:
                raise BrokenChain(at.sequence, "is not the record that reading was to begin with")
        else:
            _require_link(record, after=head, anchor=anchor(lineage, head))
        yield record
        head = record.head
        start = record.end


def single_lines(data: bytes) -> Iterator[Record | bytes]:
    """Yield each line as a record, independent of its neighbours, or as bytes when it holds no valid record.

    A torn last line is omitted.
    """
    start = 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        start += len(line) + 1
        if start > len(data) and (not line or is_torn(line)):
            return
        try:
            yield _record(line, number=number, end=min(start, len(data)))
        except BrokenChain:
            yield line


def anchor(lineage: str, head: JournalHead) -> str:
    """Return the value of `previous` in the record after `head`."""
    return head.hash or hashlib.sha256(lineage.encode()).hexdigest()


def head_of(batch: bytes, *, after: JournalHead) -> JournalHead:
    """Return the head of a log after appending `batch`, lines made by `link`, behind `after`."""
    return JournalHead(
        after.sequence + batch.count(b"\n"), batch[-_AFTER_HASH_LENGTH - _HASH_LENGTH : -_AFTER_HASH_LENGTH].decode()
    )


def line_ending(head: JournalHead) -> bytes:
    """Return the bytes with which the line of that record ends, and no other line."""
    return _BEFORE_HASH + head.hash.encode() + _AFTER_HASH


def is_closing(lines: bytes) -> bool:
    """Whether the last of these lines closes the log."""
    line = lines.rstrip(b"\n")
    line = line[line.rfind(b"\n") + 1 :]
    return b'"closed":true' in line and _record(line, number=0, end=0).closed


def is_torn(line: bytes) -> bool:
    """Whether the line is the beginning of a record and nothing else.

    A complete object is never torn, whatever follows it.
    """
    try:
        from_json(line, allow_partial=True)
        json.JSONDecoder().raw_decode(line.decode(errors="replace"))
    except json.JSONDecodeError:
        return line.startswith(b"{")
    except ValueError:
        return False
    return False


def _record(line: bytes, *, number: int, end: int) -> Record:
    body = line[:-_TAIL_LENGTH] + b"}"
    hash_ = hashlib.sha256(body).hexdigest()
    if line[-_TAIL_LENGTH:] != _BEFORE_HASH + hash_.encode() + _AFTER_HASH:
        raise BrokenChain(number, "holds no record whose hash fits its content")
    try:
        fields = parse_json(body)
    except ValueError as problem:
        raise BrokenChain(number, f"is no JSON: {problem}") from problem
    if not isinstance(fields, dict):
        fields = {}
    sequence, time, previous = (fields.pop(key, None) for key in ("sequence", "time", "previous"))
    if not isinstance(sequence, int) or not isinstance(time, int) or not isinstance(previous, str):
        raise BrokenChain(number, "lacks its sequence number, its time or the hash before it")
    serial, lineage = fields.pop("serial", None), fields.pop("lineage", None)
    if not isinstance(serial, int | None) or not isinstance(lineage, str | None):
        raise BrokenChain(number, "has a serial or a lineage that is none")
    fields.pop("batch", None)
    closed = fields.pop("closed", None) is True
    return Record(sequence, time, previous, hash_, fields, end, serial, lineage, closed)


def _require_link(record: Record, *, after: JournalHead, anchor: str) -> None:
    number = after.sequence + 1
    if record.sequence != number:
        raise BrokenChain(number, f"holds record {record.sequence} where record {number} belongs")
    if record.previous != anchor:
        what = "this state's lineage" if after.sequence == 0 else f"the record on line {after.sequence}"
        raise BrokenChain(number, f"does not follow from {what}: it belongs to another journal")
