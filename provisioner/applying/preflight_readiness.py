"""Looks once more at the servers that others wait for, right before a later wave begins or a deposed server is released.

A plan has judged them when it was made, and a run only what it did itself. A saved plan may be older than a fault, and a wave may take
hours. One look at the list tells of all of them; a few more are taken where one is not well, because a row may be late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from provisioner.applying.dependencies import Blocked, DependencyGate
from provisioner.applying.list_poll import ListSnapshot
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

_BEGINNING = frozenset({Action.CREATE, Action.UPDATE, Action.REINSTALL, Action.REPLACE})
_BUYING = frozenset({Action.CREATE, Action.REPLACE})
_BEING_BUILT = frozenset({Phase.ORDERING, Phase.AWAITING_PAYMENT, Phase.CREATING, Phase.FAILED})
_LOOKS = 5
_ALONE = 5
"""So many that the list lacks are asked for alone a look."""
_SECONDS = 600.0
_FRESH = 60.0
"""So many seconds the look at the start of the run tells enough of one server."""


@dataclass(frozen=True, slots=True)
class _NotReady:
    address: Address
    why: str
    """The rest of a sentence about it."""


class ReadinessCheck:
    """Checks that servers that others wait for are there and well. One value serves all changes of a run."""

    def __init__(self, context: RunContext, gate: DependencyGate) -> None:
        self._context = context
        self._gate = gate
        self._began = context.clock.monotonic()
        self._waves: dict[tuple[Address, int], asyncio.Future[_NotReady | None]] = {}

    async def await_turn(self, change: Change) -> None:
        """Raises Blocked: also where those that are waited for were done, and are not there as they are wanted by now."""
        await self._gate.await_turn(change.address)
        desired = change.desired
        if change.action not in _BEGINNING or desired is None or change.address.key is None or desired.wave == 0:
            return
        group, wave = change.address.group, desired.wave
        if (group, wave) not in self._waves:
            earlier = [each for number, members in self._groups[group].items() if number < wave for each in members]
            fields = _fields_of(self._groups[group][wave])
            self._waves[group, wave] = asyncio.ensure_future(self._first_not_ready(earlier, fields))
        if (found := await asyncio.shield(self._waves[group, wave])) is not None:
            turn = Dependency((change.address,), (found.address,), f"wave {wave + 1} of {group}")
            raise Blocked(turn, found.address, found.why)

    async def before_release(self, deposed: Iterable[Change]) -> None:
        """Raises SuccessorNotReady where a successor is not there as it is wanted."""
        by_address = {change.address: change for change in self._context.plan.changes}
        successors = [by_address[change.address.successor] for change in deposed]
        if successors and (found := await self._first_not_ready(successors, None)) is not None:
            raise SuccessorNotReady(found.address, found.why)

    @cached_property
    def _groups(self) -> Mapping[Address, Mapping[int, list[Change]]]:
        """The members of each group by their rollout wave. What is left out blocks nobody."""
        groups: dict[Address, dict[int, list[Change]]] = {}
        for change in self._context.plan.changes:
            if change.desired is not None and change.address.key is not None and change.reason is not Reason.LEFT_OUT:
                groups.setdefault(change.address.group, {}).setdefault(change.desired.wave, []).append(change)
        return groups

    async def _first_not_ready(
        self, changes: Iterable[Change], fields: frozenset[FieldPath] | None
    ) -> _NotReady | None:
        """`fields`: only in those it matters what a row shows; None: in all of them."""
        asked = [(change.address, self._identifier(change), self._judge(change, fields)) for change in changes]
        first: list[_NotReady] = []
        known: dict[str, Live] = {}
        """As they were seen last: what the list lacks is asked for alone, a few a look."""
        looks = 0

        def find(listing: ListSnapshot) -> Live | None:
            """Any row, once all are well, or the one that is not once that is certain."""
            nonlocal looks
            looks += 1
            first.clear()
            for _, identifier, _ in asked:
                if identifier in listing.gone:
                    known.pop(identifier, None)
                elif (row := listing.rows.get(identifier)) is not None:
                    known[identifier] = row
            for address, identifier, judge in asked:
                if (why := judge(known.get(identifier))) is not None:
                    first.append(_NotReady(address, why))
                    return known.get(identifier) if looks >= _LOOKS else None
            return next(iter(known.values()))

        if asked:
            await self._context.poll.seek(
                find,
                lambda row: row is not None,
                most_looks=_LOOKS + len(asked) // _ALONE,
                deadline=self._context.clock.monotonic() + _SECONDS,
                watch=lambda _row: None,
            )
        return first[0] if first else None

    async def row_of(self, recorded: Recorded) -> Live | None:
        """Returns the row that the run has found, read again where that is a while ago."""
        before, clock = self._context.live_row(recorded), self._context.clock
        if before is None or clock.monotonic() < self._began + _FRESH:
            return before
        wait = Wait(settled=lambda row: row is not None, id=before.id, max_polls=1)
        deadline = clock.monotonic() + _SECONDS
        now = await self._context.poll.wait(wait, lambda _rows: None, deadline=deadline, watch=lambda _row: None)
        return now or before

    def _identifier(self, change: Change) -> str:
        return self._gate.identifiers.get(change.address) or (change.recorded.id if change.recorded else None) or ""

    def _judge(self, change: Change, fields: frozenset[FieldPath] | None) -> Callable[[Live | None], str | None]:
        kind = self._context.catalogue[change.kind]

        def judge(row: Live | None) -> str | None:
            if row is None:
                return "is not listed any more"
            if not is_healthy(kind, row):
                return f"shows status {row.status!r}" if row.status else "shows no status"
            if change.action in _BUYING or change.recorded is None or change.recorded.phase in _BEING_BUILT:
                return None  # its own way has judged its first row
            if shown := self._shown_otherwise(kind, change, fields, row):
                return f"does not show {', '.join('.'.join(path) for path in shown)} as declared"
            return self._sold_otherwise(kind, change.recorded, change.desired, row)

        return judge

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
    """Returns the fields that a wave would change; None where something of it is bought, which gives it all fields."""
    beginning = [change for change in wave if change.action in _BEGINNING]
    if any(change.action is Action.CREATE for change in beginning):
        return None
    return frozenset(item.path for change in beginning for item in change.fields)
