"""Runs the read flows of kinds: a complete list, and a single show for a recorded id that the list lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from provisioner.applying.ports import ChannelPort
from provisioner.model.flow import CallFailed, Outcome, PartialListing, ReadFlow
from provisioner.model.kind import Kind
from provisioner.model.list_gap import ListGap, find_unlisted
from provisioner.model.purchase_policy import Trace
from provisioner.model.resource import Live
from provisioner.model.resource_id import resource_ids
from provisioner.model.secret import Secret, SecretReference
from provisioner.model.state import Intent

Result = TypeVar("Result")

LONGEST_READING: Final = 15 * 60.0
"""Seconds. What takes longer is as old as its first page when it ends (docs/decisions/0008)."""


@dataclass(frozen=True, slots=True)
class CloudSnapshot:
    """A read of what lives in the cloud, by id, and when it was: milliseconds of the cloud's time, None where the cloud did not
    say. `traces` are the orders that may be a purchase in doubt, by its intent. An id that is recorded is missing only where the
    cloud said so when asked for it alone; of any other, `gaps` say what the list may hide.
    """

    live: Mapping[str, Live]
    server_time: int | None
    traces: Mapping[str, tuple[Trace, ...] | None] = field(default_factory=dict)
    gaps: tuple[ListGap, ...] = ()
    reader: str = ""
    """Whose reading it is, by a pseudonym; empty where nobody can tell."""
    local_time: int | None = None
    """When it was by the clock of this machine, in milliseconds; None where that clock does not go with the cloud's."""
    read_at: float | None = None
    """When it began, in monotonic seconds; None where nobody noted it."""

    def may_hide(self, kind: str, names: Collection[str]) -> bool:
        return any(gap.hides(kind, names) for gap in self.gaps)

    def may_hide_outcome(self, intent: Intent) -> bool:
        """Whether what the call has come to may be there, or gone, unseen."""
        return any(gap.hides_from(self.reader, kind=intent.kind, sender=intent.sender) for gap in self.gaps)


async def run_read(flow: ReadFlow[Result], channel: ChannelPort, *, seconds: float = LONGEST_READING) -> Result:
    """Raises CallFailed when the flow does not know better, and where it has not ended in so many `seconds`: each request has a
    time-out of its own, and a cloud may go on to promise pages that drip.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _run_read(flow, channel)
    except TimeoutError:
        raise CallFailed(
            Outcome.UNKNOWN, f"the cloud has not come to an end of it in {seconds / 60:.0f} minutes"
        ) from None


async def _run_read(flow: ReadFlow[Result], channel: ChannelPort) -> Result:
    try:
        call = next(flow)
        while True:
            try:
                reply = await channel.send(call, _no_secret)
            except CallFailed as failed:
                call = flow.throw(failed)
            else:
                call = flow.send(reply)
    except StopIteration as stop:
        result: Result = stop.value
        return result


async def _read_list(kind: Kind, channel: ChannelPort) -> tuple[dict[str, Live], tuple[ListGap, ...]]:
    try:
        return {row.id: row for row in await run_read(kind.list(), channel)}, ()
    except PartialListing as partial:
        return {row.id: row for row in partial.rows}, tuple(replace(gap, kind=kind.name) for gap in partial.gaps)


async def read_lists(kinds: Iterable[Kind], channel: ChannelPort) -> dict[str, Live]:
    """Every live resource of these kinds, by id. Raises PartialListing with what is shown where one of the lists has gaps."""
    live: dict[str, Live] = {}
    gaps: tuple[ListGap, ...] = ()
    for kind in kinds:
        rows, missing = await _read_list(kind, channel)
        live, gaps = live | rows, gaps + missing
    if gaps:
        raise PartialListing("; ".join(map(str, gaps)), tuple(live.values()), gaps)
    return live


async def read_live(kind: Kind, channel: ChannelPort, recorded_ids: Iterable[str]) -> dict[str, Live]:
    """Every live resource by id. An id that is recorded and not in the result is gone: the list was complete and a show
    of that id said not found. Raises CallFailed when any of that could not be read.
    """
    shown = await read_listing(kind, channel, recorded_ids)
    if shown.gaps:
        raise PartialListing("; ".join(map(str, shown.gaps)), tuple(shown.live.values()), shown.gaps)
    return shown.live


@dataclass(frozen=True, slots=True)
class CloudListing:
    """What is live, by id, and what the list of it may hide."""

    live: dict[str, Live]
    gaps: tuple[ListGap, ...]


async def read_listing(
    kind: Kind, channel: ChannelPort, recorded_ids: Iterable[str], *, suspected: Iterable[str] = ()
) -> CloudListing:
    """As `read_live`, and what the list may hide; a recorded id is asked for alone wherever the list lacks it, and so is one
    that is `suspected` to be there. What answers so proves that the list lacks servers.
    """
    live, gaps = await _read_list(kind, channel)
    known = set(resource_ids(recorded_ids))
    hidden: list[Live] = []
    for identifier in sorted(known - live.keys()):
        if (row := await run_read(kind.show(identifier), channel)) is not None:
            live[row.id] = row
            hidden += [row] if row.id == identifier else []
    for identifier in sorted(set(resource_ids(suspected)) - known - live.keys()):
        if (row := await _show_if_told(kind, channel, identifier)) is not None:
            hidden.append(row)
    live |= {row.id: row for row in hidden}
    gaps = tuple(gap for gap in gaps if gap.id is None or gap.id not in known)
    return CloudListing(live, (*gaps, *find_unlisted(hidden, gaps)))


async def read_detail(kind: Kind, channel: ChannelPort, row: Live) -> Live:
    """The row with what no list shows of it: one more request, and CallFailed where that is not answered."""
    told = await run_read(kind.read_detail(row.id), channel)
    return replace(row, observed={**row.observed, **told})


async def read_order_resources(
    kind: Kind, channel: ChannelPort, live: Mapping[str, Live], orders: Iterable[str], *, held: Container[str]
) -> CloudListing:
    """`live` with what `orders` have bought by what billing says: rows that name no order themselves, as if they named it. An id
    that no list shows is asked for alone; one that is `held` by an address is not looked at. The first order of which billing does not say ends
    it.
    """
    shown, hidden = dict(live), list[Live]()
    for order in orders:
        identifiers = await run_read(kind.orders.resources(order), channel)
        if identifiers is None:
            break
        for identifier in identifiers:
            if identifier in held:
                continue
            row = shown.get(identifier)
            if row is None and (row := await _show_if_told(kind, channel, identifier)) is not None:
                hidden.append(row)
            if row is not None and row.order_id in {None, order}:
                shown[row.id] = replace(row, order_id=order)
    return CloudListing(shown, find_unlisted(hidden))


async def _show_if_told(kind: Kind, channel: ChannelPort, identifier: str) -> Live | None:
    try:
        row = await run_read(kind.show(identifier), channel)
    except CallFailed:
        return None
    return row if row is not None and row.id == identifier else None


async def read_traces(
    kind: Kind, channel: ChannelPort, intents: Iterable[Intent]
) -> dict[str, tuple[Trace, ...] | None]:
    """By intent: the orders that may be it; None where billing does not say."""
    return {intent.id: await run_read(kind.orders.traces(intent), channel) for intent in intents}


def _no_secret(_reference: SecretReference) -> Secret:
    raise AssertionError("a read carries no secret")
