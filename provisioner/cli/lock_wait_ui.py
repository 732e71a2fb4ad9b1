"""Shows a wait for the lock of another run: a line that is replaced on a terminal, a line from time to time in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Final

from provisioner.cli.console import Console

if TYPE_CHECKING:
    from provisioner.store import LockWaitStatus

_OFTEN: Final = 10.0
"""Seconds between two lines of a log during the first minute."""
_SELDOM: Final = 60.0
"""Seconds between two lines of a log after that."""


@dataclass(slots=True)
class LockWaitUI:
    """Shows one command's wait. `timeout` is how many seconds it waits at most.

    `stream` writes a document of a JSON stream, which then takes the place of the lines in a log.
    """

    console: Console
    timeout: float
    stream: Callable[[Any], None] | None = None
    now: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)
    _last_line_at: float = -inf
    _line: str = ""

    def on_lock_wait(self, wait: LockWaitStatus) -> None:
        from provisioner.rendering.lock_wait import lock_line

        is_rewritten = self.console.can_rewrite_lines and self.stream is None
        width = self.console.style(sys.stderr).width - 3 if is_rewritten else None
        line = lock_line(wait, timeout=self.timeout, now=self.now(), width=width)
        is_due = wait.is_taken_over or self._is_due(wait.waited)
        if self.stream is not None:
            if is_due:
                self._stream(wait, line)
        elif wait.is_taken_over or not is_rewritten:
            if is_due:
                self.console.message(line)
        elif line != self._line:
            self._line = line
            self.console.show_transient(line)

    def _is_due(self, waited: float) -> bool:
        is_due = waited - self._last_line_at >= (_OFTEN if waited <= _SELDOM else _SELDOM)
        if is_due:
            self._last_line_at = waited
        return is_due

    def _stream(self, wait: LockWaitStatus, line: str) -> None:
        from provisioner.cli.failure import now
        from provisioner.rendering.lock_wait import lock_wait_document

        assert self.stream is not None
        self.stream(lock_wait_document(wait, timeout=self.timeout, message=line, timestamp=now()))
