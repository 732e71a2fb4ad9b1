"""Reads all live servers before a command decides anything, and checks that the state belongs to the same account."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace

from provisioner import planning
from provisioner.applying import (
    CloudListing,
    CloudSnapshot,
    read_detail,
    read_listing,
    read_order_resources,
    read_traces,
    run_read,
)
from provisioner.applying.ports import ChannelPort
from provisioner.cloud import Cloud, translate
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.event import Event, EventType, Listener
from provisioner.model.flow import CallFailed, Effect
from provisioner.model.history import HistoryRecord
from provisioner.model.identity import Identity
from provisioner.model.journal import Adopted, Answered, Entry, Remembered
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.list_gap import NO_NAMES, ListGap
from provisioner.model.plan import Basis
from provisioner.model.purchase_policy import Trace
from provisioner.model.resource import Live, Phase
from provisioner.model.shared_orders import find_unseen
from provisioner.model.stack import Stack
from provisioner.model.state import Intent, JournalHead, State
from provisioner.workflow.system_clock import SystemClock

_CONCURRENT_REQUESTS = 10
"""How many single-server requests run at the same time."""


def check_identity(state: State | None, identity: Identity) -> None:
    """Raises StoreError `identity-mismatch` when the state is of another account, project or region.

    This cloud's list proves nothing about such a state. The store has already checked that the state is of this stack.
    """
    if state is not None and state.identity != identity:
        raise StoreError(
            error(
                "identity-mismatch",
                "the credentials are for another account, project or region than the state",
                detail=f"state: {state.identity}\ncredentials: {identity}",
                hint="use the credentials of the state's account, or another environment or --state; nothing was planned",
            )
        )


async def read_cloud(
    cloud: Cloud,
    state: State | None,
    catalogue: Catalogue,
    *,
    history: Callable[[], Iterable[HistoryRecord]] = tuple,
    orders: Iterable[str] = (),
    suspected: Iterable[str] = (),
    given_up: Iterable[Intent] = (),
) -> CloudSnapshot:
    """Returns every live resource that the cloud shows, and the gaps of its list. Raises CloudError.

    - These servers are requested by id when the list lacks them: the recorded ones, `suspected` (ids), and those that
      had the name of a purchase in doubt before it was sent.
    - Billing is asked which servers came of an order that no row names: the order of a recorded server that no list has
      shown, an order that may be a purchase in doubt, and `orders`.
    - Billing is asked for possible orders of the purchases in doubt, of `given_up`, and of purchases that a person
      settled as absent although orders were open, while their addresses are vacant.
    - `history` is read only when there are such orders: an order that it names belongs to an earlier purchase.
    - When another user sent an open call, the cloud is asked whether the list is limited to one's own servers.
    """
    recorded: dict[str, list[str]] = defaultdict(list)
    for resource in state.resources.values() if state else ():
        if resource.id is not None:
            recorded[resource.kind].append(resource.id)
    doubts, open_calls = (state.purchases_in_doubt, state.in_doubt) if state else ((), ())
    suspects = {*suspected, *(identifier for doubt in doubts for identifier in doubt.earlier_ids)}
    traced = {
        one.id: one for one in (*doubts, *(_settled_despite_open_orders(state) if state else ()), *given_up)
    }.values()
    clock = SystemClock()
    started_at, local_time = clock.monotonic(), clock.now()
    live: dict[str, Live] = {}
    gaps: tuple[ListGap, ...] = ()
    traces: dict[str, tuple[Trace, ...] | None] = {}
    async with cloud.channel() as channel:
        for kind in catalogue.kinds:
            cloud.progress.begin(f"Reading the {kind.noun}s")
            try:
                shown = await read_listing(
                    kind, channel, recorded[kind.name], suspected=suspects, progress=cloud.progress
                )
                live |= shown.live
                gaps += shown.gaps
                if not shown.gaps and (
                    foreign := [one for one in open_calls if _is_from_another_user(one, cloud.user, kind)]
                ):
                    gap = await run_read(kind.read_list_gap(shown.live.keys()), channel)
                    limits = (gap,) if gap is not None else tuple(gaps_of_senders(foreign, state, shown.live, kind))
                    gaps += tuple(replace(each, kind=kind.name) for each in limits)
                if doubtful := [one for one in traced if one.kind == kind.name]:
                    cloud.progress.begin("Looking for the orders of purchases in doubt")
                    traces |= await read_traces(kind, channel, doubtful)
            except CallFailed as failed:
                raise translate(failed, f"listing the {kind.noun}s") from failed
        known = {order for record in history() for order in _order_ids(record.entry)} if any(traces.values()) else set()
        with_orders = await _with_orders(channel, state, live, catalogue, traces=traces, known=known, orders=orders)
        live, gaps = with_orders.live, gaps + with_orders.gaps
    if any(traces.values()):
        listed = known | {row.order_id for row in live.values() if row.order_id is not None}
        group_purchases = {doubt.id for doubt in doubts if doubt.members}
        traces = {
            intent: None if found is None else _excluding(known if intent in group_purchases else listed, found)
            for intent, found in traces.items()
        }
    now, elapsed = cloud.time().earliest(), round((clock.monotonic() - started_at) * 1000)
    # A list is as old as its first page, whatever was requested after it.
    server_time = None if now is None else now - elapsed
    return CloudSnapshot(
        live, server_time, traces, gaps, cloud.user, local_time if cloud.keeps_time else None, started_at
    )


def _is_from_another_user(intent: Intent, reader: str, kind: Kind) -> bool:
    """Returns whether another user sent the call, whose outcome a list of the reader's own servers would not show.

    An unknown sender (an older version of this tool, temporary keys) may be anybody, and counts as another user.
    """
    return intent.kind == kind.name and (not intent.sender or intent.sender != reader)


def gaps_of_senders(
    foreign: Iterable[Intent], state: State | None, live: Container[str], kind: Kind
) -> Iterator[ListGap]:
    """Yields a gap when the list may lack the servers of a user who sent one of the `foreign` calls.

    A list may leave out the servers of some users only. It is trusted about a sender when it shows at least one server
    that this user is known to have bought, and all of the user's recorded servers. A server that is being released
    proves nothing, as it may be gone.
    """
    records = {one.id: one for one in state.resources.values() if one.id is not None} if state else {}
    leaving = {one.target_id for one in state.unsettled if one.effect is Effect.DESTRUCTIVE} if state else set()
    for intent in foreign:
        is_gone = intent.effect is Effect.DESTRUCTIVE and intent.target_id in records and intent.target_id not in live
        if intent.effect is not Effect.PURCHASE and not is_gone:
            continue
        bought = [
            one
            for one in records.values()
            if intent.sender and one.bought_by == intent.sender and one.kind == intent.kind and one.id not in leaving
        ]
        is_incomplete = any(one.observed and one.phase is not Phase.DELETING and one.id not in live for one in bought)
        if is_incomplete or not any(one.id in live for one in bought):
            some = f"not every {kind.noun}" if is_incomplete else f"no {kind.noun}"
            finding = f"{some} that he is known to have bought is listed"
            yield ListGap("", finding, NO_NAMES, is_reported=False, only_others=True, lacks_sender=True)
            return


def _settled_despite_open_orders(state: State) -> Iterable[Intent]:
    """Returns purchases of vacant addresses that a person settled as absent although orders for them were open."""
    taken = state.resources.keys() | state.doubts.keys()
    return [one for one in state.absent.values() if one.passed_over_orders and taken.isdisjoint(one.addresses)]


def report_gaps(snapshot: CloudSnapshot, catalogue: Catalogue, listen: Listener) -> None:
    """Sends the gaps of the list to `listen`, for commands that show no plan."""
    for finding in planning.list_gap_warnings(snapshot.gaps, catalogue):
        listen(Event(EventType.NOTICE, diagnostic=finding))


async def _with_orders(
    channel: ChannelPort,
    state: State | None,
    live: Mapping[str, Live],
    catalogue: Catalogue,
    *,
    traces: Mapping[str, tuple[Trace, ...] | None],
    known: Container[str],
    orders: Iterable[str],
) -> CloudListing:
    """Returns `live` with the order ids that only billing knows. Rows that billing does not know stay as they are.

    `orders` are asked about besides those that records and `traces` name, unless they are `known` to be of another
    purchase.
    """
    records = tuple(state.resources.values()) if state else ()
    wanted: dict[str, dict[str, None]] = defaultdict(dict)
    for record in find_unseen(records, live.values()):
        wanted[record.kind][record.order_id or ""] = None
    named = {row.order_id for row in live.values()}
    for doubt in state.purchases_in_doubt if state else ():
        paid = [trace.order_id for trace in traces.get(doubt.id) or () if not trace.is_unpaid]
        asked = [order for order in (*paid, *orders) if order not in known and order not in named | live.keys()]
        wanted[doubt.kind] |= dict.fromkeys(asked)
    held = {record.id for record in records if record.id is not None}
    shown = CloudListing(dict(live), ())
    for kind, asked_for in wanted.items():
        found = await read_order_resources(catalogue[kind], channel, shown.live, asked_for, held=held)
        shown = CloudListing(found.live, shown.gaps + found.gaps)
    return shown


def _excluding(known: Container[str], traces: tuple[Trace, ...]) -> tuple[Trace, ...]:
    """Returns `traces` without the orders that are `known` already."""
    return tuple(trace for trace in traces if trace.order_id not in known)


async def read_details(cloud: Cloud, state: State, snapshot: CloudSnapshot, catalogue: Catalogue) -> CloudSnapshot:
    """Returns `snapshot` with the details of ready servers that no list shows. Sends one request per server.

    Raises CloudError.
    """
    live = dict(snapshot.live)
    waiting = [one for one in state.resources.values() if one.phase is Phase.READY and one.id in live]
    cloud.progress.begin("Reading public addresses", total=len(waiting))

    async def ask() -> None:
        async with cloud.channel() as channel:
            while waiting:
                recorded = waiting.pop()
                row = live[recorded.id or ""]
                live[row.id] = await read_detail(catalogue[recorded.kind], channel, row)
                cloud.progress.advance()

    outcomes = await asyncio.gather(*(ask() for _ in range(_CONCURRENT_REQUESTS)), return_exceptions=True)
    for failed in outcomes:
        if isinstance(failed, CallFailed):
            raise translate(failed, "asking for public addresses") from failed
        if failed is not None:
            raise failed
    return replace(snapshot, live=live)


def _order_ids(entry: Entry) -> tuple[str, ...]:
    match entry:
        case Answered(order_id=str(order)) | Adopted(order_id=str(order)) | Remembered(order_id=str(order)):
            return (order,)
        case _:
            return ()


def basis_of(stack: Stack, state: State | None, cloud: Cloud) -> Basis:
    """Returns what a plan depends on; a saved plan is stale when any of it has changed."""
    return Basis(
        stack=stack.name,
        environment=stack.environment,
        identity=cloud.identity,
        lineage=state.lineage if state else None,
        serial=state.serial if state else 0,
        head=state.head if state else JournalHead(),
        policy=stack.purchase,
        limits=stack.guards,
        caller=cloud.caller,
    )
