"""What the rest of the project knows of a store: its promises, and the values they are made in.

A store keeps one state and its journal, and lets one writer in at a time. Whether it is a folder, a database or a bucket
stays behind these protocols; so does every file name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.history import HistoryRecord, Verified
from provisioner.model.identity import Identity
from provisioner.model.journal import Entry, Remembered
from provisioner.model.resource import Recorded
from provisioner.model.state import Intent, JournalHead, State


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who is at work. `since` is in milliseconds since the epoch; `id` names this hold of the lock, and older versions wrote none."""

    who: str
    pid: int
    host: str
    command: str
    since: int
    id: str | None = None

    @property
    def work(self) -> str:
        """What they do, where and since when."""
        since = datetime.fromtimestamp(self.since / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"`{self.command}`, process {self.pid} on {self.host}, since {since}"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a state that has to be rebuilt, and in words what of it can still be read."""

    name: str
    found: str


@dataclass(frozen=True, slots=True)
class Salvaged:
    """Everything that can still be read, and what it leads to. `damage` says why the store refuses; none when it does not."""

    damage: tuple[Diagnostic, ...]
    parts: tuple[Part, ...]
    lineage: str | None
    """None where it stands nowhere any more, or cannot be proven."""
    identity: Identity | None
    serial: int
    """The highest that any part names or a lost state can have had; 0 where nothing names one."""
    heads: frozenset[JournalHead]
    """Every record that can be read, or that a state was made of."""
    resources: Mapping[Address, Recorded]
    intents: Mapping[str, Intent]
    absent: Mapping[str, Intent]
    """Purchases that were believed never to have been carried out."""
    unplaced: tuple[Remembered, ...]
    """Facts about addresses whose purchase stood in what cannot be read."""
    strays: tuple[str, ...]
    """Ids and order ids that answered a request which cannot be read."""
    mentioned: frozenset[Address]
    """Addresses that unreadable lines seem to be about: a purchase of theirs may have been on its way."""
    complete: bool
    """Nothing that ever was recorded can be missing."""
    nothing: bool
    """There is no file at all."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a rebuild wrote. `aside` names the copies of what stood there before."""

    state: State
    aside: tuple[str, ...]


Waiting: TypeAlias = Callable[[LockHolder, float], None]
"""Told at every look at a held lock: its holder, and the seconds waited so far."""


class Session(Protocol):
    """A writer's time with the store, under the lock. Every method raises StoreError; after one that could not make
    something durable the session is broken for good, because a failed fsync says nothing about what is on the disk. Only
    after `journal-full` it is not: then nothing of the append was written.
    """

    @property
    def state(self) -> State | None:
        """As loaded under the lock, or as last created or checkpointed; None before the first run."""

    def create(self, stack: str, environment: str | None, *, identity: Identity) -> State:
        """The first state: a new lineage, serial 1. Durable before a journal exists."""

    def append(self, entries: Sequence[Entry]) -> JournalHead:
        """Durable when it returns: one write and one fsync for all of `entries`. May be called from any thread.

        Space is set aside before the first intent. Facts may use it up when the disk is full; entries with an intent among
        them never do, so that nothing is sent whose answer could not be written down.
        """

    def checkpoint(self) -> State:
        """The state after everything appended, written in one step. Writes nothing when nothing has happened."""

    def plan_used(self, plan: str) -> bool:
        """Whether a run has already begun to carry out the plan of this id."""


class Repair(Protocol):
    """A writer's time with a store whose files may be damaged, under the lock."""

    @property
    def salvaged(self) -> Salvaged: ...

    def replace(self, state: State, entries: Sequence[Entry]) -> Replaced:
        """A journal of `entries`, and `state` as they lead to; what stood there is copied aside first.

        `state` comes with its new serial and without resources or intents: those are what `entries` say. Raises StoreError;
        dying at any moment leaves either the old files, or damage that the next repair sees through.
        """


@dataclass(frozen=True, slots=True)
class Siblings:
    """`states` and `unread` by their names; of those that cannot be read it is known why, and nothing of what they own."""

    states: Mapping[str, State]
    unread: Mapping[str, str]


class Store(Protocol):
    @property
    def location(self) -> str:
        """Where the state is, for messages."""

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is unwise about the place, though it works."""

    def load(self) -> State | None:
        """The last checkpoint and all that the journal says has happened since; takes no lock.

        None where nothing was ever recorded. Raises StoreError for damage.
        """

    def siblings(self) -> Siblings:
        """The other states that are kept at the same place: of other environments and stacks."""

    def holder(self) -> LockHolder | None:
        """Who holds the lock at this moment; None when it is free. Disturbs nobody."""

    def write(
        self, *, command: str, who: str, timeout: float, waiting: Waiting | None = None
    ) -> AbstractContextManager[Session]:
        """Raises LockHeld when another run still holds the lock after `timeout` seconds."""

    def repair(
        self, *, command: str, who: str, timeout: float, waiting: Waiting | None = None
    ) -> AbstractContextManager[Repair]:
        """Raises LockHeld as `write` does, and StoreError for what is not damaged but somebody else's: files that may not
        be read, that a newer version wrote, of another stack, or of two histories.
        """

    def history(self) -> Iterator[HistoryRecord]:
        """Everything that ever happened, oldest first. Raises StoreError for damage."""

    def verify(self) -> Verified:
        """Whether every record follows from the one before it, the state's head stands among them and they lead to that state.

        Raises StoreError for damage, and where nothing was ever recorded.
        """
