"""The `destroy` command: an apply in which no server is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.allow_option import allow_option
from provisioner.cli.exit_codes import ExitCode
from provisioner.cli.options import RunOptions, run_options, stack_options
from provisioner.cli.selection import keep_protected_option, keeping_protected, selection_options

if TYPE_CHECKING:
    from provisioner.model.guards import Allowance
    from provisioner.model.selection import Selection
    from provisioner.workflow.workspace import Workspace


@click.command("destroy")
@allow_option
@selection_options
@keep_protected_option
@run_options
@stack_options
def command(
    *,
    workspace: Workspace,
    allow: frozenset[Allowance],
    selection: Selection,
    keep_protected: bool,
    options: RunOptions,
) -> ExitCode:
    """Release every server of the stack.

    Pay-per-use servers are deleted. Prepaid servers are unsubscribed, which needs --allow prepaid-delete. All data on
    their system disks is lost.
    """
    from provisioner.cli.apply import run_apply
    from provisioner.model.plan import Mode
    from provisioner.workflow.plan_session import PlanRequest

    selection = keeping_protected(selection, keep_protected=keep_protected, destroy=True)
    return run_apply(workspace, PlanRequest(Mode.DESTROY, allow=allow, selection=selection), options)
