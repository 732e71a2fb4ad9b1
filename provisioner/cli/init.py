"""The `init` command: writes the first specs of a stack."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import click
from click.core import ParameterSource

from provisioner.cli.console import console
from provisioner.cli.options import never_asks_option, no_color

_TEMPLATES = ("small", "cluster", "prepaid", "team")
"""The templates of workflow/init.py, which is not imported for help and completion. A test compares them."""
_LONGEST_NAME = 40
"""A server may have 64 characters in its name, and begins with that of the stack."""


@click.command("init")
@click.option(
    "--template",
    type=click.Choice(_TEMPLATES),
    default="small",
    show_default=True,
    help="Template to write; see above.",
)
@click.option(
    "--specs",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to create [default: PROVISIONER_SPECS; specs].",
)
@never_asks_option
@no_color
@click.pass_context
def command(context: click.Context, *, template: str, specs: Path | None) -> None:
    """Write the first specs of a stack, for the built-in sandbox.

    \b
      small      one counted group, paid by the hour
      cluster    a master and workers, with a first-boot script and a rollout in waves
      prepaid    servers paid by the month: protected, and with limits on what one run may do
      team       environments dev and prod with pins, and a README about who applies

    Each template is a stack that works as it is: `provisioner plan`, then `provisioner apply`. A state folder that
    git ignores is created, too. Existing files stay as they are. The command refuses to create a stack inside or
    above another stack, or where a state of that name exists.
    """
    from provisioner.loading import DEFAULT_DIRECTORY
    from provisioner.settings import read_settings
    from provisioner.workflow.init import init

    settings = read_settings(os.environ)
    directory = specs or settings.specs or DEFAULT_DIRECTORY
    result = init(directory, _stack_name(directory), template=template, state_location=settings.state)
    for path in result.written:
        console().write(f"wrote {path}\n")
    if settings.state is None and result.state_folder != directory.resolve().parent / "state":
        console().message(f"The state will be kept in {result.state_folder}, with those that are there already.")
    again = f" --specs {shlex.quote(str(specs))}" if specs else ""
    console().message(f"\nNext: provisioner plan{again}")
    is_chosen = context.get_parameter_source("template") is not ParameterSource.DEFAULT
    if not is_chosen and sys.stderr.isatty() and not settings.in_automation:
        console().message("Other stacks to begin with: --template cluster, prepaid or team (provisioner init --help)")


def _stack_name(directory: Path) -> str:
    """Returns a name for the stack, after the folder that holds its directory."""
    folder = directory.resolve().parent.name.lower()
    return re.sub(r"[^a-z0-9-]+", "-", folder).strip("-")[:_LONGEST_NAME].rstrip("-") or "demo"
