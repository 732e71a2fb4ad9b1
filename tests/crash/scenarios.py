"""Everything that a run may die in. A flow joins by being registered here, and is then killed at each of its steps.

A scenario says what the world is like before, what is run, and what the cloud's own books have to say at the end; how the run
dies, and how it is made good, is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from crash.stage import PUBLIC_ACCOUNT, QUIET_SECONDS, Account, Stage
from support.site import PREPAID
from support.zygote import Fate

APPLY = ("apply", "--auto-approve", "--resolve-timeout", "3s")
DESTROY = ("destroy", "--auto-approve", "--resolve-timeout", "3s")
PAY = ("orders", "pay", "alpha", "--auto-approve")
CANCEL = ("orders", "cancel", "alpha", "--auto-approve")
NONCE = "marker: nonce"
TWO_STEP = "prepaid: two-step"

ONE = "servers: {alpha: {}}\n"
EIGHT = "servers: {pool: {count: 8}}\n"
ONE_PREPAID = f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n"
ONE_UNPAID = ONE_PREPAID.replace("is_auto_pay: true", "is_auto_pay: false")
EIGHT_PREPAID = f"servers: {{pool: {{count: 8, charging_info: {PREPAID}}}}}\n"
THREE_TOGETHER = f"servers: {{pool: {{count: 3, order: together, charging_info: {PREPAID}}}}}\n"
ALPHA, POOL = ("alpha",), tuple(f"pool-{number}" for number in range(8))


@dataclass(frozen=True, slots=True)
class Books:
    """By the cloud's own tables: how often each name was bought (an order that nobody paid is not), released and refunded in
    all, and which names are alive. `unpaid` is how many orders wait for money.
    """

    bought: Mapping[str, int]
    alive: tuple[str, ...]
    released: Mapping[str, int] = field(default_factory=dict)
    refunded: Mapping[str, int] = field(default_factory=dict)
    unpaid: int = 0


def once(*names: str) -> dict[str, int]:
    return dict.fromkeys(names, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    specs: str
    ends: Books
    before: str | None = None
    """Specs that were applied, and in peace, before."""
    purchase: str = ""
    """More of the stack's `purchase:`."""
    command: tuple[str, ...] = APPLY
    again: Callable[[Stage], tuple[str, ...]] | None = None
    """What a person types after the death; None: the same again."""
    prepare: Callable[[Stage], None] | None = None
    """What else has happened before."""
    code: int = 0
    """Of a run in which nobody dies."""
    follow: tuple[str, ...] | None = None
    """What is run when that has come to its end, and then has nothing left to do; None: the same again."""
    waits_for: Callable[[Stage], None] | None = None
    """What has to happen outside before another run can go on; that run exits 0."""
    waiting: Books | None = None
    """The books until it has happened."""
    stranger: str | None = None
    """Somebody buys a server of this name while we buy ours. It is not ours, and must stay as it is."""
    build_seconds: float = 0.0
    account: Account = PUBLIC_ACCOUNT

    @property
    def pays_in_two_steps(self) -> bool:
        return TWO_STEP in self.purchase


def _die_at(step: str) -> Callable[[Stage], None]:
    """An earlier run has died at the first step of this name."""

    def prepare(stage: Stage) -> None:
        with stage.copy(stage.folder.with_name("rehearsal")) as rehearsal:
            steps = rehearsal.run(*APPLY).steps
        stage.serve(stage.account)
        stage.run(*APPLY, fate=Fate({steps.index(step) + 1: "KILL"}))

    return prepare


def _lost_long_ago(stage: Stage) -> None:
    _die_at("before POST dev-servers")(stage)
    stage.pass_time(QUIET_SECONDS)


def _time_passes(stage: Stage) -> None:
    stage.pass_time(3700)


def _money_comes_in(stage: Stage) -> None:
    stage.serve(replace(stage.account, balance=1_000_000))


def _somebody_pays(stage: Stage) -> None:
    """And only what is recorded: that is the order which the tool has named."""
    _money_comes_in(stage)
    state = stage.state
    assert state is not None
    for recorded in state.resources.values():
        assert recorded.order_id is not None
        stage.pay(recorded.order_id)


def _leave_unpaid(stage: Stage) -> None:
    """`alpha` is ordered by specs that do not pay by themselves; then the stack's own are back."""
    specs = (stage.folder / "specs" / "servers.yaml").read_text()
    stage.write(ONE_UNPAID)
    assert stage.run(*APPLY).code == 7
    stage.write(specs)


def _cancelling_what_is_there(stage: Stage) -> tuple[str, ...]:
    """A person sees in `orders list` whether there is still something to cancel."""
    return CANCEL if stage.state and stage.state.resources else APPLY


def _naming_who_is_not_replaced(stage: Stage) -> tuple[str, ...]:
    """The replacement of a prepaid server has to be asked for by its address, once."""
    state = stage.state
    assert state is not None
    old = [key for key, one in state.resources.items() if one.declared["flavor"] == "Si2.large.4"]
    return (*APPLY, *(f"--replace={address}" for address in old))


BUYING = (
    Scenario(name="pay-per-use", specs=ONE, ends=Books(once(*ALPHA), ALPHA)),
    Scenario(name="pay-per-use, 8", specs=EIGHT, ends=Books(once(*POOL), POOL)),
    Scenario(name="prepaid", specs=ONE_PREPAID, ends=Books(once(*ALPHA), ALPHA)),
    Scenario(name="prepaid, 8", specs=EIGHT_PREPAID, ends=Books(once(*POOL), POOL)),
    Scenario(name="prepaid, together", specs=THREE_TOGETHER, ends=Books({"pool-0": 3}, POOL[:3])),
    Scenario(name="two-step", specs=ONE_PREPAID, purchase=TWO_STEP, ends=Books(once(*ALPHA), ALPHA)),
    Scenario(name="two-step, 8", specs=EIGHT_PREPAID, purchase=TWO_STEP, ends=Books(once(*POOL), POOL)),
    Scenario(
        name="unpaid",
        specs=ONE_PREPAID,
        account=Account(balance=1.0),
        code=7,
        waiting=Books({}, (), unpaid=1),
        waits_for=_somebody_pays,
        ends=Books(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="unpaid, two-step",
        specs=ONE_PREPAID,
        purchase=TWO_STEP,
        account=Account(balance=1.0),
        code=7,
        waiting=Books({}, (), unpaid=1),
        waits_for=_money_comes_in,
        ends=Books(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="awaiting approval",
        specs=ONE_PREPAID,
        purchase=TWO_STEP,
        account=Account(approval_seconds=3600),
        code=7,
        waiting=Books({}, (), unpaid=1),
        waits_for=_time_passes,
        ends=Books(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="building",
        specs=ONE,
        build_seconds=6.0,
        ends=Books(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="wait timed out",
        specs="servers: {alpha: {timeouts: {create: 20s}}}\n",
        build_seconds=3600.0,
        code=7,
        waiting=Books(once(*ALPHA), ALPHA),
        waits_for=_time_passes,
        ends=Books(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="replace",
        before=ONE,
        specs="servers: {alpha: {flavor: Si2.xlarge.4}}\n",
        ends=Books({"alpha": 2}, ALPHA, released=once(*ALPHA)),
    ),
    Scenario(
        name="replace prepaid",
        before=ONE_PREPAID,
        specs=ONE_PREPAID.replace("{charging_info", "{flavor: Si2.xlarge.4, charging_info"),
        command=(*APPLY, "--replace=alpha"),
        again=_naming_who_is_not_replaced,
        ends=Books({"alpha": 2}, ALPHA, released=once(*ALPHA), refunded=once(*ALPHA)),
    ),
    Scenario(
        name="in doubt, carried out",
        specs=ONE,
        prepare=_die_at("heard POST dev-servers"),
        ends=Books(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="in doubt, lost",
        specs=ONE,
        prepare=_die_at("before POST dev-servers"),
        code=6,
        ends=Books(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="in doubt, lost long ago",
        specs=ONE,
        prepare=_lost_long_ago,
        ends=Books(once(*ALPHA), ALPHA),
    ),
)
"""Each of these is played under both markers."""

CHANGING = (
    Scenario(
        name="rename", before=ONE, specs="servers: {alpha: {name: omega}}\n", ends=Books(once(*ALPHA), ("omega",))
    ),
    Scenario(name="delete", before=ONE, specs=ONE, command=DESTROY, ends=Books(once(*ALPHA), (), once(*ALPHA))),
    Scenario(name="delete, 8", before=EIGHT, specs=EIGHT, command=DESTROY, ends=Books(once(*POOL), (), once(*POOL))),
    Scenario(
        name="unsubscribe",
        before=ONE_PREPAID,
        specs=ONE_PREPAID,
        command=DESTROY,
        ends=Books(once(*ALPHA), (), released=once(*ALPHA), refunded=once(*ALPHA)),
    ),
    Scenario(
        name="unsubscribe, together",
        before=THREE_TOGETHER,
        specs=THREE_TOGETHER,
        command=DESTROY,
        ends=Books({"pool-0": 3}, (), released=once(*POOL[:3]), refunded=once(*POOL[:3])),
    ),
    Scenario(
        name="renewal",
        before=ONE_PREPAID,
        specs=ONE_PREPAID.replace("is_auto_pay", "is_auto_renew: true, is_auto_pay"),
        ends=Books(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="orders pay",
        specs=ONE_UNPAID,
        prepare=_leave_unpaid,
        command=PAY,
        follow=APPLY,
        ends=Books(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="orders cancel",
        specs="servers: {}\n",
        prepare=_leave_unpaid,
        command=CANCEL,
        again=_cancelling_what_is_there,
        follow=APPLY,
        ends=Books({}, (), unpaid=1),
    ),
    Scenario(
        name="beside a stranger",
        specs=ONE,
        purchase=NONCE,
        stranger="alpha",
        ends=Books(once(*ALPHA), ALPHA),
    ),
)


def _all() -> Iterator[Scenario]:
    yield from BUYING
    for scenario in BUYING:
        purchase = f"{scenario.purchase}, {NONCE}" if scenario.purchase else NONCE
        yield replace(scenario, name=f"{scenario.name}, nonce", purchase=purchase)
    yield from CHANGING


SCENARIOS = {scenario.name: scenario for scenario in _all()}
SMALLEST = SCENARIOS["pay-per-use"]
