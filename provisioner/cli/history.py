"""The `history` command: shows the audit log of a stack or of one address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.options import json_option, stack_options
from provisioner.cli.parameter_types import AddressType

if TYPE_CHECKING:
    from provisioner.model.address import Address
    from provisioner.workflow.workspace import Workspace


@click.command("history")
@click.argument("address", type=AddressType(), required=False)
@click.option("--verify", is_flag=True, help="Only check that no record was altered, added or removed.")
@json_option
@stack_options
def command(*, workspace: Workspace, address: Address | None, verify: bool, as_json: bool) -> None:
    """Show the audit log: purchases, payments, releases and decisions, with who and why.

    The log goes by run, oldest first. With ADDRESS it shows that address only. Times are UTC. --json prints every
    record of the journal. The command reads the state only, not the cloud, and takes no lock.
    """
    if verify and address is not None:
        raise click.UsageError("--verify checks the whole journal: leave ADDRESS out")
    if verify:
        _verify(workspace, as_json=as_json)
    else:
        _show(workspace, address, as_json=as_json)


def _show(workspace: Workspace, address: Address | None, *, as_json: bool) -> None:
    from provisioner.rendering.history import history_document, render_history
    from provisioner.workflow.history import read_history

    history = read_history(workspace, address)
    if as_json:
        console().document(history_document(history.records, address=address))
    elif history.records:
        console().write(render_history(history.records, console().style(), address=address, at_work=history.is_running))
    else:
        console().write(f"Nothing is recorded yet at {history.location}.\n")


def _verify(workspace: Workspace, *, as_json: bool) -> None:
    from provisioner.rendering.history import render_verified, verified_document
    from provisioner.workflow.history import verify_history

    verified = verify_history(workspace)
    if as_json:
        console().document(verified_document(verified))
    else:
        console().write(render_verified(verified, console().style()))
