"""Checks that compare the tool's records with the sandbox's ledger: right after a kill, after each run, and at the end.

The tool provides its state and its exit code. What was bought, paid and released is read from the sandbox alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from crash.crash_environment import QUIET_SECONDS, CrashEnvironment, LiveServer
from crash.scenarios import LedgerTotals, Scenario
from support.secrecy import disguises
from support.stack_text import PASSWORD

from provisioner.model.diagnostic import StoreError
from provisioner.model.state import State
from provisioner.sandbox.ledger import LedgerEntry

_PASSWORDS = [form.lower() for form in disguises(PASSWORD)]
_MARKER = re.compile(r"-[a-z2-7]{12}$")


class Violation(AssertionError):  # noqa: N818 - the tool broke its promise; the test has no error
    """The tool broke its promise. The message says how."""


def require(holds: object, what: str) -> None:
    """Raises Violation with the message `what` unless `holds` is true."""
    if not holds:
        raise Violation(what)


def without_marker(name: str | None) -> str:
    """Returns the wanted name of a server that was bought under a nonce: the name without the marker at its end."""
    return _MARKER.sub("", name or "")


def load_valid_state(environment: CrashEnvironment) -> State | None:
    """Returns the state, or None if there is none. Raises Violation if it is unreadable or contradicts itself."""
    try:
        state = environment.state
    except StoreError as damage:
        raise Violation(f"the state is not readable: {damage}") from damage
    problem = next(state.problems(), None) if state else None
    require(problem is None, f"the state contradicts itself: {problem}")
    return state


def check_invariants(environment: CrashEnvironment, scenario: Scenario) -> None:
    """Checks what must hold at any instant.

    Everything bought is recorded or named by an open intent, nothing is recorded that was never bought, the serial does not
    fall, strangers' servers are untouched, and no file holds the password.
    """
    state = load_valid_state(environment)
    if state is not None:
        require(
            state.serial >= environment.highest_serial,
            f"the serial went back from {environment.highest_serial} to {state.serial}",
        )
        environment.highest_serial = state.serial
        _check_silence(environment, scenario, state)
    known = _known_identities(state)
    ledger, cancelled = environment.ledger, environment.cancelled
    released = {row.server_id for row in ledger if row.kind == "release"}
    for row in _ours(environment, scenario, (row for row in ledger if row.kind == "purchase")):
        is_over = row.server_id in released or row.order_id in cancelled
        require(known & {row.server_id, row.order_id, row.name} or is_over, f"{row} is lost")
    bought_as = {row.server_id or row.order_id: row.name for row in ledger if row.kind == "purchase"}
    for server in _ours(environment, scenario, environment.live_servers):
        names = {server.name, bought_as.get(server.id), bought_as.get(server.order_id)} - {None}
        require(known & {server.id, server.order_id, *names}, f"{server} is alive and lost")
    theirs = {name for row in ledger for name in (row.server_id, row.order_id)}
    for record in state.resources.values() if state else ():
        require(theirs & {record.id, record.order_id} - {None}, f"{record} is recorded and was never bought")
    _check_strangers(environment, scenario, known)
    check_no_secrets(environment)


def check_no_secrets(environment: CrashEnvironment) -> None:
    """Checks that the password is in no file or output of the tool, neither in clear nor in an encoded form."""
    for path, content in environment.written_files:
        text = content.lower()
        require(not any(form in text for form in _PASSWORDS), f"{path.name} holds the password")


def _check_silence(environment: CrashEnvironment, scenario: Scenario, state: State) -> None:
    """Checks each confirmed absence: it needs the quiet period, and a purchase by the hour or an order that was not paid.

    Every other absence has to be confirmed by the operator.
    """
    for intent in state.absent.values():
        if intent.id in environment.accepted_absences:
            continue
        environment.accepted_absences.add(intent.id)
        # `server_time` is the cloud's date, which proves nothing in scenarios where the cloud's clocks are wrong.
        sent = intent.sent_at if scenario.uses_access_keys else intent.server_time
        silent = (environment.clock.now() - sent) / 1000
        is_free = "PRE_PAID" not in scenario.specs or scenario.pays_in_two_steps
        require(silent >= QUIET_SECONDS and is_free, f"{intent.name} was believed absent after {silent:.0f} s")


def _known_identities(state: State | None) -> set[str | None]:
    """Returns the ids and orders that are recorded, and the names of purchases in doubt."""
    if state is None:
        return set()
    records = state.resources.values()
    doubted = {intent.name for intent in state.intents.values()}
    known = {one.id for one in records} | {one.order_id for one in records} | doubted
    return known - {None}


def _ours(
    environment: CrashEnvironment, scenario: Scenario, rows: Iterable[LedgerEntry | LiveServer]
) -> list[LedgerEntry | LiveServer]:
    """Returns the rows that must be known to the tool: not a stranger's, and not of a server that may have no owner for a while.

    Where there is a stranger, ours are bought under a marker, so a name tells them apart.
    """
    strangers = _strangers_ids(environment, scenario, rows := list(rows))
    nobodys = {*scenario.adopted_names, *scenario.forgotten_names}
    return [row for row in rows if _identity(row) not in strangers and without_marker(row.name) not in nobodys]


def _identity(row: LedgerEntry | LiveServer) -> str | None:
    return row.id if isinstance(row, LiveServer) else row.server_id


def _strangers_ids(
    environment: CrashEnvironment, scenario: Scenario, rows: Iterable[LedgerEntry | LiveServer]
) -> set[str | None]:
    by_name = {_identity(row) for row in rows if row.name == scenario.stranger} if scenario.stranger else set()
    return by_name | environment.strangers.keys()


def _check_strangers(environment: CrashEnvironment, scenario: Scenario, known: set[str | None]) -> None:
    """Checks that no stranger's server was adopted, changed or released."""
    ledger = environment.ledger
    strangers = _strangers_ids(environment, scenario, (row for row in ledger if row.kind == "purchase"))
    require(not strangers & known, "a stranger's server was adopted")
    alive = {server.id: server.name for server in environment.live_servers}
    wanted = dict.fromkeys(strangers, scenario.stranger) | environment.strangers
    require(all(alive.get(one or "") == name for one, name in wanted.items()), "a stranger's server was changed")


def check_state_matches_cloud(environment: CrashEnvironment, scenario: Scenario) -> None:
    """Checks that the state records exactly our live servers, without an open intent: what exit 0 promises."""
    state = load_valid_state(environment)
    recorded = {record.id for record in state.resources.values()} if state else set()
    strangers = _strangers_ids(environment, scenario, (row for row in environment.ledger if row.kind == "purchase"))
    alive = {
        server.id for server in environment.live_servers if server.name not in scenario.forgotten_names
    } - strangers
    require(recorded == alive, f"recorded is {recorded}, alive {alive}")
    require(not (state and state.intents), "an intent is open")


def ledger_totals(environment: CrashEnvironment, scenario: Scenario) -> LedgerTotals:
    """Counts our rows of the ledger. Raises Violation if an order was paid twice."""
    ledger = environment.ledger
    strangers = _strangers_ids(environment, scenario, (row for row in ledger if row.kind == "purchase"))
    rows = [row for row in ledger if row.server_id is None or row.server_id not in strangers]
    paid = {row.order_id for row in rows if row.kind == "payment"}
    purchases = [row for row in rows if row.kind == "purchase" and row.order_id not in environment.cancelled_in_console]
    bought = [row for row in purchases if row.order_id is None or row.order_id in paid]

    def count(kind: str) -> dict[str, int]:
        return dict(Counter(without_marker(row.name) for row in rows if row.kind == kind))

    payments = Counter(row.order_id for row in rows if row.kind == "payment")
    require(max(payments.values(), default=1) == 1, "an order was paid twice")
    return LedgerTotals(
        bought=dict(Counter(without_marker(row.name) for row in bought)),
        alive=tuple(sorted(server.name for server in environment.live_servers if server.id not in strangers)),
        released=count("release"),
        refunded=count("refund"),
        wiped=count("wipe"),
        systems=tuple(
            sorted(f"{one.status} {one.image_id}" for one in environment.live_servers if one.id not in strangers)
        ),
        unpaid=len(purchases) - len(bought),
    )


def is_reinstallation_missing(environment: CrashEnvironment, scenario: Scenario) -> bool:
    """Whether the scenario's reinstallation is not in the ledger. The tool may count it as carried out all the same."""
    return bool(scenario.expected.wiped) and not ledger_totals(environment, scenario).wiped


def check_totals(
    found: LedgerTotals, scenario: Scenario, *, waiting: bool = False, executed_late: bool = False
) -> None:
    """Compares the ledger's totals with the scenario's expectation.

    `waiting`: with the expectation while an external event is awaited, when names may still have a marker. `executed_late`:
    the scenario's late alternatives are fine, too. A second unpaid order for the same server is a violation.
    """
    if executed_late and found in scenario.late_alternatives:
        return
    wanted = (
        scenario.expected_while_waiting
        if waiting and scenario.expected_while_waiting is not None
        else scenario.expected
    )
    alive = tuple(sorted(map(without_marker, found.alive))) if waiting else found.alive
    spare = found.unpaid - wanted.unpaid
    same = (found.bought, found.released, found.refunded, found.wiped) == (
        wanted.bought,
        wanted.released,
        wanted.refunded,
        wanted.wiped,
    ) and wanted.systems in {None, found.systems}
    require(same and alive == tuple(sorted(wanted.alive)), f"the ledger has {found} and should have {wanted}")
    require(spare == 0, f"{spare} orders too many")
