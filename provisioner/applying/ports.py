"""What applying needs from the rest of the house, as small protocols: the cloud, the journal, secrets, time, an ear."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from provisioner.model.flow import Call, Reply
from provisioner.model.journal import Entry
from provisioner.model.release_facts import Offer, Offering
from provisioner.model.resource import Live
from provisioner.model.secret import Secret, SecretReference


class ChannelPort(Protocol):
    """One connection to the cloud, used by one worker at a time."""

    async def wait_for_budget(self, call: Call) -> None:
        """Returns when the account's budget of requests has room for `call`, a purchase or destructive one."""
        ...

    async def send(self, call: Call, reveal: Callable[[SecretReference], Secret]) -> Reply:
        """Raises CallFailed. A purchase or destructive call is sent at most once."""
        ...


class CloudPort(Protocol):
    def channel(self) -> AbstractAsyncContextManager[ChannelPort]: ...


class StockPort(Protocol):
    async def offer(self, ware: Offering, /) -> Offer:
        """What the cloud's catalogue says of it; never raises for what it does not tell."""
        ...


class OtherStatesPort(Protocol):
    def __call__(self, rows: Iterable[Live], /, *, readable_only: bool = False) -> Container[str]:
        """The ids of those that another state holds, or may have bought, as it stands now. With `readable_only`, a state that cannot be
        read claims none of them; otherwise it claims all, because it may hold any.
        """
        ...


class Ledger(Protocol):
    def append(self, entries: Sequence[Entry], /) -> object:
        """Durable when it returns. Blocks, so it is called from a thread. Raises StoreError, and then for ever after."""
        ...


class Secrets(Protocol):
    def reveal(self, reference: SecretReference, /) -> Secret: ...

    def fingerprint(self, reference: SecretReference, /) -> str | None: ...


class ClockPort(Protocol):
    def now(self) -> int:
        """Milliseconds since the epoch, by this machine."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...

    async def sleep(self, seconds: float) -> None: ...


def no_other_states(_rows: Iterable[Live], /, *, readable_only: bool = False) -> Container[str]:  # noqa: ARG001 - of none there is nothing to tell
    """Returns no id: there is no other state."""
    return ()
