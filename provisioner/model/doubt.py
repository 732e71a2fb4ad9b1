"""The rules for a purchase in doubt, and the hints about it: shared by plan, apply, show and resolve.

The kind decides which live servers fit a purchase, and the policy how long a missing server proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioner.model.address import Address
from provisioner.model.flow import Effect
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.purchase_policy import Absence, PurchasePolicy, Trace
from provisioner.model.resource import Live, Recorded
from provisioner.model.state import Intent, State
from provisioner.model.time_text import format_time

_WHOLE_SECOND = 1_000
"""Milliseconds. A Date header has whole seconds, so two of them may be this much closer than they seem."""


def proves_absence(
    intent: Intent,
    kind: Kind,
    policy: PurchasePolicy,
    now: int | None,
    traces: tuple[Trace, ...] | None,
    *,
    local_time: int | None = None,
) -> bool:
    """Returns whether a complete list without the server, read at `now`, proves that it was never bought.

    `now` is in milliseconds of the cloud's time; if it is None, a missing server proves nothing. `traces` are the
    orders that no record explains, or None if billing does not report them. `local_time` is this machine's time at
    `now`, or None if its clock is not to be used.
    """
    is_over = now is not None and now >= quiet_until(intent, policy)
    is_quiet = is_over and not is_too_soon_locally(intent, policy, local_time)
    match kind.absence(intent):
        case Absence.AFTER_QUIET_PERIOD:
            return is_quiet
        case Absence.AFTER_QUIET_PERIOD_WITHOUT_ORDER:
            return is_quiet and traces is not None and all(trace.mismatch for trace in traces)
        case Absence.BY_A_PERSON:
            return False


def quiet_until(intent: Intent, policy: PurchasePolicy) -> int:
    """Returns when the quiet period of a purchase ends, in milliseconds of the cloud's time. It begins when the purchase
    was sent at the latest: a run that noted its outcome as unknown had sent it by then.
    """
    sent_at = intent.unknown_since or intent.server_time + policy.late_sending
    return max(intent.server_time, sent_at) + policy.quiet_period + _WHOLE_SECOND


def is_too_soon_locally(intent: Intent, policy: PurchasePolicy, local_time: int | None) -> bool:
    """Returns whether less than the quiet period has passed by the local clock. The cloud's clock may jump ahead
    between two runs, and no run notices that, so of the two clocks the one that shows less time is believed.
    """
    return local_time is not None and local_time < intent.sent_at + quiet_until(intent, policy) - intent.server_time


def seconds_before_purchase(intent: Intent, trace: Trace) -> int:
    """Returns how many whole seconds before the purchase was sent the order was placed, by the cloud's time.

    It is 0 if the order was placed later, or its time is not known, or all orders before the purchase are known: then
    the time is not used, because billing may have a clock of its own. Billing gives whole seconds, as a Date header
    does.
    """
    if trace.placed_at is None or intent.all_orders:
        return 0
    return max(0, intent.server_time - trace.placed_at - 2 * _WHOLE_SECOND) // 1000


def find_untracked(live: Iterable[Live], recorded: Iterable[Recorded]) -> list[Live]:
    """Returns the servers that no address holds. A server of a recorded order belongs to its address even unseen."""
    records = tuple(recorded)
    ids, orders = {record.id for record in records}, {record.order_id for record in records} - {None}
    return [row for row in live if row.id not in ids and row.order_id not in orders]


def presumed_absent(state: State) -> Iterator[Intent]:
    """Yields the purchases that were presumed absent and can still be recognised: their names carry a marker, so no
    other server can be mistaken for theirs, and nothing was bought for their addresses since.
    """
    taken = state.resources.keys() | state.doubts.keys()
    return (intent for intent in state.absent.values() if intent.is_marked and intent.address not in taken)


def may_have_bought(intent: Intent, row: Live, kind: Kind) -> bool:
    """Returns whether the row may be what the purchase in doubt has bought, so that nobody else may take it: it fits,
    or it is new and bears one of the purchase's names.
    """
    is_namesake = row.kind == intent.kind and (row.name == intent.name or row.name in intent.names)
    return bool(kind.match(intent, (row,))) or (is_namesake and row.id not in intent.known_before)


def settle_hint(effect: Effect, *, command: str | None = None, again: bool = False) -> str:
    """Returns what to do about an open call that is not a purchase. `command` is the command of the run. If it is not
    known, a release may have been sent by `destroy`, and an apply would buy the server again.
    """
    then = ", which first finds out what happened"
    if command is not None:
        return f"run `provisioner {command}`{' again' if again else ''}{then}"
    if effect is not Effect.DESTRUCTIVE:
        return f"run `provisioner apply`{then}"
    return f"run the command that sent the release again{then}. If that was destroy, run `provisioner destroy`, because apply would buy again what the specs still want"


def settle_hint_without_cloud(intent: Intent) -> str:
    """Returns `settle_hint` for callers that did not read the cloud, with what to do if no list shows a release."""
    hint = settle_hint(intent.effect)
    return (
        f"{hint}. If it says that this proves nothing: {lost_release_hint(intent.address)}"
        if intent.effect is Effect.DESTRUCTIVE
        else hint
    )


def lost_release_hint(address: Address) -> str:
    """Returns what a person can do about a lost release whose outcome no list shows."""
    return (
        "once it is gone in the console and on the bill: `provisioner destroy --allow vanished`, or `provisioner apply --allow vanished` if the specs do not want it, "
        f"drops its record and ends this; `provisioner apply --replace {address.shell_quoted}` buys another"
    )


def matches_another_purchase(intent: Intent, row: Live, state: State | None, kinds: Catalogue) -> bool:
    """Returns whether the row fits another purchase in doubt by its name and everything else, so it isn't this one
    under another name.
    """
    purchases = (each for each in (state.purchases_in_doubt if state else ()) if each.id != intent.id)
    return any(kinds[each.kind].match(each, (row,)) for each in purchases)


def next_step(
    intent: Intent, kind: Kind, policy: PurchasePolicy, *, at: int | None = None, destroying: bool = False
) -> str:
    """Returns what to do about a doubt that reading the cloud has not ended. `at` is the cloud's time now, in
    milliseconds; `destroying`: the run releases what it finds.
    """
    if intent.members:
        return (
            "it is neither looked for nor bought again automatically. Look at the orders in the console, then run "
            f"`provisioner resolve {intent.address.shell_quoted} --adopt` with the id of the order, or `provisioner resolve {intent.address.shell_quoted} --absent` if there is none; "
            f"that settles all {len(intent.members)}"
        )
    command, effect = ("destroy", "finds and releases") if destroying else ("apply", "adopts")
    adopting = f"run `provisioner {command}` again; it {effect} the {kind.noun} once exactly one fits"
    match kind.absence(intent):
        case Absence.AFTER_QUIET_PERIOD | Absence.AFTER_QUIET_PERIOD_WITHOUT_ORDER as absence:
            until = format_time(quiet_until(intent, policy))
            unless = (
                "" if absence is Absence.AFTER_QUIET_PERIOD else " and billing shows no order that may be this purchase"
            )
            if at is not None and at >= quiet_until(intent, policy):
                return f"{adopting}. The quiet period is over since {until}: once nothing reported here contradicts it{unless}, it counts as never bought. If you know better, {resolve_hint(intent, kind)}"
            then = "there is nothing to release" if destroying else "apply buys it then"
            return f"{adopting}. If none has appeared by {until}{unless}, nor a similar one under another name, it counts as never bought, and {then}; if you know better, {resolve_hint(intent, kind)}"
        case Absence.BY_A_PERSON:
            return f"{adopting}. A prepaid {kind.noun} is never bought again automatically. Once the console shows what happened, among the servers or the orders, {resolve_hint(intent, kind)}"


def resolve_hint(intent: Intent, kind: Kind) -> str:
    """Returns how a person resolves the doubt about one server: with its id, with its order if it may have only an
    order yet, or as absent.
    """
    resolve = f"`provisioner resolve {intent.address.shell_quoted}"
    order = "" if kind.absence(intent) is Absence.AFTER_QUIET_PERIOD else " or of its order"
    return f"{resolve} --absent`, or {resolve} --adopt` with the id of the {kind.noun}{order}"


def choose_hint(intent: Intent, ids: Iterable[str]) -> str:
    """Returns what to do if several servers, with these `ids`, fit a purchase in doubt."""
    resolve = f"`provisioner resolve {intent.address.shell_quoted}"
    choices = ", or ".join(f"{resolve} --adopt {one}`" for one in ids)
    return (
        f"choose one: {choices}. If it is none of them, have them renamed or released first, then {resolve} --absent`"
    )


def absent_hint(address: Address) -> str:
    """Returns what to do about a purchase that was answered as bought and whose server no list has ever shown."""
    return (
        f"if the console shows neither a server nor a paid order: `provisioner resolve {address.shell_quoted} --absent`"
    )
