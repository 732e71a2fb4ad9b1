"""The `credentials` command: shows which credentials are found, and which account they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.options import json_option, stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.command("credentials")
@json_option
@stack_options
def command(*, workspace: Workspace, as_json: bool) -> None:
    """Show which credentials are used, and which account they belong to.

    Asks the cloud for the account and the project, and shows where the credentials were found and when they expire.
    Never prints a secret. Works without a stack, too.
    """
    import asyncio

    from provisioner.workflow.credentials import credentials

    known = asyncio.run(credentials(workspace, console().show_event))
    if as_json:
        from provisioner.rendering.credentials import credentials_document

        console().document(credentials_document(known))
    else:
        from provisioner.rendering.credentials import render_credentials

        console().write(render_credentials(known, console().style()))
