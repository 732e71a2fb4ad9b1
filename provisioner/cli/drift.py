"""The `drift` command: shows where the cloud differs from what is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.allow_option import allow_option
from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode, of_plan
from provisioner.cli.options import full_option, json_option, stack_options
from provisioner.cli.selection import selection_options

if TYPE_CHECKING:
    from provisioner.model.guards import Allowance
    from provisioner.model.selection import Selection
    from provisioner.workflow.workspace import Workspace


@click.command("drift")
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit 0 for no drift, 2 for drift or findings, 6 for a purchase in doubt."
)
@allow_option
@selection_options
@full_option
@json_option
@stack_options
def command(
    *,
    workspace: Workspace,
    detailed_exitcode: bool,
    allow: frozenset[Allowance],
    selection: Selection,
    full: bool,
    as_json: bool,
) -> ExitCode:
    """Show what was changed outside of this tool since it was recorded.

    Reports servers that vanished, failed, were stopped or renamed, and servers whose image, flavor, network, key pair
    or charging mode differs from the record. Also reports servers that look like this stack's and are in no state.
    Fields named in `lifecycle.ignore_changes` are left out.

    Changes nothing and takes no lock. `plan` shows what apply would do about the drift, and `apply --refresh-only`
    records it. If no state was ever recorded, the command exits 4 unless you pass --allow no-state.
    """
    import asyncio

    from provisioner.model.plan import Mode
    from provisioner.workflow.plan import plan
    from provisioner.workflow.plan_session import PlanRequest

    request = PlanRequest(Mode.REFRESH, allow=allow, selection=selection)
    planned = asyncio.run(plan(workspace, request, console().show_event))
    console().show_diagnostics(planned.warnings)
    if as_json:
        from provisioner.rendering.drift import drift_document

        console().document(drift_document(planned.plan))
    else:
        from provisioner.rendering.drift import render_drift

        console().write(render_drift(planned.plan, console().style(), full=full))
        if planned.plan.work and not workspace.settings.in_automation:
            console().message(
                "\n`provisioner plan` shows what apply would do about it; `provisioner apply --refresh-only` only records it."
            )
    return of_plan(planned.plan, detailed=detailed_exitcode)
