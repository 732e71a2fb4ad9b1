"""What must hold, judged by the cloud's own books: at the moment of death, after each run, and when all has been made good.

The tool is asked for its state and its exit code; for what was bought, paid and released nobody is asked but the cloud.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from crash.crash_environment import QUIET_SECONDS, CrashEnvironment, LiveServer
from crash.scenarios import LedgerTotals, Scenario
from support.process_workspace import PASSWORD
from support.secrecy import disguises

from provisioner.model.diagnostic import StoreError
from provisioner.model.state import State
from provisioner.sandbox.ledger import LedgerEntry

_PASSWORDS = [form.lower() for form in disguises(PASSWORD)]
_MARKER = re.compile(r"-[a-z2-7]{12}$")


class Violation(AssertionError):  # noqa: N818 - of a promise; it is no error of the test
    """The promise was broken, and how."""


def require(holds: object, what: str) -> None:
    if not holds:
        raise Violation(what)


def wanted_name(name: str | None) -> str:
    return _MARKER.sub("", name or "")


def state_of(stage: CrashEnvironment) -> State | None:
    try:
        state = stage.state
    except StoreError as damage:
        raise Violation(f"the state is not readable: {damage}") from damage
    problem = next(state.problems(), None) if state else None
    require(problem is None, f"the state contradicts itself: {problem}")
    return state


def examine(stage: CrashEnvironment, scenario: Scenario) -> None:
    """At any instant: what was bought is recorded, or an open intent bears its name; and nothing is recorded that is not there."""
    state = state_of(stage)
    if state is not None:
        require(state.serial >= stage.serial, f"the serial went back from {stage.serial} to {state.serial}")
        stage.serial = state.serial
        _silence_was_long_enough(stage, scenario, state)
    known = _known(state, scenario)
    ledger, cancelled = stage.ledger, stage.cancelled
    released = {row.server_id for row in ledger if row.kind == "release"}
    for row in _ours(stage, scenario, (row for row in ledger if row.kind == "purchase")):
        is_over = row.server_id in released or row.order_id in cancelled
        require(known & {row.server_id, row.order_id, row.name} or is_over, f"{row} is lost")
    bought_as = {row.server_id or row.order_id: row.name for row in ledger if row.kind == "purchase"}
    for server in _ours(stage, scenario, stage.alive):
        names = {server.name, bought_as.get(server.id), bought_as.get(server.order_id)} - {None}
        require(known & {server.id, server.order_id, *names}, f"{server} is alive and lost")
    theirs = {name for row in ledger for name in (row.server_id, row.order_id)}
    for record in state.resources.values() if state else ():
        require(theirs & {record.id, record.order_id} - {None}, f"{record} is recorded and was never bought")
    _leave_strangers_alone(stage, scenario, known)
    keep_secrets(stage)


def keep_secrets(stage: CrashEnvironment) -> None:
    """In no file that the tool has written, and in nothing that it has said; in no disguise either."""
    for path, content in stage.left_behind:
        text = content.lower()
        require(not any(form in text for form in _PASSWORDS), f"{path.name} holds the password")


def _silence_was_long_enough(stage: CrashEnvironment, scenario: Scenario, state: State) -> None:
    """Absence is believed after the quiet period and for what is paid by the hour, or was ordered without paying; else a person has to say
    so.
    """
    for intent in state.absent.values():
        if intent.id in stage.absent:
            continue
        stage.absent.add(intent.id)
        # The tool's date of it is the cloud's; beside a cloud whose clocks are wrong it is no measure.
        sent = intent.sent_at if scenario.by_keys else intent.server_time
        silent = (stage.clock.now() - sent) / 1000
        is_free = "PRE_PAID" not in scenario.specs or scenario.pays_in_two_steps
        require(silent >= QUIET_SECONDS and is_free, f"{intent.name} was believed absent after {silent:.0f} s")


def _known(state: State | None, scenario: Scenario) -> set[str | None]:
    """Ids, orders, and the names of purchases in doubt."""
    if state is None:
        return set()
    records = state.resources.values()
    doubted = {intent.name for intent in state.intents.values()}
    known = {one.id for one in records} | {one.order_id for one in records} | doubted
    return known - {None}


def _ours(
    stage: CrashEnvironment, scenario: Scenario, rows: Iterable[LedgerEntry | LiveServer]
) -> list[LedgerEntry | LiveServer]:
    """Where there is a stranger, ours are bought under a marker. What may be nobody's for a while cannot be lost."""
    strangers = _strangers_ids(stage, scenario, rows := list(rows))
    nobodys = {*scenario.takes_over, *scenario.gives_up}
    return [row for row in rows if _identity(row) not in strangers and wanted_name(row.name) not in nobodys]


def _identity(row: LedgerEntry | LiveServer) -> str | None:
    return row.id if isinstance(row, LiveServer) else row.server_id


def _strangers_ids(
    stage: CrashEnvironment, scenario: Scenario, rows: Iterable[LedgerEntry | LiveServer]
) -> set[str | None]:
    by_name = {_identity(row) for row in rows if row.name == scenario.stranger} if scenario.stranger else set()
    return by_name | stage.strangers.keys()


def _leave_strangers_alone(stage: CrashEnvironment, scenario: Scenario, known: set[str | None]) -> None:
    ledger = stage.ledger
    strangers = _strangers_ids(stage, scenario, (row for row in ledger if row.kind == "purchase"))
    require(not strangers & known, "a stranger's server was adopted")
    alive = {server.id: server.name for server in stage.alive}
    wanted = dict.fromkeys(strangers, scenario.stranger) | stage.strangers
    require(all(alive.get(one or "") == name for one, name in wanted.items()), "a stranger's server was changed")


def agree(stage: CrashEnvironment, scenario: Scenario) -> None:
    """The record is what the cloud has: exit 0 says so, and so does a refusal in peace."""
    state = state_of(stage)
    recorded = {record.id for record in state.resources.values()} if state else set()
    strangers = _strangers_ids(stage, scenario, (row for row in stage.ledger if row.kind == "purchase"))
    alive = {server.id for server in stage.alive if server.name not in scenario.gives_up} - strangers
    require(recorded == alive, f"recorded is {recorded}, alive {alive}")
    require(not (state and state.intents), "an intent is open")


def books_of(stage: CrashEnvironment, scenario: Scenario) -> LedgerTotals:
    ledger = stage.ledger
    strangers = _strangers_ids(stage, scenario, (row for row in ledger if row.kind == "purchase"))
    rows = [row for row in ledger if row.server_id is None or row.server_id not in strangers]
    paid = {row.order_id for row in rows if row.kind == "payment"}
    purchases = [row for row in rows if row.kind == "purchase"]
    bought = [row for row in purchases if row.order_id is None or row.order_id in paid]

    def count(kind: str) -> dict[str, int]:
        return dict(Counter(wanted_name(row.name) for row in rows if row.kind == kind))

    payments = Counter(row.order_id for row in rows if row.kind == "payment")
    require(max(payments.values(), default=1) == 1, "an order was paid twice")
    return LedgerTotals(
        bought=dict(Counter(wanted_name(row.name) for row in bought)),
        alive=tuple(sorted(server.name for server in stage.alive if server.id not in strangers)),
        released=count("release"),
        refunded=count("refund"),
        wiped=count("wipe"),
        systems=tuple(sorted(f"{one.status} {one.image_id}" for one in stage.alive if one.id not in strangers)),
        unpaid=len(purchases) - len(bought),
    )


def never_arrived(stage: CrashEnvironment, scenario: Scenario) -> bool:
    """The reinstallation that a scenario is about, by the cloud's own books: it may count as carried out all the same."""
    return bool(scenario.ends.wiped) and not books_of(stage, scenario).wiped


def compare(found: LedgerTotals, scenario: Scenario, *, waiting: bool = False, belated: bool = False) -> None:
    """With the end of the scenario, or with what there is while something is waited for: then names may bear a marker still. Of two
    orders for one server, one that nobody pays is one too many.
    """
    if belated and found in scenario.belated:
        return
    wanted = scenario.waiting if waiting and scenario.waiting is not None else scenario.ends
    alive = tuple(sorted(map(wanted_name, found.alive))) if waiting else found.alive
    spare = found.unpaid - wanted.unpaid
    same = (found.bought, found.released, found.refunded, found.wiped) == (
        wanted.bought,
        wanted.released,
        wanted.refunded,
        wanted.wiped,
    ) and wanted.systems in {None, found.systems}
    require(same and alive == tuple(sorted(wanted.alive)), f"the books say {found} and should say {wanted}")
    require(spare == 0, f"{spare} orders too many")
