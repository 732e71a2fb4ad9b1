"""Reading all servers: the tenant's list, else the caller's own, page by page, and saying what either may hide.

Source: docs/api/devserver-api.md section 2.2. What a row shows is believed. That a server is missing may be concluded only from a
reading whose distinct ids are as many as every page's `total` says (docs/decisions/0020); any other is told as a PartialListing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from provisioner.kinds.dev_server.rows import DELETED, SERVERS, read
from provisioner.model.canonical import JsonValue
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, PartialListing, ReadFlow, Reply, Service
from provisioner.model.list_gap import NO_NAME, ListGap
from provisioner.model.resource import Live

_LIMITS = (1000, 500, 250, 125, 100, 50, 20, 10, 5, 2, 1)
"""Each is tried where the one before it was refused, be it in the middle of the pages."""
_READINGS = 3
_MOST_PAGES = 2000
"""However much a cloud goes on to promise."""
_DIGITS = 10
_NAMED = 5
"""So many names are told."""
_KEPT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})
"""No word about the list: another one would be answered alike."""


@dataclass(slots=True)
class _Reading:
    """One way through all pages. `broken` are the names of rows without a usable id, None where the name cannot be read either."""

    request: str
    rows: dict[str, Live] = field(default_factory=dict)
    broken: list[str | None] = field(default_factory=list)
    totals: set[int | None] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    is_page: bool = True
    is_stuck: bool = False
    is_endless: bool = False
    is_empty: bool = False
    """No rows, and `data` or the count of them is missing."""
    odd: dict[str, ListGap] = field(default_factory=dict)

    def take(self, data: list[JsonValue], total: int | None) -> bool:
        """Whether it brought anything that was not there before."""
        known = len(self.rows)
        for row in data:
            live = _readable(row)
            if live is None:
                self.broken.append(_name(row))
            else:
                self.rows[live.id] = live
                if _has_odd_name(row):
                    finding = f"the row of `data` with id {live.id} has no readable `name`"
                    self.odd[live.id] = ListGap(self.request, finding, id=live.id)
        self.totals.add(total)
        return len(self.rows) > known

    @property
    def is_incomplete(self) -> bool:
        """Rows are missing, or nobody can say how many there are."""
        return bool(self.faults) or self.totals != {len(self.rows) + len(self.broken)}

    @property
    def is_final(self) -> bool:
        """Reading again would not help."""
        return self.is_stuck or self.is_endless or self.is_empty or not self.is_page

    @property
    def gaps(self) -> tuple[ListGap, ...]:
        if self.is_empty and not self.faults:
            return (ListGap(self.request, "`data` or `total` is missing", NO_NAME, is_reported=False),)
        found = [ListGap(self.request, fault) for fault in self.faults]
        if not found and self.is_incomplete:
            told = " or ".join(sorted("no number" if total is None else str(total) for total in self.totals))
            found = [ListGap(self.request, f"`data` has {len(self.rows)} distinct ids and `total` is {told}")]
        return (*found, *self._broken(), *self.odd.values())

    def _broken(self) -> Iterator[ListGap]:
        """All that bear a name are one gap, however many they are."""
        if None in self.broken:
            yield ListGap(self.request, "a row of `data` has neither a usable `id` nor a readable `name`")
        names = sorted({name for name in self.broken if name is not None})
        if len(names) == 1:
            yield ListGap(self.request, f"the row of `data` named {names[0]!r} has no usable `id`", frozenset(names))
        elif names:
            told = ", ".join(map(repr, names[:_NAMED])) + (
                f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            )
            yield ListGap(self.request, f"the rows of `data` named {told} have no usable `id`", frozenset(names))


def listing() -> ReadFlow[tuple[Live, ...]]:
    """The tenant's servers, else the caller's own where that fails for good or does not page. Raises PartialListing where
    something may be there that is not shown, and CallFailed where neither is answered.
    """
    everybodys: _Reading | None = None
    refused: ListGap | None = None
    try:
        everybodys = yield from _read(f"{SERVERS}/all")
    except CallFailed as failed:
        if failed.status is None or failed.status < HTTPStatus.BAD_REQUEST or failed.status in _KEPT:
            raise
        if failed.outcome is Outcome.REFUSED:
            refused = _own_alone(f"it is refused ({failed.message})")
        else:  # it may answer in a minute
            finding = f"it failed ({failed.message}); the list of one's own servers lacks those of other users"
            refused = ListGap(f"GET {SERVERS}/all", finding, NO_NAME)
    if everybodys is not None and everybodys.is_page and not everybodys.is_stuck:
        return _told(everybodys.rows, everybodys.gaps)
    try:
        own = yield from _read(SERVERS)
    except CallFailed:
        if everybodys is None:
            raise
        return _told(everybodys.rows, everybodys.gaps)
    if everybodys is None or not everybodys.is_page:
        others = refused or _own_alone("it answers with no list")
        return _told(own.rows, (*own.gaps, others, *(everybodys.gaps if everybodys and not own.is_page else ())))
    rows = {**everybodys.rows, **own.rows}
    if not everybodys.broken and everybodys.totals == {len(rows)}:
        return _told(rows, own.gaps)
    return _told(rows, (*everybodys.gaps, *own.gaps))


def limited(listed: Collection[str]) -> ReadFlow[ListGap | None]:
    """Whether the list of everybody's servers, which shows these, may have been limited to the caller's own without a word: so it is
    where it shows nobody else's (docs/api/devserver-api.md section 2.2).
    """
    try:
        own = yield from _read(SERVERS)
    except CallFailed as failed:
        return _own_alone(f"one's own servers cannot be told from others' ({failed.message})", is_told=False)
    if not own.gaps and not own.rows.keys() >= set(listed):
        return None
    return _own_alone("it shows nobody else's servers, as if it were limited to one's own", is_told=False)


def _own_alone(why: str, *, is_told: bool = True) -> ListGap:
    finding = f"{why}: what other users have is not seen"
    return ListGap(f"GET {SERVERS}/all", finding, NO_NAME, is_reported=is_told, of_others=True)


def _told(rows: Mapping[str, Live], gaps: tuple[ListGap, ...]) -> tuple[Live, ...]:
    present = tuple(row for row in rows.values() if row.status != DELETED)
    if gaps:
        summary = "; ".join(map(str, gaps))
        raise PartialListing(f"the list of servers is incomplete: {summary}", present, gaps)
    return present


def _read(path: str) -> ReadFlow[_Reading]:
    """Read again where pages may have shifted; twice the same is how the cloud shows it."""
    limits = list(_LIMITS)
    reading = yield from _read_once(path, limits)
    for _ in range(_READINGS - 1):
        if not reading.is_incomplete or reading.is_final:
            break
        before, reading = reading, (yield from _read_once(path, limits))
        if _same(before, reading):
            break
    return reading


def _read_once(path: str, limits: list[int]) -> ReadFlow[_Reading]:
    reading = _Reading(f"GET {path}")
    yield from _read_pages(path, limits, reading)
    return reading


def _read_page(path: str, limits: list[int], offset: int) -> ReadFlow[Reply]:
    """With the first of the limits that is not refused; those that are, are taken away. Where all are, it is not for its limit, so
    that the first of them stands again.
    """
    for number, limit in enumerate(limits):
        query: dict[str, str | int] = {"limit": limit, "offset": offset}
        try:
            reply = yield Call(Service.MODELARTS, "GET", path, Effect.READ, query=query)
        except CallFailed as failed:
            if not _may_be_its_limit(failed) or limit == limits[-1]:
                raise
        else:
            del limits[:number]
            return reply
    raise AssertionError("there is always one limit left")


def _same(before: _Reading, after: _Reading) -> bool:
    return (before.rows.keys(), before.totals, before.faults) == (after.rows.keys(), after.totals, after.faults)


def _may_be_its_limit(failed: CallFailed) -> bool:
    return failed.status == HTTPStatus.BAD_REQUEST and not failed.not_found


def _read_pages(path: str, limits: list[int], reading: _Reading) -> ReadFlow[None]:
    offset = 0
    last: list[JsonValue] = []
    for _ in range(_MOST_PAGES):
        try:
            reply = yield from _read_page(path, limits, offset)
        except CallFailed as failed:
            if not offset or failed.outcome is not Outcome.REFUSED or failed.status in _KEPT:
                raise
            reading.faults.append(f"the page at `offset` {offset} is refused ({failed.message})")
            reading.is_stuck = True
            return
        page = _page(reply, reading)
        if page is None:
            return
        data, total = page
        brought = reading.take(data, total)
        seen = len(reading.rows) + len(reading.broken)
        if data and (data == last or not brought) and offset and (total is None or len(reading.rows) < total):
            reading.is_stuck = data == last or not reading.broken
            if reading.is_stuck:
                reading.faults.append("`offset` does not advance")
                return
        last = data
        offset += len(data)
        if not data or (total is not None and offset >= total >= seen):
            return
    reading.faults.append(f"it does not end after {_MOST_PAGES} pages")
    reading.is_endless = True


def _page(reply: Reply, reading: _Reading) -> tuple[list[JsonValue], int | None] | None:
    """The rows and the total; None, and why in the reading, where that is no page."""
    body = reply.body
    if not isinstance(body, Mapping):
        reading.is_page = False
        reading.faults.append("the answer is no object")
        return None
    data, total = body.get("data"), _number(body.get("total"))
    if isinstance(data, list):
        if not data and total is None and not reading.rows and not reading.broken:
            reading.is_empty = True
        return data, total
    if data is not None:
        reading.is_page = False
        reading.faults.append("`data` is no list")
        return None
    if reading.rows or reading.broken or total:
        reading.faults.append("`data` is missing")
        return [], total
    if body.get("total") is not None and total is None:
        reading.faults.append("`data` is missing and `total` is no number")
    reading.is_empty = True
    return [], total


def _number(value: JsonValue) -> int | None:
    """Some answers of the vendor's write numbers as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _readable(row: JsonValue) -> Live | None:
    try:
        return read(row)
    except CallFailed:
        return None


def _name(row: JsonValue) -> str | None:
    name = row.get("name") if isinstance(row, Mapping) else None
    return name if isinstance(name, str) and name else None


def _has_odd_name(row: JsonValue) -> bool:
    """None is a name that the cloud does not have; anything else that is no text may be any name."""
    name = row.get("name") if isinstance(row, Mapping) else None
    return name is not None and not isinstance(name, str)
