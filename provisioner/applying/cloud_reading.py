"""Runs the read flows of kinds: reads complete lists, and asks by id for recorded servers that a list lacks."""

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
from provisioner.model.reading_progress import NOT_SHOWN, ReadingProgress
from provisioner.model.resource import Live
from provisioner.model.resource_id import resource_ids
from provisioner.model.secret import Secret, SecretReference
from provisioner.model.state import Intent

Result = TypeVar("Result")

LONGEST_READING: Final = 15 * 60.0
"""Seconds. A reading is only as recent as its first page, so a longer one would be too old when it ends
(docs/decisions/0008).
"""


@dataclass(frozen=True, slots=True)
class CloudSnapshot:
    """What exists in the cloud, by id. `server_time` is when it was read, in milliseconds by the cloud's clock; None:
    the cloud did not say.

    `traces` are the orders that a purchase in doubt may have become, by intent id; None: billing did not say. A
    recorded id is missing from `live` only if the cloud said "not found" when asked for that id. For any other id,
    `gaps` say what the list may hide.
    """

    live: Mapping[str, Live]
    server_time: int | None
    traces: Mapping[str, tuple[Trace, ...] | None] = field(default_factory=dict)
    gaps: tuple[ListGap, ...] = ()
    reader: str = ""
    """A pseudonym of the user who read it; empty: not known."""
    local_time: int | None = None
    """When it was read by the clock of this machine, in milliseconds. None: that clock does not keep time with the
    cloud's.
    """
    read_at: float | None = None
    """When the reading began, in monotonic seconds. None: not known."""

    def may_hide(self, kind: str, names: Collection[str]) -> bool:
        return any(gap.hides(kind, names) for gap in self.gaps)

    def may_hide_outcome(self, intent: Intent) -> bool:
        """Whether the list may hide the outcome of the call: a server that is there, or gone."""
        return any(gap.hides_from(self.reader, kind=intent.kind, sender=intent.sender) for gap in self.gaps)


async def run_read(flow: ReadFlow[Result], channel: ChannelPort, *, seconds: float = LONGEST_READING) -> Result:
    """Runs a read flow and returns its result. Raises CallFailed if the flow does not handle it, and if the flow has
    not ended after so many `seconds`: each request has a time-out of its own, but a cloud may go on to announce further
    pages, slowly.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _run_read(flow, channel)
    except TimeoutError:
        raise CallFailed(Outcome.UNKNOWN, f"the cloud has not sent all of it in {seconds / 60:.0f} minutes") from None


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
    """Returns every live resource of these kinds, by id. If one of the lists has gaps, raises PartialListing with the
    rows there are.
    """
    live: dict[str, Live] = {}
    gaps: tuple[ListGap, ...] = ()
    for kind in kinds:
        rows, missing = await _read_list(kind, channel)
        live, gaps = live | rows, gaps + missing
    if gaps:
        raise PartialListing("; ".join(map(str, gaps)), tuple(live.values()), gaps)
    return live


async def read_live(kind: Kind, channel: ChannelPort, recorded_ids: Iterable[str]) -> dict[str, Live]:
    """Returns every live resource, by id. A recorded id that is not in the result is gone: the list was complete, and
    the cloud answered "not found" when asked for that id. Raises CallFailed if any of that cannot be read.
    """
    listing = await read_listing(kind, channel, recorded_ids)
    if listing.gaps:
        raise PartialListing("; ".join(map(str, listing.gaps)), tuple(listing.live.values()), listing.gaps)
    return listing.live


@dataclass(frozen=True, slots=True)
class CloudListing:
    """The live resources, by id, and what their list may hide."""

    live: dict[str, Live]
    gaps: tuple[ListGap, ...]


async def read_listing(
    kind: Kind,
    channel: ChannelPort,
    recorded_ids: Iterable[str],
    *,
    suspected: Iterable[str] = (),
    progress: ReadingProgress = NOT_SHOWN,
) -> CloudListing:
    """Returns the live resources and what the list may hide. Recorded ids that the list lacks are asked for one by one,
    and so are ids that are `suspected` to be there. One that is found so proves that the list lacks servers. Raises
    CallFailed if the list or a recorded id cannot be read.
    """
    live, gaps = await _read_list(kind, channel)
    known = set(resource_ids(recorded_ids))
    hidden: list[Live] = []
    if unlisted := sorted(known - live.keys()):
        progress.begin(f"Asking for {kind.noun}s that the list lacks", total=len(unlisted))
    for identifier in unlisted:
        if (row := await run_read(kind.show(identifier), channel)) is not None:
            live[row.id] = row
            hidden += [row] if row.id == identifier else []
        progress.advance()
    for identifier in sorted(set(resource_ids(suspected)) - known - live.keys()):
        if (row := await _show_or_none(kind, channel, identifier)) is not None:
            hidden.append(row)
    live |= {row.id: row for row in hidden}
    gaps = tuple(gap for gap in gaps if gap.id is None or gap.id not in known)
    return CloudListing(live, (*gaps, *find_unlisted(hidden, gaps)))


async def read_detail(kind: Kind, channel: ChannelPort, row: Live) -> Live:
    """Returns the row together with what no list shows of the resource. Raises CallFailed if the request for that is
    not answered.
    """
    detail = await run_read(kind.read_detail(row.id), channel)
    return replace(row, observed={**row.observed, **detail})


async def read_order_resources(
    kind: Kind, channel: ChannelPort, live: Mapping[str, Live], orders: Iterable[str], *, held: Container[str]
) -> CloudListing:
    """Returns `live` with what `orders` have bought according to billing. A row that names no order itself gets the
    order that billing names. An id that no list shows is asked for; an id that is `held` by an address is skipped.
    Stops at the first order about which billing does not say.
    """
    shown, hidden = dict(live), list[Live]()
    for order in orders:
        identifiers = await run_read(kind.orders.bought_ids(order), channel)
        if identifiers is None:
            break
        for identifier in identifiers:
            if identifier in held:
                continue
            row = shown.get(identifier)
            if row is None and (row := await _show_or_none(kind, channel, identifier)) is not None:
                hidden.append(row)
            if row is not None and row.order_id in {None, order}:
                shown[row.id] = replace(row, order_id=order)
    return CloudListing(shown, find_unlisted(hidden))


async def _show_or_none(kind: Kind, channel: ChannelPort, identifier: str) -> Live | None:
    """Returns the resource with this id, or None if it is not found or the cloud does not answer."""
    try:
        row = await run_read(kind.show(identifier), channel)
    except CallFailed:
        return None
    return row if row is not None and row.id == identifier else None


async def read_traces(
    kind: Kind, channel: ChannelPort, intents: Iterable[Intent]
) -> dict[str, tuple[Trace, ...] | None]:
    """Returns, by intent id, the orders that the purchase may have become; None: billing does not say."""
    return {intent.id: await run_read(kind.orders.possible_orders(intent), channel) for intent in intents}


def _no_secret(_reference: SecretReference) -> Secret:
    raise AssertionError("a read carries no secret")
