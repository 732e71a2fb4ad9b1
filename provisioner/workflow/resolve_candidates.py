"""Finds the servers and orders that a purchase in doubt may have become, for `resolve --absent`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.applying import CloudSnapshot
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.doubt import find_untracked, matches_another_purchase, may_have_bought
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.resource import Live
from provisioner.model.state import Intent, State


@dataclass(frozen=True, slots=True)
class PurchaseCandidates:
    """The servers and orders that a purchase may have become, as the cloud shows them.

    While a `fitting` server is listed, nobody can settle the purchase as absent. Servers that are `alike`, by their
    name or by everything else, and orders that may be anybody's are left for the person to judge.
    """

    fitting: tuple[Live, ...] = ()
    alike: tuple[Live, ...] = ()
    orders: tuple[str, ...] = ()

    @classmethod
    def find(
        cls,
        intent: Intent,
        state: State | None,
        snapshot: CloudSnapshot,
        catalogue: Catalogue,
        holders: Mapping[str, str],
    ) -> PurchaseCandidates:
        """Finds the candidates, without what another state holds (`holders`) or another purchase in doubt explains."""
        kind = catalogue[intent.kind]
        records = state.resources.values() if state else ()
        free = [
            row
            for row in find_untracked(snapshot.live.values(), records)
            if holders.keys().isdisjoint({row.id, row.order_id} - {None})
        ]
        fitting = kind.match(intent, free)
        alike = {
            row.id: row
            for row in kind.match_similar(intent, free)
            if not matches_another_purchase(intent, row, state, catalogue)
        }
        alike |= {row.id: row for row in free if may_have_bought(intent, row, kind)}
        remaining = tuple(row for row in alike.values() if row not in fitting)
        return cls(
            fitting,
            remaining,
            tuple(trace.order_id for trace in snapshot.traces.get(intent.id) or () if not trace.mismatch),
        )

    def refuse_listed(self, intent: Intent, kind: Kind) -> None:
        """Raises UsageError `server-listed` when a fitting server is listed: buying again would pay for both."""
        if not self.fitting:
            return
        row, address = self.fitting[0], intent.address.shell_quoted
        ids = ", ".join(one.id for one in self.fitting)
        adopt = f"`provisioner resolve {address} --adopt {row.order_id if intent.members else row.id}`"
        raise UsageError(
            error(
                "server-listed",
                f"{intent.address_list}: a {kind.noun} is listed that fits the request and did not exist before it: {ids}",
                detail="buying another one would pay for both; nothing was changed",
                hint=f"{adopt} continues with it. If it is not yours, have it renamed or released in the console, then use --absent again; or record it and forget it: the same --adopt, then `provisioner state rm {address}`",
                address=intent.address,
            )
        )
