"""Warns about calls whose outcome is unknown: what they may have become by all that the cloud shows, and what a person
can do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.doubt import (
    choose_hint,
    find_untracked,
    is_too_soon_locally,
    lost_release_hint,
    matches_another_purchase,
    next_step,
    quiet_until,
    resolve_hint,
    seconds_before_purchase,
    settle_hint,
)
from provisioner.model.flow import Effect
from provisioner.model.identity import TEMPORARY_KEY_PREFIX
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.plan import Mode
from provisioner.model.purchase_policy import PurchasePolicy, Trace
from provisioner.model.resource import Live
from provisioner.model.state import Intent, State
from provisioner.model.time_text import format_time
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.settled_records import describe_open_call, is_hidden

_CLOCKS_DISAGREE = (
    "by the cloud's clock the quiet period is over, and by this machine's clock it is not; the later end counts"
)
_SENDER_UNKNOWN = "nobody knows who sent it"
_SENDER_DIFFERS = "another user sent it"
_RERUN_AS_SENDER = "have that user run the command again"
_RERUN_OR_USE_OTHER_KEYS = "have that user run the command again, or use credentials that list all {noun}s"
_USE_OTHER_KEYS = "use credentials that list all {noun}s. "
_SET_USER_NAME = "With temporary keys, set PROVISIONER_USER to a name that stays the same for the same user; what that user sends from then on is recognised"
_PRESUMED_ABSENT = "it counted as never carried out before"


def doubt_warnings(state: State, inputs: PlanInput, catalogue: Catalogue, mode: Mode) -> Iterator[Diagnostic]:
    free = sorted(find_untracked(inputs.live.values(), state.resources.values()), key=lambda row: row.id)
    for intent in state.in_doubt:
        if intent.effect is Effect.PURCHASE:
            yield _purchase_warning(intent, free, inputs, catalogue, destroying=mode is Mode.DESTROY)
        else:
            yield _unsettled_call_warning(intent, inputs, catalogue[intent.kind], mode)


def doubt_over_warnings(
    intents: Iterable[Intent], evidence: Mapping[str, str], policy: PurchasePolicy
) -> Iterator[Diagnostic]:
    """Warns about purchases that the next apply settles as never carried out, because their time is over. `evidence` is
    what the list proves, by the id of the intent. A plan already counts on it: else it would not show what apply buys.
    """
    for intent in intents:
        yield warning(
            "doubt-over",
            f"{intent.address}: the purchase of {intent.name!r}, sent {format_time(intent.sent_at)}, was never carried out, as far as the cloud "
            "shows",
            detail=f"the quiet period is over since {format_time(quiet_until(intent, policy))}, and {evidence[intent.id]}. The next apply records that "
            "first, and may then buy for this address",
            hint=f"if you know better, settle it before you apply: `provisioner resolve {intent.address.shell_quoted} --adopt` takes the id of "
            "what it became",
            address=intent.address,
        )


def _unsettled_call_warning(intent: Intent, inputs: PlanInput, kind: Kind, mode: Mode) -> Diagnostic:
    is_unseen = is_hidden(intent, inputs)
    return warning(
        "unsettled",
        f"{intent.address}: the outcome of a {intent.effect.noun} of {intent.name!r}, sent "
        f"{format_time(intent.sent_at)}, is not known",
        detail=f"{kind.noun} {intent.target_id} is not listed, and {_describe_sender(intent, inputs, kind)}: this proves nothing"
        if is_unseen
        else describe_open_call(intent, inputs.live.get(intent.target_id or ""), kind),
        hint=f"{_sender_hint(intent, inputs, kind)}; {lost_release_hint(intent.address)}"
        if is_unseen
        else settle_hint(intent.effect, command="destroy" if mode is Mode.DESTROY else None),
        address=intent.address,
    )


def _purchase_warning(
    intent: Intent, free: list[Live], inputs: PlanInput, catalogue: Catalogue, *, destroying: bool
) -> Diagnostic:
    kind = catalogue[intent.kind]
    others = [row for row in kind.match(intent, free) if row.id in inputs.claims]
    unsure = [row for row in kind.match_similar(intent, free) if row.id in inputs.unsure_claims and row not in others]
    free = [row for row in free if row.id not in inputs.claims]
    fitting = kind.match(intent, free)
    hint = next_step(intent, kind, inputs.policy, at=inputs.server_time, destroying=destroying)
    if intent.members:
        return _group_purchase_warning(intent, fitting, inputs, kind, hint)
    lookalikes = () if fitting else _lookalikes(intent, free, inputs, catalogue)
    hidden = _describe_sender(intent, inputs, kind) if _may_hide_purchase(intent, inputs) else ""
    if len(fitting) > 1:
        hint = choose_hint(intent, [row.id for row in fitting])
    elif (
        fitting and not hidden and not any(gap.hides(intent.kind, {intent.name, *intent.names}) for gap in inputs.gaps)
    ):
        run = "run `provisioner destroy`: it finds and releases" if destroying else "run `provisioner apply`: it adopts"
        hint = f"{run} {fitting[0].id}, because nothing else fits. If that one is not yours, have it renamed first"
    elif lookalikes:
        taken = next((row.id for row in lookalikes if row.id == intent.answered_id), lookalikes[0].id)
        hint = (
            f"the purchased one may have been renamed, or be listed under another name than was sent: `provisioner resolve "
            f"{intent.address.shell_quoted} --adopt {taken} --allow other-name` takes it; if it is none of them, `provisioner resolve "
            f"{intent.address.shell_quoted} --absent`"
        )
    elif unsure:
        hint = (
            f"first repair the state that cannot be read; then apply can tell whose {unsure[0].id} is. If it does not belong to {intent.address}, "
            f"`provisioner resolve {intent.address.shell_quoted} --absent`"
        )
    elif hidden:
        hint = f"{_sender_hint(intent, inputs, kind)}; if you know better, {resolve_hint(intent, kind)}. --absent also needs --allow list-incomplete, because this list proves nothing"
    return warning(
        "in-doubt",
        f"{intent.address}: the outcome of a purchase of {intent.name!r}, sent {format_time(intent.sent_at)}, is not known",
        detail="; ".join(
            filter(
                None,
                (
                    _describe_servers(intent, fitting, free, kind),
                    _describe_lookalikes(lookalikes),
                    *(f"{row.id} fits it too, but {inputs.claims[row.id]}" for row in others),
                    *(
                        f"{row.id} ({row.name}) fits it except for the name, but {inputs.claims[row.id]}"
                        for row in unsure
                    ),
                    _CLOCKS_DISAGREE if _is_cloud_clock_ahead(intent, inputs) else "",
                    _PRESUMED_ABSENT if inputs.state and intent.id in inputs.state.absent else "",
                    hidden,
                    _describe_orders(intent, inputs),
                ),
            )
        ),
        hint=hint,
        address=intent.address,
    )


def _is_sender_unknown(intent: Intent) -> bool:
    return not intent.sender or intent.sender.startswith(TEMPORARY_KEY_PREFIX)


def _describe_sender(intent: Intent, inputs: PlanInput, kind: Kind) -> str:
    who = _SENDER_UNKNOWN if _is_sender_unknown(intent) else _SENDER_DIFFERS
    if _lists_other_users(inputs):
        return f"{who}, and {next((gap.finding for gap in inputs.gaps if gap.lacks_sender), '')}"
    return f"{who}, and the list has only this user's {kind.noun}s"


def _sender_hint(intent: Intent, inputs: PlanInput, kind: Kind) -> str:
    if _is_sender_unknown(intent):
        return ("" if _lists_other_users(inputs) else _USE_OTHER_KEYS.format(noun=kind.noun)) + _SET_USER_NAME
    return (_RERUN_AS_SENDER if _lists_other_users(inputs) else _RERUN_OR_USE_OTHER_KEYS).format(noun=kind.noun)


def _lookalikes(intent: Intent, free: list[Live], inputs: PlanInput, catalogue: Catalogue) -> tuple[Live, ...]:
    found = catalogue[intent.kind].match_similar(intent, free)
    return tuple(row for row in found if not matches_another_purchase(intent, row, inputs.state, catalogue))


def _is_cloud_clock_ahead(intent: Intent, inputs: PlanInput) -> bool:
    is_quiet = inputs.server_time is not None and inputs.server_time >= quiet_until(intent, inputs.policy)
    return is_quiet and is_too_soon_locally(intent, inputs.policy, inputs.local_time)


def _may_hide_purchase(intent: Intent, inputs: PlanInput) -> bool:
    return any(
        gap.only_others and gap.hides_from(inputs.reader, kind=intent.kind, sender=intent.sender) for gap in inputs.gaps
    )


def _lists_other_users(inputs: PlanInput) -> bool:
    return all(gap.lacks_sender for gap in inputs.gaps if gap.only_others)


def _describe_lookalikes(rows: Iterable[Live]) -> str:
    named = ", ".join(sorted(f"{row.id} ({row.name})" for row in rows))
    return (
        f"new since then, and as requested except for the name, or for the name and one more field: {named}"
        if named
        else ""
    )


def _group_purchase_warning(
    intent: Intent, fitting: Iterable[Live], inputs: PlanInput, kind: Kind, hint: str
) -> Diagnostic:
    listed: defaultdict[str, list[str]] = defaultdict(list)
    for row in fitting:
        listed[row.order_id or ""].append(row.id)
    orders = "; ".join(f"{order} ({', '.join(sorted(ids))})" for order, ids in sorted(listed.items()))
    found = (
        f"listed and fitting the request, by order: {orders}" if orders else f"no {kind.noun} that fits it is listed"
    )
    return warning(
        "in-doubt",
        f"{intent.address_list}: the outcome of one purchase of {len(intent.members)} {kind.noun}s as {intent.name!r}, sent "
        f"{format_time(intent.sent_at)}, is not known",
        detail="; ".join(filter(None, (found, _describe_orders(intent, inputs)))),
        hint=hint,
        address=intent.address,
    )


def _describe_servers(intent: Intent, fitting: Iterable[Live], free: list[Live], kind: Kind) -> str:
    """Describes what the complete list shows for a purchase in doubt."""
    if found := ", ".join(row.id for row in fitting):
        return f"listed and fitting the request: {found}"
    if namesakes := ", ".join(row.id for row in free if (row.kind, row.name) == (intent.kind, intent.name)):
        return f"listed under that name, but not what was requested: {namesakes}"
    return f"no {kind.noun} of that name is listed, and the request may still be carried out"


def _describe_orders(intent: Intent, inputs: PlanInput) -> str:
    """Lists the orders that may be this purchase. An order has no name, so nobody can tell whose it is."""
    traces = inputs.traces.get(intent.id, ())
    if traces is None:
        return "billing does not say what was ordered since"
    placed = [f"{trace.order_id}{_describe_trace(intent, trace)}" for trace in traces if not trace.mismatch]
    return f"orders placed since, which may be this purchase: {', '.join(placed)}" if placed else ""


def _describe_trace(intent: Intent, trace: Trace) -> str:
    before = seconds_before_purchase(intent, trace)
    marks = ["unpaid"] if trace.is_unpaid else []
    marks += [f"placed {before} s before it was sent"] if before else []
    return f" ({', '.join(marks)})" if marks else ""
