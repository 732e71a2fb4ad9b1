"""Writes results to stdout, and progress and diagnostics to stderr, each in colour only where that is wanted.

The one place that looks at the terminal. A reader who has gone away never ends a run: what cannot be written is dropped.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from math import inf
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from provisioner.model.diagnostic import Diagnostic
    from provisioner.model.event import Event
    from provisioner.rendering.style import Style

_MAX_WIDTH = 120
_QUIET_SECONDS = 9.0
_QUIET_SECONDS_OF_ADDRESSES = 15.0
"""Seconds; what is said of work that goes on comes about every ten."""
_ERASE_LINE = "\r\x1b[2K"


class Json(Enum):
    """What `--json` means for a command: one document, or a line for everything that happens."""

    DOCUMENT = auto()
    STREAM = auto()


@dataclass(slots=True)
class Console:
    """`lost`: a result could not be written, and not because its reader has gone."""

    no_color: bool = False
    json: Json | None = None
    output_lost: bool = False
    _json_started: bool = False
    """Some JSON is on stdout already."""
    _last_output_at: float = -inf
    _last_address_event_at: float = -inf
    """When something was said of an address."""
    _cached_event_style: tuple[TextIO, bool, Style] | None = None
    """How events look, and for which stream and flag that was chosen."""
    _line_is_transient: bool = False
    """The terminal's last line is one that the next word replaces."""

    def style(self, stream: TextIO | None = None) -> Style:
        from provisioner.rendering.style import Style, choose_color

        stream = stream or sys.stdout
        color = choose_color(environ=os.environ, is_terminal=stream.isatty(), flag=False if self.no_color else None)
        return Style(color, min(shutil.get_terminal_size((100, 24)).columns, _MAX_WIDTH))

    def _event_style(self) -> Style:
        """The terminal is asked once, not at each of ten thousand events."""
        known = self._cached_event_style
        if known is None or known[:2] != (sys.stderr, self.no_color):
            known = self._cached_event_style = (sys.stderr, self.no_color, self.style(sys.stderr))
        return known[2]

    def write(self, text: str) -> None:
        """A result, to stdout."""
        self._erase_transient_line()
        failure = _write(sys.stdout, text)
        if failure is not None and not isinstance(failure, BrokenPipeError):
            self.output_lost = True
            self.message(f"Error: the output cannot be written ({failure.strerror}); what follows of it is dropped.")

    def message(self, line: str) -> None:
        """Progress, to stderr, with its end of line."""
        self._erase_transient_line()
        _write(sys.stderr, f"{line}\n")

    @property
    def can_rewrite_lines(self) -> bool:
        """Whether stderr is a terminal on which a line can be written anew."""
        return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def show_transient(self, line: str) -> None:
        """Progress that means nothing once it is over, on a terminal that moves: whatever is said next takes its place."""
        from provisioner.rendering.style import cut

        self._erase_transient_line()
        self._line_is_transient = True
        _write(sys.stderr, cut(line, self.style(sys.stderr).width - 1))

    def is_worth_showing(self, event: Event) -> bool:
        """A sign of life is none while something else is said."""
        now = time.monotonic()
        if event.address is not None:
            self._last_address_event_at = now
        is_silent = (
            now - self._last_output_at >= _QUIET_SECONDS
            and now - self._last_address_event_at >= _QUIET_SECONDS_OF_ADDRESSES
        )
        return is_silent or event.type.value != "reading"

    def _erase_transient_line(self) -> None:
        self._last_output_at = time.monotonic()
        if self._line_is_transient:
            self._line_is_transient = False
            _write(sys.stderr, _ERASE_LINE)

    def document(self, document: object) -> None:
        """Indented JSON, to stdout."""
        from provisioner.model.canonical import readable
        from provisioner.rendering.style import escape_json

        self._json_started = True
        self.write(escape_json(readable(document).decode()))

    def line(self, document: object) -> None:
        """One line of a JSON stream, to stdout at once."""
        from provisioner.model.canonical import canonical
        from provisioner.rendering.style import escape_json

        self._json_started = True
        self.write(f"{escape_json(canonical(document).decode())}\n")

    def show_event(self, event: Event) -> None:
        """What happens while something is only looked at."""
        from provisioner.rendering.progress import event_line

        if event.diagnostic is not None:
            self.diagnose([event.diagnostic])
        elif self.is_worth_showing(event) and (line := event_line(event, self._event_style())) is not None:
            self.message(line)

    def diagnose(self, findings: Iterable[Diagnostic]) -> None:
        from provisioner.rendering.diagnostics import render_diagnostics

        if text := render_diagnostics(list(findings), self.style(sys.stderr)):
            self._erase_transient_line()
            _write(sys.stderr, text)

    def fail(self, findings: Sequence[Diagnostic]) -> None:
        """The errors that end a command: in words, and as JSON where that was asked for.

        A document that is out already says what it says: a second one beside it could not be read.
        """
        from provisioner.cli.failure import failed_document, failed_lines

        self.diagnose(findings)
        if self.json is Json.STREAM:
            for line in failed_lines(findings, first=not self._json_started):
                self.line(line)
        elif self.json is Json.DOCUMENT and not self._json_started:
            self.document(failed_document(findings))


@cache
def console() -> Console:
    """The one of this process; `--no-color` is said to it before anything is written."""
    return Console()


def _write(stream: TextIO, text: str) -> OSError | None:
    """Why it could not, the first time; from then on the stream leads nowhere, and the run goes on."""
    try:
        stream.write(text)
        stream.flush()
    except OSError as failure:
        _redirect_to_null(stream)
        return failure
    except ValueError:  # closed
        pass
    return None


def _redirect_to_null(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
