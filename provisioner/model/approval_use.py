"""Replays what runs have used of approvals. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provisioner.model.address import Address
from provisioner.model.approval import Approval, ApprovalUse
from provisioner.model.flow import Effect

if TYPE_CHECKING:
    from provisioner.model.journal import Approved
    from provisioner.model.state import Intent


@dataclass(slots=True)
class _Open:
    """One approval during a replay. Its sets are ordered, so that thousands of answers take linear time."""

    use: ApprovalUse
    bought: dict[Address, None] = field(default_factory=dict)
    wiped: dict[Address, None] = field(default_factory=dict)
    released: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, use: ApprovalUse) -> _Open:
        return cls(use, dict.fromkeys(use.bought), dict.fromkeys(use.wiped), dict.fromkeys(use.released))

    @property
    def result(self) -> ApprovalUse:
        return replace(self.use, bought=tuple(self.bought), wiped=tuple(self.wiped), released=tuple(self.released))


class ApprovalUses:
    """The approvals of a state while entries are replayed onto it."""

    def __init__(self, approvals: Mapping[str, ApprovalUse]) -> None:
        self._open = {text: _Open.of(use) for text, use in approvals.items()}

    @property
    def result(self) -> Mapping[str, ApprovalUse]:
        return {text: one.result for text, one in self._open.items()}

    def begin(self, entry: Approved) -> None:
        """Adds an approval, and drops those that had expired when it was made: they are refused by their age.

        Records may be replayed onto a state that has them already, as a verification does, and then lead to the same.
        """
        made = Approval.parse(entry.approval).created
        for text in [text for text in self._open if text != entry.approval and Approval.parse(text).expires < made]:
            del self._open[text]
        self._open.setdefault(entry.approval, _Open(ApprovalUse(entry.approval, entry.changes, entry.scope)))

    def put_in_doubt(self, intent: Intent) -> None:
        """Takes back that the address was bought: a purchase that was sent again, or is in doubt again, has bought
        nothing yet.
        """
        one = self._open.get(intent.approval)
        if one is not None and intent.effect is Effect.PURCHASE:
            for address in intent.addresses:
                one.bought.pop(address, None)

    def use_up(self, intent: Intent | None) -> None:
        """Notes that a call of an approved run has an outcome, so that it is not sent again for this approval."""
        one = None if intent is None else self._open.get(intent.approval)
        if intent is None or one is None:
            return
        match intent.effect:
            case Effect.PURCHASE:
                one.bought |= dict.fromkeys(intent.addresses)
            case Effect.WIPE:
                one.wiped[intent.address] = None
            case Effect.DESTRUCTIVE if intent.target_id is not None:
                one.released[intent.target_id] = None
            case _:
                pass
