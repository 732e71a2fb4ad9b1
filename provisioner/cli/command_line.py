"""Runs one command line and returns its exit code. Only this module turns exceptions into messages."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from provisioner.cli.commands import cli
from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode
from provisioner.cli.spelling import with_two_dashes
from provisioner.cli.terraform import with_advice

if TYPE_CHECKING:
    from provisioner.model.kind import Catalogue


def run(arguments: Sequence[str], catalogue: Callable[[], Catalogue]) -> int:
    """Runs the command. `catalogue` is called by commands that need the kinds of resource (options.make_workspace)."""
    try:
        code = cli.main(with_two_dashes(arguments), prog_name="provisioner", standalone_mode=False, obj=catalogue)
    except click.exceptions.NoArgsIsHelpError as needs_command:
        needs_command.show()
        return ExitCode.ERROR
    except click.ClickException as failure:
        with_advice(failure).show()
        return ExitCode.ERROR
    except (click.Abort, KeyboardInterrupt):
        console().message("\nInterrupted.")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _redirect_stdout_to_null()
        return ExitCode.ERROR
    except Exception as failure:  # noqa: BLE001 - a traceback is no message for a user
        return _report(failure)
    _flush()
    return int(code or (ExitCode.ERROR if console().output_lost else ExitCode.DONE))


def _report(failure: Exception) -> int:
    from provisioner.cli.exit_codes import of_error
    from provisioner.model.diagnostic import ProvisionerError, error

    if isinstance(failure, ProvisionerError):
        console().show_errors(failure.diagnostics)
        return of_error(failure)
    if os.environ.get("PROVISIONER_LOG", "").lower() in {"debug", "trace"}:
        raise failure
    summary = f"internal error: {type(failure).__name__}: {failure}"
    hint = "this is a bug; please report it with the output of the same command under PROVISIONER_LOG=debug"
    console().show_errors([error("internal", summary, hint=hint)])
    return ExitCode.ERROR


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _redirect_stdout_to_null()


def _redirect_stdout_to_null() -> None:
    """Keeps the interpreter's flush at exit from failing after the reader of stdout has closed it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
