"""The console of a run that changes something: shows the plan, asks for approval, shows progress and forwards signals.

Progress is a live table on a terminal, a line per event elsewhere, and a JSON stream with --json. A failure of any of
them never stops the work.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provisioner import __version__
from provisioner.cli.console import Console
from provisioner.cli.failure import now
from provisioner.cli.lock_wait_ui import LockWaitUI
from provisioner.cli.prompt import ask, can_ask
from provisioner.cli.signals import interruptible
from provisioner.cli.streams import is_utf8

if TYPE_CHECKING:
    from provisioner.applying import Interruption
    from provisioner.model.approval import Approval
    from provisioner.model.diagnostic import Diagnostic
    from provisioner.model.event import Event
    from provisioner.model.plan import Plan
    from provisioner.rendering.progress import LiveTable
    from provisioner.store import LockWaitStatus

_REFRESHES_A_SECOND = 4


def no_approval_hint(plan_command: str = "plan") -> str:
    """Returns what to do where nobody can be asked. `plan_command` plans what this command would do."""
    return f"use --auto-approve, or carry out a saved plan: `provisioner {plan_command} --out tonight.plan`, then `provisioner apply tonight.plan`"


@dataclass(slots=True)
class ConsoleApplyUI:
    console: Console
    auto_approve: bool
    may_ask: bool
    as_json: bool = False
    full: bool = False
    lock_timeout: float = 0.0
    """Seconds to wait for the lock while another run holds it."""
    approval: Approval | None = None
    """The approval that the run carries out, if it was approved before."""
    approval_word: Callable[[], str] = lambda: "yes"
    """Returns what a person types to approve. It reads stack.yaml, so it is called only to ask."""
    approval_hint: str = field(default_factory=no_approval_hint)
    """What to do if nobody can be asked."""
    _streaming: bool = False
    _table: LiveTable | None = None
    _lock_wait: LockWaitUI | None = None

    def show(self, plan: Plan, warnings: tuple[Diagnostic, ...], *, is_shown_before: bool) -> None:
        self.console.show_diagnostics(warnings)
        if self.as_json:
            from provisioner.rendering.stream import planned_document

            self._stream(planned_document(plan, timestamp=now(), approval=self.approval))
            return
        from provisioner.rendering.plan import render_plan

        # A refused plan ends the run, and its refusals are printed as the errors that end it.
        told = replace(plan, refusals=())
        text = render_plan(told, self.console.style(), full=self.full, is_shown_before=is_shown_before)
        self.console.write(text)

    def approve(self, plan: Plan) -> bool:
        """Asks for approval; only the answer `yes`, or the name of a protected environment, approves."""
        if self.auto_approve:
            return True
        hint = self.approval_hint
        if not can_ask(self.console, may_ask=self.may_ask, as_json=self.as_json, hint=hint):
            return False
        from provisioner.rendering.question import question_of

        question = question_of(plan, self.console.style(sys.stderr))
        return ask(self.console, question, word=self.approval_word())

    def listen(self, event: Event) -> None:
        if event.diagnostic is not None and not self.as_json:
            self.console.show_diagnostics([event.diagnostic])
            return
        if self.as_json:
            from provisioner.rendering.stream import event_document

            if self.console.is_worth_showing(event):
                self._stream(event_document(event, timestamp=now()))
        elif self._table is not None:
            self._table.update(event)
        else:
            self.console.show_event(event)

    def _stream(self, document: object) -> None:
        """Writes a line of the stream, after the version line when it is the first.

        A warning or a recovery may precede the plan.
        """
        if not self._streaming:
            from provisioner.rendering.stream import version_document

            self._streaming = True
            self.console.line(version_document(version=__version__, timestamp=now()))
        self.console.line(document)

    def on_lock_wait(self, wait: LockWaitStatus) -> None:
        if self._lock_wait is None:
            self._lock_wait = LockWaitUI(self.console, self.lock_timeout, self._stream if self.as_json else None)
        self._lock_wait.on_lock_wait(wait)

    @contextmanager
    def show_progress(self, plan: Plan) -> Iterator[Interruption]:
        self.console.clear_transient()
        with self._live_table(plan), interruptible(self.console.message) as interruption:
            yield interruption

    @contextmanager
    def _live_table(self, plan: Plan) -> Iterator[None]:
        """Shows the live table on stderr, only when that is a terminal which can move its cursor.

        Escapes for what its encoding lacks would make lines wider than the table takes them for.
        """
        style = self.console.style(sys.stderr)
        if self.as_json or not sys.stderr.isatty() or not style.color or not is_utf8(sys.stderr):
            yield
            return
        from rich.console import Console as RichConsole
        from rich.live import Live

        from provisioner.rendering.progress import LiveTable

        self._table = LiveTable(len(plan.work), style, clock=time.monotonic)
        screen = RichConsole(file=sys.stderr, width=style.width)
        live = Live(self._table, console=screen, refresh_per_second=_REFRESHES_A_SECOND, redirect_stdout=False)
        with suppress(OSError):  # the terminal may have closed
            live.start()
        try:
            yield
        finally:
            self._table = None
            with suppress(OSError):
                live.stop()
