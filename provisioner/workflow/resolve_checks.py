"""Refuses decisions of `resolve` that cannot be right: to adopt a server or an order that cannot be the purchase, or to
declare something absent that these credentials could not see.

Each check raises UsageError with a hint what to do instead. None changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from provisioner.applying import CloudSnapshot
from provisioner.model.address import Address
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.doubt import seconds_before_purchase
from provisioner.model.kind import Kind
from provisioner.model.purchase_policy import Trace
from provisioner.model.resource import Live
from provisioner.model.resource_id import resource_id
from provisioner.model.state import Intent, State


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's decision about the purchase of `address`.

    `adopt` is the id of the server that it became, or of its order while there is no server. None: it became nothing.
    """

    address: Address
    adopt: str | None
    reason: str | None = None
    allow_incomplete_list: bool = False
    """The person has checked in the console, and decides although these credentials may not list the server."""
    allow_other_name: bool = False
    """The person knows that the server has another name than was sent."""

    @property
    def named(self) -> frozenset[str]:
        """`adopt` as an order id, which is taken as typed, and as a normalized server id.

        Empty when nothing is adopted.
        """
        return frozenset() if self.adopt is None else frozenset((self.adopt, resource_id(self.adopt)))


def require_visible(intent: Intent, decision: Decision, snapshot: CloudSnapshot) -> None:
    """Raises UsageError `own-list` for an absence that these credentials cannot see, as another user sent the purchase.

    The person may allow that with `allow_incomplete_list`.
    """
    if decision.adopt is not None or decision.allow_incomplete_list:
        return
    gaps_of_others = [gap for gap in snapshot.gaps if gap.only_others]
    if any(gap.hides_from(snapshot.reader, kind=intent.kind, sender=intent.sender) for gap in gaps_of_others):
        raise UsageError(
            error(
                "own-list",
                f"{intent.address_list}: another user sent this purchase ({intent.who}), and these credentials list only their own user's servers, so it may exist",
                detail="the next apply would buy a second one; nothing was changed",
                hint="have that user run the command, or use credentials that list all users' servers; if the console shows all servers and this one is not there: "
                f"`provisioner resolve {intent.address.shell_quoted} --absent --allow list-incomplete`",
                address=intent.address,
            )
        )


def mismatch(intent: Intent, trace: Trace) -> str:
    """Returns why an order cannot be the purchase, as the end of a sentence after "it"; empty when it can."""
    before = seconds_before_purchase(intent, trace)
    earlier = f"was placed {before} s before it was sent, by the cloud's time" if before else ""
    return "; ".join(filter(None, (earlier, trace.mismatch)))


def single_server(intent: Intent, order_id: str, snapshot: CloudSnapshot, kind: Kind) -> Live | None:
    """Returns the server of the order that a person named; None when no server of it is listed.

    Raises UsageError when the order has several servers and not exactly one of them fits.
    """
    rows = [row for row in snapshot.live.values() if row.order_id == order_id]
    fitting = kind.match(intent, rows) if len(rows) > 1 else rows
    if rows and len(fitting) != 1:
        ids = ", ".join(sorted(row.id for row in rows))
        hint = f"it bought {ids}; name the {kind.noun}. Nothing was changed"
        raise UsageError(
            error("server-differs", f"order {order_id} has several servers", hint=hint, address=intent.address)
        )
    return next(iter(fitting), None)


def require_not_in_other_state(decision: Decision, snapshot: CloudSnapshot, holders: Mapping[str, str]) -> None:
    """Raises UsageError `server-owned` when another state records the server or order.

    A server that another state only may have bought is not refused: the person decides.
    """
    rows = [row for row in snapshot.live.values() if not decision.named.isdisjoint({row.id, row.order_id} - {None})]
    named = {one for row in rows for one in (row.id, row.order_id)}
    label = next((holders[one] for one in {*decision.named, *named} & holders.keys() if one is not None), None)
    if label is not None:
        summary, hint = (
            f"{decision.adopt} is recorded in the state {label}",
            "a resource belongs to one state; nothing was changed",
        )
        raise UsageError(error("server-owned", summary, hint=hint, address=decision.address))


def require_group_order(intent: Intent, order_id: str, snapshot: CloudSnapshot, kind: Kind) -> None:
    """Checks the order of a group.

    Its servers may have any name, but each must be what was ordered; an order without servers must be known to billing.
    Raises UsageError.
    """
    rows = [row for row in snapshot.live.values() if row.order_id == order_id]
    trace = next((one for one in snapshot.traces.get(intent.id) or () if one.order_id == order_id), None)
    if trace is not None and not rows:
        require_same_order(intent, trace)
    if not rows and trace is None:
        row = snapshot.live.get(resource_id(order_id))
        hint = f"that is a {kind.noun}; name its order: {row.order_id}" if row else "check the id in the console"
        summary = f"no order {order_id} is known since the purchase was sent, and no {kind.noun} of it is listed"
        raise UsageError(error("unknown-order", summary, hint=f"{hint}. Nothing was changed", address=intent.address))
    fitting = kind.match(replace(intent, name=""), rows)
    if len(fitting) < len(rows) or len(rows) > len(intent.members):
        ids = ", ".join(sorted(row.id for row in rows))
        summary = f"order {order_id} is not what was requested: {len(intent.members)} equal {kind.noun}s"
        hint = f"it bought {ids}; check the id in the console. Nothing was changed"
        raise UsageError(error("server-differs", summary, hint=hint, address=intent.address))


def require_same_order(intent: Intent, trace: Trace) -> None:
    """Raises UsageError for an order that was placed before the purchase was sent, or for something else.

    Paying it would buy what nobody asked for.
    """
    if not (why := mismatch(intent, trace)):
        return
    address = intent.address.shell_quoted
    unpaid = " If it is unpaid, cancel it in the console; that costs nothing." if trace.is_unpaid else ""
    raise UsageError(
        error(
            "server-differs",
            f"order {trace.order_id} is not this purchase of {intent.address_list}: it {why}",
            hint=f"name another order.{unpaid} If the purchase was never carried out: `provisioner resolve {address} --absent`; after that the same --adopt takes the order of an earlier purchase that was given up. Nothing was changed",
            address=intent.address,
        )
    )


def require_unowned(intent: Intent, state: State | None, *identifiers: str | None) -> None:
    """Raises UsageError `server-owned` when an address of this state records one of these server or order ids."""
    for recorded in state.resources.values() if state else ():
        if shared := {recorded.id, recorded.order_id} & set(identifiers) - {None}:
            summary, hint = (
                f"{shared.pop()} belongs to {recorded.address}",
                "a resource has one address; nothing was changed",
            )
            raise UsageError(error("server-owned", summary, hint=hint, address=intent.address))


def require_fitting(intent: Intent, row: Live, kind: Kind, *, allow_other_name: bool) -> None:
    """Raises UsageError `server-differs` for a server that cannot be the purchase, so that a typo cannot adopt a
    colleague's server.

    The server must not have existed before the purchase, and must have the name that was sent, or the wanted one. With
    `allow_other_name` it may have another name if it is what was ordered in everything else.
    """
    was_there = row.id in intent.known_before or row.order_id in intent.listed_orders
    is_alike = bool(kind.match_similar(intent, (row,)))
    if not was_there and (row.name in {intent.name, intent.wanted_name} or (allow_other_name and is_alike)):
        return
    why = "existed before the purchase" if was_there else f"has the name {row.name!r}"
    why += " and is not what was requested" if allow_other_name and not was_there else ""
    hint = f"it was sent as {intent.name!r}; check the id. Nothing was changed"
    if is_alike and not was_there:
        adopt = f"`provisioner resolve {intent.address.shell_quoted} --adopt {row.id} --allow other-name`"
        hint = f"it was sent as {intent.name!r}; check the id, and if it is this one: {adopt}. Nothing was changed"
    raise UsageError(error("server-differs", f"{kind.noun} {row.id} {why}", hint=hint, address=intent.address))
