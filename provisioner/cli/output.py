"""The `output` command: prints the outputs that the specs declare, or else the recorded values of each server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.candidates import complete_addresses
from provisioner.cli.console import console
from provisioner.cli.options import json_option, stack_options

if TYPE_CHECKING:
    from provisioner.workflow.outputs import RequestedOutputs
    from provisioner.workflow.workspace import Workspace


@click.command("output")
@click.argument("name", required=False, shell_complete=complete_addresses)
@click.option("--raw", is_flag=True, help="Print the bare value, for scripts; a list prints one item per line.")
@json_option
@stack_options
def command(*, workspace: Workspace, name: str | None, raw: bool, as_json: bool) -> None:
    """Print the declared outputs, or the ids and addresses of all servers.

    \b
    Outputs are declared under `outputs:` in the specs. If none are declared, the command prints the id, order id,
    status and addresses of every server. NAME is an output, an address, or one value of an address:
      provisioner output master_address
      provisioner output --raw 'trainer[0].private_addresses'

    Sensitive outputs are masked, except with --json, with --raw, or when you ask for one by NAME. The command reads
    the state only, not the cloud.
    """
    from provisioner.workflow.outputs import read_outputs, value_of

    if raw and name is None:
        raise click.UsageError("--raw needs the NAME of one value, such as 'gateway.id'")
    requested = read_outputs(workspace, name)
    if requested.declared and name is None:
        _show_declared(requested, as_json=as_json)
        return
    from provisioner.rendering.state import render_outputs, render_raw

    value = value_of(requested)
    if as_json:
        console().document(value)
    elif raw:
        console().write(render_raw(value))
    else:
        named = value if isinstance(value, dict) and not requested.declared else {name or "": value}
        console().write(render_outputs(named, console().style()))


def _show_declared(requested: RequestedOutputs, *, as_json: bool) -> None:
    from provisioner.rendering.outputs import outputs_document, render_declared_outputs

    if as_json:
        console().document(outputs_document(requested.declared))
    else:
        console().write(render_declared_outputs(requested.declared, console().style()))
