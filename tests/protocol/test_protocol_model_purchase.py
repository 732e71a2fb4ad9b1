"""The specification of buying once where a reply may be lost, as a model small enough to try every world.

A request may be refused, answered, lost, or carried out late; a list may show the server later still; somebody else may buy
the same name; the run may die at any step of two runs. The protocol must neither buy twice, nor lose a server, nor take a
stranger's, nor ask. What it is made of is taken away piece by piece, and each weaker protocol fails: so the model can fail.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import cache
from itertools import product

import pytest

SLOWEST_LANDING, SLOWEST_SIGHT = 8, 4
BOUND = SLOWEST_LANDING + SLOWEST_SIGHT
"""Ticks after which a server that was bought is listed for sure."""
STEPS = 9
"""Where a run can die."""


class Outcome(Enum):
    """Of the first request; every later one is answered at once."""

    NOT_SENT = auto()
    REFUSED = auto()
    ANSWERED = auto()
    REPLY_LOST = auto()
    LATE = auto()
    NEVER = auto()


class Stranger(Enum):
    NONE = auto()
    BEFORE = auto()
    IN_THE_WINDOW = auto()


@dataclass(frozen=True)
class Protocol:
    """`quiet`: ticks before silence is believed."""

    journal: bool = True
    resends: bool = False
    only_asks: bool = False
    window: bool = False
    nonce: bool = False
    quiet: int = 0


@dataclass(frozen=True)
class World:
    outcome: Outcome
    landing: int
    sight: int
    stranger: Stranger
    deaths: tuple[int | None, int | None]


@dataclass(frozen=True)
class Server:
    name: str
    created: int
    ours: bool


@dataclass(frozen=True)
class Intent:
    name: str
    sent: int
    earlier: frozenset[Server]


class Died(BaseException):
    """At a step of a run."""


@dataclass
class Life:
    """One server wanted in one world: `known`, `intent` are what the disk has; everything else of a run dies with it."""

    protocol: Protocol
    world: World
    servers: list[Server] = field(default_factory=list)
    known: Server | None = None
    intent: Intent | None = None
    asked: bool = False
    tick: int = 0
    requests: int = 0
    died: int = 0
    _steps_left: int | None = None

    def live(self) -> Life:
        """A run at every tick, until everything that was sent must have become visible and been judged."""
        if self.world.stranger is Stranger.BEFORE:
            self.servers.append(Server("it", -BOUND, ours=False))
        for tick in range(3 * BOUND):
            self.tick = tick
            self._steps_left = self.world.deaths[self.tick] if self.tick < len(self.world.deaths) else None
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
        if self.intent is not None and not self._recover(self.intent):
            return
        self._step()
        if self.known is None:
            self._buy()

    def _recover(self, intent: Intent) -> bool:
        """Whether the doubt is over."""
        if self.protocol.only_asks:
            self.asked = True
            return False
        found = [one for one in self._listed() if one.name == intent.name and self._may_be(one, intent)]
        self._step()
        if len(found) > 1:
            self.asked = True
            return False
        if not found and self.tick < intent.sent + self.protocol.quiet:
            return False
        self.known, self.intent = found[0] if found else None, None
        self._step()
        return True

    def _may_be(self, server: Server, intent: Intent) -> bool:
        return not self.protocol.window or (server.created >= intent.sent and server not in intent.earlier)

    def _listed(self) -> list[Server]:
        return [one for one in self.servers if one.created + self.world.sight <= self.tick]

    def _buy(self) -> None:
        self._step()
        name = f"it-{self.requests}" if self.protocol.nonce else "it"
        if self.protocol.journal:
            self.intent = Intent(name, self.tick, frozenset(self._listed()))
        self._step()
        answer = self._send(name)
        self._step()
        if answer is Outcome.REPLY_LOST and self.protocol.resends:
            answer = self._send(name)
        self._step()
        if isinstance(answer, Server):
            self.known, self.intent = answer, None
        elif answer in {Outcome.NOT_SENT, Outcome.REFUSED}:
            self.intent = None
        self._step()

    def _send(self, name: str) -> Server | Outcome:
        first, self.requests = self.requests == 0, self.requests + 1
        outcome = self.world.outcome if first else Outcome.ANSWERED
        created = self.tick + (self.world.landing if outcome is Outcome.LATE else 0)
        server = Server(name, created, ours=True)
        if first and self.world.stranger is Stranger.IN_THE_WINDOW:
            self.servers.append(Server("it", self.tick, ours=False))
        if outcome in {Outcome.ANSWERED, Outcome.REPLY_LOST, Outcome.LATE}:
            self.servers.append(server)
        match outcome:
            case Outcome.ANSWERED:
                return server
            case Outcome.NOT_SENT | Outcome.REFUSED:
                return outcome
            case _:
                return Outcome.REPLY_LOST

    def faults(self) -> set[str]:
        ours = [one for one in self.servers if one.ours]
        found = {
            "bought twice": len(ours) > 1,
            "untracked": any(one is not self.known for one in ours),
            "stranger's taken": self.known is not None and not self.known.ours,
            "asked": self.asked,
            "never bought": not ours,
        }
        return {fault for fault, is_so in found.items() if is_so}


DEATHS = tuple(product((None, *range(STEPS)), repeat=2))
WORLDS = tuple(
    World(outcome, landing, sight, stranger, deaths)
    for outcome in Outcome
    for landing in ((1, SLOWEST_LANDING // 2, SLOWEST_LANDING) if outcome is Outcome.LATE else (0,))
    for sight in (0, SLOWEST_SIGHT // 2, SLOWEST_SIGHT)
    for stranger in Stranger
    for deaths in DEATHS
)
ALONE = tuple(world for world in WORLDS if world.stranger is not Stranger.IN_THE_WINDOW)

LIKE_TERRAFORM = Protocol(journal=False, resends=True)
STOPS_AND_ASKS = Protocol(only_asks=True)
BY_NAME = Protocol()
IN_A_WINDOW = Protocol(window=True)
BY_NONCE = Protocol(window=True, nonce=True)
DEFAULT = Protocol(window=True, quiet=BOUND)
WHOLE = Protocol(window=True, nonce=True, quiet=BOUND)


@cache
def faults(protocol: Protocol, worlds: tuple[World, ...] = WORLDS) -> Counter[str]:
    """In how many worlds each fault comes about."""
    return Counter(fault for world in worlds for fault in Life(protocol, world).live().faults())


@pytest.mark.parametrize("step", range(STEPS))
def test_every_step_of_a_recovering_run_is_one_where_it_dies(step):
    """Else the model would have holes where nobody dies."""
    doubtful = World(Outcome.NEVER, 0, 0, Stranger.NONE, (None, step))
    assert Life(BY_NONCE, doubtful).live().died == 1


def test_the_whole_protocol_is_faultless_in_every_world():
    assert len(WORLDS) == 7_200
    assert faults(WHOLE) == {}


def test_the_default_marker_is_faultless_where_no_stranger_buys_the_name_in_the_same_minutes():
    assert faults(DEFAULT, ALONE) == {}
    assert faults(DEFAULT)["stranger's taken"] > 0


@pytest.mark.parametrize("quiet", range(BOUND))
def test_a_shorter_quiet_period_fails_at_once(quiet):
    assert faults(replace(WHOLE, quiet=quiet))["bought twice"] > 0


@pytest.mark.parametrize(
    ("protocol", "failing", "sound"),
    [
        (LIKE_TERRAFORM, {"bought twice", "untracked"}, {"asked", "stranger's taken"}),
        (STOPS_AND_ASKS, {"asked", "untracked"}, {"bought twice", "stranger's taken"}),
        (BY_NAME, {"bought twice", "untracked", "stranger's taken", "asked"}, set()),
        (IN_A_WINDOW, {"bought twice", "untracked", "stranger's taken", "asked"}, set()),
        (BY_NONCE, {"bought twice", "untracked"}, {"asked", "stranger's taken"}),
    ],
    ids=["like Terraform", "stops and asks", "by name", "in a window", "by nonce, believing silence at once"],
)
def test_a_protocol_that_lacks_a_part_fails(protocol, failing, sound):
    found = faults(protocol)
    assert failing <= found.keys()
    assert not sound & found.keys()


def test_a_window_keeps_the_servers_that_were_there_before_from_being_taken():
    before = tuple(world for world in WORLDS if world.stranger is Stranger.BEFORE)
    assert faults(BY_NAME, before)["stranger's taken"] > 0
    assert faults(IN_A_WINDOW, before)["stranger's taken"] == 0
