"""Reads from billing the period, the end of the paid term and the renewal of prepaid servers: of those that are
adopted, and of those whose term the specs state for the first time. What billing does not answer is left as it is, and
stops nothing.
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
"""How many orders are requested at the same time."""


@dataclass(frozen=True, slots=True)
class PaidTerms:
    """What billing knows. `terms` is by server id; `periods` is by order id: the period type and count of a spec."""

    terms: Mapping[str, Term] = field(default_factory=dict)
    periods: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)
    """The recorded order by server id, as a row may not name its order."""

    def annotate(self, snapshot: CloudSnapshot, catalogue: Catalogue) -> CloudSnapshot:
        """Returns the snapshot with these terms and periods in the rows of their servers."""
        live = dict(snapshot.live)
        for identifier, row in snapshot.live.items():
            term, period = self.terms.get(identifier), self.periods.get(row.order_id or self.orders.get(identifier, ""))
            if term is not None or period is not None:
                live[identifier] = catalogue[row.kind].billing.with_term(row, period, term)
        return replace(snapshot, live=live)

    def with_term(self, record: Recorded) -> Recorded:
        """Returns the record with the term of its server, if billing knows it."""
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
    """Reads the terms and periods of the servers whose rows show them as prepaid.

    It sends one request per fifty servers, and one per order, except for the orders of servers whose period is `known`.
    `orders` holds the recorded order ids by server id.
    """
    rows = [snapshot.live[each] for each in identifiers if each in snapshot.live]
    paid = [row for row in rows if catalogue[row.kind].billing.shows_prepaid(row)][:MOST_IN_A_PLAN]
    terms: Mapping[str, Term] = {}
    if paid:
        cloud.progress.begin("Reading what is paid until when")
    with suppress(CallFailed):
        terms = await read_terms(cloud, (row.id for row in paid))
    asked = {row.order_id or orders.get(row.id) for row in paid if row.id not in known} - {None}
    return PaidTerms(terms, await _read_periods(cloud, (each for each in asked if each is not None)), orders)


async def _read_periods(cloud: Cloud, orders: Iterable[str]) -> Mapping[str, tuple[str, int]]:
    from provisioner.cloud.orders import show_order

    if waiting := sorted(filter(is_order_id, orders)):
        cloud.progress.begin("Reading the orders of prepaid servers", total=len(waiting))
    periods: dict[str, tuple[str, int]] = {}

    async def ask() -> None:
        async with cloud.channel() as channel:
            while waiting:
                order = waiting.pop()
                with suppress(CallFailed):
                    if (period := _period(await show_order(channel.ask, order))) is not None:
                        periods[order] = period
                cloud.progress.advance()

    await asyncio.gather(*(ask() for _ in range(min(_CONCURRENT_REQUESTS, len(waiting)))))
    return periods


def _period(order: OrderDetail) -> tuple[str, int] | None:
    """Returns the period that an order was placed for; None when its lines differ or have none."""
    from provisioner.cloud.orders import PeriodType

    found = {(line.period_type, line.periods) for line in order.lines or ()}
    kind, count = found.pop() if len(found) == 1 else (None, None)
    return (kind.name, count) if isinstance(kind, PeriodType) and count is not None else None
