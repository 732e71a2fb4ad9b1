"""The `inventory` command: prints the recorded servers for the tools that work on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import Json, console
from provisioner.cli.options import stack_options
from provisioner.cli.selection import LabelType

if TYPE_CHECKING:
    from provisioner.model.inventory import Inventory
    from provisioner.rendering.inventory import RenderedInventory
    from provisioner.workflow.workspace import Workspace

_FORMATS = ("ansible", "ssh-config", "hosts", "json", "env")
_SHOWN = 10


@click.command("inventory")
@click.option("--format", "form", type=click.Choice(_FORMATS), required=True, help="Format to print.")
@click.option("--public", is_flag=True, help="Use the public addresses instead of the private ones.")
@click.option(
    "--selector", "labels", type=LabelType(), multiple=True, metavar="LABEL=VALUE",
    help="Only servers with this label. May be repeated; a server must have all of them.",
)  # fmt: skip
@stack_options
def command(*, workspace: Workspace, form: str, public: bool, labels: tuple[tuple[str, str], ...]) -> None:
    """Print the recorded servers for Ansible, ssh, /etc/hosts, scripts or a shell.

    \b
      provisioner inventory --format ansible > hosts.yml
      provisioner inventory --format ssh-config > ~/.ssh/config.d/demo

    The servers of a counted group are in the order of their index. Servers that are not ready, or whose address is
    not known, are left out and named on stderr. The command reads files only, not the cloud.
    """
    from provisioner.rendering.inventory import render_inventory
    from provisioner.workflow.inventory import InventoryRequest, read_inventory

    if form == "json":
        console().json = Json.DOCUMENT
    if len(dict(labels)) < len(set(labels)):
        raise click.UsageError("--selector names one label with two values: no server has both")
    inventory = read_inventory(workspace, InventoryRequest(dict(labels), public))
    rendered = render_inventory(inventory, form=form, public=public)
    write = {"ansible": console().write_yaml, "json": console().write_json}.get(form, console().write)
    write(rendered.text)
    _warn_left_out(inventory)
    _warn_of_clashes(rendered)


def _warn_of_clashes(rendered: RenderedInventory) -> None:
    from provisioner.model.diagnostic import warning

    console().show_diagnostics(
        warning(
            "inventory-ambiguous",
            f"{clash.name} would be the name of more than one, so that these are left out: {', '.join(clash.skipped)}",
            hint="rename all but one of them, choose one by --selector, or use --format json, which keeps names as they are",
        )
        for clash in rendered.clashes
    )


def _warn_left_out(inventory: Inventory) -> None:
    from provisioner.model.diagnostic import warning

    if not inventory.left_out:
        return
    lines = "\n".join(f"{one.address}: {one.reason}" for one in inventory.left_out[:_SHOWN])
    more = len(inventory.left_out) - _SHOWN
    count = len(inventory.left_out)
    console().show_diagnostics(
        [
            warning(
                "inventory-incomplete",
                "1 server is left out" if count == 1 else f"{count} servers are left out",
                detail=f"{lines}\nand {more} more" if more > 0 else lines,
                hint="what is under way, `provisioner apply` finishes; what has changed, `provisioner apply --refresh-only` records; `provisioner plan` tells of the rest",
            )
        ]
    )
