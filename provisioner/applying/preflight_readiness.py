"""Checks the servers that others wait for, right before a later wave begins or a deposed server is released.

The plan checked them when it was made, and the run checks only what it does itself. A saved plan may be older than a
fault, and a wave may take hours. One list shows all of them. Where one is not well, the list is read a few times more,
because a row may be late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from provisioner.applying.dependencies import Blocked, DependencyGate
from provisioner.applying.list_snapshot import ListSnapshot
from provisioner.applying.refusals import SuccessorNotReady
from provisioner.applying.run_context import RunContext
from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.dependency import Dependency
from provisioner.model.flow import Wait
from provisioner.model.kind import Kind
from provisioner.model.readiness import differing_fields, is_healthy
from provisioner.model.resource import Desired, FieldPath, Live, Phase, Recorded

_WAVE_ACTIONS = frozenset({Action.CREATE, Action.UPDATE, Action.REINSTALL, Action.REPLACE})
_BUYING = frozenset({Action.CREATE, Action.REPLACE})
_BEING_BUILT = frozenset({Phase.ORDERING, Phase.AWAITING_PAYMENT, Phase.CREATING, Phase.FAILED})
_POLLS = 5
"""How often the list is read before a server that is not well is believed to be so."""
_SHOWS_PER_POLL = 5
"""How many servers that the list lacks are asked for by id with each reading of the list."""
_TIMEOUT = 600.0
"""Seconds."""
_LEASE = 60.0
"""How many seconds the reading at the start of the run is recent enough for a single server."""


@dataclass(frozen=True, slots=True)
class _NotReady:
    address: Address
    why: str
    """Completes a sentence about the address."""


class ReadinessCheck:
    """Checks that the servers that others wait for are there and well. One instance serves all changes of a run."""

    def __init__(self, context: RunContext, gate: DependencyGate) -> None:
        self._context = context
        self._gate = gate
        self._began = context.clock.monotonic()
        self._waves: dict[tuple[Address, int], asyncio.Future[_NotReady | None]] = {}

    async def await_turn(self, change: Change) -> None:
        """Returns when the change may begin. Raises Blocked, also where the servers that it waits for were done and are
        not there as wanted any more.
        """
        await self._gate.await_turn(change.address)
        desired = change.desired
        if change.action not in _WAVE_ACTIONS or desired is None or change.address.key is None or desired.wave == 0:
            return
        group, wave = change.address.group, desired.wave
        if (group, wave) not in self._waves:
            earlier = [each for number, members in self._groups[group].items() if number < wave for each in members]
            fields = _fields_of(self._groups[group][wave])
            self._waves[group, wave] = asyncio.ensure_future(self._first_not_ready(earlier, fields))
        if (found := await asyncio.shield(self._waves[group, wave])) is not None:
            dependency = Dependency((change.address,), (found.address,), f"wave {wave + 1} of {group}")
            raise Blocked(dependency, found.address, found.why)

    async def before_release(self, deposed: Iterable[Change]) -> None:
        """Raises SuccessorNotReady if the successor of a deposed server is not there as it is wanted."""
        by_address = {change.address: change for change in self._context.plan.changes}
        successors = [by_address[change.address.successor] for change in deposed]
        if successors and (found := await self._first_not_ready(successors, None)) is not None:
            raise SuccessorNotReady(found.address, found.why)

    @cached_property
    def _groups(self) -> Mapping[Address, Mapping[int, list[Change]]]:
        """The members of each group by their wave. A member that is not selected blocks nobody."""
        groups: dict[Address, dict[int, list[Change]]] = {}
        for change in self._context.plan.changes:
            if change.desired is not None and change.address.key is not None and change.reason is not Reason.LEFT_OUT:
                groups.setdefault(change.address.group, {}).setdefault(change.desired.wave, []).append(change)
        return groups

    async def _first_not_ready(
        self, changes: Iterable[Change], fields: frozenset[FieldPath] | None
    ) -> _NotReady | None:
        """Returns the first server that is not ready, or None. `fields` are those in which the row matters; None: all
        fields.
        """
        checks = [(change.address, self._identifier(change), self._check_for(change, fields)) for change in changes]
        first: list[_NotReady] = []
        known: dict[str, Live] = {}
        """The rows as they were last seen. Servers that the list lacks are asked for by id, a few with each reading."""
        polls = 0

        def pick(listing: ListSnapshot) -> Live | None:
            """Returns any row once all servers are well, or the row of the one that is not, once that is certain."""
            nonlocal polls
            polls += 1
            first.clear()
            for _, identifier, _ in checks:
                if identifier in listing.gone:
                    known.pop(identifier, None)
                elif (row := listing.rows.get(identifier)) is not None:
                    known[identifier] = row
            for address, identifier, check in checks:
                if (why := check(known.get(identifier))) is not None:
                    first.append(_NotReady(address, why))
                    return known.get(identifier) if polls >= _POLLS else None
            return next(iter(known.values()))

        if checks:
            await self._context.poll.find(
                pick,
                lambda row: row is not None,
                max_polls=_POLLS + len(checks) // _SHOWS_PER_POLL,
                deadline=self._context.clock.monotonic() + _TIMEOUT,
                watch=lambda _row: None,
            )
        return first[0] if first else None

    async def row_of(self, recorded: Recorded) -> Live | None:
        """Returns the row from the start of the run, read again if that is a while ago."""
        before, clock = self._context.live_row(recorded), self._context.clock
        if before is None or clock.monotonic() < self._began + _LEASE:
            return before
        wait = Wait(settled=lambda row: row is not None, id=before.id, max_polls=1)
        deadline = clock.monotonic() + _TIMEOUT
        now = await self._context.poll.wait(wait, lambda _rows: None, deadline=deadline, watch=lambda _row: None)
        return now or before

    def _identifier(self, change: Change) -> str:
        return self._gate.identifiers.get(change.address) or (change.recorded.id if change.recorded else None) or ""

    def _check_for(self, change: Change, fields: frozenset[FieldPath] | None) -> Callable[[Live | None], str | None]:
        """Returns a function that says of a row why the server is not ready, as the rest of a sentence; None if it is
        ready.
        """
        kind = self._context.catalogue[change.kind]

        def check(row: Live | None) -> str | None:
            if row is None:
                return "is not listed any more"
            if not is_healthy(kind, row):
                return f"shows status {row.status!r}" if row.status else "shows no status"
            if change.action in _BUYING or change.recorded is None or change.recorded.phase in _BEING_BUILT:
                return None  # its own flow has checked its first row
            if shown := self._shown_otherwise(kind, change, fields, row):
                return f"does not show {', '.join('.'.join(path) for path in shown)} as declared"
            return self._sold_otherwise(kind, change.recorded, change.desired, row)

        return check

    def _sold_otherwise(self, kind: Kind, recorded: Recorded, desired: Desired | None, row: Live) -> str | None:
        mode = kind.billing.sold_otherwise(recorded, row, desired.fields if desired else None, self._context.policy)
        return f"was sold as {mode}" if mode else None

    def _shown_otherwise(
        self, kind: Kind, change: Change, fields: frozenset[FieldPath] | None, row: Live
    ) -> tuple[FieldPath, ...]:
        if change.desired is None or change.after is None:
            return ()
        ignored = change.desired.lifecycle.ignore_changes
        shown = differing_fields(kind, row, change.after, change.recorded, given={item.path for item in change.fields})
        return tuple(
            path
            for path in shown
            if (fields is None or path in fields) and not any(path[: len(head)] == head for head in ignored)
        )


def _fields_of(wave: Iterable[Change]) -> frozenset[FieldPath] | None:
    """Returns the fields that a wave would change; None, for all fields, if it buys a server."""
    changes = [change for change in wave if change.action in _WAVE_ACTIONS]
    if any(change.action is Action.CREATE for change in changes):
        return None
    return frozenset(item.path for change in changes for item in change.fields)
