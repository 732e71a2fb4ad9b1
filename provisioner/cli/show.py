"""The `show` command: shows the recorded servers, or a saved plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.candidates import complete_plan_files
from provisioner.cli.console import console
from provisioner.cli.options import full_option, json_option, stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.command("show")
@click.argument(
    "plan_file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=False,
    metavar="[PLAN]",
    shell_complete=complete_plan_files,
)
@full_option
@json_option
@stack_options
def command(*, workspace: Workspace, plan_file: Path | None, full: bool, as_json: bool) -> None:
    """Show the recorded servers, or a saved plan.

    PLAN is a file from `plan --out`; without it the command shows the state. It does not ask the cloud, and takes no
    lock.
    """
    if plan_file is not None:
        _show_plan(plan_file, full=full, as_json=as_json)
        return
    from provisioner.workflow.state import read_state

    shown = read_state(workspace)
    console().show_diagnostics(shown.findings)
    if as_json:
        from provisioner.rendering.state_document import state_document

        document = state_document(
            shown.state, location=shown.location, unverifiable=shown.unverifiable, in_flight=shown.is_locked
        )
        console().document(document)
    else:
        from provisioner.rendering.state import render_state

        console().write(
            render_state(
                shown.state,
                console().style(),
                location=shown.location,
                unverifiable=shown.unverifiable,
                in_flight=shown.is_locked,
            )
        )


def _show_plan(path: Path, *, full: bool, as_json: bool) -> None:
    from provisioner.saved_plans import read_plan

    saved = read_plan(path)
    plan = saved.plan
    if as_json:
        from provisioner.rendering.machine import plan_document

        console().document(plan_document(plan, approval=saved.approval))
    else:
        from provisioner.rendering.plan import render_plan

        console().write(render_plan(plan, console().style(), full=full))
