"""The `validate` command: shows every mistake of the specs, for people or for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode
from provisioner.cli.options import json_option, stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.command("validate")
@json_option
@stack_options
def command(*, workspace: Workspace, as_json: bool) -> ExitCode:
    """Check the specs. No credentials and no network are needed.

    Reads stack.yaml and every spec below it, and reports the mistakes with file, line and column. What one mistake hides is told once that one is corrected.
    """
    from provisioner.workflow.validate import validate

    validated = validate(workspace)
    if as_json:
        from provisioner.rendering.machine import validate_document

        console().document(validate_document(validated.findings))
    else:
        console().show_diagnostics(validated.findings)
        if validated.valid:
            console().write(f"Success! The specs are valid: {validated.counted}.\n")
        else:
            console().point_to_explanations(validated.findings)
    return ExitCode.DONE if validated.valid else ExitCode.ERROR
