"""The reasons for which a check refuses a call right before it is sent, each with its sentence and its next step."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.list_gap import ListGap
from provisioner.model.release_facts import Offer, unavailable_code, unavailable_hint
from provisioner.model.resource import Live


class PreflightRefusal(Exception):  # noqa: N818 - a decision, not a malfunction
    """A check refused the call right before it was sent. Nothing was sent for the address."""

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:
        """Returns what a person is shown. `ids` are those of the address's server, as people read them."""
        raise NotImplementedError


class NameTaken(PreflightRefusal):
    """A server that is not ours has the wanted name: `holder`."""

    def __init__(self, name: str, holder: Live, noun: str) -> None:
        super().__init__(holder.id)
        self.name = name
        self.noun = noun
        self.holder = holder

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base class's signature
        return error(
            "name-taken",
            f"a {self.noun} named {self.name!r} exists and is not recorded here ({self.holder.id}); nothing was bought",
            hint=f"choose another name in the specs, or have that {self.noun} renamed or released",
            address=address,
        )


class NameMayBeTaken(PreflightRefusal):
    """A server with the wanted name may exist, because the list has a gap that may hide one."""

    def __init__(self, name: str, gap: ListGap, noun: str) -> None:
        super().__init__(name)
        self.name = name
        self.noun = noun
        self.gap = gap

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base class's signature
        return error(
            "list-incomplete",
            f"a {self.noun} named {self.name!r} may exist already, because the list of {self.noun}s is incomplete; nothing was bought",
            detail=str(self.gap),
            hint="plan again; a plan shows what the list lacks, and can be allowed",
            address=address,
        )


class StatusUnknown(PreflightRefusal):
    """The server shows a status that the API does not describe. It is not released or wiped without a person's
    permission.
    """

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base class's signature
        shown = f"status {self.status!r}" if self.status else "no status"
        return error(
            "unknown-status",
            f"it shows {shown}, which the API does not describe; nothing was done to it",
            hint="look at it in the console, then plan again; a plan can be allowed",
            address=address,
        )


class SuccessorNotReady(PreflightRefusal):
    """The server's successor is not there as it is wanted, so the old server is kept. `why` completes a sentence about
    the successor.
    """

    def __init__(self, successor: Address, why: str) -> None:
        super().__init__(str(successor))
        self.successor = successor
        self.why = why

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base class's signature
        successor = self.successor
        return error(
            "deposed-kept",
            f"it is kept, because its replacement {successor} {self.why}; nothing was released",
            hint=f"decide what to do about {successor}, then plan again; `provisioner apply --replace {successor.shell_quoted}` buys another one, and releases this one once that runs",
            address=address,
        )


class NotAvailable(PreflightRefusal):
    """What was to be bought in the server's place, or installed on it (`wipes`), cannot be had any more."""

    def __init__(self, offer: Offer, *, wipes: bool) -> None:
        super().__init__(offer.why)
        self.offer = offer
        self.wipes = wipes

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base class's signature
        offer = self.offer
        kept = (
            "nothing was stopped or wiped" if self.wipes else "so no replacement could be bought; nothing was released"
        )
        return error(
            unavailable_code(offer),
            f"{offer.why}; {kept}",
            hint=f"{unavailable_hint(offer)}; then plan again",
            address=address,
        )


class ShowsAgain(PreflightRefusal):
    """A server that was gone when the plan was made, and that was to be forgotten, is listed again."""

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:
        return error(
            "shows-again",
            f"it was gone when the plan was made and is listed now{ids}; nothing was forgotten",
            hint="plan again",
            address=address,
        )


class GoneMeanwhile(PreflightRefusal):
    """A server that was to be imported has gone since the plan was made."""

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:
        return error(
            "gone-meanwhile",
            f"it existed when the plan was made and is gone, or being released, now{ids}; nothing was recorded",
            hint="remove it from imports, then plan again",
            address=address,
        )


class OrderShared(PreflightRefusal):
    """Ending the order would release other servers that the plan keeps: `kept_ids`."""

    def __init__(self, kept_ids: Sequence[str]) -> None:
        super().__init__(", ".join(kept_ids))
        self.kept_ids = kept_ids

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:  # noqa: ARG002 - the base class's signature
        return error(
            "order-shared",
            f"releasing it would end its order, which also has {self}; nothing was released",
            hint="release or replace everything that the order bought, or keep this one; look up in the console, under the order, what a new plan does not name",
            address=address,
        )


class OrderUnseen(PreflightRefusal):
    """The server's order is not known. Ending it might release other servers that the plan keeps."""

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:
        return error(
            "order-unseen",
            f"neither the list of servers nor billing names its order{ids}; nothing was released",
            detail="unsubscribing it ends that order, which releases everything else that the order bought",
            hint="look in the console what its order bought; if all of that may be released: --allow order-unseen",
            address=address,
        )


class TermKept(PreflightRefusal):
    """Releasing the server would give up a paid term, and nobody has allowed that."""

    def __init__(self, *, replaced: bool) -> None:
        super().__init__("a paid term would be given up")
        self.replaced = replaced

    def diagnostic(self, address: Address, ids: str) -> Diagnostic:
        undone, remedy = ("nothing was released", "for this run: --allow prepaid-delete")
        if self.replaced:
            undone, remedy = ("nothing was released or bought", f"name the address: --replace {address.shell_quoted}")
        return error(
            "prepaid-replace" if self.replaced else "prepaid-delete",
            f"it is prepaid, and nobody has allowed to give up its term{ids}; {undone}",
            hint=f"keep it, or {remedy}; a new plan says until when it is paid, if billing knows",
            address=address,
        )
