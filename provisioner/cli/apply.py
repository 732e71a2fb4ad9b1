"""apply: make it so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode, of_apply
from provisioner.cli.options import apply_options, replace_option, stack_options

if TYPE_CHECKING:
    from provisioner.cli.face import Face
    from provisioner.model.address import Address
    from provisioner.workflow.apply import Applied, ApplyRequest
    from provisioner.workflow.workspace import Workspace


@click.command("apply")
@click.argument("plan_file", type=click.Path(dir_okay=False, path_type=Path), required=False, metavar="[PLAN]")
@click.option("--destroy", is_flag=True, help="Release every server instead.")
@replace_option
@apply_options
@stack_options
def command(
    *,
    workspace: Workspace,
    plan_file: Path | None,
    destroy: bool,
    replace: tuple[Address, ...],
    auto_approve: bool,
    may_ask: bool | None,
    parallelism: int,
    lock_timeout: float,
    reason: str | None,
    full: bool,
    as_json: bool,
) -> ExitCode:
    """Carry out a plan, and record every purchase as it happens.

    Without PLAN it first settles what an earlier run left open, then plans and asks. With PLAN, a file from
    `plan --out`, it carries out exactly that or refuses. When it is killed or interrupted, run it again: it goes on from what
    is recorded.
    """
    from provisioner.cli.face import Face
    from provisioner.model.change import Mode
    from provisioner.workflow.apply import ApplyRequest
    from provisioner.workflow.plan import PlanRequest

    if plan_file is not None and (workspace.inputs.assignments or workspace.inputs.files):
        raise click.UsageError("a saved plan has its values in it: --var and --var-file belong to `plan --out`")
    if plan_file is not None and (destroy or replace):
        raise click.UsageError("a saved plan says what to do: --destroy and --replace belong to `plan --out`")
    request = ApplyRequest(
        command="destroy" if destroy else "apply",
        plan=PlanRequest(Mode.DESTROY if destroy else Mode.APPLY, frozenset(replace)),
        parallelism=parallelism,
        lock_timeout=lock_timeout,
        reason=reason,
    )
    face = Face(
        console(),
        auto_approve=auto_approve,
        may_ask=workspace.settings.input if may_ask is None else may_ask,
        as_json=as_json,
        full=full,
    )
    return carry_out(workspace, request, face, plan_file=plan_file)


def carry_out(workspace: Workspace, request: ApplyRequest, face: Face, *, plan_file: Path | None = None) -> ExitCode:
    import asyncio

    from provisioner.workflow.apply import apply, apply_saved

    if plan_file is None:
        applied = asyncio.run(apply(workspace, request, face))
    else:
        applied = asyncio.run(apply_saved(workspace, plan_file, request, face))
    _conclude(applied, as_json=face.as_json)
    return of_apply(applied)


def _conclude(applied: Applied, *, as_json: bool) -> None:
    """A stream of JSON has a last line even when there was nothing to do; a person has read that already."""
    from provisioner.model.event import RunResult
    from provisioner.rendering.style import Style
    from provisioner.rendering.summary import render_summary

    result = applied.result or RunResult(())
    if as_json and applied.approved:
        from provisioner.cli.face import now
        from provisioner.rendering.stream import run_document

        summary = render_summary(result, Style(color=False), mode=applied.plan.mode)
        console().line(run_document(result, message=summary.splitlines()[-1], timestamp=now()))
    elif applied.result is not None:
        console().write(f"\n{render_summary(result, console().style(), mode=applied.plan.mode)}")
    console().diagnose(applied.trouble)
