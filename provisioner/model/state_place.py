"""Where the state of a plan is kept, and the states beside it that nothing uses any more."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioner.model.address import Address


@dataclass(frozen=True, slots=True)
class UnnamedState:
    """A state that no stack and no environment found near the specs names: what is left of a renamed one, perhaps.

    `unread` is why it cannot be read, so that nobody knows what it holds; else it is empty, and `addresses` are those
    that hold a server or a purchase in doubt. `is_same_stack`: only its environment is not that of a present one.
    """

    label: str
    is_same_stack: bool
    addresses: frozenset[Address] = field(default_factory=frozenset)
    unread: str = ""


@dataclass(frozen=True, slots=True)
class StatePlace:
    """The location of a state, for messages, the label that it has there, and the unnamed states beside it.

    `elsewhere` is where the state is kept by another word than that which is in force, or was before; empty if nowhere.
    `replaced` is how far another state had come that this user has seen at the same location; empty if there is no sign of one.
    """

    location: str
    label: str
    unnamed: tuple[UnnamedState, ...] = ()
    elsewhere: str = ""
    replaced: str = ""
