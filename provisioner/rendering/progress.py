"""A run while it works: one line an event for logs, in Terraform's words, and a table that lives on a terminal.

Both only listen. The clock is the caller's, and rich is touched only by a terminal's table, so that logs do not pay for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, assert_never

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.event import Event, EventType
from provisioner.rendering.style import Style, cells, cut, escape, pad
from provisioner.rendering.wording import WORDS, Words, duration

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_WIDEST_ADDRESS = 40

_NEWS = {
    EventType.BOUGHT: "Bought",
    EventType.ADOPTED: "Adopted",
    EventType.DETACHED: "Left",
    EventType.IN_DOUBT: "In doubt",
    EventType.SETTLED: "Settled",
    EventType.SKIPPED: "Not started",
}


def event_line(event: Event, style: Style) -> str | None:
    """Without a newline; None for an event that has nothing to tell."""
    sentence = event_sentence(event)
    if not sentence:
        return None
    painted = _painted(sentence, style, kind=event.type)
    return painted if event.address is None else f"{style.bold(escape(str(event.address)))}: {painted}"


def event_sentence(event: Event) -> str:
    """What happened, without colour and without the address; empty when there is nothing to tell."""
    match event.type:
        case EventType.STARTED | EventType.WAITING | EventType.FINISHED:
            return "" if event.action in {None, Action.NO_OP} else _course(event, WORDS[event.action or Action.NO_OP])
        case EventType.FAILED:
            deed = WORDS[event.action or Action.NO_OP].deed
            if event.built:
                complete = f"{deed.capitalize()} complete after {duration(event.elapsed)}{_facts(_identifiers(event))}"
                return _because(f"{complete}, but not as declared", event)
            return _because(f"{deed.capitalize()} failed after {duration(event.elapsed)}", event)
        case EventType.BOUGHT | EventType.ADOPTED | EventType.DETACHED:
            return _because(f"{_NEWS[event.type]}{_facts(_identifiers(event))}", event)
        case EventType.IN_DOUBT | EventType.SETTLED | EventType.SKIPPED:
            return _because(_NEWS[event.type], event)
        case EventType.NOTICE:
            return _told(event)
        case EventType.PAUSED | EventType.UNANSWERED | EventType.READING:
            return _wait(event)
        case _:
            assert_never(event.type)


def _wait(event: Event) -> str:
    """Of the cloud, for the whole run."""
    if event.type is EventType.PAUSED:
        return f"The cloud asks for fewer requests: going on in {duration(ceil(event.remaining))}"
    waited, request = duration(event.elapsed), escape(event.detail)
    if event.type is EventType.UNANSWERED:
        return f"Still waiting for the cloud's answer to {request}: {waited} so far"
    return f"Still reading from the cloud: {event.requests} requests in {waited}, now {request}"


def lock_line(who: str, work: str, *, remaining: float) -> str:
    """While another run holds the lock; `remaining` are the seconds that we still wait."""
    return f"Waiting for the lock, held by {escape(f'{who} ({work})')}: giving up in {duration(ceil(remaining))}"


def _course(event: Event, words: Words) -> str:
    """Terraform's own sentences, so that scripts which read them go on reading them."""
    match event.type:
        case EventType.STARTED:
            return f"{words.doing.capitalize()}..."
        case EventType.WAITING:
            status = [escape(event.detail)] if event.detail else []
            return f"Still {words.doing}...{_facts((f'{duration(event.elapsed)} elapsed', *status))}"
        case _:
            identifiers = () if event.id is None else (f"id={escape(event.id)}",)
            return f"{words.deed.capitalize()} complete after {duration(event.elapsed)}{_facts(identifiers)}"


def _identifiers(event: Event) -> Iterator[str]:
    if event.id is not None:
        yield f"id={escape(event.id)}"
    if event.order_id is not None:
        yield f"order={escape(event.order_id)}"


def _facts(facts: Iterable[str]) -> str:
    told = ", ".join(facts)
    return told and f" [{told}]"


def _because(sentence: str, event: Event) -> str:
    told = _told(event)
    return f"{sentence}: {told}" if told else sentence


def _told(event: Event) -> str:
    return escape(event.diagnostic.summary if event.diagnostic is not None else event.detail)


def _painted(text: str, style: Style, *, kind: EventType) -> str:
    match kind:
        case EventType.FAILED | EventType.IN_DOUBT:
            return style.red(text)
        case EventType.DETACHED | EventType.SKIPPED | EventType.NOTICE | EventType.PAUSED | EventType.UNANSWERED:
            return style.yellow(text)
        case EventType.FINISHED | EventType.ADOPTED:
            return style.green(text)
        case _:
            return text


@dataclass(frozen=True, slots=True)
class _Row:
    event: Event
    heard_at: float


_OVER = {
    EventType.FAILED: "failed",
    EventType.IN_DOUBT: "in doubt",
    EventType.DETACHED: "left",
    EventType.SKIPPED: "skipped",
}
_SILENT = frozenset({EventType.NOTICE, EventType.SETTLED})
"""They tell of an address without changing where it stands."""


class LiveTable:
    """The latest word of every address, for `rich.live.Live`: trouble first, then what is under way, then what is done.

    `total` is the number of addresses that have work, `clock` gives seconds on any scale that only moves forward.
    """

    def __init__(self, total: int, style: Style, *, clock: Callable[[], float]) -> None:
        self._total = total
        self._style = style
        self._clock = clock
        self._began = clock()
        self._rows: dict[Address, _Row] = {}
        self._paused_until = self._began

    def update(self, event: Event) -> None:
        if event.type is EventType.PAUSED:
            self._paused_until = self._clock() + event.remaining
        if event.address is not None and event.type not in _SILENT:
            self._rows[event.address] = _Row(event, self._clock())

    def lines(self, height: int) -> list[str]:
        """At most `height` lines, the last one the totals."""
        rows = sorted(self._rows.values(), key=_urgency)  # sorted copies first: Live draws from a thread of its own
        room = max(height - 1, 0)
        shown = rows if len(rows) <= room else rows[: max(room - 1, 0)]
        width = min(max((cells(escape(str(row.event.address))) for row in shown), default=0), _WIDEST_ADDRESS)
        lines = [self._line(row, width=width) for row in shown]
        if len(shown) < len(rows) and room:
            lines.append(self._style.dim(f"  and {len(rows) - len(shown)} more"))
        return [*lines, self._totals(rows)]

    def _line(self, row: _Row, *, width: int) -> str:
        event = row.event
        address = pad(cut(escape(str(event.address)), width), width)
        if _is_under_way(row):
            doing = WORDS[event.action or Action.NO_OP].doing.capitalize()
            waited = duration(event.elapsed + self._clock() - row.heard_at)
            sentence = f"{doing}... {waited}  {escape(event.detail)}".rstrip()
        else:
            sentence = event_sentence(event)
        room = max(self._style.width - width - 4, 1)
        return f"  {self._style.bold(address)}  {_painted(cut(sentence, room), self._style, kind=event.type)}"

    def _totals(self, rows: list[_Row]) -> str:
        count = Counter(row.event.type for row in rows)
        parts = [f"{count[EventType.FINISHED]} of {self._total} done"]
        if under_way := sum(map(_is_under_way, rows)):
            parts.append(f"{under_way} under way")
        parts += (f"{count[kind]} {name}" for kind, name in _OVER.items() if count[kind])
        now = self._clock()
        totals = ", ".join((*parts, duration(now - self._began)))
        if now >= self._paused_until:
            return self._style.bold(totals)
        pause = f"paused for {duration(ceil(self._paused_until - now))}: the cloud asks for fewer requests"
        room = max(self._style.width - cells(totals) - 2, 1)
        return f"{self._style.bold(totals)}  {self._style.yellow(cut(pause, room))}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        height = options.height or console.height
        for line in self.lines(height - 1):
            yield Text.from_ansi(line, no_wrap=True, overflow="ellipsis", end="\n")


def _is_under_way(row: _Row) -> bool:
    return row.event.type is not EventType.FINISHED and row.event.type not in _OVER


def _urgency(row: _Row) -> tuple[int, Address | None]:
    rank = 0 if row.event.type in _OVER else 1 if _is_under_way(row) else 2
    return rank, row.event.address
