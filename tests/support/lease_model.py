"""An exhaustive model of the lease, its fence and the late log, without any code of the product.

Machines share three logs and one cloud. A writer is a generator that stops at each of its steps, where its machine may stand
still, die or lose its connection. Time is in seconds and advances only between steps. `Rules` are the parts of the protocol,
which can be left out one by one; `World` is one combination of what goes wrong. `SharedWorld.faults` names what went wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import count
from typing import Any, NamedTuple

LEASE, RENEW_AFTER, POLL = 90.0, 15.0, 5.0
TIMEOUT = 60.0
"""How long a request may take."""
STALE = 10.0
"""After this time an intent is withdrawn in place of being sent."""
PATIENCE = 60.0
_REBASES = 20
SIGNATURE = 900.0
LATEST, SIGHT = 900.0, 600.0
"""A request is carried out at most this late after it was signed, and its server is listed at most this late after that."""
QUIET = LATEST + SIGHT

Steps = Generator[float, None, Any]


class Cut(Enum):
    """Of what a machine is cut off."""

    NOTHING = auto()
    LEASE = auto()
    STORE = auto()


class Order(Enum):
    """What happens to the first purchase."""

    ANSWERED = auto()
    SLOW = auto()
    """Its answer takes almost as long as a request may take."""
    REPLY_LOST = auto()
    LATE = auto()
    """It reaches the gateway as late as its signature allows, and its server is listed as late as possible. Its reply is lost."""
    LATE_INSIDE = auto()
    """It reaches the gateway at once, and waits behind it for as long again."""
    NEVER = auto()


class Store(Enum):
    """What happens to one append of the first machine, and to each repetition of it."""

    LOST_REPLY = auto()
    """It is written. Only the first reply is lost."""
    UNWRITTEN = auto()
    """It is never written, and no reply says so."""
    ZOMBIE = auto()
    """It lands after `World.lands_after`, if nothing else stands there by then. No reply ever comes."""


class Outcome(Enum):
    DONE = auto()
    CONFLICT = auto()
    UNKNOWN = auto()


class Trouble(NamedTuple):
    """What happens to a machine at one of its steps: a pause, its death, or a cut connection."""

    step: int
    pause: float = 0.0
    clock_stops: bool = False
    dies: bool = False
    cut: Cut = Cut.NOTHING


@dataclass(frozen=True)
class Rules:
    """The protocol, from its parts. Each of them can be left out."""

    fence: bool = True
    fencer_is_holder: bool = True
    """Who fences makes sure, after it has seen the journal's end and before it appends there, that the lease is still its own."""
    reader_is_holder: bool = True
    """A run makes sure after its reading that the lease is still its own: what it read may stand behind its successor's fence."""
    compares: bool = True
    """An append succeeds only behind the record that its writer has seen."""
    own_position: bool = True
    """An append whose outcome is unknown is repeated with the same bytes at the same position."""
    gives_up: bool = True
    """An append that conflicts is not made again behind what stands there."""
    from_sending: bool = True
    """A lease counts from when its renewal was sent, not from when the reply arrived."""
    own_clock: bool = True
    """A taker watches by its own clock, and compares it with no other."""
    signature: bool = True
    """A purchase is signed with its intent's time. The cloud refuses it when the signature is too old."""
    margin: bool = True
    """A purchase is sent only when the lease lasts for longer than a request may take."""
    keeps_late: bool = True
    """An answer that the journal does not take goes to the late log."""
    unsafe_release: bool = True
    """A run that does not know the outcome of an append says so when it releases the lease, so that the next one fences."""
    waits_for_signature: bool = False
    """A doubt lasts longer by the time for which a signature is valid. Only where a request can wait behind the gateway."""


@dataclass(frozen=True)
class World:
    """`trouble` is that of the first machine, `second_trouble` that of the second one.

    `thinks` is how long they take between their reading and their purchase; `lease_replies_after` and
    `store_replies_after` are how long its store takes to reply. `ahead` is by how much the second one's clock is ahead.
    """

    trouble: Trouble | None = None
    second_trouble: Trouble | None = None
    order: Order = Order.ANSWERED
    store: Store | None = None
    at_append: int = 0
    lands_after: float = 0.0
    thinks: float = 0.0
    lease_replies_after: float = 0.0
    store_replies_after: float = 0.0
    ahead: float = 0.0
    third: bool = False
    begun: bool = False
    """The journal was begun by an earlier run."""
    moves: bool = False
    """The second machine moves the state to another place, and closes the journal."""


class Entry(NamedTuple):
    """One record. `nonce` makes the bytes of each append differ."""

    type: str
    writer: str
    nonce: int
    intent: str = ""
    time: float = 0.0
    server: str = ""
    batch: tuple[Entry, ...] = ()


class LeaseEntry(NamedTuple):
    writer: str
    held: bool
    fenced: bool
    time: float
    nonce: int


@dataclass
class ModelLog:
    compares: bool
    records: list[Any] = field(default_factory=list)
    closed: bool = False

    def append(self, after: int, record: Any) -> Outcome:
        if self.closed:
            return Outcome.CONFLICT
        if self.compares and len(self.records) > after:
            return Outcome.DONE if self.records[after] == record else Outcome.CONFLICT
        self.records.append(record)
        return Outcome.DONE


class Doubt(NamedTuple):
    """An intent without an outcome."""

    id: str
    time: float
    writer: str


@dataclass
class Replayed:
    """What the records lead to. `servers` are those that are recorded."""

    open: dict[str, Doubt] = field(default_factory=dict)
    servers: list[str] = field(default_factory=list)
    moved: bool = False

    def apply(self, entry: Entry) -> Replayed:
        for one in entry.batch:
            self.apply(one)
        match entry.type:
            case "intended":
                self.open[entry.intent] = Doubt(entry.intent, entry.time, entry.writer)
            case "answered" | "adopted":
                self.open.pop(entry.intent, None)
                if entry.server not in self.servers:
                    self.servers.append(entry.server)
            case "settled":
                self.open.pop(entry.intent, None)
            case "closed":
                self.moved = True
        return self


@dataclass
class Bought:
    intent: str
    server: str
    shown_at: float


@dataclass
class Machine:
    """`late` is by how much its clock is behind the true time, because it stood still."""

    name: str
    world: SharedWorld
    trouble: Trouble | None
    ahead: float = 0.0
    behind: float = 0.0
    until: float = 0.0
    steps: int = 0
    dead: bool = False
    cut: Cut = Cut.NOTHING
    stood_still_at: float = -1.0
    is_late_comer: bool = False
    """It begins after all the trouble."""

    @property
    def clock(self) -> float:
        return self.world.now - self.behind

    @property
    def wall(self) -> float:
        return self.clock + self.ahead

    def reach_step(self) -> None:
        trouble = self.trouble
        if trouble is not None and self.steps == trouble.step:
            self.trouble = None
            self.dead, self.cut = trouble.dies, trouble.cut
            self.until = self.world.now + trouble.pause
            self.behind += trouble.pause if trouble.clock_stops else 0.0
            if trouble.pause:
                self.stood_still_at = self.until
        self.steps += 1


@dataclass
class Process:
    machine: Machine
    steps: Steps
    wakes: float
    counts: bool = True

    @property
    def due(self) -> float:
        return max(self.wakes, self.machine.until)


class Stop(Exception):  # noqa: N818 - the run ends in order
    """The run ends, and releases its lease."""


@dataclass
class SharedWorld:
    rules: Rules
    world: World
    now: float = 0.0
    faults: set[str] = field(default_factory=set)
    ledger: list[Bought] = field(default_factory=list)
    heard: dict[str, Machine] = field(default_factory=dict)
    """The machine that heard the answer to each intent."""
    printed: set[str] = field(default_factory=set)
    finished: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = ModelLog(self.rules.compares)
        self.lease = ModelLog(compares=True)
        self.late = ModelLog(compares=True)
        self.nonces = count()
        self.orders = 0
        self.processes: list[Process] = []
        self.timers: list[tuple[float, int, Callable[[], object]]] = []
        self.in_flight: dict[str, tuple[Machine, float]] = {}
        self.fence_by: tuple[str, float] | None = None
        if self.world.begun:
            self.journal.append(0, Entry("created", "earlier", next(self.nonces)))
        self.first = Machine("first", self, self.world.trouble)

    def live(self) -> SharedWorld:
        self.start(self.first)
        second = Machine("second", self, self.world.second_trouble, ahead=self.world.ahead)
        self.start(second, after=1.0, moves=self.world.moves)
        if self.world.third:
            self.start(Machine("third", self, None), after=2.0)
        self.run()
        for number in range(24):
            if self.is_settled:
                break
            self.now += 250.0
            self.start(Machine(f"later {number}", self, None, is_late_comer=True))
            self.run()
        self.check_end()
        return self

    def start(self, machine: Machine, *, after: float = 0.0, moves: bool = False) -> None:
        writer = Writer(machine, self, moves=moves)
        self.processes.append(Process(machine, writer.run(), self.now + after))

    def run(self) -> None:
        """Take one step after the other, until every process has ended."""
        while self.processes or self.timers:
            process = min(self.processes, key=lambda one: one.due, default=None)
            if self.timers and (process is None or self.timers[0][0] <= process.due):
                self.now, _, land = self.timers.pop(0)
                land()
                continue
            assert process is not None
            self.now = max(self.now, process.due)
            self.advance(process)

    def advance(self, process: Process) -> None:
        machine = process.machine
        if not machine.dead and process.counts:
            machine.reach_step()
            if machine.until > self.now:
                return
        if machine.dead:
            self.processes.remove(process)
            return
        try:
            process.wakes = self.now + next(process.steps)
        except StopIteration:
            self.processes.remove(process)
            if process.counts:
                self.finished.append(machine.name)

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        self.timers.append((self.now + seconds, next(self.nonces), act))
        self.timers.sort(key=lambda one: one[:2])

    def replayed(self, *, late: bool = True) -> Replayed:
        found = Replayed()
        for entry in self.journal.records:
            found.apply(entry)
        for entry in self.late.records if late else ():
            if entry.intent in found.open:
                found.apply(entry)
        return found

    @property
    def is_settled(self) -> bool:
        found = self.replayed()
        return found.moved or (bool(found.servers) and not found.open)

    @property
    def holder(self) -> str | None:
        """The writer that holds the lease, by its records."""
        last = self.lease.records[-1] if self.lease.records else None
        return last.writer if last is not None and last.held else None

    def receive(self, machine: Machine, intent: str, signed: float, sent_by: str) -> Steps:
        """Carry out a purchase, and return its server, "" for one that was refused, None for a lost reply."""
        order = self.world.order if self.orders == 0 else Order.ANSWERED
        self.orders += 1
        if self.now > signed + SIGNATURE:
            return ""
        self.check_sending(machine, sent_by)
        self.in_flight[intent] = (machine, self.now)
        server = f"server-{intent}"
        late, shown = 0.0, 0.0
        if order in {Order.LATE, Order.LATE_INSIDE}:
            late, shown = LATEST, SIGHT
        if order is Order.LATE and self.rules.signature:
            late = min(late, signed + SIGNATURE - self.now)
        if order is not Order.NEVER:
            self.later(late, lambda: self.ledger.append(Bought(intent, server, self.now + shown)))
        yield TIMEOUT - 5.0 if order is Order.SLOW else 0.5
        self.in_flight.pop(intent, None)
        return server if order in {Order.ANSWERED, Order.SLOW} else None

    def check_sending(self, machine: Machine, sent_by: str) -> None:
        if any(one.writer != sent_by for one in self.replayed(late=False).open.values()):
            self.faults.add("bought beside a doubt")
        fenced = self.fence_by is not None and self.fence_by[0] != sent_by
        if fenced and self.holder != sent_by and machine.stood_still_at < 0:
            self.faults.add("sent after the fence without standing still")

    def check_take_over(self, former: str) -> None:
        """A machine that works and reaches the store keeps its lease; one that never stood still has no request in flight."""
        machine = self.first
        if former.startswith("first"):
            healthy = not machine.dead and machine.cut is Cut.NOTHING and machine.stood_still_at < 0
            if healthy and self.world.lease_replies_after < LEASE - RENEW_AFTER:
                self.faults.add("a live holder lost its lease")
        for sender, since in self.in_flight.values():
            if not sender.dead and sender.stood_still_at < 0 and self.now - since < TIMEOUT:
                self.faults.add("a request was in flight at a take-over")

    def check_end(self) -> None:
        found = self.replayed()
        if len(self.ledger) > 1:
            self.faults.add("bought twice")
        if len({one.intent for one in self.journal.records if one.type == "intended"}) < sum(
            one.type == "intended" for one in self.journal.records
        ):
            self.faults.add("an intent stands there twice")
        kept = {one.intent for entry in self.journal.records for one in (entry, *entry.batch) if one.server}
        kept |= {one.intent for one in self.late.records}
        for intent, machine in self.heard.items():
            is_open = intent in found.open and (machine.dead or intent in self.printed)
            if intent not in kept and not is_open:
                self.faults.add("a reply is lost")
        if self.journal.closed and self.journal.records[-1].type != "closed":
            self.faults.add("appended behind the end")
        if not found.moved and (not self.is_settled or {one.server for one in self.ledger} - {*found.servers}):
            self.faults.add("not settled")


@dataclass
class Writer:
    """One run on a machine: it takes the lease, finds out what is open, and buys what is missing."""

    machine: Machine
    world: SharedWorld
    moves: bool = False

    def __post_init__(self) -> None:
        self.rules = self.world.rules
        self.name = f"{self.machine.name} {next(self.world.nonces)}"
        self.head = 0
        self.lease_head = 0
        self.ends_at = 0.0
        self.lost = self.over = self.fenced = False
        self.unknown = False
        self.pending: tuple[int, LeaseEntry, float] | None = None
        self.appends = 0

    def run(self) -> Steps:
        if not (yield from self._take()):
            return
        self.world.processes.append(Process(self.machine, self._renewals(), self.world.now + RENEW_AFTER, counts=False))
        with suppress(Stop):
            yield from self._work()
        self.over = True
        yield 0.0
        yield from self._release()

    # The lease.

    def _can_reach(self, log: ModelLog) -> bool:
        cut = self.machine.cut
        return cut is Cut.NOTHING or (cut is Cut.LEASE and log is not self.world.lease)

    @property
    def _is_slow(self) -> bool:
        return self.machine is self.world.first

    def _take(self) -> Steps:
        log, seen, seen_at = self.world.lease, -1, 0.0
        while True:
            yield 0.0
            if not self._can_reach(log):
                return False
            head, former = len(log.records), (log.records[-1] if log.records else None)
            yield 0.0
            if former is not None and former.held:
                if head != seen:
                    seen, seen_at = head, self.machine.clock
                over = self.machine.clock - seen_at if self.rules.own_clock else self.machine.wall - former.time
                if over < LEASE:
                    self.machine.steps = 0
                    yield POLL
                    continue
            fenced = former is None or (not former.held and former.fenced)
            sent_at = self.machine.clock
            outcome = self._append_lease(head, LeaseEntry(self.name, True, fenced, self.machine.wall, self._nonce()))
            if outcome is Outcome.UNKNOWN:
                return False
            if outcome is Outcome.CONFLICT:
                continue
            if self._is_slow and self.world.world.lease_replies_after:
                yield self.world.world.lease_replies_after
            self.lease_head, self.fenced = head + 1, fenced
            self.ends_at = (sent_at if self.rules.from_sending else self.machine.clock) + LEASE
            if former is not None and former.held:
                self.world.check_take_over(former.writer)
            return fenced or not self.rules.fence or (yield from self._fence())

    def _append_lease(self, after: int, record: LeaseEntry) -> Outcome:
        return self.world.lease.append(after, record) if self._can_reach(self.world.lease) else Outcome.UNKNOWN

    def _fence(self) -> Steps:
        log = self.world.journal
        while log.records:
            yield 0.0
            if not self._can_reach(log):
                return (yield from self._release())
            after = len(log.records)
            if log.closed:
                break
            yield 0.0
            if self.rules.fencer_is_holder and len(self.world.lease.records) != self.lease_head:
                self.lost = True
                return False
            yield 0.0
            if not self._can_reach(log):
                return (yield from self._release())
            if log.append(after, Entry("fence", self.name, self._nonce())) is Outcome.DONE:
                self.world.fence_by = (self.name, self.world.now)
                break
        self.fenced = bool(log.records)
        return True

    def _renewals(self) -> Steps:
        while not self.over and not self.lost:
            self._renew()
            yield RENEW_AFTER

    def _renew(self) -> None:
        if self.lost or self.over:
            return
        if self.pending is None:
            record = LeaseEntry(self.name, True, self.fenced, self.machine.wall, self._nonce())
            self.pending = self.lease_head, record, self.machine.clock
        after, record, sent_at = self.pending
        outcome = self._append_lease(after, record)
        if outcome is Outcome.CONFLICT:
            self.lost = True
        elif outcome is Outcome.DONE:
            self.pending, self.lease_head = None, after + 1
            self.ends_at = (sent_at if self.rules.from_sending else self.machine.clock) + LEASE

    def _release(self) -> Steps:
        if not self.lost:
            fenced = self.fenced and not (self.unknown and self.rules.unsafe_release)
            self._append_lease(self.lease_head, LeaseEntry(self.name, False, fenced, self.machine.wall, self._nonce()))
        yield 0.0
        return False

    @property
    def _left(self) -> float:
        return -1.0 if self.lost else self.ends_at - self.machine.clock

    # The journal.

    def _nonce(self) -> int:
        return next(self.world.nonces)

    def _entry(self, kind: str, intent: str = "", time: float = 0.0, server: str = "") -> Entry:
        return Entry(kind, self.name, self._nonce(), intent, time, server)

    def _append(self, entry: Entry) -> Steps:
        """Append, and return whether it is written. Where that is unknown, try again for a while."""
        if self.pending_late:
            entry, self.pending_late = entry._replace(batch=tuple(self.pending_late)), []
        self.appends += 1
        began = self.machine.clock
        for attempt in count():
            yield 0.0
            outcome = self._try_append(entry, attempt)
            if self._is_slow and self.world.world.store_replies_after:
                yield self.world.world.store_replies_after
            if outcome is Outcome.DONE:
                self.head += 1
                return True
            if outcome is Outcome.CONFLICT and self.rules.gives_up:
                self._check_thrown_out()
                return False
            if attempt > _REBASES:
                return False
            if outcome is Outcome.CONFLICT:
                self.head = len(self.world.journal.records)
                continue
            if self.machine.clock - began >= PATIENCE:
                self.unknown = True
                return False
            if not self.rules.own_position:
                entry, self.head = entry._replace(nonce=self._nonce()), len(self.world.journal.records)
            yield POLL
        return False

    def _try_append(self, entry: Entry, attempt: int) -> Outcome:
        log, world, after = self.world.journal, self.world.world, self.head
        if not self._can_reach(log):
            return Outcome.UNKNOWN
        if world.store is None or not self._is_slow or self.appends != world.at_append:
            return log.append(after, entry)
        match world.store:
            case Store.LOST_REPLY:
                outcome = log.append(after, entry)
                return Outcome.UNKNOWN if attempt == 0 and outcome is Outcome.DONE else outcome
            case Store.ZOMBIE if attempt == 0:
                self.world.later(world.lands_after, lambda: log.append(after, entry))
            case _:
                pass
        return Outcome.UNKNOWN

    def _check_thrown_out(self) -> None:
        """Only a run that lost its lease may be refused."""
        if self.world.holder == self.name and self.head:
            self.world.faults.add("the holder was refused")

    # The work.

    def _work(self) -> Steps:
        self.pending_late: list[Entry] = []
        yield 0.0
        if not self._can_reach(self.world.journal):
            raise Stop
        journal, late = [*self.world.journal.records], [*self.world.late.records]
        self.head = len(journal)
        found = Replayed()
        for entry in journal:
            found.apply(entry)
        for entry in late:
            if entry.intent in found.open:
                found.apply(entry)
                self.pending_late.append(entry)
        if found.moved:
            raise Stop
        yield 0.0
        if self.rules.reader_is_holder and len(self.world.lease.records) != self.lease_head:
            raise Stop
        yield 0.0
        server_time, here = self.world.now, self.machine.clock
        listed = {one.intent: one.server for one in self.world.ledger if one.shown_at <= self.world.now}
        yield 0.0 if self.machine.is_late_comer else self.world.world.thinks
        if self.moves:
            yield from self._move()
            return
        if not self.head and not (yield from self._append(self._entry("created"))):
            return
        for doubt in [*found.open.values()]:
            yield from self._resolve(doubt, listed, server_time)
        if not found.servers and not any(one in listed for one in found.open):
            yield from self._buy(server_time, here)
        elif self.pending_late:
            yield from self._append(self._entry("noted"))

    def _move(self) -> Steps:
        yield 0.0
        if not self._can_reach(self.world.journal):
            return
        if self.world.journal.append(self.head, self._entry("closed")) is Outcome.DONE:
            self.world.journal.closed = True

    def _resolve(self, doubt: Doubt, listed: dict[str, str], now: float) -> Steps:
        wait = QUIET + (SIGNATURE if self.rules.waits_for_signature else 0.0)
        if doubt.id in listed:
            entry = self._entry("adopted", doubt.id, server=listed[doubt.id])
        elif now - doubt.time >= wait:
            entry = self._entry("settled", doubt.id)
        else:
            if self.pending_late:
                yield from self._append(self._entry("noted"))
            raise Stop
        if not (yield from self._append(entry)):
            raise Stop

    def _buy(self, server_time: float, here: float) -> Steps:
        if self._left <= (TIMEOUT + STALE if self.rules.margin else 0.0):
            self._renew()
            if self._left <= (TIMEOUT + STALE if self.rules.margin else 0.0):
                return
        intent = f"{self._nonce()}"
        noted_at = self.machine.clock
        dated = server_time + self.machine.clock - here
        if not (yield from self._append(self._entry("intended", intent, dated))):
            return
        yield 0.0
        late, least = self.machine.clock - noted_at > STALE, TIMEOUT if self.rules.margin else 0.0
        if late or self._left <= least:
            yield from self._append(self._entry("settled", intent))
            return
        yield 0.0
        signed = dated if self.rules.signature else self.world.now
        server = yield from self.world.receive(self.machine, intent, signed, self.name)
        if server is None:
            return
        if server:
            self.world.heard[intent] = self.machine
        yield 0.0
        answer = self._entry("answered" if server else "settled", intent, server=server)
        if not (yield from self._append(answer)) and server:
            yield from self._keep_late(answer)

    def _keep_late(self, answer: Entry) -> Steps:
        log = self.world.late
        yield 0.0
        if self.rules.keeps_late and self._can_reach(log):
            log.append(len(log.records), answer)
        elif not self._can_reach(log):
            self.world.printed.add(answer.intent)


def run_world(rules: Rules, world: World) -> SharedWorld:
    return SharedWorld(rules, world).live()


def without(rule: str, rules: Rules | None = None) -> Rules:
    return replace(rules or Rules(), **{rule: False})
