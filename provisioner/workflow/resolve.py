"""Records a person's decision about a purchase in doubt: which server it became, or that it became none.

A person may also decide that a bought server does not exist, when the cloud has confirmed its purchase and no list has
ever shown it. The decision is journaled with the name of its author. It sends nothing; the next apply acts on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.applying import CloudSnapshot
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.doubt import (
    find_untracked,
    is_too_soon_locally,
    quiet_until,
    settle_hint_without_cloud,
)
from provisioner.model.event import Listener
from provisioner.model.journal import Adopted, Entry, Forgotten, Settled
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.resource import Live, Recorded
from provisioner.model.resource_id import resource_id
from provisioner.model.shared_orders import find_by_order
from provisioner.model.state import Intent, State
from provisioner.store import LockWaitListener, id_tokens, row_tokens
from provisioner.workflow.cloud_snapshot import check_identity, read_cloud, report_gaps
from provisioner.workflow.journal_run import JournalRun
from provisioner.workflow.resolve_candidates import PurchaseCandidates
from provisioner.workflow.resolve_checks import (
    Decision,
    mismatch,
    require_fitting,
    require_group_order,
    require_not_in_other_state,
    require_same_order,
    require_unowned,
    require_visible,
    single_server,
)
from provisioner.workflow.sibling_states import OtherStates
from provisioner.workflow.workspace import Workspace, who


@dataclass(frozen=True, slots=True)
class ResolveResult:
    """What was decided, for the console. `whose` and `name` are the addresses and names of the purchase, as text.

    `may_appear_until` is set when the purchase was settled as absent before its quiet period was over: the end of that
    period, in milliseconds of the cloud's time. `order_id` is the order that was forgotten with a server that never
    showed. `listed` and `orders` may be the purchase all the same, and should be looked at before the next one.
    """

    whose: str
    name: str
    may_appear_until: int | None = None
    order_id: str | None = None
    listed: tuple[Live, ...] = ()
    orders: tuple[str, ...] = ()
    noun: str = "server"
    """The kind's noun."""


async def resolve(
    workspace: Workspace, decision: Decision, listen: Listener, on_lock_wait: LockWaitListener | None = None
) -> ResolveResult:
    """Records the decision.

    Raises UsageError, and changes nothing, for an address that is not in doubt, and for a server or an order that
    cannot be the purchase.
    """
    stack = workspace.stack()
    store = workspace.store(stack)
    with store.write(command="resolve", who=who(), timeout=0, on_wait=on_lock_wait, reason=decision.reason) as session:
        state = session.state
        async with workspace.cloud(stack, listen) as cloud:
            check_identity(state, cloud.identity)
            named = () if decision.adopt is None else (decision.adopt,)
            snapshot = await read_cloud(
                cloud,
                state,
                workspace.catalogue,
                history=store.history,
                orders=named,
                suspected=named,
                given_up=_possible_purchases(state, decision),
            )
            report_gaps(snapshot, workspace.catalogue, listen)
            other_states = OtherStates(store, workspace.catalogue, cloud.identity)
        recorded = _never_listed(state, decision)
        if state is not None and recorded is not None:
            entry, result = _forget_unlisted(recorded, decision, state, snapshot, workspace.catalogue)
        else:
            entry, result = _settle(decision, state, snapshot, workspace.catalogue, stack.purchase, other_states)
        JournalRun(session, "resolve", workspace.version, decision.reason, caller=cloud.caller).append([entry])
        session.checkpoint()
    return result


def _forget_unlisted(
    recorded: Recorded, decision: Decision, state: State, snapshot: CloudSnapshot, catalogue: Catalogue
) -> tuple[Entry, ResolveResult]:
    """Decides that a recorded server does not exist. Unmanaged servers of its name are listed in the result."""
    listed = tuple(
        row
        for row in find_untracked(snapshot.live.values(), state.resources.values())
        if (row.kind, row.name) == (recorded.kind, recorded.name)
    )
    return _forget(recorded, decision, state, snapshot), ResolveResult(
        str(recorded.address),
        repr(recorded.name),
        order_id=_unshared_order(recorded, state),
        listed=listed,
        noun=catalogue[recorded.kind].noun,
    )


def _settle(
    decision: Decision,
    state: State | None,
    snapshot: CloudSnapshot,
    catalogue: Catalogue,
    policy: PurchasePolicy,
    other_states: OtherStates,
) -> tuple[Entry, ResolveResult]:
    """Decides what a purchase became, after all checks that can refuse the decision."""
    intent = _find_purchase(state, decision, snapshot)
    require_visible(intent, decision, snapshot)
    holders = other_states.holders(snapshot.live.values(), decision.named)
    require_not_in_other_state(decision, snapshot, holders)
    kind, names = catalogue[intent.kind], ", ".join(map(repr, intent.names))
    if decision.adopt is None:
        candidates = PurchaseCandidates.find(intent, state, snapshot, catalogue, holders)
        candidates.refuse_listed(intent, kind)
        entry = _decision_entry(intent, decision, state, snapshot, kind=kind)
        return entry, ResolveResult(
            intent.address_list,
            names,
            _may_appear_until(intent, snapshot, policy),
            listed=candidates.alike,
            orders=candidates.orders,
            noun=kind.noun,
        )
    if unread := tuple(other_states.unread_errors(_adopted_tokens(decision, snapshot))):
        raise UsageError(*unread)
    entry = _decision_entry(intent, decision, state, snapshot, kind=kind)
    return entry, ResolveResult(intent.address_list, names, noun=kind.noun)


def _adopted_tokens(decision: Decision, snapshot: CloudSnapshot) -> frozenset[str]:
    rows = [row for row in snapshot.live.values() if not decision.named.isdisjoint({row.id, row.order_id} - {None})]
    return id_tokens(decision.named) | row_tokens(rows)


def _may_appear_until(intent: Intent, snapshot: CloudSnapshot, policy: PurchasePolicy) -> int | None:
    """Returns the end of the purchase's quiet period, in milliseconds of the cloud's time; None when it is over."""
    until = quiet_until(intent, policy)
    is_early = snapshot.server_time is None or snapshot.server_time < until
    return until if is_early or is_too_soon_locally(intent, policy, snapshot.local_time) else None


def _never_listed(state: State | None, decision: Decision) -> Recorded | None:
    """Returns the address's record if the cloud has confirmed the purchase and no list has ever shown the server."""
    recorded = state.resources.get(decision.address) if state and decision.adopt is None else None
    return recorded if recorded is not None and not recorded.observed else None


def _forget(recorded: Recorded, decision: Decision, state: State, snapshot: CloudSnapshot) -> Forgotten:
    """Returns the entry that forgets the record.

    Raises UsageError `server-listed` when the cloud lists its server now.
    """
    ordered = find_by_order(state.resources.values(), snapshot.live.values())
    listed = snapshot.live.get(recorded.id or "") or ordered.get(recorded.address)
    if listed is not None:
        summary, hint = (
            f"the cloud lists it: {listed.id}",
            "run `provisioner apply`, which continues with it; nothing was changed",
        )
        raise UsageError(error("server-listed", summary, hint=hint, address=recorded.address))
    return Forgotten(recorded.address, f"never shown by the cloud, {_evidence(decision)}", recorded.id)


def _unshared_order(recorded: Recorded, state: State) -> str | None:
    """Returns the record's order, or None when other records share it."""
    sharing = [one for one in state.resources.values() if one.order_id == recorded.order_id]
    return recorded.order_id if len(sharing) == 1 else None


def _evidence(decision: Decision) -> str:
    return f"decided by {who()}" + (f": {decision.reason}" if decision.reason else "")


def _possible_purchases(state: State | None, decision: Decision) -> tuple[Intent, ...]:
    """Returns the purchases of the address that the decision can be about, the one in doubt first.

    To adopt, they include purchases that were settled as absent, the latest first, if the address is still vacant:
    their server or order may have appeared since.
    """
    if state is None:
        return ()
    known = state.purchases_in_doubt
    if decision.adopt is not None:
        taken = state.resources.keys() | state.doubts.keys()
        known += tuple(one for one in reversed([*state.absent.values()]) if taken.isdisjoint(one.addresses))
    return tuple(one for one in known if decision.address in one.addresses)


def _is_its_order(intent: Intent, decision: Decision, snapshot: CloudSnapshot) -> bool:
    traces = snapshot.traces.get(intent.id) or ()
    return any(one.order_id == decision.adopt and not mismatch(intent, one) for one in traces)


def _find_purchase(state: State | None, decision: Decision, snapshot: CloudSnapshot) -> Intent:
    """Returns the purchase that the decision is about: the one that the named order fits, or else the first.

    Raises UsageError `not-in-doubt`.
    """
    address = decision.address
    doubts = state.purchases_in_doubt if state else ()
    candidates = _possible_purchases(state, decision)
    fitting = (each for each in candidates if _is_its_order(each, decision, snapshot))
    intent = next(fitting, None) or next(iter(candidates), None)
    if intent is None:
        in_doubt = ", ".join(each.address_list for each in doubts)
        hint = f"in doubt: {in_doubt}" if in_doubt else "no purchase is in doubt"
        if other := next((each for each in (state.unsettled if state else ()) if address in each.addresses), None):
            hint = f"the outcome of a {other.effect.noun} is not known: {settle_hint_without_cloud(other)}"
        raise UsageError(error("not-in-doubt", f"{address} has no purchase in doubt", hint=hint, address=address))
    return intent


def _decision_entry(
    intent: Intent, decision: Decision, state: State | None, snapshot: CloudSnapshot, *, kind: Kind
) -> Entry:
    evidence = _evidence(decision)
    if decision.adopt is None:
        free = find_untracked(snapshot.live.values(), state.resources.values() if state else ())
        passed_over = tuple(sorted(row.id for row in kind.match_similar(intent, free)))
        traces = snapshot.traces.get(intent.id) or ()
        orders = tuple(one.order_id for one in traces if not one.is_over and not one.mismatch)
        return Settled(intent.id, "absent", evidence, passed_over=passed_over, orders=orders)
    if intent.members:
        require_unowned(intent, state, *decision.named)
        require_group_order(intent, decision.adopt, snapshot, kind)
        return Adopted(intent.id, None, evidence, decision.adopt)
    named = snapshot.live.get(resource_id(decision.adopt))
    row = (
        named
        if named is not None and named.kind == kind.name
        else single_server(intent, decision.adopt, snapshot, kind)
    )
    require_unowned(intent, state, *decision.named, *((row.id, row.order_id) if row else ()))
    if row is not None:
        require_fitting(intent, row, kind, allow_other_name=decision.allow_other_name)
        return Adopted(intent.id, row.id, evidence, row.order_id)
    for trace in snapshot.traces.get(intent.id) or ():
        if trace.order_id == decision.adopt:
            require_same_order(intent, trace)
            return Adopted(intent.id, None, evidence, decision.adopt)
    raise UsageError(
        error(
            "unknown-server",
            f"the cloud lists no {kind.noun} {decision.adopt}, and no order with this id was placed since the purchase was sent",
            hint="check the id in the console; nothing was changed",
            address=intent.address,
        )
    )
