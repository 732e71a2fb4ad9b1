"""The `version` command: prints the same as `--version`."""

from __future__ import annotations

import click

from provisioner import __version__
from provisioner.cli.console import console
from provisioner.cli.options import json_option


@click.command("version")
@json_option
def command(*, as_json: bool) -> None:
    """Print the version."""
    if as_json:
        console().document({"provisioner_version": __version__})
    else:
        console().write(f"provisioner {__version__}\n")
