"""What this package needs from the others, as small protocols: the cloud, its stock, other states, the journal, secrets
and time.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from provisioner.model.flow import Call, Dispatch, Reply
from provisioner.model.journal import Entry
from provisioner.model.release_facts import Offer, Offering
from provisioner.model.resource import Live
from provisioner.model.secret import Secret, SecretReference


class ChannelPort(Protocol):
    """One connection to the cloud, used for one call at a time."""

    async def wait_for_budget(self, call: Call) -> None:
        """Returns when the account's budget of requests has room for `call`, which must not be sent twice."""
        ...

    async def send(
        self, call: Call, reveal: Callable[[SecretReference], Secret], dispatch: Dispatch | None = None
    ) -> Reply:
        """Raises CallFailed. A purchase or destructive call is sent at most once, and has a `dispatch`."""
        ...


class CloudPort(Protocol):
    def channel(self) -> AbstractAsyncContextManager[ChannelPort]: ...


class StockPort(Protocol):
    async def offer(self, offering: Offering, /) -> Offer:
        """Returns what the cloud's catalogue says about the offering. Never raises if the catalogue does not say."""
        ...


class OtherStatesPort(Protocol):
    def __call__(self, rows: Iterable[Live], /, *, readable_only: bool = False) -> Container[str]:
        """Returns the ids of those rows that another state holds, or may have bought, as it is now. With
        `readable_only`, a state that cannot be read claims none of them; otherwise it claims all, because it may hold
        any.
        """
        ...


class EntryLog(Protocol):
    def append(self, entries: Sequence[Entry], /) -> object:
        """Appends the entries, which are durable when this returns. Blocks, so it is called in a thread. Raises
        StoreError, and from then on may raise it for every call.
        """
        ...


class Ledger(EntryLog, Protocol):
    """The journal of a run that sends, under its lock."""

    def seconds_left(self) -> float:
        """Returns how long the lock is certain to keep other writers out; infinity for a lock that ends with its
        process, and minus infinity for one that is known to be lost.
        """
        ...


class Secrets(Protocol):
    def reveal(self, reference: SecretReference, /) -> Secret: ...

    def fingerprint(self, reference: SecretReference, /) -> str | None: ...


class ClockPort(Protocol):
    def now(self) -> int:
        """Returns the milliseconds since the epoch by the clock of this machine."""
        ...

    def monotonic(self) -> float:
        """Returns the seconds since an arbitrary start. They never go back."""
        ...

    async def sleep(self, seconds: float) -> None: ...


def no_other_states(_rows: Iterable[Live], /, *, readable_only: bool = False) -> Container[str]:  # noqa: ARG001 - the port's signature
    """Returns no id: there is no other state."""
    return ()
