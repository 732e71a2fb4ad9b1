"""What has changed since a plan was made, noticed before anything was sent for an address, as a sentence and a next step."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from provisioner.applying.precautions import (
    GoneMeanwhile,
    MayBeTaken,
    NameTaken,
    NotAvailable,
    OrderShared,
    ShowsAgain,
    StatusUnknown,
)
from provisioner.applying.readiness import SuccessorNotReady
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.foresight import code_of, way_on

Outdated: TypeAlias = (
    GoneMeanwhile | MayBeTaken | NameTaken | NotAvailable | OrderShared | ShowsAgain | StatusUnknown | SuccessorNotReady
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
        case OrderShared():
            return error(
                "order-shared",
                f"releasing it would end its order, and with it {reason}; nothing was released",
                hint="release or replace all that the order has bought, or keep this one; what a new plan does not name either is looked up in the "
                "console, under its order",
                address=address,
            )
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
