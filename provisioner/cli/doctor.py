"""The `doctor` command: checks everything that an apply needs, and says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode, of_checks
from provisioner.cli.options import json_option, stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.command("doctor")
@json_option
@stack_options
def command(*, workspace: Workspace, as_json: bool) -> ExitCode:
    """Check everything that an apply needs, and say what to do about each problem.

    Checks the installation, specs, state, lock, disk, clock, network, credentials and permissions. No check depends on
    another one's success where that can be avoided, and each is given up after some seconds. Works without a stack,
    credentials and network, too.

    Nothing is bought, recorded or created. In the state folder a file is made for an instant, to see whether that is
    possible. To each endpoint of the cloud goes one request without credentials; then those of signing in, which may
    have a token or temporary keys issued, and requests that read: the names of account and project, the lists of
    servers, flavors and images, the orders of the last day, and one price.

    Exit codes: 0 nothing stops an apply, though there may be warnings; 1 something does.
    """
    import asyncio

    from provisioner.workflow.doctor import doctor

    checks = asyncio.run(doctor(workspace))
    if as_json:
        from provisioner.rendering.doctor import doctor_document

        console().document(doctor_document(checks))
    else:
        from provisioner.rendering.doctor import render_doctor

        console().write(render_doctor(checks, console().style()))
    return of_checks(checks)
