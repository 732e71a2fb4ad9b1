"""What holds of a purchase in doubt, and what a person is told to do: one place for plan, apply, show and resolve.

It judges nothing itself: which live servers fit is the kind's to say, how long silence means nothing is the policy's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from provisioner.model.address import Address
from provisioner.model.flow import Effect
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.purchase_policy import Absence, PurchasePolicy, Trace
from provisioner.model.resource import Live, Recorded
from provisioner.model.state import Intent, State

_WHOLE_SECOND = 1_000
"""A Date header tells no less, so two of them may be nearer to each other by that than they seem."""


def proves_absence(
    intent: Intent,
    kind: Kind,
    policy: PurchasePolicy,
    now: int | None,
    traces: tuple[Trace, ...] | None,
    *,
    here: int | None = None,
) -> bool:
    """Whether a complete list without the server, read at `now`, means that it was never bought. `now` is in milliseconds of
    the cloud's time; where that is not known, silence means nothing. `traces` are the orders that nobody accounts for. `here` is this
    machine's own time then; None where that is no witness.
    """
    is_quiet = now is not None and now >= quiet_until(intent, policy) and not is_too_soon_locally(intent, policy, here)
    match kind.absence(intent):
        case Absence.AFTER_QUIET_PERIOD:
            return is_quiet
        case Absence.AFTER_QUIET_PERIOD_WITHOUT_ORDER:
            return is_quiet and traces is not None and all(trace.mismatch for trace in traces)
        case Absence.BY_A_PERSON:
            return False


def quiet_until(intent: Intent, policy: PurchasePolicy) -> int:
    """In milliseconds of the cloud's time."""
    return max(intent.server_time, intent.unknown_since or 0) + policy.quiet_period + _WHOLE_SECOND


def is_too_soon_locally(intent: Intent, policy: PurchasePolicy, here: int | None) -> bool:
    """Whether less time than the quiet period has gone by since, by the clocks of the machines: the cloud's may run ahead from one run
    to the next, and no run hears what became of it in between. Of the two the one that tells of less time is believed.
    """
    return here is not None and here < intent.sent_at + quiet_until(intent, policy) - intent.server_time


def seconds_before_purchase(intent: Intent, trace: Trace) -> int:
    """How many whole seconds before the purchase was sent the order was placed, by the cloud's time; 0 where it was not, or nobody tells; nor where
    all orders before it are known, as billing may have a clock of its own.
    Billing tells whole seconds, as a Date does.
    """
    if trace.placed_at is None or intent.all_orders:
        return 0
    return max(0, intent.server_time - trace.placed_at - 2 * _WHOLE_SECOND) // 1000


def untracked(live: Iterable[Live], recorded: Iterable[Recorded]) -> list[Live]:
    """The servers that no address holds. One whose order is recorded has its address, though nobody has seen its id yet."""
    records = tuple(recorded)
    ids, orders = {record.id for record in records}, {record.order_id for record in records} - {None}
    return [row for row in live if row.id not in ids and row.order_id not in orders]


def presumed_absent(state: State) -> Iterator[Intent]:
    """Purchases that were believed absent, of addresses where nothing was bought in their place, that nobody else's server could
    be taken for.
    """
    taken = state.resources.keys() | state.doubts.keys()
    return (intent for intent in state.absent.values() if intent.is_marked and intent.address not in taken)


def may_have_bought(intent: Intent, row: Live, kind: Kind) -> bool:
    """Whether nobody else may take the row while the purchase is in doubt: it fits, or only bears one of its names and is new."""
    is_namesake = row.kind == intent.kind and (row.name == intent.name or row.name in intent.names)
    return bool(kind.match(intent, (row,))) or (is_namesake and row.id not in intent.known_before)


def settle_hint(effect: Effect, *, command: str | None = None) -> str:
    """What to do about an open call that is no purchase. `command` is the run's own; where it is not known, a release may be that of a
    `destroy`, after which apply would buy the server again.
    """
    looks = ": it looks at what became of it before it does anything else"
    if command is not None:
        return f"run {command}{looks}"
    if effect is not Effect.DESTRUCTIVE:
        return f"run apply{looks}"
    return (
        f"run the command that sent the release again{looks}. Where that was destroy, run destroy: apply would then buy again what the "
        "specs still want"
    )


def settle_hint_unread(intent: Intent) -> str:
    """`settling` for whoever has not looked at the cloud: what to do, too, where no list tells the outcome of a release."""
    way = settle_hint(intent.effect)
    return (
        f"{way}. Where it says that nothing is concluded: {lost_release_hint(intent.address)}"
        if intent.effect is Effect.DESTRUCTIVE
        else way
    )


def lost_release_hint(address: Address) -> str:
    """What a person can do about a lost release of which no list tells the outcome."""
    return (
        "once the console and the bill show it gone: `--allow vanished` with destroy, or with apply when the specs do not want it, drops its record "
        f"and ends this; `apply --replace {address.shell_quoted}` buys another"
    )


def matches_another_purchase(intent: Intent, row: Live, state: State | None, kinds: Catalogue) -> bool:
    """Whether another purchase in doubt accounts for the row, by its name and all else: it is not this one under another name."""
    others = (each for each in (state.purchases_in_doubt if state else ()) if each.id != intent.id)
    return any(kinds[each.kind].match(each, (row,)) for each in others)


def next_step(
    intent: Intent, kind: Kind, policy: PurchasePolicy, *, at: int | None = None, destroying: bool = False
) -> str:
    """For a doubt that looking has not ended. `at` is the cloud's time by now; `destroying`: the run releases what it finds."""
    if intent.members:
        return (
            "it is neither looked for nor bought again by itself. Look at the orders in the console, then "
            f"`provisioner resolve {intent.address.shell_quoted} --adopt ORDER` with the id of the order, or `--absent` when there is none: "
            f"that settles all {len(intent.members)}"
        )
    command, finds = ("destroy", "finds and releases") if destroying else ("apply", "adopts")
    adopting = f"run {command} again: it {finds} the {kind.noun} once exactly one fits"
    match kind.absence(intent):
        case Absence.AFTER_QUIET_PERIOD | Absence.AFTER_QUIET_PERIOD_WITHOUT_ORDER as absence:
            until = format_time(quiet_until(intent, policy))
            unless = "" if absence is Absence.AFTER_QUIET_PERIOD else " and billing shows no order that may be it"
            if at is not None and at >= quiet_until(intent, policy):
                return (
                    f"{adopting}. Its silence counts since {until}: once nothing that is said here stands against it{unless}, it was never "
                    f"bought. When you know better, {resolve_hint(intent, kind)}"
                )
            then = "there is nothing to release" if destroying else "apply buys it then"
            return (
                f"{adopting}. If none has appeared by {until}{unless}, nor one like it under another name, it was never bought, and {then}; "
                f"when you know better, {resolve_hint(intent, kind)}"
            )
        case Absence.BY_A_PERSON:
            return (
                f"{adopting}. A prepaid {kind.noun} is never bought again by itself: when the console shows what became of it, also among the "
                f"orders, {resolve_hint(intent, kind)}"
            )


def resolve_hint(intent: Intent, kind: Kind) -> str:
    """How a person settles the doubt about one server: by that, by its order where it may have one and no server yet, or by none."""
    resolve = f"`provisioner resolve {intent.address.shell_quoted}"
    if kind.absence(intent) is Absence.AFTER_QUIET_PERIOD:
        return f"{resolve} --adopt ID` or `--absent`"
    return f"{resolve} --adopt ID` or `--absent`. An order that is it: {resolve} --adopt ORDER`"


def choose_hint(intent: Intent) -> str:
    """Where several servers fit a purchase in doubt, any of which may be it."""
    address = intent.address.shell_quoted
    return (
        f"choose: `provisioner resolve {address} --adopt ID`, with one of these. Where it is none of them, have them renamed or released "
        f"first; then `provisioner resolve {address} --absent`"
    )


def absent_hint(address: Address) -> str:
    """For what was bought, by its answer, and was never shown."""
    return f"when the console knows neither of it nor of a paid order: `provisioner resolve {address.shell_quoted} --absent`"


def format_time(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
