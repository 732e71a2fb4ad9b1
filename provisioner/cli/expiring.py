"""The `expiring` command: shows which prepaid servers come to the end of their paid term."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode, of_expiring
from provisioner.cli.options import DurationType, json_option, stack_options

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
    help="How far to look ahead: 30d, 36h.",
)
@click.option(
    "--detailed-exitcode", is_flag=True, help="2 when something comes to its end within that time and does not renew."
)
@json_option
@stack_options
def command(*, workspace: Workspace, within: float, detailed_exitcode: bool, as_json: bool) -> ExitCode:
    """Tell which prepaid servers come to the end of what is paid.

    Asks billing about every prepaid server of this state, and shows those whose term ends within the time, renewed by themselves or
    not, and those of which billing does not say. What is over already is shown as days ago. Writes nothing, takes no lock;
    times are UTC, and the clock is the cloud's.

    With --detailed-exitcode: 2 when a server ends within the time and is not known to renew by itself, else 0.
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
