"""Renders a run while it works: one line per event for logs, in Terraform's words, or a live table for terminals.

Both only receive events. The caller passes the clock. Only the live table imports rich, so logs do not pay for it.
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
from provisioner.model.reading_progress import ReadingStep
from provisioner.rendering.change import paint_loss
from provisioner.rendering.style import Style, beginning, cells, cut, escape, pad, wrap
from provisioner.rendering.wording import WORDS, Words, duration, pluralize

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_WIDEST_ADDRESS = 40
_NARROWEST_SENTENCE = 20

_EVENT_WORDS = {
    EventType.BOUGHT: "Bought",
    EventType.ADOPTED: "Adopted",
    EventType.DETACHED: "Left",
    EventType.NOT_AWAITED: "Not awaited",
    EventType.IN_DOUBT: "In doubt",
    EventType.SETTLED: "Settled",
    EventType.SKIPPED: "Not started",
}


def event_line(event: Event, style: Style) -> str | None:
    """Returns the line of an event without a newline, or None where there is nothing to show."""
    sentence = event_sentence(event)
    if not sentence:
        return None
    painted = _paint(sentence, style, event=event)
    return painted if event.address is None else f"{style.bold(escape(str(event.address)))}: {painted}"


def event_sentence(event: Event) -> str:
    """Returns what happened, without colour and address, or "" where there is nothing to show."""
    match event.type:
        case EventType.STARTED | EventType.WAITING | EventType.FINISHED:
            return (
                ""
                if event.action in {None, Action.NO_OP}
                else _progress_sentence(event, WORDS[event.action or Action.NO_OP])
            )
        case EventType.FAILED:
            noun = WORDS[event.action or Action.NO_OP].noun
            if event.built:
                complete = f"{noun.capitalize()} complete after {duration(event.elapsed)}{_facts(_identifiers(event))}"
                return _with_message(f"{complete}, but not as declared", event)
            return _with_message(f"{noun.capitalize()} failed after {duration(event.elapsed)}", event)
        case EventType.BOUGHT | EventType.ADOPTED | EventType.DETACHED | EventType.NOT_AWAITED:
            # Whether an order is paid shows later, if ever: it may await payment or an approval.
            is_order = event.type is EventType.BOUGHT and event.order_id is not None
            word = "Ordered" if is_order else _EVENT_WORDS[event.type]
            return _with_message(f"{word}{_facts(_identifiers(event))}", event)
        case EventType.IN_DOUBT | EventType.SETTLED | EventType.SKIPPED:
            return _with_message(_EVENT_WORDS[event.type], event)
        case EventType.NOTICE:
            return _message(event)
        case EventType.PAUSED | EventType.UNANSWERED | EventType.READING:
            return _wait_sentence(event)
        case _:
            assert_never(event.type)


def _wait_sentence(event: Event) -> str:
    """Returns the sentence of an event about the whole run: it waits for the cloud, or reads from it."""
    if event.type is EventType.PAUSED:
        return f"The cloud asks for fewer requests: going on in {duration(ceil(event.remaining))}"
    waited, request = duration(event.elapsed), escape(event.detail)
    if event.type is EventType.UNANSWERED:
        return f"Still waiting for the cloud's answer to {request}: {waited} so far"
    return f"Still reading from the cloud: {event.requests} requests in {waited}, now {request}"


def step_line(step: ReadingStep, seconds: float) -> str:
    """Returns what is being read and how far that is, after so many seconds without a result."""
    if step.total is not None:
        far = f"{step.done:,} of {step.total:,}"
    else:
        far = pluralize(step.requests, "request") if step.requests else ""
    facts = ", ".join(filter(None, (far, duration(seconds) if seconds >= 1 else "")))
    return f"{step.what}... {facts}".rstrip()


def _progress_sentence(event: Event, words: Words) -> str:
    """Returns Terraform's own sentence for the event, so that scripts which read those keep working."""
    match event.type:
        case EventType.STARTED:
            wiped = ("its system disk is wiped",) if words is WORDS[Action.REINSTALL] else ()
            return f"{words.doing.capitalize()}...{_facts(wiped)}"
        case EventType.WAITING:
            status = [escape(event.detail)] if event.detail else []
            return f"Still {words.doing}...{_facts((f'{duration(event.elapsed)} elapsed', *status))}"
        case _:
            identifiers = () if event.id is None else (f"id={escape(event.id)}",)
            return f"{words.noun.capitalize()} complete after {duration(event.elapsed)}{_facts(identifiers)}"


def _identifiers(event: Event) -> Iterator[str]:
    if event.id is not None:
        yield f"id={escape(event.id)}"
    if event.order_id is not None:
        yield f"order={escape(event.order_id)}"


def _facts(facts: Iterable[str]) -> str:
    text = ", ".join(facts)
    return text and f" [{text}]"


def _with_message(sentence: str, event: Event) -> str:
    message = _message(event)
    return f"{sentence}: {message}" if message else sentence


def _message(event: Event) -> str:
    return escape(event.diagnostic.summary if event.diagnostic is not None else event.detail)


def _paint(text: str, style: Style, *, event: Event) -> str:
    match event.type:
        case EventType.FAILED | EventType.IN_DOUBT:
            return style.red(text)
        case EventType.DETACHED | EventType.NOT_AWAITED | EventType.SKIPPED | EventType.NOTICE:
            return style.yellow(text)
        case EventType.PAUSED | EventType.UNANSWERED:
            return style.yellow(text)
        case EventType.FINISHED | EventType.ADOPTED:
            return style.green(text)
        case EventType.STARTED | EventType.WAITING if event.action is Action.REINSTALL:
            return paint_loss(text, style)
        case _:
            return text


@dataclass(frozen=True, slots=True)
class _Row:
    event: Event
    received_at: float


_ENDED = {
    EventType.FAILED: "failed",
    EventType.IN_DOUBT: "in doubt",
    EventType.DETACHED: "left",
    EventType.NOT_AWAITED: "not awaited",
    EventType.SKIPPED: "skipped",
}
_STATUS_NEUTRAL = frozenset({EventType.NOTICE, EventType.SETTLED})
"""Events about an address that do not change its status."""


class LiveTable:
    """Shows the latest event of every address, for `rich.live.Live`: failures, then what is under way, then the rest.

    `total` is the number of addresses that have work. `clock` returns seconds on any scale that only moves forward.
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
        if event.address is not None and event.type not in _STATUS_NEUTRAL:
            self._rows[event.address] = _Row(event, self._clock())

    def lines(self, height: int) -> list[str]:
        """Returns at most `height` lines, of which the last one has the totals."""
        rows = sorted(self._rows.values(), key=_urgency)  # sorted() copies first: Live draws in a thread of its own
        room = max(height - 1, 0)
        width = min(max((cells(escape(str(row.event.address))) for row in rows[:room]), default=0), _WIDEST_ADDRESS)
        shown: list[list[str]] = []
        for row in rows[:room]:
            shown.append(self._row_lines(row, width=width))
            if sum(map(len, shown)) > room - (len(shown) < len(rows)):  # one line says how many are left
                shown.pop()
                break
        lines = [line for each in shown for line in each]
        if len(shown) < len(rows) and room:
            lines.append(self._style.dim(f"  and {len(rows) - len(shown)} more"))
        return [*lines, self._totals(rows)]

    def _row_lines(self, row: _Row, *, width: int) -> list[str]:
        """Returns a line with the address and what became of it, or more lines where the terminal is too narrow.

        Only a status is ever cut: an address, or an id in the last word about it, is there to be copied.
        """
        event, style = row.event, self._style
        address, sentence = escape(str(event.address)), self._sentence(row)
        room = style.width - max(cells(address), width) - 4
        kept = "" if _is_under_way(row) else sentence
        if room < _NARROWEST_SENTENCE or cells(kept) > room:
            lines = [f"  {style.bold(line)}" for line in _broken(address, style.width - 2)]
            texts = _broken(kept, style.width - 4) if kept else [cut(sentence, style.width - 4)]
            return [*lines, *(f"    {_paint(text, style, event=event)}" for text in texts)]
        return [f"  {style.bold(pad(address, width))}  {_paint(cut(sentence, room), style, event=event)}"]

    def _sentence(self, row: _Row) -> str:
        event = row.event
        if not _is_under_way(row):
            return event_sentence(event)
        doing = WORDS[event.action or Action.NO_OP].doing.capitalize()
        waited = duration(event.elapsed + self._clock() - row.received_at)
        return f"{doing}... {waited}  {escape(event.detail)}".rstrip()

    def _totals(self, rows: list[_Row]) -> str:
        count = Counter(row.event.type for row in rows)
        parts = [f"{count[EventType.FINISHED]} of {self._total} done"]
        if under_way := sum(map(_is_under_way, rows)):
            parts.append(f"{under_way} under way")
        parts += (f"{count[kind]} {name}" for kind, name in _ENDED.items() if count[kind])
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


def _broken(text: str, width: int) -> list[str]:
    """Returns the text in lines of at most `width` cells. A longer word is broken, and nothing is lost."""
    waiting, lines = [*wrap(text, width)], []
    while waiting:
        line = waiting.pop(0)
        lines.append(beginning(line, width) or line[:1])
        waiting[:0] = filter(None, [line[len(lines[-1]) :]])
    return lines


def _is_under_way(row: _Row) -> bool:
    return row.event.type is not EventType.FINISHED and row.event.type not in _ENDED


def _urgency(row: _Row) -> tuple[int, Address | None]:
    rank = 0 if row.event.type in _ENDED else 1 if _is_under_way(row) else 2
    return rank, row.event.address
