"""Reads what only billing tells of prepaid servers that are taken over, or whose term the specs newly state: the period, the end, and whether
it renews. What billing does not tell is left as it is, and stops nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from provisioner.applying import CloudSnapshot
from provisioner.model.billing import is_order_id
from provisioner.model.flow import CallFailed
from provisioner.model.kind import Catalogue
from provisioner.model.resource import Recorded
from provisioner.model.term import Term
from provisioner.workflow.terms import MOST_IN_A_PLAN, read_terms

if TYPE_CHECKING:
    from provisioner.cloud import Cloud
    from provisioner.cloud.orders import OrderDetail

_CONCURRENT_REQUESTS = 10
"""How many orders are asked for at the same time."""


@dataclass(frozen=True, slots=True)
class PaidTerms:
    """`terms` by the server's id; `periods` by the order's: for how long it was placed, in the words of a spec."""

    terms: Mapping[str, Term] = field(default_factory=dict)
    periods: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)
    """By the server's id, the order that is recorded: rows need not name it."""

    def annotate(self, snapshot: CloudSnapshot, catalogue: Catalogue) -> CloudSnapshot:
        """The look, in which the rows of these servers show what billing told of them."""
        live = dict(snapshot.live)
        for identifier, row in snapshot.live.items():
            term, period = self.terms.get(identifier), self.periods.get(row.order_id or self.orders.get(identifier, ""))
            if term is not None or period is not None:
                live[identifier] = catalogue[row.kind].billing.with_term(row, period, term)
        return replace(snapshot, live=live)

    def with_term(self, record: Recorded) -> Recorded:
        return replace(record, term=self.terms.get(record.id or "", record.term))


async def read_paid_terms(
    cloud: Cloud,
    snapshot: CloudSnapshot,
    identifiers: Iterable[str],
    catalogue: Catalogue,
    *,
    known: Container[str] = (),
    orders: Mapping[str, str] = MappingProxyType({}),
) -> PaidTerms:
    """Of those that their rows show as prepaid. One question for fifty servers, and one for each order, but for that of a server of which it
    is `known` for how long it was bought. `orders` are those that are recorded, by the server's id.
    """
    rows = [snapshot.live[each] for each in identifiers if each in snapshot.live]
    paid = [row for row in rows if catalogue[row.kind].billing.shows_prepaid(row)][:MOST_IN_A_PLAN]
    terms: Mapping[str, Term] = {}
    with suppress(CallFailed):
        terms = await read_terms(cloud, (row.id for row in paid))
    asked = {row.order_id or orders.get(row.id) for row in paid if row.id not in known} - {None}
    return PaidTerms(terms, await _read_periods(cloud, (each for each in asked if each is not None)), orders)


async def _read_periods(cloud: Cloud, orders: Iterable[str]) -> Mapping[str, tuple[str, int]]:
    from provisioner.cloud.orders import show_order

    waiting = sorted(filter(is_order_id, orders))
    periods: dict[str, tuple[str, int]] = {}

    async def ask() -> None:
        async with cloud.channel() as channel:
            while waiting:
                order = waiting.pop()
                with suppress(CallFailed):
                    if (period := _period(await show_order(channel.ask, order))) is not None:
                        periods[order] = period

    await asyncio.gather(*(ask() for _ in range(min(_CONCURRENT_REQUESTS, len(waiting)))))
    return periods


def _period(order: OrderDetail) -> tuple[str, int] | None:
    """None where its lines do not agree, or do not say it."""
    from provisioner.cloud.orders import PeriodType

    found = {(line.period_type, line.periods) for line in order.lines or ()}
    kind, count = found.pop() if len(found) == 1 else (None, None)
    return (kind.name, count) if isinstance(kind, PeriodType) and count is not None else None
