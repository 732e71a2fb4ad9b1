"""The `expiring` command: shows which prepaid servers come to the end of their paid term."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode, of_expiring
from provisioner.cli.options import json_option, stack_options
from provisioner.cli.parameter_types import DurationType

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace

_DAY = 86_400


@click.command("expiring")
@click.option(
    "--within",
    type=DurationType(),
    default="30d",
    show_default=True,
    metavar="DURATION",
    help="How far to look ahead, such as 30d or 36h.",
)
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit 2 if a term ends within that time and is not known to renew."
)
@json_option
@stack_options
def command(*, workspace: Workspace, within: float, detailed_exitcode: bool, as_json: bool) -> ExitCode:
    """Show which prepaid servers reach the end of their paid term soon.

    Asks billing about every prepaid server of this state. Shows the servers whose term ends within the time, whether
    or not they renew automatically, and the servers that billing does not know. A term that is over is shown as days
    ago. Changes nothing and takes no lock. Times are UTC, by the cloud's clock.

    With --detailed-exitcode it exits 2 if a server's term ends within the time and the server is not known to renew.
    """
    from provisioner.rendering.expiring import expiring_document, render_expiring
    from provisioner.workflow.expiring import expiring

    found = asyncio.run(expiring(workspace, console().show_event, within=within))
    code = of_expiring(found, detailed=detailed_exitcode)
    console().show_diagnostics(found.notes)
    if as_json:
        console().document(
            expiring_document(
                found.shown, found.ending, found.notes, prepaid=found.prepaid, within=within, exit_code=code
            )
        )
    else:
        text = render_expiring(found.shown, console().style(), prepaid=found.prepaid, days=within / _DAY)
        console().write(text)
    return code
