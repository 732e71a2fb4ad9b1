"""Reads all servers page by page, from the tenant's list or else the caller's own, and reports what it may hide.

Source: docs/api/devserver-api.md section 2.2. What a row shows is trusted. A server may be concluded to be missing only
from a reading with as many distinct ids as every page's `total` says (docs/decisions/0020). Any other reading raises
PartialListing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from provisioner.kinds.dev_server.rows import DELETED, SERVERS, read
from provisioner.model.canonical import JsonValue
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, PartialListing, ReadFlow, Reply, Service
from provisioner.model.list_gap import NO_NAMES, ListGap
from provisioner.model.resource import Live

_LIMITS = (1000, 500, 250, 125, 100, 50, 20, 10, 5, 2, 1)
"""The page sizes to try: each after the one before it was refused, be it in the middle of the pages."""
_MAX_READINGS = 3
_MAX_PAGES = 2000
"""The end of a reading, however many rows the cloud still promises."""
_MAX_DIGITS = 10
_MAX_NAMES = 5
"""How many names a finding lists."""
_NOT_ABOUT_THE_LIST = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})
"""Refusals that the other list would get as well."""


@dataclass(slots=True)
class _Reading:
    """What one pass over all pages has found so far."""

    request: str
    rows: dict[str, Live] = field(default_factory=dict)
    broken: list[str | None] = field(default_factory=list)
    """The names of rows without a usable id; None where the name is unreadable as well."""
    totals: set[int | None] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    is_page: bool = True
    is_stuck: bool = False
    is_endless: bool = False
    is_empty: bool = False
    """There are no rows, and `data` or `total` is missing."""
    unreadable_names: dict[str, ListGap] = field(default_factory=dict)

    def add_page(self, data: list[JsonValue], total: int | None) -> bool:
        """Adds the rows of a page. Returns whether one of them has an id that is new."""
        known = len(self.rows)
        for row in data:
            live = _read_row(row)
            if live is None:
                self.broken.append(_name(row))
            else:
                self.rows[live.id] = live
                if _has_unreadable_name(row):
                    finding = f"the row of `data` with id {live.id} has no readable `name`"
                    self.unreadable_names[live.id] = ListGap(self.request, finding, id=live.id)
        self.totals.add(total)
        return len(self.rows) > known

    @property
    def is_incomplete(self) -> bool:
        """Whether rows are missing, or their number is not known."""
        return bool(self.faults) or self.totals != {len(self.rows) + len(self.broken)}

    @property
    def is_final(self) -> bool:
        """Whether reading again would not help."""
        return self.is_stuck or self.is_endless or self.is_empty or not self.is_page

    @property
    def gaps(self) -> tuple[ListGap, ...]:
        if self.is_empty and not self.faults:
            return (ListGap(self.request, "`data` or `total` is missing", NO_NAMES, is_reported=False),)
        found = [ListGap(self.request, fault) for fault in self.faults]
        if not found and self.is_incomplete:
            totals = " or ".join(sorted("no number" if total is None else str(total) for total in self.totals))
            found = [ListGap(self.request, f"`data` has {len(self.rows)} distinct ids and `total` is {totals}")]
        return (*found, *self._broken_gaps(), *self.unreadable_names.values())

    def _broken_gaps(self) -> Iterator[ListGap]:
        """Yields one gap for the rows that have no name either, and one for all that have one."""
        if None in self.broken:
            yield ListGap(self.request, "a row of `data` has neither a usable `id` nor a readable `name`")
        names = sorted({name for name in self.broken if name is not None})
        if len(names) == 1:
            yield ListGap(self.request, f"the row of `data` named {names[0]!r} has no usable `id`", frozenset(names))
        elif names:
            listed = ", ".join(map(repr, names[:_MAX_NAMES])) + (
                f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
            )
            yield ListGap(self.request, f"the rows of `data` named {listed} have no usable `id`", frozenset(names))


def list_servers() -> ReadFlow[tuple[Live, ...]]:
    """Reads the tenant's servers, or the caller's own where the tenant's list fails for good or does not page.

    Raises PartialListing where a server may exist that is not shown, and CallFailed where neither list is answered.
    """
    tenants: _Reading | None = None
    refused: ListGap | None = None
    try:
        tenants = yield from _read(f"{SERVERS}/all")
    except CallFailed as failed:
        if failed.status is None or failed.status < HTTPStatus.BAD_REQUEST or failed.status in _NOT_ABOUT_THE_LIST:
            raise
        if failed.outcome is Outcome.REFUSED:
            refused = _only_own_gap(f"it is refused ({failed.message})")
        else:  # it may answer in a minute
            finding = f"it failed ({failed.message}); the list of your own servers lacks those of other users"
            refused = ListGap(f"GET {SERVERS}/all", finding, NO_NAMES)
    if tenants is not None and tenants.is_page and not tenants.is_stuck:
        return _present_rows(tenants.rows, tenants.gaps)
    try:
        own = yield from _read(SERVERS)
    except CallFailed:
        if tenants is None:
            raise
        return _present_rows(tenants.rows, tenants.gaps)
    if tenants is None or not tenants.is_page:
        others = refused or _only_own_gap("its answer has no list")
        return _present_rows(own.rows, (*own.gaps, others, *(tenants.gaps if tenants and not own.is_page else ())))
    rows = {**tenants.rows, **own.rows}
    if not tenants.broken and tenants.totals == {len(rows)}:
        return _present_rows(rows, own.gaps)
    return _present_rows(rows, (*tenants.gaps, *own.gaps))


def read_list_gap(listed: Collection[str]) -> ReadFlow[ListGap | None]:
    """Returns a gap where the tenant's list, with the ids `listed`, may silently hold the caller's own servers only.

    It may where it shows nobody else's servers (docs/api/devserver-api.md section 2.2).
    """
    try:
        own = yield from _read(SERVERS)
    except CallFailed as failed:
        return _only_own_gap(f"your own servers cannot be told from others' ({failed.message})", is_reported=False)
    if not own.gaps and not own.rows.keys() >= set(listed):
        return None
    return _only_own_gap("it shows only your own servers, as if it were limited to them", is_reported=False)


def _only_own_gap(why: str, *, is_reported: bool = True) -> ListGap:
    finding = f"{why}, so other users' servers are not visible"
    return ListGap(f"GET {SERVERS}/all", finding, NO_NAMES, is_reported=is_reported, only_others=True)


def _present_rows(rows: Mapping[str, Live], gaps: tuple[ListGap, ...]) -> tuple[Live, ...]:
    """Returns the rows of servers that are not deleted. Raises PartialListing with them where there are gaps."""
    present = tuple(row for row in rows.values() if row.status != DELETED)
    if gaps:
        summary = "; ".join(map(str, gaps))
        raise PartialListing(f"the list of servers is incomplete: {summary}", present, gaps)
    return present


def _read(path: str) -> ReadFlow[_Reading]:
    """Reads the list, and again where pages may have shifted. Two equal readings are what the cloud has to show."""
    limits = list(_LIMITS)
    reading = yield from _read_once(path, limits)
    for _ in range(_MAX_READINGS - 1):
        if not reading.is_incomplete or reading.is_final:
            break
        before, reading = reading, (yield from _read_once(path, limits))
        if _are_equal(before, reading):
            break
    return reading


def _read_once(path: str, limits: list[int]) -> ReadFlow[_Reading]:
    reading = _Reading(f"GET {path}")
    yield from _read_pages(path, limits, reading)
    return reading


def _read_page(path: str, limits: list[int], offset: int) -> ReadFlow[Reply]:
    """Reads one page with the first limit that is not refused, and removes the refused ones from `limits`.

    Where all are refused, the limit is not the reason: then `limits` stay as they are.
    """
    for number, limit in enumerate(limits):
        query: dict[str, str | int] = {"limit": limit, "offset": offset}
        try:
            reply = yield Call(Service.MODELARTS, "GET", path, Effect.READ, query=query)
        except CallFailed as failed:
            if not _may_be_for_limit(failed) or limit == limits[-1]:
                raise
        else:
            del limits[:number]
            return reply
    raise AssertionError("there is always one limit left")


def _are_equal(before: _Reading, after: _Reading) -> bool:
    return (before.rows.keys(), before.totals, before.faults) == (after.rows.keys(), after.totals, after.faults)


def _may_be_for_limit(failed: CallFailed) -> bool:
    return failed.status == HTTPStatus.BAD_REQUEST and not failed.not_found


def _read_pages(path: str, limits: list[int], reading: _Reading) -> ReadFlow[None]:
    offset = 0
    last: list[JsonValue] = []
    for _ in range(_MAX_PAGES):
        try:
            reply = yield from _read_page(path, limits, offset)
        except CallFailed as failed:
            if not offset or failed.outcome is not Outcome.REFUSED or failed.status in _NOT_ABOUT_THE_LIST:
                raise
            reading.faults.append(f"the page at `offset` {offset} is refused ({failed.message})")
            reading.is_stuck = True
            return
        page = _parse_page(reply, reading)
        if page is None:
            return
        data, total = page
        has_new_rows = reading.add_page(data, total)
        seen = len(reading.rows) + len(reading.broken)
        if data and (data == last or not has_new_rows) and offset and (total is None or len(reading.rows) < total):
            reading.is_stuck = data == last or not reading.broken
            if reading.is_stuck:
                reading.faults.append("`offset` does not advance")
                return
        if data and not has_new_rows and total is not None and offset >= total:
            return  # rows that nobody can read, on one page beyond the total after another
        last = data
        offset += len(data)
        if not data or (total is not None and offset >= total >= seen):
            return
    reading.faults.append(f"it does not end after {_MAX_PAGES} pages")
    reading.is_endless = True


def _parse_page(reply: Reply, reading: _Reading) -> tuple[list[JsonValue], int | None] | None:
    """Returns the rows and the total of a page.

    Returns None, and notes the fault in the reading, where the answer is no page.
    """
    body = reply.body
    if not isinstance(body, Mapping):
        reading.is_page = False
        reading.faults.append("the answer is not an object")
        return None
    data, total = body.get("data"), _number(body.get("total"))
    if isinstance(data, list):
        if not data and total is None and not reading.rows and not reading.broken:
            reading.is_empty = True
        return data, total
    if data is not None:
        reading.is_page = False
        reading.faults.append("`data` is not a list")
        return None
    if reading.rows or reading.broken or total:
        reading.faults.append("`data` is missing")
        return [], total
    if body.get("total") is not None and total is None:
        reading.faults.append("`data` is missing and `total` is no number")
    reading.is_empty = True
    return [], total


def _number(value: JsonValue) -> int | None:
    """Returns the number, or None. Some of the vendor's answers write numbers as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _read_row(row: JsonValue) -> Live | None:
    try:
        return read(row)
    except CallFailed:
        return None


def _name(row: JsonValue) -> str | None:
    name = row.get("name") if isinstance(row, Mapping) else None
    return name if isinstance(name, str) and name else None


def _has_unreadable_name(row: JsonValue) -> bool:
    """Returns whether the name is neither text nor missing: such a server may have any name."""
    name = row.get("name") if isinstance(row, Mapping) else None
    return name is not None and not isinstance(name, str)
