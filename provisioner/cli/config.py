"""The command `config show`: the configuration that is in force, and where each value is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.options import json_option, stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.group("config")
def command() -> None:
    """Show the configuration in force, and where each value comes from."""


@command.command("show")
@click.option(
    "--origin", is_flag=True, help="Also show where each value comes from: a file and line, a variable, or an option."
)
@json_option
@stack_options
def show(*, workspace: Workspace, origin: bool, as_json: bool) -> None:
    """Show every configuration value in force for this stack and environment.

    The values come from options, environment variables, stack.yaml and your own configuration files. The cloud is not
    asked, and secrets are never shown.
    """
    from provisioner.workflow.configuration import configuration

    values = configuration(workspace)
    if as_json:
        from provisioner.rendering.configuration import configuration_document

        console().document(configuration_document(values))
    else:
        from provisioner.rendering.configuration import render_configuration

        console().write(render_configuration(values, console().style(), origin=origin))
