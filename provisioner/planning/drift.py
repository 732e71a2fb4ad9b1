"""Warns about what the cloud shows besides the changes: servers that vanished, failed or have a bad status, and doubts.

A finding informs; none of them turns into an action by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from provisioner.model.action import Action, Reason
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.list_gap import ListGap
from provisioner.model.plan import Mode
from provisioner.model.resource import Live, Phase, Recorded
from provisioner.model.state import State
from provisioner.model.time_text import format_time
from provisioner.planning import unseen_release
from provisioner.planning.doubts import doubt_warnings
from provisioner.planning.ended_terms import REMEDY
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.unknown_status import unknown_status_warnings


def findings(changes: Iterable[Change], inputs: PlanInput, catalogue: Catalogue, mode: Mode) -> Iterator[Diagnostic]:
    if inputs.state is not None:
        yield from (
            _in_flight_warnings(inputs.state)
            if inputs.at_work
            else doubt_warnings(inputs.state, inputs, catalogue, mode)
        )
    yield from list_gap_warnings(inputs.gaps, catalogue)
    wanted = {desired.address for desired in inputs.desired}
    for change in changes:
        yield from _drift_warnings(
            change, inputs.live, catalogue, is_wanted=change.address in wanted, at=inputs.server_time
        )
        yield from _expired_warnings(change, inputs)


def list_gap_warnings(gaps: Iterable[ListGap], catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Yields a warning for each gap of a list that people have to know about. Every command that reads the cloud shows
    them.
    """
    for gap in gaps:
        noun = catalogue.noun(gap.kind)
        if gap.is_reported and gap.only_others:
            yield warning(
                "own-list",
                f"only one's own {noun}s are listed: {gap}",
                detail=f"recorded {noun}s are read by their ids; a {noun} of another user that has a wanted name is not noticed",
                hint=f"use credentials that list all {noun}s of the account (docs/credentials.md, `modelarts:devserver:list`)",
            )
        elif gap.is_reported:
            yield warning(
                "list-incomplete",
                f"the list of {noun}s is incomplete: {gap}",
                detail="what the list shows is used; what it does not show counts as unknown",
                hint=f"run the command again. If the warning stays, the cloud may show these credentials only their own user's {noun}s: use credentials that list all, or ask for that permission (docs/credentials.md, `modelarts:devserver:list`); otherwise report it to the vendor's support. Purchases that may be affected need --allow list-incomplete",
            )


def _in_flight_warnings(state: State) -> Iterator[Diagnostic]:
    for intent in state.in_doubt:
        yield warning(
            "in-flight",
            f"{intent.address_list}: another run is sending a {intent.effect} call for this address right now",
            address=intent.address,
        )


def _drift_warnings(
    change: Change, live: Mapping[str, Live], catalogue: Catalogue, *, is_wanted: bool, at: int | None
) -> Iterator[Diagnostic]:
    recorded = change.recorded
    if recorded is None:
        return
    row = live.get(recorded.id) if recorded.id else None
    if row is not None:
        yield from unknown_status_warnings(change.address, row.status, catalogue[recorded.kind])
    if change.reason is Reason.VANISHED:
        yield warning(
            "vanished",
            f"{change.address}: the cloud no longer knows {catalogue[recorded.kind].noun} {recorded.id}",
            detail=_likely_cause(recorded, at, catalogue[recorded.kind]),
            hint=_vanished_hint(change, is_wanted=is_wanted),
            address=change.address,
        )
    elif row is not None and is_wanted and unseen_release.is_reported(change, row, catalogue[recorded.kind]):
        yield unseen_release.unseen_release_warning(change, recorded, row, catalogue[recorded.kind])
    elif recorded.phase is Phase.FAILED and change.action in {Action.NO_OP, Action.RECORD}:
        yield warning(
            "failed",
            f"{change.address}: the purchase failed ({_describe(recorded, catalogue[recorded.kind])}) and is not repeated automatically",
            hint=f"`provisioner apply --replace {change.address.shell_quoted}` releases it and buys a new one; removing it from the specs releases it",
            address=change.address,
        )
    elif (
        row is not None and recorded.phase is Phase.READY and row.status in catalogue[recorded.kind].statuses.unhealthy
    ):
        yield warning(
            "adverse-status",
            f"{change.address}: the cloud reports status {row.status}",
            hint=_adverse_status_hint(change, row, catalogue[recorded.kind], is_wanted=is_wanted),
            address=change.address,
        )


def _expired_warnings(change: Change, inputs: PlanInput) -> Iterator[Diagnostic]:
    """Warns about an ended term, as the last apply recorded it. A server that was renewed since needs an apply that
    records it.
    """
    term = change.recorded.term if change.recorded else None
    if term is None or term.expires_at is None or inputs.server_time is None or change.reason is Reason.VANISHED:
        return
    if term.expires_at <= inputs.server_time and not term.renews:
        yield warning(
            "expired",
            f"{change.address}: its paid term ended {format_time(term.expires_at)}, as far as is recorded",
            hint=f"{REMEDY}; `provisioner expiring` asks billing",
            address=change.address,
        )


def _likely_cause(recorded: Recorded, at: int | None, kind: Kind) -> str:
    end = recorded.term.expires_at if recorded.term else None
    if end is None or at is None or end > at:
        return ""
    return f"its paid term ended {format_time(end)}, as far as is recorded: the cloud releases a {kind.noun} some weeks after that"


def _vanished_hint(change: Change, *, is_wanted: bool) -> str:
    """Says what becomes of the record of a server that is gone."""
    if change.action is Action.FORGET:
        return "the plan would drop its record, which needs --allow vanished"
    if not is_wanted:
        return "it is not in the specs: the next apply forgets it"
    return f"it is not bought again automatically; `provisioner apply --replace {change.address.shell_quoted}` buys a new one"


def _adverse_status_hint(change: Change, row: Live, kind: Kind, *, is_wanted: bool) -> str:
    """Returns the hint for a server in a bad status. A system that could not be installed is installed again only when
    a person names the address.
    """
    look = "look at it in the console"
    if is_wanted and row.status in kind.reinstall.failed and change.action not in {Action.REINSTALL, Action.DELETE}:
        return f"{look}; `provisioner apply --reinstall {change.address.shell_quoted}` installs its system once more, which wipes its system disk"
    if not is_wanted or change.action is Action.DELETE or row.status in kind.statuses.releasing:
        return look
    return f"{look}; if it cannot be repaired, `provisioner apply --replace {change.address.shell_quoted}` releases it and buys a new one"


def _describe(recorded: Recorded, kind: Kind) -> str:
    return f"{kind.noun} {recorded.id}" if recorded.id else f"order {recorded.order_id}"
