"""Reading a list to its end. It is complete when its distinct rows are as many as every page said there are; anything else
is read again and then refused, because a list that lacks rows looks just like one whose rows are gone.

Knows offsets and totals; knows neither what is listed nor how it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from provisioner.cloud.answers import AnswerRow, Ask, interpret, unreadable
from provisioner.model.billing import PageTaken, read_pages
from provisioner.model.flow import Call, Reply

PAGE: Final = 100
"""Rows a page. Billing publishes no upper limit; its default is 10."""

_READINGS: Final = 3
"""Rows may shift between pages while somebody buys."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """`items` by what makes them distinct: their id, else their place on the page, so that those without an id are told apart
    on one page and on no second. `count` is of those that came.
    """

    items: Mapping[str | int, Item]
    count: int
    total: int

    @property
    def is_whole(self) -> bool:
        """For a first page: whether nothing is missing."""
        return len(self.items) == self.total


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """How a list is written: `what` it is of, in words, and the name of its rows. `key` gives a row's id, if it has one."""

    what: str
    rows: str
    read: Callable[[AnswerRow], Item]
    key: Callable[[Item], str | None]

    def page(self, answer: AnswerRow) -> Page[Item]:
        """Raises Malformed. Rows that are absent are none, which is right only when the total is 0."""
        items = [self.read(row) for row in answer.rows(self.rows) or ()]
        keyed = {self.key(item) or index: item for index, item in enumerate(items)}
        return Page(keyed, len(items), answer.required(answer.number, "total_count"))


@dataclass(frozen=True, slots=True)
class _ListReading(Generic[Item]):
    """All pages, one after the other; `totals` are those that any of them named, `call` and `reply` are the last."""

    items: Mapping[str | int, Item]
    totals: frozenset[int]
    call: Call
    reply: Reply

    @property
    def is_complete(self) -> bool:
        return self.totals == {len(self.items)}


async def read_all(listing: Listing[Item], ask: Ask, call: Callable[[int], Call]) -> tuple[Item, ...]:
    """Every row, as the pages have them. `call` asks for the page at an offset. Raises CallFailed."""
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
    """A page that brings nothing new is the last, whatever the total."""
    items: dict[str | int, Item] = {}
    totals: set[int] = set()

    def take(asked: Call, reply: Reply) -> PageTaken:
        page = interpret(asked, reply, listing.page)
        brings_more = not page.items.keys() <= items.keys()
        items.update(page.items)
        totals.add(page.total)
        return PageTaken(page.count, page.total, brings_more)

    pages = read_pages(call, take)
    asked = next(pages)
    while True:
        reply = await ask(asked)
        try:
            asked = pages.send(reply)
        except StopIteration:
            return _ListReading(items, frozenset(totals), asked, reply)
