"""What has changed since a plan was made, noticed before anything was sent for an address: each with its sentence and its next step."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.list_gap import ListGap
from provisioner.model.release_facts import Offer, unavailable_code, unavailable_hint
from provisioner.model.resource import Live


class PreflightRefusal(Exception):  # noqa: N818 - a decision, not a malfunction
    """A check right before a call forbids it: nothing was sent for the address."""

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:
        """Returns the sentence for a person. `ids` are those of its server, as people read them."""
        raise NotImplementedError


class NameTaken(PreflightRefusal):
    """A stranger has borne the wanted name since before this run."""

    def __init__(self, name: str, stranger: Live, noun: str) -> None:
        super().__init__(stranger.id)
        self.name = name
        self.noun = noun
        self.stranger = stranger

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base's
        return error(
            "name-taken",
            f"a {self.noun} named {self.name!r} exists and is not ours ({self.stranger.id}); nothing was bought",
            hint=f"choose another name in the specs, or have that {self.noun} renamed or released",
            address=address,
        )


class MayBeTaken(PreflightRefusal):
    """A server of the wanted name may be there, and the list does not show it."""

    def __init__(self, name: str, gap: ListGap, noun: str) -> None:
        super().__init__(name)
        self.name = name
        self.noun = noun
        self.gap = gap

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base's
        return error(
            "list-incomplete",
            f"a {self.noun} named {self.name!r} may exist already, because the list of {self.noun}s is incomplete; nothing was bought",
            detail=str(self.gap),
            hint="plan again: a plan names what the list lacks, and is the place to allow it",
            address=address,
        )


class StatusUnknown(PreflightRefusal):
    """It shows a status by now that nobody knows, and is not released or wiped unasked."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base's
        shown = f"status {self.status!r}" if self.status else "no status"
        return error(
            "unknown-status",
            f"it shows {shown}, which the API does not describe; nothing was done to it",
            hint="look at it in the console, then plan again: a plan is the place to allow it",
            address=address,
        )


class SuccessorNotReady(PreflightRefusal):
    """What was to take its place is not there as it is wanted: the old server is kept."""

    def __init__(self, successor: Address, why: str) -> None:
        super().__init__(str(successor))
        self.successor = successor
        self.why = why

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base's
        successor = self.successor
        return error(
            "deposed-kept",
            f"it is kept, because {successor}, which was to take its place, {self.why}; nothing was released",
            hint=f"see to {successor}, then plan again; `apply --replace {successor.shell_quoted}` buys another, and releases this one when that runs",
            address=address,
        )


class NotAvailable(PreflightRefusal):
    """What was to be bought in a server's place, or put on its disk, cannot be had by now."""

    def __init__(self, offer: Offer, *, wipes: bool) -> None:
        super().__init__(offer.why)
        self.offer = offer
        self.wipes = wipes

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base's
        offer = self.offer
        kept = (
            "nothing was stopped or wiped"
            if self.wipes
            else "so that none could be bought in its place; nothing was released"
        )
        return error(
            unavailable_code(offer),
            f"{offer.why}; {kept}",
            hint=f"{unavailable_hint(offer)}; then plan again",
            address=address,
        )


class ShowsAgain(PreflightRefusal):
    """What was gone when the plan was made, and is to be forgotten, is there."""

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:
        return error(
            "shows-again",
            f"it was gone when the plan was made and is listed now{ids}; nothing was forgotten",
            hint="plan again",
            address=address,
        )


class GoneMeanwhile(PreflightRefusal):
    """What is to be taken over was there when the plan was made, and is not any more."""

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:
        return error(
            "gone-meanwhile",
            f"it was there when the plan was made and is gone, or going, now{ids}; nothing was recorded",
            hint="take it out of imports, then plan again",
            address=address,
        )


class OrderShared(PreflightRefusal):
    """Ending the order would release others that the plan does not name."""

    def __init__(self, others: Sequence[str]) -> None:
        super().__init__(", ".join(others))
        self.others = others

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base's
        return error(
            "order-shared",
            f"releasing it would end its order, and with it {self}; nothing was released",
            hint="release or replace all that the order has bought, or keep this one; what a new plan does not name either is looked up in the "
            "console, under its order",
            address=address,
        )


class OrderUnseen(PreflightRefusal):
    """Ending an order that nobody names might release others that the plan does not name."""

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:
        return error(
            "order-unseen",
            f"neither its row nor billing names the order that it was bought by{ids}; nothing was released",
            detail="unsubscribing it ends that order, and with it whatever else the order has bought",
            hint="look in the console what its order has bought; where all of that may go, for this one run: --allow order-unseen",
            address=address,
        )


class TermKept(PreflightRefusal):
    """Releasing it would give up a paid term, and nobody has allowed that."""

    def __init__(self, *, replaced: bool) -> None:
        super().__init__("a paid term would be given up")
        self.replaced = replaced

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:
        nothing, way = ("nothing was released", "for this one run: --allow prepaid-delete")
        if self.replaced:
            nothing, way = ("nothing was released or bought", f"name the address: --replace {address.shell_quoted}")
        return error(
            "prepaid-replace" if self.replaced else "prepaid-delete",
            f"it is prepaid, and nobody has allowed that its term is given up{ids}; {nothing}",
            hint=f"keep it, or {way}; a new plan says until when it is paid, where billing tells",
            address=address,
        )
