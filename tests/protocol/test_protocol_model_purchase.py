"""The specification of buying exactly once although a reply may be lost, as a model small enough to try every world.

A world is one combination of what may happen. A request is refused, answered, lost, or carried out late; a list shows the server
later still; a stranger buys the same name; each of two runs dies at any step. The protocol must not buy twice, lose a server, take
a stranger's, or ask. Its parts are removed one by one, and every weaker protocol fails, which proves that the model can fail.

An untidy cloud has further worlds: replies that name another server's id, clocks that differ between services, nodes or machines,
answers from a cache, a sibling state that cannot be read for a while, rows in another case. Each rule for these is removed by
itself, too. There is one such anomaly at a time; two at once are not covered here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import cache
from itertools import chain, product

import pytest

SLOWEST_LANDING, SLOWEST_SIGHT = 8, 4
BOUND = SLOWEST_LANDING + SLOWEST_SIGHT
"""Ticks after which a server that was bought is listed for sure."""
STEPS = 9
"""Where a run can die."""
NODES_DIFFER = 6
AHEAD = 3 * BOUND
UNREADABLE = 2 * BOUND
"""For how many ticks a sibling cannot be read, or what was bought is not always shown as it is."""


class Outcome(Enum):
    """What happens to the first request. Every later one is answered at once."""

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


class Reply(Enum):
    """Which id the first answer names."""

    OURS = auto()
    LISTED = auto()
    """One that was listed before the purchase was sent."""
    UNHEARD_OF = auto()
    """One that no list ever shows."""


class Clocks(Enum):
    TRUE = auto()
    BILLING_AHEAD = auto()
    """Only the later runs ask billing."""
    CACHED = auto()
    """The first run gets only answers that a cache has kept for long."""
    NODES_TOGETHER = auto()
    """Two nodes, one of them ahead. Each run gets dates of both: the first run the slow one's last, the others the fast one's."""
    NODES_ONE_A_RUN = auto()
    """The first run gets dates of the slow node only, the others of the fast one only."""
    MACHINE_AHEAD = auto()
    """The machine of the later runs is ahead."""


class Sibling(Enum):
    """Another state of the folder, which cannot be read for a while."""

    NONE = auto()
    OWNS_NOTHING = auto()
    OWNS_THE_STRANGER = auto()


class Shown(Enum):
    """How later reads show what was bought, until at the end they show it as it is."""

    AS_IT_IS = auto()
    OTHERWISE = auto()
    CHANGING = auto()
    """As it is, and otherwise, in turn."""


@dataclass(frozen=True)
class Protocol:
    """A protocol, from its parts. `quiet`: ticks until an unlisted purchase counts as absent. The rules with a docstring are for an
    untidy cloud.
    """

    journal: bool = True
    resends: bool = False
    only_asks: bool = False
    window: bool = False
    nonce: bool = False
    quiet: int = 0
    no_listed_id: bool = True
    """An answer that names an id that was listed before is none."""
    one_service: bool = True
    """Only dates of the service that sells the server count."""
    no_cache: bool = True
    """A cached answer's date does not count. Without a date nothing is bought, and nothing counts as absent."""
    cautious: bool = True
    """A run dates its intents by the latest date that it got, and its reads by the earliest; without the rule, both by the last one."""
    two_witnesses: bool = True
    """Of the time passed by the cloud's dates and by the machines' clocks, the shorter one counts."""
    cloud_time: bool = True
    """Without it the machines' time counts alone."""
    sibling_may_own: bool = True
    """The tool does not take what an unreadable state might own."""
    sibling_may_not_own: bool = True
    """What an unreadable state might own keeps the doubt open, because that state may not own it."""
    keeps_alike: bool = True
    """A new server that differs in case only keeps the doubt open."""


@dataclass(frozen=True)
class World:
    outcome: Outcome
    landing: int
    snapshot: int
    stranger: Stranger
    deaths: tuple[int | None, int | None]
    reply: Reply = Reply.OURS
    clocks: Clocks = Clocks.TRUE
    sibling: Sibling = Sibling.NONE
    shown: Shown = Shown.AS_IT_IS


@dataclass(frozen=True)
class Server:
    name: str
    created: int
    ours: bool


@dataclass(frozen=True)
class Intent:
    """`sent` is the time by the cloud's dates as the run got them, `here` by the machine's clock."""

    name: str
    sent: int
    here: int
    earlier: frozenset[Server]


@dataclass(frozen=True)
class Heard:
    """An answer's date, by how much it is ahead."""

    ahead: int
    billing: bool = False
    cached: bool = False


TIDY = (Heard(0),)
HEARD: dict[Clocks, tuple[tuple[Heard, ...], tuple[Heard, ...]]] = {
    Clocks.BILLING_AHEAD: (TIDY, (Heard(0), Heard(AHEAD, billing=True))),
    Clocks.CACHED: ((Heard(-AHEAD, cached=True),), TIDY),
    Clocks.NODES_TOGETHER: ((Heard(NODES_DIFFER), Heard(0)), (Heard(0), Heard(NODES_DIFFER))),
    Clocks.NODES_ONE_A_RUN: (TIDY, (Heard(NODES_DIFFER),)),
}
"""The dates that the first run gets, and those that the others get."""


class Died(BaseException):
    """The run dies at one of its steps."""


@dataclass
class Life:
    """Simulates one wanted server in one world. `known` and `intent` are on disk; everything else of a run is lost when it dies."""

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
        """Runs at every tick, until everything that was sent must have been listed and settled."""
        if self.world.stranger is Stranger.BEFORE:
            self.servers.append(Server("it", -BOUND, ours=False))
        tidy = self.world.clocks is Clocks.TRUE
        for tick in range(3 * BOUND if tidy else 3 * (BOUND + NODES_DIFFER)):
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
        """Returns whether the doubt has ended."""
        if self.protocol.only_asks:
            self.asked = True
            return False
        new = [one for one in self._listed() if one.name == intent.name and self._may_be(one, intent)]
        free = [one for one in new if not self._is_anothers(one)]
        found = [one for one in free if self._is_shown_as_it_is]
        self._step()
        if len(found) > 1:
            self.asked = True
            return False
        unclear = (free if self.protocol.keeps_alike else found) or (new if self._is_unsure_of_sibling else [])
        if not found and (unclear or not self._is_quiet(intent)):
            return False
        self.known, self.intent = found[0] if found else None, None
        self._step()
        return True

    def _may_be(self, server: Server, intent: Intent) -> bool:
        """Returns whether the server may be the purchase. Where nodes differ, dates allow for that, and the earlier list decides."""
        is_young = server.created >= intent.sent - (NODES_DIFFER if self.world.clocks is not Clocks.TRUE else 0)
        return not self.protocol.window or (is_young and server not in intent.earlier)

    def _is_anothers(self, server: Server) -> bool:
        """Whether the server belongs to the sibling state. If that is unreadable, the protocol's rule decides."""
        if self._is_sibling_unread:
            return self.protocol.sibling_may_own
        return self.world.sibling is Sibling.OWNS_THE_STRANGER and not server.ours

    @property
    def _is_sibling_unread(self) -> bool:
        return self.world.sibling is not Sibling.NONE and self.tick < UNREADABLE

    @property
    def _is_unsure_of_sibling(self) -> bool:
        return self._is_sibling_unread and self.protocol.sibling_may_not_own

    @property
    def _is_shown_as_it_is(self) -> bool:
        match self.world.shown:
            case Shown.AS_IT_IS:
                return True
            case Shown.OTHERWISE:
                return self.tick >= UNREADABLE
            case Shown.CHANGING:
                return self.tick >= UNREADABLE or self.tick % 2 == 0

    def _dates(self) -> list[int]:
        """Returns the dates that this run got and that count."""
        heard = HEARD.get(self.world.clocks, (TIDY, TIDY))[self.tick > 0]
        return [
            self.tick + one.ahead
            for one in heard
            if not (one.billing and self.protocol.one_service) and not (one.cached and self.protocol.no_cache)
        ]

    @property
    def _here(self) -> int:
        return self.tick + (AHEAD if self.world.clocks is Clocks.MACHINE_AHEAD and self.tick > 0 else 0)

    def _is_quiet(self, intent: Intent) -> bool:
        if not (dates := self._dates()):
            return False
        now = min(dates) if self.protocol.cautious else dates[-1]
        is_over_here = self._here >= intent.here + self.protocol.quiet or not self.protocol.two_witnesses
        is_over_there = now >= intent.sent + self.protocol.quiet or not self.protocol.cloud_time
        return is_over_there and is_over_here

    def _listed(self) -> list[Server]:
        return [one for one in self.servers if one.created + self.world.snapshot <= self.tick]

    def _buy(self) -> None:
        self._step()
        if not (dates := self._dates()):
            return
        sent = max(dates) if self.protocol.cautious else dates[-1]
        earlier = frozenset(self._listed())
        name = f"it-{self.requests}" if self.protocol.nonce else "it"
        if self.protocol.journal:
            self.intent = Intent(name, sent, self._here, earlier)
        self._step()
        answer = self._send(name)
        self._step()
        if answer is Outcome.REPLY_LOST and self.protocol.resends:
            answer = self._send(name)
        self._step()
        if isinstance(answer, Server) and answer in earlier and self.protocol.no_listed_id:
            answer = Outcome.REPLY_LOST
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
                return self._named(server) if first else server
            case Outcome.NOT_SENT | Outcome.REFUSED:
                return outcome
            case _:
                return Outcome.REPLY_LOST

    def _named(self, server: Server) -> Server:
        match self.world.reply:
            case Reply.LISTED:
                return next((one for one in self.servers if not one.ours), server)
            case Reply.UNHEARD_OF:
                return Server("unheard of", self.tick, ours=True)
            case Reply.OURS:
                return server

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
    World(outcome, landing, snapshot, stranger, deaths)
    for outcome in Outcome
    for landing in ((1, SLOWEST_LANDING // 2, SLOWEST_LANDING) if outcome is Outcome.LATE else (0,))
    for snapshot in (0, SLOWEST_SIGHT // 2, SLOWEST_SIGHT)
    for stranger in Stranger
    for deaths in DEATHS
)
ALONE = tuple(world for world in WORLDS if world.stranger is not Stranger.IN_THE_WINDOW)
ONE_DEATH = tuple(world for world in WORLDS if None in world.deaths)
"""The worlds to which one anomaly is added: 1,368 of them."""


def untidy(strangers: tuple[Stranger, ...] = (Stranger.NONE,), **otherwise: object) -> tuple[World, ...]:
    return tuple(replace(world, **otherwise) for world in ONE_DEATH if world.stranger in strangers)


NAMED_ANOTHER = untidy((Stranger.BEFORE,), reply=Reply.LISTED)
DATES = tuple(chain.from_iterable(untidy(clocks=clocks) for clocks in HEARD if clocks is not Clocks.NODES_ONE_A_RUN))
BILLED = untidy(clocks=Clocks.BILLING_AHEAD)
WITNESSED = untidy(clocks=Clocks.NODES_ONE_A_RUN) + untidy(clocks=Clocks.MACHINE_AHEAD)
SIBLINGS = (
    *untidy((Stranger.NONE, Stranger.BEFORE), sibling=Sibling.OWNS_NOTHING),
    *untidy((Stranger.IN_THE_WINDOW,), sibling=Sibling.OWNS_THE_STRANGER),
)
SPELT = untidy(shown=Shown.OTHERWISE) + untidy(shown=Shown.CHANGING)

LIKE_TERRAFORM = Protocol(journal=False, resends=True)
STOPS_AND_ASKS = Protocol(only_asks=True)
BY_NAME = Protocol()
IN_A_WINDOW = Protocol(window=True)
BY_NONCE = Protocol(window=True, nonce=True)
DEFAULT = Protocol(window=True, quiet=BOUND)
WHOLE = Protocol(window=True, nonce=True, quiet=BOUND)


@cache
def faults(protocol: Protocol, worlds: tuple[World, ...] = WORLDS) -> Counter[str]:
    """Counts the worlds in which each fault occurs."""
    return Counter(fault for world in worlds for fault in Life(protocol, world).live().faults())


@pytest.mark.parametrize("step", range(STEPS))
def test_every_step_of_a_recovering_run_is_one_where_it_dies(step):
    """Otherwise the model would leave out steps at which a run can die."""
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


ON_DATES_ALONE = replace(DEFAULT, two_witnesses=False)
"""The machines' clocks do not count, as when the sandbox's clock is moved."""


@pytest.mark.parametrize(
    ("worlds", "protocols"),
    [
        (NAMED_ANOTHER, (DEFAULT, WHOLE)),
        (DATES, (DEFAULT, ON_DATES_ALONE)),
        (BILLED, (replace(ON_DATES_ALONE, cautious=False),)),
        (WITNESSED, (DEFAULT, WHOLE)),
        (SIBLINGS, (DEFAULT, WHOLE)),
        (SPELT, (DEFAULT, WHOLE)),
    ],
    ids=["replies", "dates", "billing", "two witnesses", "siblings", "spellings"],
)
def test_an_untidy_cloud_makes_no_fault(worlds, protocols):
    assert worlds
    for protocol in protocols:
        assert faults(protocol, worlds) == {}


@pytest.mark.parametrize(
    ("worlds", "protocol", "lacks", "fault"),
    [
        (NAMED_ANOTHER, DEFAULT, "no_listed_id", "stranger's taken"),
        (BILLED, replace(ON_DATES_ALONE, cautious=False), "one_service", "bought twice"),
        (DATES, ON_DATES_ALONE, "no_cache", "bought twice"),
        (DATES, ON_DATES_ALONE, "cautious", "bought twice"),
        (WITNESSED, DEFAULT, "two_witnesses", "bought twice"),
        (WITNESSED, DEFAULT, "cloud_time", "bought twice"),
        (SIBLINGS, DEFAULT, "sibling_may_own", "stranger's taken"),
        (SIBLINGS, DEFAULT, "sibling_may_not_own", "bought twice"),
        (SPELT, DEFAULT, "keeps_alike", "bought twice"),
    ],
    ids=[
        "no_listed_id",
        "one_service",
        "no_cache",
        "cautious",
        "two_witnesses",
        "dates",
        "may_own",
        "may_not_own",
        "alike",
    ],
)
def test_without_one_rule_it_makes_one(worlds, protocol, lacks, fault):
    assert faults(replace(protocol, **{lacks: False}), worlds)[fault] > 0


def test_an_answer_that_names_what_no_list_ever_shows_loses_a_server_and_buys_none():
    """Such a reply counts, because it may be the id of a server that is listed late: to doubt it would buy twice.

    The bought server is listed under the wanted name, which the tool reports (`namesake`), and nothing more is bought.
    """
    worlds = tuple(
        world for world in untidy(tuple(Stranger), reply=Reply.UNHEARD_OF) if world.outcome is Outcome.ANSWERED
    )
    assert set(faults(WHOLE, worlds)) == {"untracked"}
