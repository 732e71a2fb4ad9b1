"""Runs one command line and returns its exit code. Only this module turns exceptions into messages."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from provisioner.cli.commands import cli
from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode, with_lost_output
from provisioner.cli.spelling import with_two_dashes
from provisioner.cli.streams import accept_all_text, redirect_to_null
from provisioner.cli.terraform import with_advice

if TYPE_CHECKING:
    from provisioner.model.kind import Catalogue


def run(arguments: Sequence[str], catalogue: Callable[[], Catalogue]) -> int:
    """Runs the command. `catalogue` is called by commands that need the kinds of resource (options.make_workspace)."""
    if "_PROVISIONER_COMPLETE" in os.environ:
        import provisioner.cli.shells  # noqa: F401 - registers with click how our shells are answered
    accept_all_text(sys.stdout, sys.stderr)
    try:
        return _run(arguments, catalogue)
    finally:
        console().clear_transient()


def _run(arguments: Sequence[str], catalogue: Callable[[], Catalogue]) -> int:
    try:
        code = cli.main(with_two_dashes(arguments), prog_name="provisioner", standalone_mode=False, obj=catalogue)
    except click.exceptions.NoArgsIsHelpError as needs_command:
        _show(needs_command)
        return ExitCode.ERROR
    except click.ClickException as failure:
        _show(with_advice(failure))
        return ExitCode.ERROR
    except (click.Abort, KeyboardInterrupt):
        console().message("\nInterrupted.")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        redirect_to_null(sys.stdout)
        return ExitCode.ERROR
    except Exception as failure:  # noqa: BLE001 - a traceback is no message for a user
        return _report(failure)
    console().flush()
    return with_lost_output(code or ExitCode.DONE, lost=console().output_lost)


def _show(failure: click.ClickException) -> None:
    text = io.StringIO()
    failure.show(text)
    console().message(text.getvalue().removesuffix("\n"))


def _report(failure: Exception) -> int:
    from provisioner.cli.exit_codes import of_error
    from provisioner.model.diagnostic import ProvisionerError, error

    if isinstance(failure, OSError) and console().flush() is not None:  # click's own output, such as that of --help
        return ExitCode.ERROR
    if isinstance(failure, ProvisionerError):
        console().show_errors(failure.diagnostics)
        return of_error(failure)
    if os.environ.get("PROVISIONER_LOG", "").lower() in {"debug", "trace"}:
        raise failure
    summary = f"internal error: {type(failure).__name__}: {failure}"
    hint = "this is a bug; please report it with the output of the same command under PROVISIONER_LOG=debug"
    console().show_errors([error("internal", summary, hint=hint)])
    return ExitCode.ERROR
