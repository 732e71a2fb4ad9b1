"""What has changed since a plan was made, noticed before anything was sent for an address, as a sentence and a next step."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from provisioner.applying.preflight import (
    GoneMeanwhile,
    NotAvailable,
    ShowsAgain,
    StatusUnknown,
)
from provisioner.applying.preflight_names import MayBeTaken, NameTaken
from provisioner.applying.preflight_orders import OrderShared, OrderUnseen
from provisioner.applying.readiness import SuccessorNotReady
from provisioner.applying.term_guard import TermKept
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.foresight import code_of, way_on

Outdated: TypeAlias = (
    GoneMeanwhile
    | MayBeTaken
    | NameTaken
    | NotAvailable
    | OrderShared
    | OrderUnseen
    | ShowsAgain
    | StatusUnknown
    | SuccessorNotReady
    | TermKept
)


def refusal(address: Address, ids: str, reason: Outdated) -> Diagnostic:
    """`ids` are those of its server, for people."""
    match reason:
        case NameTaken(name=name, stranger=stranger):
            return error(
                "name-taken",
                f"a server named {name!r} exists and is not ours ({stranger.id}); nothing was bought",
                hint="choose another name in the specs, or have that server renamed or released",
                address=address,
            )
        case MayBeTaken(name=name, gap=gap):
            return error(
                "list-incomplete",
                f"a server named {name!r} may exist already, because the list of servers is incomplete; nothing was bought",
                detail=str(gap),
                hint="plan again: a plan names what the list lacks, and is the place to allow it",
                address=address,
            )
        case StatusUnknown(status=status):
            return error(
                "unknown-status",
                f"it shows {f'status {status!r}' if status else 'no status'}, which the API does not describe; nothing was done to it",
                hint="look at it in the console, then plan again: a plan is the place to allow it",
                address=address,
            )
        case SuccessorNotReady(successor=successor, why=why):
            return error(
                "deposed-kept",
                f"it is kept, because {successor}, which was to take its place, {why}; nothing was released",
                hint=f"see to {successor}, then plan again; `apply --replace {successor.typed}` buys another, and releases this one when that runs",
                address=address,
            )
        case NotAvailable(offer=offer, wipes=wipes):
            kept = (
                "nothing was stopped or wiped"
                if wipes
                else "so that none could be bought in its place; nothing was released"
            )
            return error(
                code_of(offer), f"{offer.why}; {kept}", hint=f"{way_on(offer)}; then plan again", address=address
            )
        case OrderShared() | OrderUnseen() | TermKept():
            return _of_an_end(address, ids, reason)
        case ShowsAgain():
            return error(
                "shows-again",
                f"it was gone when the plan was made and is listed now{ids}; nothing was forgotten",
                hint="plan again",
                address=address,
            )
        case GoneMeanwhile():
            return error(
                "gone-meanwhile",
                f"it was there when the plan was made and is gone, or going, now{ids}; nothing was recorded",
                hint="take it out of imports, then plan again",
                address=address,
            )
        case _:
            assert_never(reason)


def _of_an_end(address: Address, ids: str, reason: OrderShared | OrderUnseen | TermKept) -> Diagnostic:
    if isinstance(reason, OrderShared):
        return error(
            "order-shared",
            f"releasing it would end its order, and with it {reason}; nothing was released",
            hint="release or replace all that the order has bought, or keep this one; what a new plan does not name either is looked up in the "
            "console, under its order",
            address=address,
        )
    if isinstance(reason, OrderUnseen):
        return error(
            "order-unseen",
            f"neither its row nor billing names the order that it was bought by{ids}; nothing was released",
            detail="unsubscribing it ends that order, and with it whatever else the order has bought",
            hint="look in the console what its order has bought; where all of that may go, for this one run: --allow order-unseen",
            address=address,
        )
    nothing, way = ("nothing was released", "for this one run: --allow prepaid-delete")
    if reason.replaced:
        nothing, way = ("nothing was released or bought", f"name the address: --replace {address.typed}")
    return error(
        "prepaid-replace" if reason.replaced else "prepaid-delete",
        f"it is prepaid, and nobody has allowed that its term is given up{ids}; {nothing}",
        hint=f"keep it, or {way}; a new plan says until when it is paid, where billing tells",
        address=address,
    )
