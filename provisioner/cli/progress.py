"""The `progress` command: shows and follows what is under way in the stack."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Final

import click

from provisioner import __version__
from provisioner.cli.console import Console, console
from provisioner.cli.exit_codes import ExitCode, of_progress
from provisioner.cli.failure import now
from provisioner.cli.options import json_stream_option, stack_options
from provisioner.cli.parameter_types import DurationType

if TYPE_CHECKING:
    from provisioner.model.event import Event
    from provisioner.model.run_progress import RunProgress
    from provisioner.model.under_way import ServerUnderWay
    from provisioner.store import LockHolder
    from provisioner.workflow.progress import ProgressResult
    from provisioner.workflow.workspace import Workspace

_SECONDS_BETWEEN_LINES: Final = 10.0
"""How often a log, which no terminal shows, says how far it is."""


@click.command("progress")
@click.option(
    "--wait", "waits", is_flag=True, help="Wait until nothing is under way: for the run at work, then for the cloud."
)
@click.option(
    "--follow/--no-follow",
    "follows",
    default=None,
    help="Whether to follow the run at work until it ends [default: if stdout is a terminal, and with --wait].",
)
@click.option(
    "--timeout", type=DurationType(), metavar="DURATION", help="How long to follow and to wait [default: no limit]."
)
@json_stream_option
@stack_options
def command(
    *, workspace: Workspace, waits: bool, follows: bool | None, timeout: float | None, as_json: bool
) -> ExitCode:
    """Show what is under way: the run at work, and servers that no run waits for.

    The run is the one that holds the lock of the state, on whatever machine: who runs it, why, since when, and how
    far it is. When no run is at work, the command shows the servers that are ordered, built, reinstalled or released,
    orders that await payment, and purchases in doubt, with the status that the cloud shows.

    With --wait it waits for all of that, as long as it ends by itself. It does not wait for a payment or a purchase in
    doubt. It takes no lock and writes nothing: `provisioner apply` records what has ended.

    Exit codes: 0 nothing is under way (any more), 1 error, 6 a purchase is in doubt, 7 something is under way, awaits
    payment or has failed, 8 interrupted.
    """
    import asyncio

    from provisioner.workflow.progress import ProgressRequest, read_progress

    if waits and follows is False:
        raise click.UsageError("--wait follows the run at work: leave --no-follow out")
    is_following = waits or (sys.stdout.isatty() if follows is None else follows)
    request = ProgressRequest(is_following, waits, inf if timeout is None else timeout)
    ui = ConsoleProgressUI(console(), as_json=as_json, is_following=is_following)
    found = asyncio.run(read_progress(workspace, request, ui))
    console().clear_transient()
    console().show_diagnostics(found.notes)
    code = of_progress(found)
    ui.show_result(found, code)
    return code


@dataclass(slots=True)
class ConsoleProgressUI:
    """Shows on stderr what happens, and on stdout what is under way at last; with --json all of it on stdout."""

    console: Console
    as_json: bool
    is_following: bool
    _is_streaming: bool = False
    _shown: object = None
    """What was shown last of the run, or of the servers that are waited for."""
    _shown_at: float = -inf

    def listen(self, event: Event) -> None:
        if not self.as_json:
            self.console.show_event(event)
        elif event.diagnostic is not None:
            self.console.show_diagnostics([event.diagnostic])
        elif self.console.is_worth_showing(event):
            from provisioner.rendering.stream import event_document

            self._stream(event_document(event, timestamp=now()))

    def show_run(self, holder: LockHolder, progress: RunProgress | None) -> None:
        from provisioner.rendering.under_way import run_line, run_progress_document

        if self.is_following:
            line = run_line(holder, progress, now=_milliseconds())
            document = run_progress_document(holder, progress, message=line, timestamp=now())
            self._show(line, document, (holder, progress))

    def show_servers(self, servers: tuple[ServerUnderWay, ...], waited: float) -> None:
        from provisioner.rendering.under_way import servers_document, wait_line

        line = wait_line(servers, waited)
        self._show(line, servers_document(servers, message=line, timestamp=now()), servers)

    def _show(self, line: str, document: Any, what: object) -> None:
        """Shows what is new: in a stream each change, on a terminal at once, and in a log from time to time."""
        if self.as_json:
            if what != self._shown:
                self._stream(document)
        elif self.console.can_rewrite_lines:
            self.console.show_transient(line)
        elif time.monotonic() - self._shown_at >= _SECONDS_BETWEEN_LINES:
            self._shown_at = time.monotonic()
            self.console.message(line)
        self._shown = what

    def show_result(self, found: ProgressResult, code: ExitCode) -> None:
        from provisioner.rendering.under_way import progress_summary_document, render_progress

        if self.as_json:
            summary = progress_summary_document(
                found.holder,
                found.progress,
                found.servers,
                is_cloud_read=found.is_cloud_read,
                exit_code=code,
                timestamp=now(),
            )
            self._stream(summary)
        else:
            style = self.console.style()
            text = render_progress(found.holder, found.progress, found.servers, style, now=_milliseconds())
            self.console.write(text)

    def _stream(self, document: Any) -> None:
        if not self._is_streaming:
            from provisioner.rendering.stream import version_document

            self._is_streaming = True
            self.console.line(version_document(version=__version__, timestamp=now()))
        self.console.line(document)


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
