"""What an engine has to offer so that states can be shared in it: logs and checkpoints, and no lock.

`SharedStore` makes a store of it by adding a lease (`lease.py`), so that every engine has the same lock. An engine knows
nothing about entries, states or leases. Labels are those of states; all states of one backend are at one place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from provisioner.model.diagnostic import Diagnostic
from provisioner.store.contract import Blob, DamagedParts, Log, StoreCheck
from provisioner.store.words import StoreWords


class Backend(Protocol):
    """The logs and checkpoints of all states at one place. Every method raises StoreError when it cannot be reached."""

    @property
    def warnings(self) -> tuple[Diagnostic, ...]: ...

    def words(self, label: str) -> StoreWords: ...

    def checks(self, label: str) -> Iterator[StoreCheck]:
        """Yield the checks of the place where the state is kept. See `Store.checks`."""

    def names(self) -> tuple[str, ...]:
        """Return the labels of all states of which anything but a lease is kept, sorted."""

    def log(self, label: str, name: str) -> Log:
        """Return a new object for the log, to be used by one thread at a time. Objects of one log know nothing of each
        other.
        """

    def checkpoint(self, label: str, age: int = 0) -> Blob | None:
        """Return the newest checkpoint, or the one that is `age` checkpoints older; None when there is none."""

    def create_checkpoint(self, label: str, sequence: int, data: bytes) -> None:
        """Write the checkpoint of the journal's first `sequence` records.

        Raises Conflict when one with other bytes exists, or Undecided.
        """

    def mentions(self, label: str, tokens: Collection[str]) -> Mapping[str, frozenset[str]] | None:
        """Return by label which of `tokens` the records of states other than `label` mention. See `Store.mentions`."""

    def replace(
        self, label: str, before: DamagedParts, journal: bytes, state: bytes, *, mentions: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Do what `LockedStore.replace` does, in one step."""

    def move(self, label: str, target: str, before: bytes | None, journal: bytes) -> None:
        """Do what `LockedStore.move_to` does, in one step. Leases stay where they are."""

    def wait(self, label: str, seconds: float) -> None:
        """Return as soon as something was appended to a log of the state, and after `seconds` at the latest.

        Never raises.
        """
