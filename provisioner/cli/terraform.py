"""Lists the commands and options of Terraform that this tool does not have, with advice on what to use instead.

A test checks that none of them is a command or an option of this tool.
"""

from __future__ import annotations

import click

OPTIONS = {
    "backup": "the state before the last run is kept beside it, as NAME.backup",
    "compact-warnings": "warnings are told once, in full",
    "generate-config-out": "declare the server first; import then shows what differs from it",
    "lock": "plan takes no lock, apply always does; --lock-timeout is how long it waits for another run",
    "refresh": "the live list is always read, as nothing may be bought on a guess",
    "state-out": "a run writes the state that it reads; --state says where that is",
}

COMMANDS = {
    "console": "plan shows what every template comes to",
    "fmt": "there is no formatter yet, and specs may be laid out as you like",
    "graph": "servers do not depend on each other, so there is nothing to draw",
    "refresh": "plan and apply always read the live list; apply --refresh-only records what it shows",
    "taint": "name the server to plan or apply instead: --replace ADDRESS",
    "untaint": "no server is ever marked; --replace ADDRESS holds for one command",
    "workspace": "use environments: environments/NAME.yaml beside stack.yaml, and -e NAME",
}


def with_advice(failure: click.ClickException) -> click.ClickException:
    """Returns the error, with advice when it is about an option of Terraform."""
    if isinstance(failure, click.NoSuchOption) and (name := failure.option_name.lstrip("-")) in OPTIONS:
        return click.UsageError(f"There is no option {failure.option_name!r}: {OPTIONS[name]}.", failure.ctx)
    return failure
