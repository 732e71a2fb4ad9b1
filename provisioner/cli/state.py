"""state list, state show: what is recorded, by address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.options import AddressType, json_option, stack_options

if TYPE_CHECKING:
    from provisioner.model.address import Address
    from provisioner.workflow.workspace import Workspace


@click.group("state")
def command() -> None:
    """List and show what is recorded."""


@command.command("list")
@stack_options
def list_addresses(*, workspace: Workspace) -> None:
    """List the addresses that the state holds, those in doubt included."""
    from provisioner.rendering.state import render_state_list
    from provisioner.workflow.state import read_state

    if (state := read_state(workspace).state) is not None:
        console().write(render_state_list(state))


@command.command("show")
@click.argument("address", type=AddressType())
@json_option
@stack_options
def show_address(*, workspace: Workspace, address: Address, as_json: bool) -> None:
    """Show everything recorded about ADDRESS."""
    from provisioner.workflow.state import show_resource

    shown = show_resource(workspace, address)
    if as_json:
        from provisioner.rendering.machine import resource_document

        console().document(resource_document(shown.recorded, shown.intent, in_flight=shown.at_work))
        return
    from provisioner.rendering.state import render_intent, render_resource

    style = console().style()
    if shown.recorded is not None:
        text = render_resource(
            shown.recorded, style, intent=shown.intent, unverifiable=shown.unverifiable, in_flight=shown.at_work
        )
    else:
        assert shown.intent is not None  # an address that is shown is recorded or in doubt
        text = render_intent(shown.intent, style, in_flight=shown.at_work)
    console().write(text)
