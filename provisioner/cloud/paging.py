"""Reads a list to its end.

It is complete when the number of distinct rows equals the total that every page states. Otherwise it is read again and
finally refused, because a list that lacks rows looks just like one whose rows are gone.

This module knows offsets and totals. It knows neither what is listed nor how requests are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from provisioner.cloud.answers import AnswerRow, Ask, interpret, unreadable
from provisioner.model.billing import PageSummary, read_pages
from provisioner.model.flow import Call, Reply

PAGE_SIZE: Final = 100
"""Rows on each page. Billing publishes no upper limit; its default is 10."""

_READINGS: Final = 3
"""How often a list is read before it is refused. Rows may shift between pages while somebody buys."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list. `count` is the number of its rows.

    `items` are keyed by their id, else by their position on the page: so items without an id are distinct within a
    page, but not across pages.
    """

    items: Mapping[str | int, Item]
    count: int
    total: int

    @property
    def is_whole(self) -> bool:
        """Whether this page is the whole list. Meaningful for the first page only."""
        return len(self.items) == self.total


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """How a list is read.

    `what` describes its content for messages, `rows` is the name of the field with its rows, and `key` returns an
    item's id, if any.
    """

    what: str
    rows: str
    read: Callable[[AnswerRow], Item]
    key: Callable[[Item], str | None]

    def page(self, answer: AnswerRow) -> Page[Item]:
        """Read one page. Raises Malformed. A missing field of rows counts as no rows, which fits only a total of 0."""
        items = [self.read(row) for row in answer.rows(self.rows) or ()]
        keyed = {self.key(item) or index: item for index, item in enumerate(items)}
        return Page(keyed, len(items), answer.required(answer.number, "total_count"))


@dataclass(frozen=True, slots=True)
class _ListReading(Generic[Item]):
    """The result of reading all pages once.

    `totals` are those that the pages stated, `call` and `reply` belong to the last page.
    """

    items: Mapping[str | int, Item]
    totals: frozenset[int]
    call: Call
    reply: Reply

    @property
    def is_complete(self) -> bool:
        return self.totals == {len(self.items)}


async def read_all(listing: Listing[Item], ask: Ask, call: Callable[[int], Call]) -> tuple[Item, ...]:
    """Return all rows in the order of the pages.

    `call` returns the call for the page at an offset. Raises CallFailed.
    """
    reading = await _read_once(listing, ask, call)
    for _ in range(_READINGS - 1):
        if reading.is_complete:
            break
        reading = await _read_once(listing, ask, call)
    if not reading.is_complete:
        counts = f"{len(reading.items)} of {' or '.join(map(str, sorted(reading.totals)))}"
        fault = f"the list of {listing.what} is incomplete, {counts} in {_READINGS} readings"
        raise unreadable(reading.call, reading.reply, fault)
    return tuple(reading.items.values())


async def _read_once(listing: Listing[Item], ask: Ask, call: Callable[[int], Call]) -> _ListReading[Item]:
    """Read all pages once. A page without new items is the last, whatever the total."""
    items: dict[str | int, Item] = {}
    totals: set[int] = set()

    def take(asked: Call, reply: Reply) -> PageSummary:
        page = interpret(asked, reply, listing.page)
        brings_more = not page.items.keys() <= items.keys()
        items.update(page.items)
        totals.add(page.total)
        return PageSummary(page.count, page.total, brings_more)

    pages = read_pages(call, take)
    asked = next(pages)
    while True:
        reply = await ask(asked)
        try:
            asked = pages.send(reply)
        except StopIteration:
            return _ListReading(items, frozenset(totals), asked, reply)
