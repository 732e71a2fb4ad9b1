"""What the survey shows beside the changes: servers that vanished, failed, or stand in a bad status, and doubts.

Findings inform; none of them turns into an action by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from provisioner.model.change import Action, Change, Reason
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.doubt import moment, next_step, untracked
from provisioner.model.flow import Effect
from provisioner.model.gap import Gap
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.resource import Live, Phase, Recorded
from provisioner.model.state import Intent, State
from provisioner.planning.ended_terms import WAY_OUT
from provisioner.planning.settled_records import known_of
from provisioner.planning.survey import Survey
from provisioner.planning.unknown_status import unknown_status_told


def findings(changes: Iterable[Change], survey: Survey, catalogue: Catalogue) -> Iterator[Diagnostic]:
    if survey.state is not None:
        yield from _in_flight(survey.state) if survey.at_work else _doubts(survey.state, survey, catalogue)
    yield from gaps_told(survey.gaps)
    wanted = {desired.address for desired in survey.desired}
    for change in changes:
        yield from _drift(change, survey.live, catalogue, is_wanted=change.address in wanted, at=survey.at)
        yield from _expired(change, survey)


def gaps_told(gaps: Iterable[Gap]) -> Iterator[Diagnostic]:
    """For every verb that looks at the cloud."""
    for gap in gaps:
        if gap.is_told and gap.of_others:
            yield warning(
                "own-list",
                f"only one's own servers are listed: {gap}",
                detail="what is recorded is asked for by its id; a server of another user that bears a wanted name is not noticed",
                hint="use keys that may list all servers of the account (docs/credentials.md, `modelarts:devserver:list`)",
            )
        elif gap.is_told:
            yield warning(
                "list-incomplete",
                f"the list of servers is incomplete: {gap}",
                detail="what it shows is used; nothing is concluded from what it does not show",
                hint="run the command again; if it stays, report it to the vendor's support. Purchases that it may concern need "
                "--allow list-incomplete",
            )


def _in_flight(state: State) -> Iterator[Diagnostic]:
    for intent in state.in_doubt:
        yield warning(
            "in-flight",
            f"{intent.whose}: another run is sending a {intent.effect} call for it right now",
            address=intent.address,
        )


def _doubts(state: State, survey: Survey, catalogue: Catalogue) -> Iterator[Diagnostic]:
    free = untracked(survey.live.values(), state.resources.values())
    for intent in state.in_doubt:
        if intent.effect is Effect.PURCHASE:
            yield _purchase(intent, free, survey, catalogue[intent.kind])
        else:
            yield warning(
                "unsettled",
                f"{intent.address}: the outcome of a {intent.effect.noun} of {intent.name!r}, sent "
                f"{moment(intent.sent_at)}, is not known",
                detail=known_of(intent, survey.live.get(intent.target_id or ""), catalogue[intent.kind]),
                hint="run apply: it looks at what became of it before it does anything else",
                address=intent.address,
            )


def _purchase(intent: Intent, free: list[Live], survey: Survey, kind: Kind) -> Diagnostic:
    fitting = kind.match(intent, free)
    hint = next_step(intent, kind, survey.policy)
    if intent.members:
        return _purchase_of_several(intent, fitting, survey, hint)
    alike = () if fitting else kind.resembles(intent, free)
    hidden = "another user sent it, and nobody else's servers are listed" if _is_blind(intent, survey) else ""
    if len(fitting) > 1:
        hint = f"choose: `provisioner resolve {intent.address.typed} --adopt ID`, with one of these, or `--absent`"
    elif alike:
        hint = (
            f"one that was bought so may have been renamed: give it the name {intent.name!r} again in the console, and apply adopts it; "
            f"where it is none of them, `provisioner resolve {intent.address.typed} --absent`"
        )
    elif hidden:
        hint = f"have that user run apply, or use keys that may list all servers; when you know better, {hint.partition('know better, ')[2]}"
    return warning(
        "in-doubt",
        f"{intent.address}: the outcome of a purchase of {intent.name!r}, sent {moment(intent.sent_at)}, is not known",
        detail="; ".join(
            filter(None, (_servers(intent, fitting, free), _alike(alike), hidden, _orders(intent, survey)))
        ),
        hint=hint,
        address=intent.address,
    )


def _is_blind(intent: Intent, survey: Survey) -> bool:
    return any(gap.of_others and gap.blinds(intent, survey.reader) for gap in survey.gaps)


def _alike(rows: Iterable[Live]) -> str:
    named = ", ".join(sorted(f"{row.id} ({row.name})" for row in rows))
    return f"made since, and as it was asked for but for the name: {named}" if named else ""


def _purchase_of_several(intent: Intent, fitting: Iterable[Live], survey: Survey, hint: str) -> Diagnostic:
    listed: defaultdict[str, list[str]] = defaultdict(list)
    for row in fitting:
        listed[row.order_id or ""].append(row.id)
    orders = "; ".join(f"{order} ({', '.join(sorted(ids))})" for order, ids in sorted(listed.items()))
    found = f"listed and fitting the request, by order: {orders}" if orders else "no server that fits it is listed"
    return warning(
        "in-doubt",
        f"{intent.whose}: the outcome of one purchase of {len(intent.members)} servers as {intent.name!r}, sent "
        f"{moment(intent.sent_at)}, is not known",
        detail="; ".join(filter(None, (found, _orders(intent, survey)))),
        hint=hint,
        address=intent.address,
    )


def _servers(intent: Intent, fitting: Iterable[Live], free: list[Live]) -> str:
    """What the complete list says about a purchase in doubt."""
    if found := ", ".join(row.id for row in fitting):
        return f"listed and fitting the request: {found}"
    if namesakes := ", ".join(row.id for row in free if row.name == intent.name):
        return f"listed under that name, and not what was asked for: {namesakes}"
    return "no server of that name is listed, and the request may still be carried out"


def _orders(intent: Intent, survey: Survey) -> str:
    """Orders without a name, of which nobody can tell whose they are."""
    traces = survey.traces.get(intent.id, ())
    if traces is None:
        return "billing does not say what was ordered since"
    placed = [f"{trace.order_id}{' (unpaid)' if trace.is_unpaid else ''}" for trace in traces]
    return f"orders placed since, which may be it: {', '.join(placed)}" if placed else ""


def _drift(
    change: Change, live: Mapping[str, Live], catalogue: Catalogue, *, is_wanted: bool, at: int | None
) -> Iterator[Diagnostic]:
    recorded = change.recorded
    if recorded is None:
        return
    row = live.get(recorded.id) if recorded.id else None
    if row is not None:
        yield from unknown_status_told(change.address, row.status, catalogue[recorded.kind])
    if change.reason is Reason.VANISHED:
        yield warning(
            "vanished",
            f"{change.address}: the cloud no longer knows server {recorded.id}",
            detail=_why_gone(recorded, at),
            hint=_fate(change, is_wanted=is_wanted),
            address=change.address,
        )
    elif recorded.phase is Phase.FAILED and change.action in {Action.NO_OP, Action.RECORD}:
        yield warning(
            "failed",
            f"{change.address}: the purchase failed ({_what(recorded.id, recorded.order_id)}) and is not repeated by itself",
            hint=f"`apply --replace {change.address.typed}` releases it and buys a new one; removing it from the specs releases it",
            address=change.address,
        )
    elif row is not None and recorded.phase is Phase.READY and row.status in _unwell(catalogue[recorded.kind]):
        yield warning(
            "adverse-status",
            f"{change.address}: the cloud reports status {row.status}",
            hint=_way_on(change, row, catalogue[recorded.kind], is_wanted=is_wanted),
            address=change.address,
        )


def _expired(change: Change, survey: Survey) -> Iterator[Diagnostic]:
    """As apply last heard of it: whoever has renewed it since has something to record."""
    term = change.recorded.term if change.recorded else None
    if term is None or term.expires_at is None or survey.at is None or change.reason is Reason.VANISHED:
        return
    if term.expires_at <= survey.at and not term.renews:
        yield warning(
            "expired",
            f"{change.address}: what was paid for it ended {moment(term.expires_at)}, as far as is recorded",
            hint=f"{WAY_OUT}; `provisioner expiring` asks billing",
            address=change.address,
        )


def _why_gone(recorded: Recorded, at: int | None) -> str:
    end = recorded.term.expires_at if recorded.term else None
    if end is None or at is None or end > at:
        return ""
    return f"what was paid for it ended {moment(end)}, as far as is recorded: the cloud releases a server some weeks after that"


def _fate(change: Change, *, is_wanted: bool) -> str:
    """Of what is gone."""
    if change.action is Action.FORGET:
        return "its record is to be dropped, which has to be allowed"
    if not is_wanted:
        return "it is not in the specs: the next apply forgets it"
    return f"it is not bought again by itself; `apply --replace {change.address.typed}` buys a new one"


def _way_on(change: Change, row: Live, kind: Kind, *, is_wanted: bool) -> str:
    """Of what is not well. A system that could not be put on is put on once more when a person says so, and never by itself."""
    look = "look at it in the console"
    if is_wanted and row.status in kind.uninstalled and change.action is not Action.REINSTALL:
        return f"{look}; `apply --reinstall {change.address.typed}` puts its system on it once more, and wipes its system disk"
    if not is_wanted or row.status in kind.releasing:
        return look
    return f"{look}; if it cannot be mended, `apply --replace {change.address.typed}` releases it and buys a new one"


def _unwell(kind: Kind) -> frozenset[str]:
    """A server that somebody else is releasing is not well either."""
    return kind.adverse | kind.releasing


def _what(identifier: str | None, order_id: str | None) -> str:
    return f"server {identifier}" if identifier else f"order {order_id}"
