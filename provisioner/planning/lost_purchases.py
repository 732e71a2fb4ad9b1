"""Warns about servers that are ours, or look like it, and are in no state: what a lost purchase may have left.

Nothing here buys, adopts or releases a server. Each warning names the command with which a person settles it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.doubt import find_untracked
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.marker import shorten, strip_marker
from provisioner.model.resource import Live, Phase, Recorded
from provisioner.model.shared_orders import find_surplus
from provisioner.model.state import Intent, State
from provisioner.planning.late_purchases import (
    adopt_command,
    describe_late_purchase,
    describe_unmanaged,
    find_late_purchases,
    find_possible_purchases,
)
from provisioner.planning.plan_input import PlanInput


def unmanaged_server_warnings(inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Yields one warning for each such server. Servers that a purchase in doubt may have made are reported with that
    doubt.
    """
    state = inputs.state
    if state is None or inputs.at_work:
        return
    free = sorted(find_untracked(inputs.live.values(), state.resources.values()), key=lambda row: row.id)
    awaited = {row.id for doubt in state.purchases_in_doubt for row in catalogue[doubt.kind].match(doubt, free)}
    classifier = _Classifier(
        state,
        find_late_purchases(state, free, catalogue),
        find_possible_purchases(inputs, state, free, catalogue),
        {(recorded.kind, recorded.name): recorded for recorded in state.resources.values()},
        {
            (desired.kind, shorten(desired.name, longest=catalogue[desired.kind].longest_name)): desired.address
            for desired in inputs.desired
            if desired.address not in state.resources
        },
        catalogue,
    )
    found = [
        (row, _surplus_warning(row, state, catalogue[row.kind]))
        for row in find_surplus(state.resources.values(), inputs.live.values())
    ]
    found += [
        (row, finding) for row in free if row.id not in awaited and (finding := classifier.warning_for(row)) is not None
    ]
    for row, finding in found:
        claim = inputs.claims.get(row.id)
        yield finding if claim is None else _as_claimed(row, finding, claim, catalogue[row.kind])


@dataclass(frozen=True, slots=True)
class _Classifier:
    """Decides what the plan says about a server that no address holds. `late` and `possible` are purchases presumed
    absent, by the id of the server that they have made or may have made. `vacant` are the addresses to be bought, by
    kind and the name before the marker of such a purchase.
    """

    state: State
    late: Mapping[str, Intent]
    possible: Mapping[str, Intent]
    names: Mapping[tuple[str, str], Recorded]
    vacant: Mapping[tuple[str, str], Address]
    catalogue: Catalogue

    def warning_for(self, row: Live) -> Diagnostic | None:
        state, kind = self.state, self.catalogue[row.kind]
        if (address := state.released.get(row.id)) is not None:
            return _not_released_warning(row, address, kind, vacant=address not in state.resources)
        if (intent := self.late.get(row.id)) is not None:
            return _late_purchase_warning(row, intent, state, kind)
        if (base := strip_marker(row.name, lineage=state.lineage)) is not None:
            return _untracked_warning(row, self.vacant.get((row.kind, base)), kind)
        if (recorded := self.names.get((row.kind, row.name))) is not None:
            return (
                _namesake_warning(row, recorded, kind)
                if _was_shown(recorded)
                else _unconfirmed_id_warning(row, recorded, kind)
            )
        if (intent := self.possible.get(row.id)) is not None:
            return _possible_purchase_warning(row, intent, kind)
        return None


def _was_shown(recorded: Recorded) -> bool:
    return bool(recorded.observed) or recorded.id is None


def _as_claimed(row: Live, finding: Diagnostic, claim: str, kind: Kind) -> Diagnostic:
    """Rewrites the warning for a server that another state holds: it is not for this state to take or to release."""
    return replace(
        finding,
        summary=f"{kind.noun} {row.id} ({row.name}, {row.status}), which no address of this state holds, {claim}",
        detail=f"it has the name of {finding.address}" if finding.code == "namesake" else "",
        hint="leave it to that state. If both want the same name, change one of the two names",
    )


def _late_purchase_warning(row: Live, intent: Intent, state: State, kind: Kind) -> Diagnostic:
    taken = [address for address in intent.addresses if address in state.resources]
    too_many = f"if so, {row.id} is the one too many: release it in the console"
    command = too_many if taken else adopt_command(intent, row)
    rebought = ", ".join(
        f"{address} was {_acquired(state.resources[address])} again later, as {_identify(state.resources[address])}"
        for address in taken
    )
    return warning(
        "bought-twice" if taken else "untracked",
        describe_late_purchase(intent, row, kind),
        detail=rebought,
        hint=f"check whether it is yours{'; ' if taken else ': '}{command}",
        address=intent.address,
    )


def _possible_purchase_warning(row: Live, intent: Intent, kind: Kind) -> Diagnostic:
    return warning(
        "maybe-bought",
        f"{intent.address_list}: {kind.noun} {row.id} ({row.name}, {row.status}), created at that time, fits a purchase that counted as never carried out, except for the name",
        detail="this is reported for a day; if it belongs to somebody else, do nothing",
        hint=f"check whether it is yours: {adopt_command(intent, row, ' --allow other-name')} takes it over; or release it in the console",
        address=intent.address,
    )


def _acquired(recorded: Recorded) -> str:
    return "ordered" if recorded.phase in {Phase.ORDERING, Phase.AWAITING_PAYMENT} else "bought"


def _identify(recorded: Recorded) -> str:
    return recorded.id or f"order {recorded.order_id}"


def _surplus_warning(row: Live, state: State, kind: Kind) -> Diagnostic:
    sharing = ", ".join(str(key) for key, one in sorted(state.resources.items()) if one.order_id == row.order_id)
    return warning(
        "untracked",
        f"{kind.noun} {row.id} ({row.name}, {row.status}) belongs to order {row.order_id}, like {sharing}, and no address holds it",
        hint=f"look at the order in the console: unsubscribing a {kind.noun} ends the whole order",
    )


def _not_released_warning(row: Live, address: Address, kind: Kind, *, vacant: bool) -> Diagnostic:
    """Warns about a released server that is back: the release failed after the lists no longer showed the server."""
    take = f"take it back (`provisioner import {address.shell_quoted} {row.id}`) and destroy it, or " if vacant else ""
    return warning(
        "not-released",
        f"{kind.noun} {row.id} ({row.name}, {row.status}), which was released from {address} and was gone, is there again",
        detail="it costs money",
        hint=f"look at it in the console: {take}release it there",
        address=address,
    )


def _untracked_warning(row: Live, vacant: Address | None, kind: Kind) -> Diagnostic:
    take = (
        f"`provisioner import {vacant.shell_quoted} {row.id}` takes it over for {vacant}; otherwise"
        if vacant
        else "if nobody needs it,"
    )
    return warning(
        "untracked",
        describe_unmanaged(row, kind),
        hint=f"{take} release it in the console",
        address=vacant,
    )


def _namesake_warning(row: Live, recorded: Recorded, kind: Kind) -> Diagnostic:
    address = recorded.address
    return warning(
        "namesake",
        f"{kind.noun} {row.id} ({row.status}) has the name {row.name!r} of {address} and is in no state of this folder",
        hint=f"first find out whose it is: another clone or machine may hold it and need it. If nobody does, it was bought twice: release {row.id} "
        "in the console. Otherwise have one of the two renamed",
        address=address,
    )


def _unconfirmed_id_warning(row: Live, recorded: Recorded, kind: Kind) -> Diagnostic:
    """Warns about a namesake of a server that no row has ever shown. It may be the bought server, because the answer to
    a purchase need not name the server that it made.
    """
    address = recorded.address
    return warning(
        "namesake",
        f"{kind.noun} {row.id} ({row.status}) has the name {row.name!r} of {address}, and the cloud has never shown {recorded.id}, the id that its answer named",
        detail="it may be the one that was bought; then nothing was bought twice",
        hint=f"look in the console when it was created. If it is the one that was bought: `provisioner resolve {address.shell_quoted} --absent`, then "
        f"`provisioner import {address.shell_quoted} {row.id}`; otherwise have it renamed",
        address=address,
    )
