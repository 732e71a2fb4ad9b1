"""The entry point: answers --version before anything is imported, finds the command, turns what went wrong into words.

It knows the commands by name only; each is imported when it is called. Exit codes are decided in exit_codes.py.
"""

from __future__ import annotations

import sys


def main() -> None:
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-version"], ["-v"]):
        from provisioner import __version__

        sys.stdout.write(f"provisioner {__version__}\n")
        return
    from provisioner.cli.running import run

    sys.exit(run(arguments))
