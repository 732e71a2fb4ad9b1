"""The `init` command: writes the first specs of a stack."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from provisioner.cli.console import console
from provisioner.cli.options import never_asks_option, no_color


@click.command("init")
@click.option(
    "--specs",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to make [default: specs, or PROVISIONER_SPECS].",
)
@never_asks_option
@no_color
def command(*, specs: Path | None) -> None:
    """Start a stack: write specs to begin with, for the built-in sandbox.

    Writes stack.yaml and servers.yaml, and a state folder that git ignores. What is there already stays as it is. Refuses to
    make a stack inside or above another one, and where a state of its name is kept already.
    """
    from provisioner.loading import DEFAULT_DIRECTORY
    from provisioner.settings import read_settings
    from provisioner.workflow.init import init

    settings = read_settings(os.environ)
    directory = specs or settings.specs or DEFAULT_DIRECTORY
    name = re.sub(r"[^a-z0-9-]+", "-", directory.resolve().parent.name.lower()).strip("-") or "demo"
    result = init(directory, name, state_location=settings.state)
    for path in result.written:
        console().write(f"wrote {path}\n")
    if settings.state is None and result.state_folder != directory.resolve().parent / "state":
        console().message(f"The state will be kept in {result.state_folder}, with those that are there already.")
    again = f" --specs {specs}" if specs else ""
    console().message(f"\nNext: provisioner plan{again}")
