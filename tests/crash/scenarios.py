"""All scenarios of the crash tests. A flow joins by an entry here, and is then killed at each of its steps.

A scenario defines what is there before, which command runs, and what the ledger has to show at the end. crash_runner.py and
network_runner.py define how the run is disturbed and how it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from crash.anomaly_scenarios import ANOMALY_SCENARIOS
from crash.approval_scenarios import APPROVED
from crash.crash_environment import QUIET_SECONDS, SHOWING, Account, CrashEnvironment
from crash.scenario import (
    ADDRESS,
    ALPHA,
    APPLY,
    BIGGER,
    CANCEL,
    DESTROY,
    EIGHT,
    EIGHT_PREPAID,
    IMAGE,
    NONCE,
    ONE,
    ONE_PREPAID,
    ONE_UNPAID,
    OTHER_IMAGE,
    PAY,
    POOL,
    REFRESH,
    THREE_TOGETHER,
    TRUE,
    TWO,
    TWO_STEP,
    UNNAMED,
    VOLUME,
    LedgerTotals,
    Scenario,
    alpha,
    once,
)
from support.crash_fork_server import FaultPlan
from support.process_workspace import PREPAID


def _kill_earlier_run_at(step: str) -> Callable[[CrashEnvironment], None]:
    """Prepares an earlier run that was killed at the first step of this name."""

    def prepare(environment: CrashEnvironment) -> None:
        with environment.copy(environment.folder.with_name("rehearsal")) as rehearsal:
            steps = rehearsal.run(*APPLY).steps
        environment.serve(environment.account)
        environment.run(*APPLY, fault_plan=FaultPlan({steps.index(step) + 1: "KILL"}))

    return prepare


def _lose_answer_long_ago(environment: CrashEnvironment) -> None:
    _kill_earlier_run_at("heard POST dev-servers")(environment)
    environment.advance_clock(QUIET_SECONDS)


def _restore_lists(environment: CrashEnvironment) -> None:
    environment.list_override = None
    environment.arm()


def _cancel_and_sell_as_wanted(environment: CrashEnvironment) -> None:
    environment.sale_override = None
    environment.arm()
    assert environment.run(*CANCEL).code == 0


def _lose_request_long_ago(environment: CrashEnvironment) -> None:
    _kill_earlier_run_at("before POST dev-servers")(environment)
    environment.advance_clock(QUIET_SECONDS)


def _forget(environment: CrashEnvironment) -> None:
    assert environment.run("state", "rm", "alpha", "--auto-approve").code == 0


def _forget_and_import(environment: CrashEnvironment) -> None:
    (server,) = environment.live_servers
    _forget(environment)
    imports = f"imports: [{{to: alpha, id: {server.id}}}]\n"
    (environment.folder / "specs" / "imports.yaml").write_text(imports)


def _advance_an_hour(environment: CrashEnvironment) -> None:
    environment.advance_clock(3700)


def _top_up_balance(environment: CrashEnvironment) -> None:
    environment.serve(replace(environment.account, balance=1_000_000))


def _pay_recorded_orders(environment: CrashEnvironment) -> None:
    """Pays the recorded orders, which are the ones that the tool has named, and no others."""
    _top_up_balance(environment)
    state = environment.state
    assert state is not None
    for recorded in state.resources.values():
        assert recorded.order_id is not None
        environment.pay(recorded.order_id)


def _rename_in_console(environment: CrashEnvironment) -> None:
    (alpha,) = environment.live_servers
    environment.rename(alpha.id, "omega")


def _change_rows(environment: CrashEnvironment) -> None:
    """From now on every row shows another machine and another image."""
    rows = {
        "flavor": "Si2.xlarge.4",
        "image": {"image_id": OTHER_IMAGE, "arch": "ARM"},
        "cloud_server": {"type": "BMS"},
    }
    environment.arm({"at": SHOWING, "times": "always", "fault": "rewrite", "rows": rows})


def _order_unpaid(environment: CrashEnvironment) -> None:
    """Orders `alpha` without paying, then restores the stack's own specs."""
    specs = (environment.folder / "specs" / "servers.yaml").read_text()
    environment.write(ONE_UNPAID)
    assert environment.run(*APPLY).code == 7
    environment.write(specs)


def _cancel_if_recorded(environment: CrashEnvironment) -> tuple[str, ...]:
    """Cancels if the state has something to cancel, as the operator sees in `orders list`; else applies."""
    return CANCEL if environment.state and environment.state.resources else APPLY


def _replace_old_servers(environment: CrashEnvironment) -> tuple[str, ...]:
    """Asks for the replacement of the servers that are still the old ones: a prepaid server is replaced by name only."""
    state = environment.state
    assert state is not None
    old = [key for key, one in state.resources.items() if one.declared["flavor"] == "Si2.large.4"]
    return (*APPLY, *(f"--replace={address}" for address in old))


def _allow_vanished_companions(_environment: CrashEnvironment) -> tuple[str, ...]:
    """Also allows vanished servers: the order that was ended for one server ended for all of them."""
    return (*DESTROY, "--allow=prepaid-delete", "--allow=vanished")


BUYING = (
    Scenario(name="pay-per-use", specs=ONE, expected=LedgerTotals(once(*ALPHA), ALPHA)),
    Scenario(name="pay-per-use, 8", specs=EIGHT, expected=LedgerTotals(once(*POOL), POOL)),
    Scenario(name="prepaid", specs=ONE_PREPAID, expected=LedgerTotals(once(*ALPHA), ALPHA)),
    Scenario(name="prepaid, 8", specs=EIGHT_PREPAID, expected=LedgerTotals(once(*POOL), POOL)),
    Scenario(name="prepaid, together", specs=THREE_TOGETHER, expected=LedgerTotals({"pool-0": 3}, POOL[:3])),
    Scenario(
        name="prepaid, order unnamed",
        specs=ONE_PREPAID,
        row_override=UNNAMED,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="together, order unnamed",
        specs=THREE_TOGETHER,
        row_override=UNNAMED,
        expected=LedgerTotals({"pool-0": 3}, POOL[:3]),
    ),
    Scenario(
        name="in no list",
        initial_specs="servers: {alpha: {}}\n",
        specs=TWO,
        prepare=_lose_answer_long_ago,
        list_override={"data": [], "total": 0},
        command=(*APPLY[:2], "--resolve-timeout", "0s"),
        code=6,
        external_event=_restore_lists,
        expected_while_waiting=LedgerTotals(once("alpha", "beta"), ("alpha", "beta")),
        code_while_waiting=6,
        expected=LedgerTotals(once("alpha", "beta"), ("alpha", "beta")),
    ),
    Scenario(name="two-step", specs=ONE_PREPAID, purchase=TWO_STEP, expected=LedgerTotals(once(*ALPHA), ALPHA)),
    Scenario(name="two-step, 8", specs=EIGHT_PREPAID, purchase=TWO_STEP, expected=LedgerTotals(once(*POOL), POOL)),
    Scenario(
        name="unpaid",
        specs=ONE_PREPAID,
        account=Account(balance=1.0),
        code=7,
        expected_while_waiting=LedgerTotals({}, (), unpaid=1),
        external_event=_pay_recorded_orders,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="unpaid, two-step",
        specs=ONE_PREPAID,
        purchase=TWO_STEP,
        account=Account(balance=1.0),
        code=7,
        expected_while_waiting=LedgerTotals({}, (), unpaid=1),
        external_event=_top_up_balance,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="awaiting approval",
        specs=ONE_PREPAID,
        purchase=TWO_STEP,
        account=Account(approval_seconds=3600),
        code=7,
        expected_while_waiting=LedgerTotals({}, (), unpaid=1),
        external_event=_advance_an_hour,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="sold as prepaid",
        specs=ONE,
        sale_override={"charging_mode": "PRE_PAID", "pays": True},
        code=7,
        expected_problem="sold this server as PRE_PAID, not POST_PAID",
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="sold as prepaid, unpaid",
        specs=ONE,
        sale_override={"charging_mode": "PRE_PAID"},
        code=7,
        expected_while_waiting=LedgerTotals({}, (), unpaid=1),
        external_event=_cancel_and_sell_as_wanted,
        expected=LedgerTotals(once(*ALPHA), ALPHA, unpaid=1),
        late_alternatives=(LedgerTotals(once(*ALPHA), ALPHA, systems=(f"RUNNING {IMAGE}",)),),
    ),
    Scenario(
        name="in waves",
        specs="servers: {pool: {count: 3, rollout: [1]}}\n",
        expected=LedgerTotals(once(*POOL[:3]), POOL[:3]),
    ),
    Scenario(
        name="building",
        specs=ONE,
        build_seconds=6.0,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="wait timed out",
        specs=alpha("timeouts: {create: 20s}"),
        build_seconds=3600.0,
        code=7,
        expected_while_waiting=LedgerTotals(once(*ALPHA), ALPHA),
        external_event=_advance_an_hour,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="replace",
        initial_specs=ONE,
        specs=alpha(BIGGER),
        expected=LedgerTotals({"alpha": 2}, ALPHA, released=once(*ALPHA)),
    ),
    Scenario(
        name="replace, new first",
        initial_specs=ONE,
        specs=alpha(BIGGER, "lifecycle: {create_before_destroy: true}"),
        expected=LedgerTotals({"alpha": 2}, ALPHA, released=once(*ALPHA)),
    ),
    Scenario(
        name="replace prepaid",
        initial_specs=ONE_PREPAID,
        specs=alpha(BIGGER, f"charging_info: {PREPAID}"),
        command=(*APPLY, "--replace=alpha"),
        next_command=_replace_old_servers,
        expected=LedgerTotals({"alpha": 2}, ALPHA, released=once(*ALPHA), refunded=once(*ALPHA)),
    ),
    Scenario(
        name="in doubt, carried out",
        specs=ONE,
        prepare=_kill_earlier_run_at("heard POST dev-servers"),
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="in doubt, lost",
        specs=ONE,
        prepare=_kill_earlier_run_at("before POST dev-servers"),
        code=6,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="in doubt, lost long ago",
        specs=ONE,
        prepare=_lose_request_long_ago,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
)
"""Each of these is run under both markers, `name` and `nonce`."""

CHANGING = (
    Scenario(
        name="rename", initial_specs=ONE, specs=alpha("name: omega"), expected=LedgerTotals(once(*ALPHA), ("omega",))
    ),
    Scenario(
        name="another image",
        initial_specs=ONE,
        specs=alpha(f"image_id: {OTHER_IMAGE}"),
        build_seconds=6.0,
        expected=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"RUNNING {OTHER_IMAGE}",)),
        late_alternatives=(LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {OTHER_IMAGE}",)),),
    ),
    Scenario(
        name="another image, prepaid",
        initial_specs=ONE_PREPAID,
        specs=alpha(f"image_id: {OTHER_IMAGE}", f"charging_info: {PREPAID}"),
        expected=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"RUNNING {OTHER_IMAGE}",)),
        late_alternatives=(LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {OTHER_IMAGE}",)),),
    ),
    Scenario(
        name="another key on what is stopped",
        initial_specs="servers: {alpha: {power: stopped}}\n",
        specs="servers: {alpha: {power: stopped, key_pair_name: another}}\n",
        expected=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {IMAGE}",)),
        late_alternatives=(LedgerTotals(once(*ALPHA), ALPHA, wiped={"alpha": 2}, systems=(f"STOPPED {IMAGE}",)),),
    ),
    Scenario(
        name="another image, never shown",
        initial_specs=ONE,
        specs=alpha(f"image_id: {OTHER_IMAGE}"),
        row_override={"image": {"image_id": IMAGE}},
        build_seconds=6.0,
        expected=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"RUNNING {OTHER_IMAGE}",)),
        late_alternatives=(LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {OTHER_IMAGE}",)),),
    ),
    Scenario(
        name="another key, never shown",
        initial_specs="servers: {alpha: {}}\n",
        specs="servers: {alpha: {key_pair_name: another}}\n",
        row_override={"key_pair_name": "ops"},
        expected=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"RUNNING {IMAGE}",)),
        late_alternatives=(LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {IMAGE}",)),),
    ),
    Scenario(
        name="stating what is true",
        initial_specs=ONE,
        specs=alpha(TRUE),
        after_finish=_change_rows,
        expected=LedgerTotals(once(*ALPHA), ALPHA, systems=(f"RUNNING {IMAGE}",)),
    ),
    Scenario(
        name="stating what is true, and renaming",
        initial_specs=ONE,
        specs=alpha("name: omega", TRUE),
        after_finish=_change_rows,
        expected=LedgerTotals(once(*ALPHA), ("omega",), systems=(f"RUNNING {IMAGE}",)),
    ),
    Scenario(
        name="off",
        initial_specs=ONE,
        specs=alpha("power: stopped"),
        expected=LedgerTotals(once(*ALPHA), ALPHA, systems=(f"STOPPED {IMAGE}",)),
    ),
    Scenario(
        name="on",
        initial_specs=alpha("power: stopped"),
        specs=alpha("power: running"),
        expected=LedgerTotals(once(*ALPHA), ALPHA, systems=(f"RUNNING {IMAGE}",)),
    ),
    Scenario(
        name="attached",
        initial_specs=ONE,
        specs=alpha(f"volumes: [{VOLUME}]", f"public_ips: [{ADDRESS}]"),
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="bought with all of it",
        specs=alpha("power: stopped", f"volumes: [{VOLUME}]", f"public_ips: [{ADDRESS}]"),
        expected=LedgerTotals(once(*ALPHA), ALPHA, systems=(f"STOPPED {IMAGE}",)),
    ),
    Scenario(
        name="attaching refused",
        specs=alpha("power: stopped", f"volumes: [{VOLUME}]", f"public_ips: [{ADDRESS}]"),
        account=Account(takes_attachments=False),
        code=7,
        expected_problem="refuses public_ips and volumes",
        expected=LedgerTotals(once(*ALPHA), ALPHA, systems=(f"STOPPED {IMAGE}",)),
    ),
    Scenario(
        name="replaced with another",
        initial_specs="servers: {alpha: {}, beta: {lifecycle: {replace_triggered_by: [alpha]}}}\n",
        specs="servers: {alpha: {name: omega}, beta: {lifecycle: {replace_triggered_by: [alpha]}}}\n",
        expected=LedgerTotals({"alpha": 1, "beta": 2}, ("beta", "omega"), released=once("beta")),
    ),
    Scenario(
        name="delete",
        initial_specs=ONE,
        specs=ONE,
        command=DESTROY,
        expected=LedgerTotals(once(*ALPHA), (), once(*ALPHA)),
    ),
    Scenario(
        name="delete, 8",
        initial_specs=EIGHT,
        specs=EIGHT,
        command=DESTROY,
        expected=LedgerTotals(once(*POOL), (), once(*POOL)),
    ),
    Scenario(
        name="unsubscribe",
        initial_specs=ONE_PREPAID,
        specs=ONE_PREPAID,
        command=(*DESTROY, "--allow=prepaid-delete"),
        expected=LedgerTotals(once(*ALPHA), (), released=once(*ALPHA), refunded=once(*ALPHA)),
    ),
    Scenario(
        name="refresh",
        initial_specs=ONE,
        specs=ONE,
        prepare=_rename_in_console,
        command=REFRESH,
        expected=LedgerTotals(once(*ALPHA), ("omega",)),
    ),
    Scenario(
        name="unsubscribe, together",
        initial_specs=THREE_TOGETHER,
        specs=THREE_TOGETHER,
        command=(*DESTROY, "--allow=prepaid-delete"),
        next_command=_allow_vanished_companions,
        expected=LedgerTotals({"pool-0": 3}, (), released=once(*POOL[:3]), refunded=once(*POOL[:3])),
    ),
    Scenario(
        name="renewal",
        initial_specs=ONE_PREPAID,
        specs=ONE_PREPAID.replace("is_auto_pay", "is_auto_renew: true, is_auto_pay"),
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="orders pay",
        specs=ONE_UNPAID,
        prepare=_order_unpaid,
        command=PAY,
        follow_up=APPLY,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="orders cancel",
        specs="servers: {}\n",
        prepare=_order_unpaid,
        command=CANCEL,
        next_command=_cancel_if_recorded,
        follow_up=APPLY,
        expected=LedgerTotals({}, (), unpaid=1),
    ),
    Scenario(
        name="buy a part",
        specs=TWO,
        command=(*APPLY, "--target=alpha"),
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="release a part",
        initial_specs=TWO,
        specs=TWO,
        command=(*DESTROY, "--exclude=beta"),
        expected=LedgerTotals(once("alpha", "beta"), ("beta",), released=once(*ALPHA)),
    ),
    Scenario(
        name="beside a stranger",
        specs="servers: {alpha: {}}\n",  # equal to the stranger's in all that the cloud shows
        purchase=NONCE,
        stranger="alpha",
        code=7,
        expected_problem="namesake",
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
)


HANDING_OVER = (
    Scenario(
        name="adopt by specs, and rename",
        initial_specs=ONE,
        specs="servers: {alpha: {name: omega}}\n",
        prepare=_forget_and_import,
        adopted_names=ALPHA,
        expected=LedgerTotals(once(*ALPHA), ("omega",)),
    ),
    Scenario(
        name="adopt",
        initial_specs=ONE,
        specs="servers: {}\n",
        prepare=_forget,
        adopted_names=ALPHA,
        command=("adopt", "--all", "--auto-approve"),
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="moved group",
        initial_specs="servers: {pool: {count: 2}}\n",
        specs="servers: {crew: {count: 2}}\nmoved: [{from: pool, to: crew}]\n",
        expected=LedgerTotals(once("pool-0", "pool-1"), ("crew-0", "crew-1")),
    ),
    Scenario(
        name="let go",
        initial_specs=ONE,
        specs="servers: {}\nremoved: [{from: alpha}]\n",
        forgotten_names=ALPHA,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
)


def _all() -> Iterator[Scenario]:
    yield from BUYING
    for scenario in BUYING:
        purchase = f"{scenario.purchase}, {NONCE}" if scenario.purchase else NONCE
        yield replace(scenario, name=f"{scenario.name}, nonce", purchase=purchase)
    yield from CHANGING
    yield from HANDING_OVER
    yield from APPROVED
    yield from ANOMALY_SCENARIOS


SCENARIOS = {scenario.name: scenario for scenario in _all()}
SMALLEST = SCENARIOS["pay-per-use"]
