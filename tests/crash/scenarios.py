"""Everything that a run may die in. A flow joins by being registered here, and is then killed at each of its steps.

A scenario says what the world is like before, what is run, and what the cloud's own books have to say at the end; how the run
dies, and how it is made good, is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from crash.anomaly_scenarios import UNTIDY
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


def _die_at(step: str) -> Callable[[CrashEnvironment], None]:
    """An earlier run has died at the first step of this name."""

    def prepare(stage: CrashEnvironment) -> None:
        with stage.copy(stage.folder.with_name("rehearsal")) as rehearsal:
            steps = rehearsal.run(*APPLY).steps
        stage.serve(stage.account)
        stage.run(*APPLY, fault_plan=FaultPlan({steps.index(step) + 1: "KILL"}))

    return prepare


def _answer_lost_long_ago(stage: CrashEnvironment) -> None:
    _die_at("heard POST dev-servers")(stage)
    stage.pass_time(QUIET_SECONDS)


def _lists_are_whole_again(stage: CrashEnvironment) -> None:
    stage.lists = None
    stage.arm()


def _given_up_and_sold_as_wanted(stage: CrashEnvironment) -> None:
    stage.sells = None
    stage.arm()
    assert stage.run(*CANCEL).code == 0


def _lost_long_ago(stage: CrashEnvironment) -> None:
    _die_at("before POST dev-servers")(stage)
    stage.pass_time(QUIET_SECONDS)


def _let_go(stage: CrashEnvironment) -> None:
    assert stage.run("state", "rm", "alpha", "--auto-approve").code == 0


def _let_go_and_named(stage: CrashEnvironment) -> None:
    (server,) = stage.alive
    _let_go(stage)
    imports = f"imports: [{{to: alpha, id: {server.id}}}]\n"
    (stage.folder / "specs" / "imports.yaml").write_text(imports)


def _time_passes(stage: CrashEnvironment) -> None:
    stage.pass_time(3700)


def _money_comes_in(stage: CrashEnvironment) -> None:
    stage.serve(replace(stage.account, balance=1_000_000))


def _somebody_pays(stage: CrashEnvironment) -> None:
    """And only what is recorded: that is the order which the tool has named."""
    _money_comes_in(stage)
    state = stage.state
    assert state is not None
    for recorded in state.resources.values():
        assert recorded.order_id is not None
        stage.pay(recorded.order_id)


def _somebody_renames(stage: CrashEnvironment) -> None:
    (alpha,) = stage.alive
    stage.rename(alpha.id, "omega")


def _rows_turn(stage: CrashEnvironment) -> None:
    """Every row shows another machine and another system from now on."""
    rows = {
        "flavor": "Si2.xlarge.4",
        "image": {"image_id": OTHER_IMAGE, "arch": "ARM"},
        "cloud_server": {"type": "BMS"},
    }
    stage.arm({"at": SHOWING, "times": "always", "fault": "rewrite", "rows": rows})


def _leave_unpaid(stage: CrashEnvironment) -> None:
    """`alpha` is ordered by specs that do not pay by themselves; then the stack's own are back."""
    specs = (stage.folder / "specs" / "servers.yaml").read_text()
    stage.write(ONE_UNPAID)
    assert stage.run(*APPLY).code == 7
    stage.write(specs)


def _cancelling_what_is_there(stage: CrashEnvironment) -> tuple[str, ...]:
    """A person sees in `orders list` whether there is still something to cancel."""
    return CANCEL if stage.state and stage.state.resources else APPLY


def _naming_who_is_not_replaced(stage: CrashEnvironment) -> tuple[str, ...]:
    """The replacement of a prepaid server has to be asked for by its address, once."""
    state = stage.state
    assert state is not None
    old = [key for key, one in state.resources.items() if one.declared["flavor"] == "Si2.large.4"]
    return (*APPLY, *(f"--replace={address}" for address in old))


def _allowing_what_went_with_its_order(_stage: CrashEnvironment) -> tuple[str, ...]:
    """Ending the order for one of them has ended it for all."""
    return (*DESTROY, "--allow=prepaid-delete", "--allow=vanished")


BUYING = (
    Scenario(name="pay-per-use", specs=ONE, ends=LedgerTotals(once(*ALPHA), ALPHA)),
    Scenario(name="pay-per-use, 8", specs=EIGHT, ends=LedgerTotals(once(*POOL), POOL)),
    Scenario(name="prepaid", specs=ONE_PREPAID, ends=LedgerTotals(once(*ALPHA), ALPHA)),
    Scenario(name="prepaid, 8", specs=EIGHT_PREPAID, ends=LedgerTotals(once(*POOL), POOL)),
    Scenario(name="prepaid, together", specs=THREE_TOGETHER, ends=LedgerTotals({"pool-0": 3}, POOL[:3])),
    Scenario(name="prepaid, order unnamed", specs=ONE_PREPAID, shows=UNNAMED, ends=LedgerTotals(once(*ALPHA), ALPHA)),
    Scenario(
        name="together, order unnamed", specs=THREE_TOGETHER, shows=UNNAMED, ends=LedgerTotals({"pool-0": 3}, POOL[:3])
    ),
    Scenario(
        name="in no list",
        before="servers: {alpha: {}}\n",
        specs=TWO,
        prepare=_answer_lost_long_ago,
        lists={"data": [], "total": 0},
        command=(*APPLY[:2], "--resolve-timeout", "0s"),
        code=6,
        waits_for=_lists_are_whole_again,
        waiting=LedgerTotals(once("alpha", "beta"), ("alpha", "beta")),
        waiting_code=6,
        ends=LedgerTotals(once("alpha", "beta"), ("alpha", "beta")),
    ),
    Scenario(name="two-step", specs=ONE_PREPAID, purchase=TWO_STEP, ends=LedgerTotals(once(*ALPHA), ALPHA)),
    Scenario(name="two-step, 8", specs=EIGHT_PREPAID, purchase=TWO_STEP, ends=LedgerTotals(once(*POOL), POOL)),
    Scenario(
        name="unpaid",
        specs=ONE_PREPAID,
        account=Account(balance=1.0),
        code=7,
        waiting=LedgerTotals({}, (), unpaid=1),
        waits_for=_somebody_pays,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="unpaid, two-step",
        specs=ONE_PREPAID,
        purchase=TWO_STEP,
        account=Account(balance=1.0),
        code=7,
        waiting=LedgerTotals({}, (), unpaid=1),
        waits_for=_money_comes_in,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="awaiting approval",
        specs=ONE_PREPAID,
        purchase=TWO_STEP,
        account=Account(approval_seconds=3600),
        code=7,
        waiting=LedgerTotals({}, (), unpaid=1),
        waits_for=_time_passes,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="sold as prepaid",
        specs=ONE,
        sells={"charging_mode": "PRE_PAID", "pays": True},
        code=7,
        meets="sold this server as PRE_PAID, not POST_PAID",
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="sold as prepaid, unpaid",
        specs=ONE,
        sells={"charging_mode": "PRE_PAID"},
        code=7,
        waiting=LedgerTotals({}, (), unpaid=1),
        waits_for=_given_up_and_sold_as_wanted,
        ends=LedgerTotals(once(*ALPHA), ALPHA, unpaid=1),
        belated=(LedgerTotals(once(*ALPHA), ALPHA, systems=(f"RUNNING {IMAGE}",)),),
    ),
    Scenario(
        name="in waves",
        specs="servers: {pool: {count: 3, rollout: [1]}}\n",
        ends=LedgerTotals(once(*POOL[:3]), POOL[:3]),
    ),
    Scenario(
        name="building",
        specs=ONE,
        build_seconds=6.0,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="wait timed out",
        specs=alpha("timeouts: {create: 20s}"),
        build_seconds=3600.0,
        code=7,
        waiting=LedgerTotals(once(*ALPHA), ALPHA),
        waits_for=_time_passes,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="replace",
        before=ONE,
        specs=alpha(BIGGER),
        ends=LedgerTotals({"alpha": 2}, ALPHA, released=once(*ALPHA)),
    ),
    Scenario(
        name="replace, new first",
        before=ONE,
        specs=alpha(BIGGER, "lifecycle: {create_before_destroy: true}"),
        ends=LedgerTotals({"alpha": 2}, ALPHA, released=once(*ALPHA)),
    ),
    Scenario(
        name="replace prepaid",
        before=ONE_PREPAID,
        specs=alpha(BIGGER, f"charging_info: {PREPAID}"),
        command=(*APPLY, "--replace=alpha"),
        again=_naming_who_is_not_replaced,
        ends=LedgerTotals({"alpha": 2}, ALPHA, released=once(*ALPHA), refunded=once(*ALPHA)),
    ),
    Scenario(
        name="in doubt, carried out",
        specs=ONE,
        prepare=_die_at("heard POST dev-servers"),
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="in doubt, lost",
        specs=ONE,
        prepare=_die_at("before POST dev-servers"),
        code=6,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="in doubt, lost long ago",
        specs=ONE,
        prepare=_lost_long_ago,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
)
"""Each of these is played under both markers."""

CHANGING = (
    Scenario(name="rename", before=ONE, specs=alpha("name: omega"), ends=LedgerTotals(once(*ALPHA), ("omega",))),
    Scenario(
        name="another image",
        before=ONE,
        specs=alpha(f"image_id: {OTHER_IMAGE}"),
        build_seconds=6.0,
        ends=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"RUNNING {OTHER_IMAGE}",)),
        belated=(LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {OTHER_IMAGE}",)),),
    ),
    Scenario(
        name="another image, prepaid",
        before=ONE_PREPAID,
        specs=alpha(f"image_id: {OTHER_IMAGE}", f"charging_info: {PREPAID}"),
        ends=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"RUNNING {OTHER_IMAGE}",)),
        belated=(LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {OTHER_IMAGE}",)),),
    ),
    Scenario(
        name="another key on what is stopped",
        before="servers: {alpha: {power: stopped}}\n",
        specs="servers: {alpha: {power: stopped, key_pair_name: another}}\n",
        ends=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {IMAGE}",)),
        belated=(LedgerTotals(once(*ALPHA), ALPHA, wiped={"alpha": 2}, systems=(f"STOPPED {IMAGE}",)),),
    ),
    Scenario(
        name="another image, never shown",
        before=ONE,
        specs=alpha(f"image_id: {OTHER_IMAGE}"),
        shows={"image": {"image_id": IMAGE}},
        build_seconds=6.0,
        ends=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"RUNNING {OTHER_IMAGE}",)),
        belated=(LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {OTHER_IMAGE}",)),),
    ),
    Scenario(
        name="another key, never shown",
        before="servers: {alpha: {}}\n",
        specs="servers: {alpha: {key_pair_name: another}}\n",
        shows={"key_pair_name": "ops"},
        ends=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"RUNNING {IMAGE}",)),
        belated=(LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {IMAGE}",)),),
    ),
    Scenario(
        name="stating what is true",
        before=ONE,
        specs=alpha(TRUE),
        afterwards=_rows_turn,
        ends=LedgerTotals(once(*ALPHA), ALPHA, systems=(f"RUNNING {IMAGE}",)),
    ),
    Scenario(
        name="stating what is true, and renaming",
        before=ONE,
        specs=alpha("name: omega", TRUE),
        afterwards=_rows_turn,
        ends=LedgerTotals(once(*ALPHA), ("omega",), systems=(f"RUNNING {IMAGE}",)),
    ),
    Scenario(
        name="off",
        before=ONE,
        specs=alpha("power: stopped"),
        ends=LedgerTotals(once(*ALPHA), ALPHA, systems=(f"STOPPED {IMAGE}",)),
    ),
    Scenario(
        name="on",
        before=alpha("power: stopped"),
        specs=alpha("power: running"),
        ends=LedgerTotals(once(*ALPHA), ALPHA, systems=(f"RUNNING {IMAGE}",)),
    ),
    Scenario(
        name="attached",
        before=ONE,
        specs=alpha(f"volumes: [{VOLUME}]", f"public_ips: [{ADDRESS}]"),
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="bought with all of it",
        specs=alpha("power: stopped", f"volumes: [{VOLUME}]", f"public_ips: [{ADDRESS}]"),
        ends=LedgerTotals(once(*ALPHA), ALPHA, systems=(f"STOPPED {IMAGE}",)),
    ),
    Scenario(
        name="attaching refused",
        specs=alpha("power: stopped", f"volumes: [{VOLUME}]", f"public_ips: [{ADDRESS}]"),
        account=Account(takes_attachments=False),
        code=7,
        meets="refuses public_ips and volumes",
        ends=LedgerTotals(once(*ALPHA), ALPHA, systems=(f"STOPPED {IMAGE}",)),
    ),
    Scenario(
        name="replaced with another",
        before="servers: {alpha: {}, beta: {lifecycle: {replace_triggered_by: [alpha]}}}\n",
        specs="servers: {alpha: {name: omega}, beta: {lifecycle: {replace_triggered_by: [alpha]}}}\n",
        ends=LedgerTotals({"alpha": 1, "beta": 2}, ("beta", "omega"), released=once("beta")),
    ),
    Scenario(name="delete", before=ONE, specs=ONE, command=DESTROY, ends=LedgerTotals(once(*ALPHA), (), once(*ALPHA))),
    Scenario(
        name="delete, 8", before=EIGHT, specs=EIGHT, command=DESTROY, ends=LedgerTotals(once(*POOL), (), once(*POOL))
    ),
    Scenario(
        name="unsubscribe",
        before=ONE_PREPAID,
        specs=ONE_PREPAID,
        command=(*DESTROY, "--allow=prepaid-delete"),
        ends=LedgerTotals(once(*ALPHA), (), released=once(*ALPHA), refunded=once(*ALPHA)),
    ),
    Scenario(
        name="refresh",
        before=ONE,
        specs=ONE,
        prepare=_somebody_renames,
        command=REFRESH,
        ends=LedgerTotals(once(*ALPHA), ("omega",)),
    ),
    Scenario(
        name="unsubscribe, together",
        before=THREE_TOGETHER,
        specs=THREE_TOGETHER,
        command=(*DESTROY, "--allow=prepaid-delete"),
        again=_allowing_what_went_with_its_order,
        ends=LedgerTotals({"pool-0": 3}, (), released=once(*POOL[:3]), refunded=once(*POOL[:3])),
    ),
    Scenario(
        name="renewal",
        before=ONE_PREPAID,
        specs=ONE_PREPAID.replace("is_auto_pay", "is_auto_renew: true, is_auto_pay"),
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="orders pay",
        specs=ONE_UNPAID,
        prepare=_leave_unpaid,
        command=PAY,
        follow=APPLY,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="orders cancel",
        specs="servers: {}\n",
        prepare=_leave_unpaid,
        command=CANCEL,
        again=_cancelling_what_is_there,
        follow=APPLY,
        ends=LedgerTotals({}, (), unpaid=1),
    ),
    Scenario(
        name="buy a part",
        specs=TWO,
        command=(*APPLY, "--target=alpha"),
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="release a part",
        before=TWO,
        specs=TWO,
        command=(*DESTROY, "--exclude=beta"),
        ends=LedgerTotals(once("alpha", "beta"), ("beta",), released=once(*ALPHA)),
    ),
    Scenario(
        name="beside a stranger",
        specs="servers: {alpha: {}}\n",  # like the stranger's in all that the cloud shows
        purchase=NONCE,
        stranger="alpha",
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
)


HANDING_OVER = (
    Scenario(
        name="adopt by specs, and rename",
        before=ONE,
        specs="servers: {alpha: {name: omega}}\n",
        prepare=_let_go_and_named,
        takes_over=ALPHA,
        ends=LedgerTotals(once(*ALPHA), ("omega",)),
    ),
    Scenario(
        name="adopt",
        before=ONE,
        specs="servers: {}\n",
        prepare=_let_go,
        takes_over=ALPHA,
        command=("adopt", "--all", "--auto-approve"),
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="moved group",
        before="servers: {pool: {count: 2}}\n",
        specs="servers: {crew: {count: 2}}\nmoved: [{from: pool, to: crew}]\n",
        ends=LedgerTotals(once("pool-0", "pool-1"), ("crew-0", "crew-1")),
    ),
    Scenario(
        name="let go",
        before=ONE,
        specs="servers: {}\nremoved: [{from: alpha}]\n",
        gives_up=ALPHA,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
)


def _all() -> Iterator[Scenario]:
    yield from BUYING
    for scenario in BUYING:
        purchase = f"{scenario.purchase}, {NONCE}" if scenario.purchase else NONCE
        yield replace(scenario, name=f"{scenario.name}, nonce", purchase=purchase)
    yield from CHANGING
    yield from HANDING_OVER
    yield from UNTIDY


SCENARIOS = {scenario.name: scenario for scenario in _all()}
SMALLEST = SCENARIOS["pay-per-use"]
