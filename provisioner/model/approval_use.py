"""What the journal makes of approvals: which a run has begun to carry out, and what of each is used up. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provisioner.model.approval import Approval, ApprovalUse
from provisioner.model.flow import Effect

if TYPE_CHECKING:
    from provisioner.model.journal import Approved
    from provisioner.model.state import Intent


def begin(approvals: dict[str, ApprovalUse], entry: Approved) -> None:
    """Adds an approval, and drops those that had expired when it was made: they are refused by their age."""
    if entry.approval in approvals:
        return
    made = Approval.parse(entry.approval).created
    for text in [text for text in approvals if Approval.parse(text).expires < made]:
        del approvals[text]
    approvals[entry.approval] = ApprovalUse(entry.approval, entry.changes, entry.scope)


def put_in_doubt(approvals: dict[str, ApprovalUse], intent: Intent) -> None:
    """A purchase that is sent, or in doubt again after its answer, has bought nothing yet."""
    use = approvals.get(intent.approval)
    if use is not None and intent.effect is Effect.PURCHASE:
        left = tuple(address for address in use.bought if address not in intent.addresses)
        approvals[use.approval] = replace(use, bought=left)


def use_up(approvals: dict[str, ApprovalUse], intent: Intent | None) -> None:
    """Notes that a call of an approved run has an outcome, so that the same is not sent once more for that approval."""
    use = None if intent is None else approvals.get(intent.approval)
    if intent is None or use is None:
        return
    match intent.effect:
        case Effect.PURCHASE:
            use = replace(use, bought=tuple(dict.fromkeys((*use.bought, *intent.addresses))))
        case Effect.WIPE:
            use = replace(use, wiped=tuple(dict.fromkeys((*use.wiped, intent.address))))
        case Effect.DESTRUCTIVE if intent.target_id is not None:
            use = replace(use, released=tuple(dict.fromkeys((*use.released, intent.target_id))))
        case _:
            return
    approvals[use.approval] = use
