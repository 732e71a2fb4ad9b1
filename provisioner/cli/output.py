"""output: ids, order ids and addresses for other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.options import json_option, stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.command("output")
@click.argument("name", required=False)
@click.option("--raw", is_flag=True, help="Print the bare value, for scripts; lists a value a line.")
@json_option
@stack_options
def command(*, workspace: Workspace, name: str | None, raw: bool, as_json: bool) -> None:
    """Print ids, order ids and addresses of the servers for other tools.

    \b
    NAME is an address, or one value of it:
      provisioner output 'trainer[0]'
      provisioner output --raw 'trainer[0].private_addresses'
    """
    from provisioner.rendering.state import render_outputs, render_raw
    from provisioner.workflow.state import outputs

    if raw and name is None:
        raise click.UsageError("--raw needs the NAME of one value, such as 'gateway.id'")
    value = outputs(workspace, name)
    if as_json:
        console().document(value)
    elif raw:
        console().write(render_raw(value))
    else:
        console().write(render_outputs(value if isinstance(value, dict) else {name or "": value}, console().style()))
