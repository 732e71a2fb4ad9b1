"""Writes results to stdout, and progress and diagnostics to stderr, each in colour only where that is wanted.

It examines the terminal for its width and colours. A stream that cannot be written to never ends a run: the output is
dropped, and the console remembers that.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any, TextIO

from provisioner.cli.pasted_commands import GivenOptions
from provisioner.cli.streams import is_utf8, write

if TYPE_CHECKING:
    from provisioner.model.diagnostic import Diagnostic
    from provisioner.model.event import Event
    from provisioner.model.reading_progress import ReadingStep
    from provisioner.rendering.style import Style

_MAX_WIDTH = 120
_QUIET_SECONDS = 9.0
_QUIET_SECONDS_OF_ADDRESSES = 15.0
"""Seconds without output, and without an event of an address, before a sign of life is shown.

Progress of running changes comes about every ten seconds, so the second time is longer.
"""
_QUIET_SECONDS_OF_STEPS = 0.5
"""Seconds without output before it is shown what is being read."""
_SECONDS_BETWEEN_STEPS = 0.1
_ERASE_LINE = "\r\x1b[2K"


class Json(Enum):
    """What `--json` means for a command: one document, or a line for every event."""

    DOCUMENT = auto()
    STREAM = auto()


@dataclass(slots=True)
class Console:
    """The console of one process.

    `output_lost`: a result could not be written, for another reason than a closed reader. `is_unshown`: something could
    not be written, for any reason, so that nobody can judge by it.
    """

    no_color: bool = False
    json: Json | None = None
    output_lost: bool = False
    is_unshown: bool = False
    given: GivenOptions = field(default_factory=GivenOptions)
    """The options that commands in messages need to reach the same stack."""
    _json_started: bool = False
    """Some JSON has been written to stdout."""
    _quiet_since: float = field(init=False)
    """The time of the last output that stays, or of the start."""
    _last_step_at: float = -inf
    _last_output_at: float = -inf
    _last_address_event_at: float = -inf
    """When the last event about an address came, by the monotonic clock."""
    _cached_event_style: tuple[TextIO, bool, Style] | None = None
    """The style of events, with the stream and the flag that it was chosen for."""
    _line_is_transient: bool = False
    """The terminal's last line is a transient one, which the next output replaces."""

    def __post_init__(self) -> None:
        self._quiet_since = time.monotonic()

    def style(self, stream: TextIO | None = None) -> Style:
        from provisioner.rendering.style import Style, choose_color

        stream = stream or sys.stdout
        is_terminal = stream.isatty()
        color = choose_color(environ=os.environ, is_terminal=is_terminal, flag=False if self.no_color else None)
        columns = shutil.get_terminal_size((100, 24)).columns
        return Style(color, min(columns, _MAX_WIDTH), columns if is_terminal else None, self.given.complete)

    def _event_style(self) -> Style:
        """Returns the style of events. The terminal is examined once, and not at each of ten thousand events."""
        known = self._cached_event_style
        if known is None or known[:2] != (sys.stderr, self.no_color):
            known = self._cached_event_style = (sys.stderr, self.no_color, self.style(sys.stderr))
        return known[2]

    def write(self, text: str) -> None:
        """Writes a result to stdout."""
        self._begin_output()
        self._note_loss(self._put(sys.stdout, text))

    def write_json(self, text: str) -> None:
        """Writes JSON in UTF-8, or in ASCII where stdout has another encoding, which no reader of JSON would guess."""
        from provisioner.rendering.style import escape_json

        self._json_started = True
        self.write(escape_json(text, ascii_only=not is_utf8(sys.stdout)))

    def write_yaml(self, text: str) -> None:
        """Writes YAML, in whose quotes our escapes have the same meaning. Its readers expect UTF-8."""
        from provisioner.rendering.style import escape_above_ascii

        self.write(text if is_utf8(sys.stdout) else escape_above_ascii(text))

    def flush(self) -> OSError | ValueError | None:
        """Flushes stdout, and returns the failure."""
        failure = self._put(sys.stdout, "")
        self._note_loss(failure)
        return failure

    def _note_loss(self, failure: OSError | ValueError | None) -> None:
        if failure is None or isinstance(failure, BrokenPipeError) or self.output_lost:
            return
        self.output_lost = True
        why = failure.strerror if isinstance(failure, OSError) else failure
        self.message(f"Error: the output cannot be written ({why}); what follows of it is dropped.")

    def message(self, line: str) -> None:
        """Writes a line of progress to stderr, with commands that can be pasted."""
        self._begin_output()
        self._put(sys.stderr, f"{self.given.complete(line)}\n")

    def prompt(self, text: str) -> bool:
        """Writes a question to stderr, and returns whether that worked."""
        self._begin_output()
        return self._put(sys.stderr, text) is None

    @property
    def is_output_stored(self) -> bool:
        """Whether stdout is a file or is discarded, so that nobody reads it now. Behind a pipe somebody may, as with `tee`."""
        try:
            mode = os.fstat(sys.stdout.fileno()).st_mode
            return stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not sys.stdout.isatty())
        except (OSError, ValueError):  # no stream of the system, or a closed one
            return False

    def _put(self, stream: TextIO, text: str) -> OSError | ValueError | None:
        failure = write(stream, text)
        self.is_unshown = self.is_unshown or failure is not None
        return failure

    @property
    def can_rewrite_lines(self) -> bool:
        """Whether stderr is a terminal on which a line can be rewritten."""
        return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def show_transient(self, line: str) -> None:
        """Shows a line that the next output replaces. Requires a terminal that can rewrite lines."""
        from provisioner.rendering.style import ELLIPSIS, cut

        self._last_output_at = time.monotonic()
        shown = cut(line, self._event_style().width - 3).replace(ELLIPSIS, "...")  # which every encoding has
        write(sys.stderr, f"{_ERASE_LINE if self._line_is_transient else ''}{shown}")
        self._line_is_transient = True

    def clear_transient(self) -> None:
        """Erases a transient line."""
        if self._line_is_transient:
            self._line_is_transient = False
            write(sys.stderr, _ERASE_LINE)

    @property
    def can_show_steps(self) -> bool:
        """Whether somebody may watch stderr, and the lines there do not mix with JSON on the same terminal."""
        return self.can_rewrite_lines and (self.json is None or not sys.stdout.isatty())

    def show_step(self, step: ReadingStep) -> None:
        """Shows in a transient line what is being read, once nothing else was shown for half a second."""
        now = time.monotonic()
        is_due = (
            now - self._quiet_since >= _QUIET_SECONDS_OF_STEPS and now - self._last_step_at >= _SECONDS_BETWEEN_STEPS
        )
        if is_due:
            from provisioner.rendering.progress import step_line

            self._last_step_at = now
            self.show_transient(step_line(step, now - self._quiet_since))

    def is_worth_showing(self, event: Event) -> bool:
        """Notes the time of an event about an address, and returns whether to show the event.

        A sign of life (a `reading` event) is shown only when nothing else was for some seconds.
        """
        now = time.monotonic()
        if event.address is not None:
            self._last_address_event_at = now
        is_silent = (
            now - self._last_output_at >= _QUIET_SECONDS
            and now - self._last_address_event_at >= _QUIET_SECONDS_OF_ADDRESSES
        )
        return is_silent or event.type.value != "reading"

    def _begin_output(self) -> None:
        self._last_output_at = self._quiet_since = time.monotonic()
        self.clear_transient()

    def document(self, document: object) -> None:
        """Writes a document of indented JSON to stdout."""
        from provisioner.model.canonical import readable

        self.write_json(_serialized(document, readable))

    def line(self, document: object) -> None:
        """Writes one line of a JSON stream to stdout, and flushes it."""
        from provisioner.model.canonical import canonical

        self.write_json(f"{_serialized(document, canonical)}\n")

    def show_event(self, event: Event) -> None:
        """Shows an event of a command that has no progress display of its own."""
        from provisioner.rendering.progress import event_line

        if event.diagnostic is not None:
            self.show_diagnostics([event.diagnostic])
        elif self.is_worth_showing(event) and (line := event_line(event, self._event_style())) is not None:
            self.message(line)

    def show_diagnostics(self, findings: Iterable[Diagnostic]) -> None:
        from provisioner.rendering.diagnostics import render_diagnostics

        if text := render_diagnostics(list(findings), self.style(sys.stderr)):
            self._begin_output()
            self._put(sys.stderr, text)

    def show_errors(self, findings: Sequence[Diagnostic]) -> None:
        """Shows the errors that end a command, as text and, with --json, as JSON.

        After a document was written, no second one follows: a reader could not parse both.
        """
        from provisioner.cli.failure import failed_document, failed_lines

        self.show_diagnostics(findings)
        self.point_to_explanations(findings)
        if self.json is Json.STREAM:
            for line in failed_lines(findings, first=not self._json_started):
                self.line(line)
        elif self.json is Json.DOCUMENT and not self._json_started:
            self.document(failed_document(findings))

    def point_to_explanations(self, findings: Iterable[Diagnostic]) -> None:
        """Says on a terminal, after errors that end a command, how to read more about their codes."""
        codes = {finding.code for finding in findings} - {"internal"}
        if codes and sys.stderr.isatty() and self.json is None:
            code = codes.pop() if len(codes) == 1 else "CODE"
            self.message(self.style(sys.stderr).dim(f"To read more about it: provisioner explain {code}"))


def _serialized(document: object, serialize: Callable[[object], bytes]) -> str:
    try:
        return serialize(document).decode()
    except TypeError:
        return serialize(_without_surrogates(document)).decode()


def _without_surrogates(value: Any) -> Any:
    """Escapes the bytes of file names and arguments that are not valid UTF-8: JSON cannot hold them."""
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {_without_surrogates(key): _without_surrogates(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_without_surrogates(inner) for inner in value]
        case _:
            return value


@cache
def console() -> Console:
    """Returns the console of this process. The option `--no-color` configures it before anything is written."""
    return Console()
