"""The entry point. It answers --version before anything is imported, and otherwise runs the command.

Commands are known by name only, and each is imported when it is called. Exit codes are decided in exit_codes.py.
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

        _print(f"provisioner {__version__}\n")
        return
    _raise_gc_threshold()
    _disable_core_dumps()
    _disable_pydantic_plugins()
    from provisioner.cli.command_line import run

    code = run(arguments, catalogue)
    gc.freeze()  # else Python's exit collects all objects several times, which takes a fifth of the time of `show`
    sys.exit(code)


def catalogue() -> Catalogue:
    """Returns the kinds of resource of this tool.

    All other code gets them passed in; a command that needs none imports none.
    """
    from provisioner.kinds import CATALOGUE

    return CATALOGUE


def _raise_gc_threshold() -> None:
    """Makes garbage collection rare: it starts after 200,000 new objects instead of 700.

    A run keeps nearly all objects until its end, so that the collector visited the same servers again and again: this
    took 29 % of an apply of 10,000 servers, and a tenth of the imports. Uncollected garbage is bounded to some 20 MB.
    The collector is not disabled, because HTTP clients and failures leave cycles.
    """
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])


def _disable_pydantic_plugins() -> None:
    """Keeps pydantic from searching all packages for plugins: that takes time, and a plugin may change validation."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _disable_core_dumps() -> None:
    """Disables core dumps, which would contain the credentials and every secret."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _open_missing_streams() -> None:
    """Opens a closed stdin, stdout or stderr on /dev/null.

    Otherwise the next opened file, such as the journal, would get its number. It is opened for reading, so that writing
    a result fails as it does on a closed descriptor.
    """
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(_STANDARD_ERROR, "w")


def _print(text: str) -> None:
    """Writes to stdout, and exits with 1 where that fails, unless it is because a reader has seen enough."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as failure:
        from provisioner.cli.streams import redirect_to_null

        redirect_to_null(sys.stdout)
        sys.exit(0 if isinstance(failure, BrokenPipeError) else 1)
