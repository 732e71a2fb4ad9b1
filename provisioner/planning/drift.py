"""What the survey shows beside the changes: servers that vanished, failed, or stand in a bad status, and doubts.

Findings inform; none of them turns into an action by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from provisioner.model.change import Action, Change, Reason
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.flow import Effect
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.resource import Live, Phase
from provisioner.model.state import Intent, State
from provisioner.planning.survey import Survey


def findings(changes: Iterable[Change], survey: Survey, catalogue: Catalogue) -> Iterator[Diagnostic]:
    if survey.state is not None:
        yield from _in_flight(survey.state) if survey.at_work else _doubts(survey.state, survey.live, catalogue)
    for change in changes:
        yield from _drift(change, survey.live, catalogue)


def _in_flight(state: State) -> Iterator[Diagnostic]:
    for intent in state.in_doubt:
        yield warning(
            "in-flight",
            f"{intent.address}: another run is sending a {intent.effect} call for it right now",
            address=intent.address,
        )


def _doubts(state: State, live: Mapping[str, Live], catalogue: Catalogue) -> Iterator[Diagnostic]:
    tracked = {recorded.id for recorded in state.resources.values()}
    untracked = [row for row in live.values() if row.id not in tracked]
    for intent in state.in_doubt:
        asked = "purchase" if intent.effect is Effect.PURCHASE else "release"
        yield warning(
            "in-doubt",
            f"{intent.address}: the outcome of a {asked} of {intent.name!r}, sent {_moment(intent.sent_at)}, is not known",
            detail=_evidence(intent, untracked, catalogue) if intent.effect is Effect.PURCHASE else "",
            hint=f"apply adopts it once exactly one server fits, and buys nothing here until then; when you know better, "
            f"`provisioner resolve '{intent.address}' --adopt ID` or `--absent`",
            address=intent.address,
        )


def _evidence(intent: Intent, untracked: list[Live], catalogue: Catalogue) -> str:
    """What the complete list says about a purchase in doubt."""
    fitting = catalogue[intent.kind].match(intent, untracked)
    namesakes = [row for row in untracked if row.name == intent.name]
    if fitting:
        return f"listed and fitting the request: {', '.join(row.id for row in fitting)}"
    if namesakes:
        return f"listed under that name, and not what was asked for: {', '.join(row.id for row in namesakes)}"
    return "no server of that name is listed, and the request may still be carried out"


def _moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _drift(change: Change, live: Mapping[str, Live], catalogue: Catalogue) -> Iterator[Diagnostic]:
    recorded = change.recorded
    if recorded is None:
        return
    row = live.get(recorded.id) if recorded.id else None
    if change.reason is Reason.VANISHED:
        yield warning(
            "vanished",
            f"{change.address}: the cloud no longer knows server {recorded.id}",
            hint="it is forgotten"
            if change.action is Action.FORGET
            else f"it is not bought again by itself; `apply --replace '{change.address}'` buys a new one",
            address=change.address,
        )
    elif recorded.phase is Phase.FAILED and change.action is Action.NO_OP:
        yield warning(
            "failed",
            f"{change.address}: the purchase failed ({_what(recorded.id, recorded.order_id)}) and is not repeated by itself",
            hint=f"`apply --replace '{change.address}'` releases it and buys a new one; removing it from the specs releases it",
            address=change.address,
        )
    elif row is not None and recorded.phase is Phase.READY and row.status in _unwell(catalogue[recorded.kind]):
        yield warning(
            "adverse-status",
            f"{change.address}: the cloud reports status {row.status}",
            hint="look at it in the console",
            address=change.address,
        )


def _unwell(kind: Kind) -> frozenset[str]:
    """A server that somebody else is releasing is not well either."""
    return kind.adverse | kind.releasing


def _what(identifier: str | None, order_id: str | None) -> str:
    return f"server {identifier}" if identifier else f"order {order_id}"
