"""The `leftovers` command: lists the disks that releases left behind and that keep costing money."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.options import json_option, stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.command("leftovers")
@json_option
@stack_options
def command(*, workspace: Workspace, as_json: bool) -> None:
    """List the disks that releases left behind and that keep costing money.

    Looks through every recorded release, also those of older runs. The tool cannot see whether a disk still exists.
    The command reads files only, not the cloud, and takes no lock. Times are UTC.
    """
    from provisioner.rendering.leftovers import leftovers_document, render_leftovers
    from provisioner.workflow.leftovers import find_leftovers

    left = find_leftovers(workspace)
    if as_json:
        console().document(leftovers_document(left.found))
    else:
        console().write(render_leftovers(left.found, console().style(), location=left.location))
