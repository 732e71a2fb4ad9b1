"""The specification of ordering unpaid and paying by the order's id, as a model small enough to try every world.

Whatever happens to either request, and wherever up to three runs die, exactly one order is paid, its server is recorded, and there
are never two open orders. A run that finds an order of unknown origin adopts it. If there is none after the quiet period, no order
was placed. Three protocols that lack a part fail.

An untidy cloud has fewer worlds, with one death: the first reply names the order of a stranger's server that was listed before, or
the clock of the later runs is ahead, the cloud's or the machine's. Siblings and case are not covered: an order names no server.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from itertools import product

import pytest

STEPS = 9
"""Where a run can die."""
DEATHS = 3
QUIET = 6
"""The quiet period in ticks, longer than any request is late."""
MOST_TICKS = DEATHS + 3 + (DEATHS + 2) * QUIET
"""The most ticks until the payment. There is one run a tick: those that die, one for each lost reply, one more; each may be
    followed by a quiet period.
"""


class Outcome(Enum):
    """What happens to the first order, or to the first payment."""

    REFUSED = auto()
    ANSWERED = auto()
    REPLY_LOST = auto()
    LATE = auto()
    NEVER = auto()


class Untidy(Enum):
    NOT = auto()
    NAMES_ANOTHERS = auto()
    """The first reply names the order of a server that was there before."""
    CLOUD_AHEAD = auto()
    MACHINE_AHEAD = auto()
    """From the second run on, by more than the quiet period."""


@dataclass(frozen=True)
class Protocol:
    pays_by_itself: bool = False
    """The order is paid with the request that places it."""
    orders_anew: bool = False
    """After a payment whose reply was lost it places another order, instead of reading the existing one."""
    believes_at_once: bool = False
    """From the next run on, an order whose reply was lost and that is not listed counts as never placed."""
    believes_any_reply: bool = False
    """It accepts a reply that names the order of a server that was listed before."""
    one_witness: Untidy | None = None
    """The only clock that decides whether the quiet period is over, named by its fault. None: both have to agree."""


@dataclass(frozen=True)
class World:
    order: Outcome
    payment: Outcome
    delay: int
    """How many ticks a late request is late, and a server is listed after its payment."""
    deaths: tuple[int | None, ...]
    untidy: Untidy = Untidy.NOT


@dataclass(eq=False)
class Order:
    placed: int
    paid: int | None = None
    """The tick of the payment."""
    ours: bool = True


class Died(BaseException):
    """The run dies at one of its steps."""


@dataclass
class Life:
    """Simulates one wanted server in one world. `known`, `sent` (a tick), `paying` and `tracked` are on disk."""

    protocol: Protocol
    world: World
    orders: list[Order] = field(default_factory=list)
    known: Order | None = None
    sent: int | None = None
    paying: bool = False
    tracked: Order | None = None
    tick: int = 0
    died: int = 0
    most_open: int = 0
    """The highest number of orders that were open at the same time."""
    _requests: Counter[str] = field(default_factory=Counter)
    _late_payments: list[tuple[int, Order]] = field(default_factory=list)
    _steps_left: int | None = None

    def live(self) -> Life:
        """Runs at every tick until the server is recorded, and goes on long enough for every late request."""
        for tick in range(MOST_TICKS + 3 * self.world.delay):
            self.tick = tick
            self._let_late_payments_land()
            self.most_open = max(self.most_open, len(self._open_orders()))
            if self.tracked is None:
                self._steps_left = self.world.deaths[self.tick] if self.tick < DEATHS else None
                try:
                    self._run()
                except Died:
                    self.died += 1
        return self

    def _step(self) -> None:
        if self._steps_left is not None:
            self._steps_left -= 1
            if self._steps_left < 0:
                raise Died

    def _run(self) -> None:
        self._step()
        if self.sent is not None and not self._settle(self.sent):
            return
        if self.paying and self.protocol.orders_anew:
            self.known = None
        self.paying = False
        self._step()
        if self.known is None and not self._place():
            return
        assert self.known is not None
        if self._paid_by_now(self.known) is None:
            self._pay(self.known)
        self._step()
        paid = self._paid_by_now(self.known)
        if paid is not None and self.tick >= paid + self.world.delay:
            self.tracked = self.known

    def _settle(self, sent: int) -> bool:
        """Returns whether the outcome of the lost request is known now."""
        if self.protocol.believes_at_once:
            self.sent = None
            return True
        placed = next((order for order in self.orders if sent <= order.placed <= self.tick), None)
        if placed is None and not self._is_quiet(sent):
            return False
        self.known, self.sent = placed, None
        return True

    def _is_quiet(self, sent: int) -> bool:
        clocks = {
            untidy: self.tick + (QUIET if self.world.untidy is untidy and self.tick > 0 else 0)
            for untidy in (Untidy.CLOUD_AHEAD, Untidy.MACHINE_AHEAD)
        }
        believed = min(clocks.values()) if self.protocol.one_witness is None else clocks[self.protocol.one_witness]
        return believed >= sent + QUIET

    def _open_orders(self) -> list[Order]:
        return [one for one in self.orders if one.placed <= self.tick and self._paid_by_now(one) is None]

    def _place(self) -> bool:
        """Returns whether an order is known from now on."""
        self.sent = self.tick
        self._step()
        outcome = self._outcome("order", self.world.order)
        order = Order(self.tick + (self.world.delay if outcome is Outcome.LATE else 0))
        if self.protocol.pays_by_itself:
            order.paid = order.placed
        if outcome not in {Outcome.REFUSED, Outcome.NEVER}:
            self.orders.append(order)
        self._step()
        if outcome is Outcome.ANSWERED and self._requests["order"] == 1 and self.world.untidy is Untidy.NAMES_ANOTHERS:
            if self.protocol.believes_any_reply:
                self.known, self.sent = Order(-1, paid=-1, ours=False), None
        elif outcome is Outcome.ANSWERED:
            self.known, self.sent = order, None
        self._step()
        return self.known is not None

    def _pay(self, order: Order) -> None:
        self.paying = True
        self._step()
        outcome = self._outcome("payment", self.world.payment)
        match outcome:
            case Outcome.ANSWERED | Outcome.REPLY_LOST:
                self._take_money(order, self.tick)
            case Outcome.LATE:
                self._late_payments.append((self.tick + self.world.delay, order))
        self._step()
        if outcome in {Outcome.ANSWERED, Outcome.REFUSED}:
            self.paying = False
        self._step()

    def _outcome(self, request: str, first: Outcome) -> Outcome:
        self._requests[request] += 1
        return first if self._requests[request] == 1 else Outcome.ANSWERED

    def _take_money(self, order: Order, when: int) -> None:
        """Pays an order. The cloud never takes the money for an order twice."""
        if order.paid is None:
            order.paid = when

    def _let_late_payments_land(self) -> None:
        for due, order in self._late_payments:
            if due == self.tick:
                self._take_money(order, due)

    def _paid_by_now(self, order: Order | None) -> int | None:
        return order.paid if order is not None and order.paid is not None and order.paid <= self.tick else None

    def faults(self) -> set[str]:
        paid = [order for order in self.orders if order.paid is not None]
        found = {
            "paid twice": len(paid) > 1,
            "not paid": not paid,
            "untracked": any(order is not self.tracked for order in paid),
            "several open": self.most_open > 1,
            "stranger's taken": self.tracked is not None and not self.tracked.ours,
            "left unpaid": len(self.orders) > len(paid),
        }
        return {fault for fault, is_so in found.items() if is_so}


WORLDS = tuple(
    World(order, payment, delay, deaths)
    for order, payment, delay in product(Outcome, Outcome, (1, 2, 5))
    for deaths in product((None, *range(STEPS)), repeat=DEATHS)
)
WHOLE = Protocol()
UNTIDY = tuple(
    World(order, payment, delay, deaths, untidy)
    for untidy in Untidy
    for order, payment, delay in product(Outcome, Outcome, (1, 2, 5))
    for deaths in [(None, None, None), *((step, None, None) for step in range(STEPS))]
    if untidy is not Untidy.NOT
)


@cache
def faults(protocol: Protocol, worlds: tuple[World, ...] = WORLDS) -> Counter[str]:
    """Counts the worlds in which each fault occurs."""
    return Counter(fault for world in worlds for fault in Life(protocol, world).live().faults())


@pytest.mark.parametrize("step", range(STEPS))
def test_every_step_of_a_run_is_one_where_it_dies(step):
    assert Life(WHOLE, World(Outcome.ANSWERED, Outcome.ANSWERED, 1, (step, None, None))).live().died == 1


def test_exactly_one_order_is_paid_and_recorded_in_every_world():
    assert len(WORLDS) == 75_000
    assert faults(WHOLE) == {}


def test_so_it_is_in_an_untidy_cloud():
    assert len(UNTIDY) == 2_250
    assert faults(WHOLE, UNTIDY) == {}


@pytest.mark.parametrize(
    ("protocol", "fault"),
    [
        (Protocol(believes_any_reply=True), "stranger's taken"),
        (Protocol(one_witness=Untidy.CLOUD_AHEAD), "several open"),
        (Protocol(one_witness=Untidy.MACHINE_AHEAD), "several open"),
    ],
)
def test_without_one_rule_it_is_not(protocol, fault):
    assert faults(protocol, UNTIDY)[fault] > 0


@pytest.mark.parametrize(
    ("protocol", "fault"),
    [
        (Protocol(pays_by_itself=True, believes_at_once=True), "paid twice"),
        (Protocol(orders_anew=True), "paid twice"),
        (Protocol(believes_at_once=True), "several open"),
    ],
)
def test_a_protocol_that_lacks_a_part_fails(protocol, fault):
    assert faults(protocol, WORLDS[:: len(WORLDS) // 5_000])[fault] > 0
