"""How far a run is, read from its own entries in the journal, so that every machine can tell, whatever the store. Pure.

The journal holds what was sent, answered and reached. It holds nothing about changes that a run did not begin, and the
number of those that it planned only since this version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.event import Event, EventType
from provisioner.model.flow import Effect
from provisioner.model.history import HistoryRecord
from provisioner.model.journal import (
    CANCELLED,
    GONE,
    RELEASED,
    Adopted,
    Answered,
    Entry,
    Fenced,
    Forgotten,
    Imported,
    Intended,
    Moved,
    Relocated,
    Remembered,
    RunEnded,
    RunStarted,
    Settled,
)
from provisioner.model.resource import Phase
from provisioner.model.state import Intent

_ACTIONS: Final = {
    Effect.PURCHASE: Action.CREATE,
    Effect.DESTRUCTIVE: Action.DELETE,
    Effect.WIPE: Action.REINSTALL,
    Effect.PAYMENT: Action.PAY,
    Effect.CANCELLATION: Action.CANCEL,
}
_WITHOUT_CALL: Final = (Action.RESUME, Action.UPDATE, Action.RECORD)
"""Actions that may reach their end without a journaled call."""
_END_WITH_RELEASE: Final = (Action.DELETE, Action.FORGET, Action.CANCEL)


class _Stage(Enum):
    SENT = auto()
    ANSWERED = auto()
    READY = auto()
    FAILED = auto()
    RELEASED = auto()
    RECORDED = auto()
    """Nothing was to be sent: it was moved, imported or forgotten."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is. Times are in milliseconds since the epoch, by the clock of its machine.

    `planned` is the number of its changes, 0 if the run did not write it. The other numbers count addresses: `sent`,
    `answered` and `released` those that have ever come so far, `done`, `ready`, `failed` and `under_way` those that
    stand there now. `result` is how the run ended, and None while it has not.
    """

    run: RunStarted
    began_at: int
    planned: int = 0
    sent: int = 0
    answered: int = 0
    ready: int = 0
    failed: int = 0
    released: int = 0
    under_way: int = 0
    done: int = 0
    result: str | None = None

    def __str__(self) -> str:
        if self.result is not None:
            return "its work is over" if self.result == "ended" else f"it was {self.result}"
        done = f"{self.done} of {self.planned} done" if self.planned else f"{self.done} done"
        others = {"under way": self.under_way, "failed": self.failed}
        return ", ".join((done, *(f"{count} {name}" for name, count in others.items() if count)))


@dataclass(slots=True)
class RunTracker:
    """Follows the journal's last run. `note` takes the records in their order, and returns what happened as events."""

    _started: RunStarted | None = None
    _began_at: int = 0
    _is_preamble: bool = False
    """The run has begun nothing yet: what was journaled with its start is none of its progress."""
    _result: str | None = None
    _stages: dict[Address, _Stage] = field(default_factory=dict)
    _sent_at: dict[Address, int] = field(default_factory=dict)
    _actions: dict[Address, Action] = field(default_factory=dict)
    _ids: dict[Address, str] = field(default_factory=dict)
    _answered: set[Address] = field(default_factory=set)
    _released: set[Address] = field(default_factory=set)
    _intents: dict[str, Intent] = field(default_factory=dict)

    @property
    def progress(self) -> RunProgress | None:
        """How far the last run is; None when no run has begun, or another one has taken over its lock."""
        if self._started is None:
            return None
        count = dict.fromkeys(_Stage, 0)
        for stage in self._stages.values():
            count[stage] += 1
        planned = sum(self._started.planned.values())
        released = count[_Stage.RELEASED]
        if planned:  # a server that is replaced is released first, and not done by that
            released = min(released, sum(self._started.planned.get(action, 0) for action in _END_WITH_RELEASE))
        done = count[_Stage.READY] + count[_Stage.RECORDED] + released
        return RunProgress(
            self._started,
            self._began_at,
            planned,
            sent=len(self._sent_at),
            answered=len(self._answered),
            ready=count[_Stage.READY],
            failed=count[_Stage.FAILED],
            released=len(self._released),
            under_way=count[_Stage.SENT] + count[_Stage.ANSWERED],
            done=min(done, planned) if planned else done,
            result=self._result,
        )

    def note(self, records: Iterable[HistoryRecord]) -> tuple[Event, ...]:
        return tuple(event for record in records for event in self._note(record, record.entry))

    def _note(self, record: HistoryRecord, entry: Entry) -> Iterator[Event]:
        match entry:
            case RunStarted():
                self._begin(entry, record.time)
            case Fenced() | Relocated():
                self._started = None
            case RunEnded():
                self._result = entry.result
            case _ if self._started is not None and self._result is None:
                yield from self._note_work(record, entry)
            case _:
                pass

    def _note_work(self, record: HistoryRecord, entry: Entry) -> Iterator[Event]:
        match entry:
            case Intended(intent=intent):
                yield from self._intended(intent, record.time)
            case Answered() | Adopted() | Settled():
                if (called := self._intents.get(entry.intent)) is not None:
                    yield from self._answer(called, entry, record.time)
            case Remembered():
                yield from self._remembered(entry, record.time)
            case Forgotten(address=address, reason=reason):
                is_release = reason in {RELEASED, GONE, CANCELLED}
                if is_release:
                    self._released.add(address)
                stage = _Stage.RELEASED if is_release else _Stage.RECORDED
                yield from self._finish(address, stage, Action.DELETE if is_release else Action.FORGET, record.time)
            case Imported(address=address):
                yield from self._finish(address, _Stage.RECORDED, Action.ADOPT, record.time)
            case Moved(address=address):
                yield from self._finish(address, _Stage.RECORDED, Action.MOVE, record.time)
            case _:
                pass

    def _begin(self, started: RunStarted, time: int) -> None:
        self._started, self._began_at, self._result, self._is_preamble = started, time, None, True
        for kept in (
            self._stages,
            self._sent_at,
            self._actions,
            self._ids,
            self._answered,
            self._released,
            self._intents,
        ):
            kept.clear()

    def _intended(self, intent: Intent, time: int) -> Iterator[Event]:
        self._is_preamble = False
        if intent.unknown_since is not None:  # the same call, noted again when its outcome turned out to be unknown
            yield from (self._event(EventType.IN_DOUBT, address, time) for address in intent.addresses)
            return
        self._intents[intent.id] = intent
        for address in intent.addresses:
            self._stages[address] = _Stage.SENT
            self._sent_at[address] = time
            self._actions[address] = _ACTIONS.get(intent.effect, Action.UPDATE)
            yield self._event(EventType.STARTED, address, time)

    def _answer(self, intent: Intent, entry: Answered | Adopted | Settled, time: int) -> Iterator[Event]:
        is_without_effect = isinstance(entry, Settled) and entry.outcome != "observed"
        for address in intent.addresses:
            if isinstance(entry, Settled) and is_without_effect:
                self._stages[address] = _Stage.FAILED
                yield self._event(EventType.FAILED, address, time, detail=entry.evidence)
            elif intent.effect is Effect.PAYMENT:
                self._answered.add(address)
                yield from self._finish(address, _Stage.RECORDED, Action.PAY, time)
            else:
                self._stages[address] = _Stage.ANSWERED
                self._answered.add(address)
                if not isinstance(entry, Settled) and intent.effect is Effect.PURCHASE:
                    type_ = EventType.BOUGHT if isinstance(entry, Answered) else EventType.ADOPTED
                    yield self._event(type_, address, time, id_=entry.id, order_id=entry.order_id)

    def _remembered(self, entry: Remembered, time: int) -> Iterator[Event]:
        address, stage = entry.address, self._stages.get(entry.address)
        if self._is_preamble and time == self._began_at:
            return
        if entry.phase is Phase.FAILED and stage is not _Stage.FAILED:
            self._stages[address] = _Stage.FAILED
            yield self._event(EventType.FAILED, address, time, id_=entry.id)
        elif entry.phase is Phase.READY and not entry.pending:
            yield from self._finish(address, _Stage.READY, self._action_without_call(), time, id_=entry.id)
        elif entry.phase not in {Phase.READY, Phase.FAILED}:
            self._stages[address] = stage or _Stage.ANSWERED

    def _action_without_call(self) -> Action:
        planned = self._started.planned if self._started else {}
        return next((action for action in _WITHOUT_CALL if planned.get(action)), Action.UPDATE)

    def _finish(
        self, address: Address, stage: _Stage, action: Action, time: int, *, id_: str | None = None
    ) -> Iterator[Event]:
        self._is_preamble = False
        if self._stages.get(address) is not stage:
            self._stages[address] = stage
            self._actions.setdefault(address, action)
            yield self._event(EventType.FINISHED, address, time, id_=id_)

    def _event(
        self,
        type_: EventType,
        address: Address,
        time: int,
        *,
        detail: str = "",
        id_: str | None = None,
        order_id: str | None = None,
    ) -> Event:
        if id_ is not None:
            self._ids[address] = id_
        elapsed = max(time - self._sent_at.get(address, time), 0) / 1000
        return Event(type_, address, self._actions.get(address), detail, self._ids.get(address), order_id, elapsed)


def run_progress(records: Iterable[HistoryRecord]) -> RunProgress | None:
    """Returns how far the last run in these records is; None if none has begun there."""
    tracker = RunTracker()
    tracker.note(records)
    return tracker.progress
