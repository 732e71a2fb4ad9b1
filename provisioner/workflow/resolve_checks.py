"""Refuses decisions of `resolve` that cannot be right: a server or an order that cannot be the purchase, or a word on what these
credentials cannot see.

Each check raises UsageError with the way out; none changes anything.
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
    """`adopt` is the id of the server that it became, or of the order while there is no server; None: it became none."""

    address: Address
    adopt: str | None
    reason: str | None = None
    allow_incomplete_list: bool = False
    """A person has looked elsewhere, and allows a word on what these keys cannot see."""
    allow_other_name: bool = False
    """A person knows that the server bears another name than was sent."""

    @property
    def named(self) -> frozenset[str]:
        """What is to be adopted, as the id of an order, which is as it is spelt, and as that of a server."""
        return frozenset() if self.adopt is None else frozenset((self.adopt, resource_id(self.adopt)))


def require_visible(intent: Intent, decision: Decision, snapshot: CloudSnapshot) -> None:
    """Raises UsageError where nothing that these keys show can tell what became of the purchase, unless a person says it knowing that."""
    if decision.adopt is not None or decision.allow_incomplete_list:
        return
    others = [gap for gap in snapshot.gaps if gap.of_others]
    if any(gap.hides_from(snapshot.reader, kind=intent.kind, sender=intent.sender) for gap in others):
        raise UsageError(
            error(
                "own-list",
                f"{intent.address_list}: another user sent this purchase ({intent.who}), and these keys list nothing of anybody else: it may be there",
                detail="the next apply would buy it again beside that one; nothing was changed",
                hint="have that user say it, or use keys that may list what all users have; where the console shows them all and has none that is it: "
                f"`provisioner resolve {intent.address.shell_quoted} --absent --allow list-incomplete`",
                address=intent.address,
            )
        )


def mismatch(intent: Intent, trace: Trace) -> str:
    """Why an order cannot be the purchase, as the rest of a sentence; empty where it can."""
    before = seconds_before_purchase(intent, trace)
    earlier = f"was placed {before} s before it was sent, by the cloud's time" if before else ""
    return "; ".join(filter(None, (earlier, trace.mismatch)))


def single_server(intent: Intent, order_id: str, snapshot: CloudSnapshot, kind: Kind) -> Live | None:
    """The server of an order that a person names instead of it; None where none is known."""
    rows = [row for row in snapshot.live.values() if row.order_id == order_id]
    fitting = kind.match(intent, rows) if len(rows) > 1 else rows
    if rows and len(fitting) != 1:
        ids = ", ".join(sorted(row.id for row in rows))
        hint = f"it bought {ids}; name the {kind.noun}. Nothing was changed"
        raise UsageError(error("server-differs", f"order {order_id} is of several", hint=hint, address=intent.address))
    return next(iter(fitting), None)


def require_not_in_other_state(decision: Decision, snapshot: CloudSnapshot, holders: Mapping[str, str]) -> None:
    """What another state only may have bought is for the person to say, and not refused."""
    rows = [row for row in snapshot.live.values() if not decision.named.isdisjoint({row.id, row.order_id} - {None})]
    named = {one for row in rows for one in (row.id, row.order_id)}
    label = next((holders[one] for one in {*decision.named, *named} & holders.keys() if one is not None), None)
    if label is not None:
        summary, hint = (
            f"{decision.adopt} is recorded in the state {label}",
            "one resource, one state; nothing was changed",
        )
        raise UsageError(error("server-owned", summary, hint=hint, address=decision.address))


def require_group_order(intent: Intent, order_id: str, snapshot: CloudSnapshot, kind: Kind) -> None:
    """Its servers may bear any name, and each must be what was asked for. One of no server yet must be known to billing."""
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
        summary = f"order {order_id} is not what was asked for: {len(intent.members)} {kind.noun}s that are alike"
        hint = f"it bought {ids}; check the id in the console. Nothing was changed"
        raise UsageError(error("server-differs", summary, hint=hint, address=intent.address))


def require_same_order(intent: Intent, trace: Trace) -> None:
    """An order that was placed before the purchase was sent, or for something else, is not adopted: paying it buys what nobody asked for."""
    if not (why := mismatch(intent, trace)):
        return
    address = intent.address.shell_quoted
    unpaid = " Unpaid, it is cancelled in the console and costs nothing." if trace.is_unpaid else ""
    raise UsageError(
        error(
            "server-differs",
            f"order {trace.order_id} is not this purchase of {intent.address_list}: it {why}",
            hint=f"name another order.{unpaid} Where the purchase became none: `provisioner resolve {address} --absent`; an order of an "
            "earlier purchase that was given up is taken by the same --adopt after that. Nothing was changed",
            address=intent.address,
        )
    )


def require_unowned(intent: Intent, state: State | None, *identifiers: str | None) -> None:
    for recorded in state.resources.values() if state else ():
        if shared := {recorded.id, recorded.order_id} & set(identifiers) - {None}:
            summary, hint = (
                f"{shared.pop()} is that of {recorded.address}",
                "one resource, one address; nothing was changed",
            )
            raise UsageError(error("server-owned", summary, hint=hint, address=intent.address))


def require_fitting(intent: Intent, row: Live, kind: Kind, *, allow_other_name: bool) -> None:
    """A slip of the pen must not take a colleague's server: what is adopted was not there before and bears the name, or is as it was asked
    for in all else, and a person has said to `allow_other_name`.
    """
    was_there = row.id in intent.known_before or row.order_id in intent.listed_orders
    is_alike = bool(kind.match_similar(intent, (row,)))
    if not was_there and (row.name in {intent.name, intent.wanted_name} or (allow_other_name and is_alike)):
        return
    why = "was there before the purchase" if was_there else f"bears the name {row.name!r}"
    why += " and is not what was asked for" if allow_other_name and not was_there else ""
    hint = f"it was sent as {intent.name!r}; check the id. Nothing was changed"
    if is_alike and not was_there:
        adopt = f"`provisioner resolve {intent.address.shell_quoted} --adopt {row.id} --allow other-name`"
        hint = f"it was sent as {intent.name!r}; check the id, and where it is this one: {adopt}. Nothing was changed"
    raise UsageError(error("server-differs", f"{kind.noun} {row.id} {why}", hint=hint, address=intent.address))
