"""The entry point: answers --version before anything is imported, finds the command, turns what went wrong into words.

It knows the commands by name only; each is imported when it is called. Exit codes are decided in exit_codes.py.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.model.kind import Catalogue

_STANDARD_ERROR = 2


def main() -> None:
    _complete_streams()
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-version"], ["-v"]):
        from provisioner import __version__

        sys.stdout.write(f"provisioner {__version__}\n")
        return
    _leave_no_core()
    from provisioner.cli.command_line import run

    sys.exit(run(arguments, catalogue))


def catalogue() -> Catalogue:
    """The kinds of resource of this tool. Everything below is handed them from here; a command that needs none imports none."""
    from provisioner.kinds import CATALOGUE

    return CATALOGUE


def _leave_no_core() -> None:
    """A core dump would hold the credentials and every secret."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _complete_streams() -> None:
    """A stream that was closed before we began leads nowhere: else the next file opened, the journal say, gets its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(_STANDARD_ERROR, "w")
