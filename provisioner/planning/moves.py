"""Moves records to the addresses that the specs give them now, before anything is compared.

A chain of moves is followed to its end, and a record moves only where no other holds the address. A move that cannot be
made refuses the plan: to go on without it would release a server and buy another. The plan to destroy moves nothing. A
deposed server without a successor gets its address back in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from provisioner.model.address import Address
from provisioner.model.change import Change, MoveChange, NoOpChange, convert_to, evolve
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.plan import Mode
from provisioner.model.refactoring import Move, Removal
from provisioner.model.state import State
from provisioner.planning.deposed_servers import restorable_addresses
from provisioner.planning.plan_input import PlanInput


@dataclass(frozen=True, slots=True)
class MovedInput:
    """`inputs` are the inputs with all moves made. `origins` are the former addresses by the new ones."""

    inputs: PlanInput
    origins: Mapping[Address, Address]
    refusals: tuple[Diagnostic, ...] = ()


def apply_moves(inputs: PlanInput, mode: Mode) -> MovedInput:
    moves, state = inputs.refactoring.moves, inputs.state
    restored = {deposed: address for address, deposed in restorable_addresses(inputs, mode).items()}
    if mode is Mode.DESTROY or state is None or not (moves or restored):
        return MovedInput(inputs, {})
    paths, wanted = _MovePaths(moves), frozenset(desired.address for desired in inputs.desired)
    groups = frozenset(address.group for address in wanted)
    held = [address for address in state.resources if not address.deposed]
    moving = {address: path for address in held if (path := paths.follow(address)) is not None}
    moving = {
        origin: path for origin, path in moving.items() if path.end in wanted or not _has_left_group(path, groups)
    }
    refusals = (*_refusals(moving, wanted, state), *_doubt_refusals(paths, state))
    if refusals:
        return MovedInput(inputs, {}, refusals)
    destinations = {origin: path.end for origin, path in moving.items()} | restored
    resources = {
        destinations.get(address, address): replace(recorded, address=destinations[address], term_given_up=False)
        if address in destinations
        else recorded
        for address, recorded in state.resources.items()
    }
    moved = replace(inputs, state=replace(state, resources=resources))
    return MovedInput(moved, {end: origin for origin, end in destinations.items()})


def destinations(moves: tuple[Move, ...]) -> Callable[[Address], Address]:
    """Returns a function that tells where the specs want the record of an address, whether or not an apply has moved it there yet."""
    paths = _MovePaths(moves)
    return lambda address: path.end if (path := paths.follow(address)) else address


def is_removed(address: Address, removals: tuple[Removal, ...]) -> bool:
    """Whether `removed` covers this address. A deposed server is forgotten together with the address whose place it
    had.
    """
    return any(removal.address in {address, address.successor, address.group} for removal in removals)


@dataclass(frozen=True, slots=True)
class _MovePath:
    end: Address
    last: Move

    @property
    def is_of_group(self) -> bool:
        return self.last.address != self.end


class _MovePaths:
    """Follows moves, one after the other."""

    def __init__(self, moves: tuple[Move, ...]) -> None:
        self._by_origin = {move.origin: move for move in moves}

    def follow(self, address: Address) -> _MovePath | None:
        """Returns the path to the end of the chain; None where the address does not move, or moves in a circle."""
        path: _MovePath | None = None
        passed = {address}
        while (move := self._next(address)) is not None:
            address = move.address if move.origin == address else replace(move.address, key=address.key)
            if address in passed:
                return None
            passed.add(address)
            path = _MovePath(address, move)
        return path

    def _next(self, address: Address) -> Move | None:
        """Returns the move of the address itself, else that of its group. A group moves its members only to a group."""
        of_group = self._by_origin.get(address.group)
        if of_group is not None and of_group.address.key is not None:
            of_group = None
        return self._by_origin.get(address) or (of_group if address.key is not None else None)


def _has_left_group(path: _MovePath, groups: frozenset[Address]) -> bool:
    """Whether a member of a moved group is no longer desired although the new group is. It stays at its address, and is
    released from there.
    """
    return path.is_of_group and path.last.address in groups


def _refusals(moving: Mapping[Address, _MovePath], wanted: frozenset[Address], state: State) -> Iterator[Diagnostic]:
    ends = Counter(path.end for path in moving.values())
    doubts = state.doubts
    for origin, path in sorted(moving.items()):
        problem, hint = "", ""
        if path.end not in wanted:
            problem = f"the specs do not declare {path.end}"
            hint = f"correct its address, or remove the entry from moved; {origin} is then released"
        elif state.open_intent(origin) is not None:
            problem = f"the outcome of a call for {origin} is not known"
            hint = "apply settles that first; then plan again"
        elif origin.as_deposed in state.resources:
            problem = f"the server that it replaced, {origin.as_deposed}, is not released yet"
            hint = f"declare {origin} until apply has released that server; then move it"
        elif path.end.as_deposed in state.resources:
            problem = f"{path.end.as_deposed}, an older server of that address, is still recorded"
            hint = "remove the entry until apply has settled that; or give that server another address with `state mv`"
        elif path.end in doubts:
            problem = f"the outcome of a purchase for {path.end} is not known"
            hint = "remove the entry until apply or resolve has settled that"
        elif path.end in state.resources or ends[path.end] > 1:
            problem = f"{path.end} holds another server"
            hint = "remove the entry from moved, or give one of the two another address with `state mv`"
        if problem:
            yield error(
                "move-impossible",
                f"{origin} cannot become {path.end}: {problem}",
                hint=hint,
                source=path.last.source,
                address=path.end,
            )


def _doubt_refusals(paths: _MovePaths, state: State) -> Iterator[Diagnostic]:
    """Refuses to move an address whose purchase is in doubt: the purchase is searched for under its own address."""
    for address in state.doubts:
        if address not in state.resources and (path := paths.follow(address)) is not None:
            yield error(
                "move-impossible",
                f"{address} cannot become {path.end}: the outcome of its purchase is not known",
                hint="remove the entry, and declare it under its former address until that is settled",
                source=path.last.source,
                address=path.end,
            )


def with_origin(origin: Address | None, change: Change) -> Change:
    """Adds the former address to the change. A move is an action of its own only where nothing else is done."""
    if origin is None:
        return change
    if isinstance(change, NoOpChange):
        return convert_to(change, MoveChange, moved_from=origin)
    return evolve(change, moved_from=origin)
