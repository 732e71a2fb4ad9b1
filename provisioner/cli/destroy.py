"""destroy: apply with nothing wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode
from provisioner.cli.options import apply_options, stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.command("destroy")
@apply_options
@stack_options
def command(
    *,
    workspace: Workspace,
    auto_approve: bool,
    may_ask: bool | None,
    parallelism: int,
    lock_timeout: float,
    reason: str | None,
    full: bool,
    as_json: bool,
) -> ExitCode:
    """Release every server of the stack.

    Pay-per-use servers are deleted, prepaid ones unsubscribed. What is on their disks is lost.
    """
    from provisioner.cli.apply import carry_out
    from provisioner.cli.face import Face
    from provisioner.model.change import Mode
    from provisioner.workflow.apply import ApplyRequest
    from provisioner.workflow.plan import PlanRequest

    request = ApplyRequest(
        command="destroy",
        plan=PlanRequest(Mode.DESTROY),
        parallelism=parallelism,
        lock_timeout=lock_timeout,
        reason=reason,
    )
    asks = workspace.settings.input if may_ask is None else may_ask
    return carry_out(
        workspace, request, Face(console(), auto_approve=auto_approve, may_ask=asks, as_json=as_json, full=full)
    )
