"""The entry point: answers --version before anything is imported, and runs the command otherwise.

It knows the commands by name only; each is imported when it is called. Exit codes are decided in exit_codes.py.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.model.kind import Catalogue

_STANDARD_ERROR = 2
_OBJECTS_BETWEEN_COLLECTIONS = 200_000


def main() -> None:
    _open_missing_streams()
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-version"], ["-v"]):
        from provisioner import __version__

        sys.stdout.write(f"provisioner {__version__}\n")
        return
    _raise_gc_threshold()
    _disable_core_dumps()
    _disable_pydantic_plugins()
    from provisioner.cli.command_line import run

    code = run(arguments, catalogue)
    gc.freeze()  # at its exit Python looks through all there is, several times: a fifth of what `show` costs
    sys.exit(code)


def catalogue() -> Catalogue:
    """The kinds of resource of this tool. Everything below is handed them from here; a command that needs none imports none."""
    from provisioner.kinds import CATALOGUE

    return CATALOGUE


def _raise_gc_threshold() -> None:
    """A run keeps nearly all that it makes until its end, so the collector of cycles looked through the same servers again and again:
    29 % of an apply of 10,000, and a tenth of the imports. Its first look comes after so many objects that stayed, not 700. That bounds
    what lies uncollected to some 20 MB, which is why it is not switched off: clients and failures leave cycles too.
    """
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])


def _disable_pydantic_plugins() -> None:
    """Else pydantic reads what every installed package offers, to find plugins: time, and code that changes what is valid."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _disable_core_dumps() -> None:
    """A core dump would hold the credentials and every secret."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _open_missing_streams() -> None:
    """A stream that was closed before we began leads nowhere: else the next file opened, the journal say, gets its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(_STANDARD_ERROR, "w")
