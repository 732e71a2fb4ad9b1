"""The `apply` command: plans, asks for approval and carries the plan out, or carries out a saved plan."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from provisioner.cli.allow_option import allow_option
from provisioner.cli.candidates import complete_plan_files
from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode, of_apply
from provisioner.cli.modes import chosen_mode, refresh_only_option
from provisioner.cli.options import RunOptions, reinstall_option, replace_option, run_options, stack_options
from provisioner.cli.selection import keep_protected_option, keeping_protected, selection_options

if TYPE_CHECKING:
    from provisioner.model.address import Address
    from provisioner.model.guards import Allowance
    from provisioner.model.selection import Selection
    from provisioner.workflow.apply import ApplyResult
    from provisioner.workflow.plan_session import PlanRequest
    from provisioner.workflow.workspace import Workspace


@click.command("apply")
@click.argument(
    "plan_file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=False,
    metavar="[PLAN]",
    shell_complete=complete_plan_files,
)
@click.option(
    "--approved",
    metavar="APPROVAL",
    help="Carry out only the plan with this approval, which `plan` prints last. With PLAN: the approval of that file.",
)
@click.option("--destroy", is_flag=True, help="Release every server, as destroy does.")
@refresh_only_option
@replace_option
@reinstall_option
@allow_option
@selection_options
@keep_protected_option
@run_options
@stack_options
def command(
    *,
    workspace: Workspace,
    plan_file: Path | None,
    approved: str | None,
    destroy: bool,
    refresh_only: bool,
    replace: tuple[Address, ...],
    reinstall: tuple[Address, ...],
    allow: frozenset[Allowance],
    selection: Selection,
    keep_protected: bool,
    options: RunOptions,
) -> ExitCode:
    """Carry out a plan, and record every purchase as it happens.

    The command first settles what an earlier run left open. Then it plans, shows the plan and asks for approval. It
    does not ask if you pass PLAN (a file from `plan --out`) or --approved; it then plans again, and sends nothing
    unless the plan is exactly the approved one. If the command is killed or interrupted, run it again: it continues
    from what is recorded.
    """
    from provisioner.workflow.plan_session import PlanRequest

    if plan_file is not None and (workspace.inputs.assignments or workspace.inputs.files):
        raise click.UsageError("a saved plan has its values in it: --var and --var-file belong to `plan --out`")
    if plan_file is not None and (
        destroy or refresh_only or replace or reinstall or allow or keep_protected or not selection.is_everything
    ):
        raise click.UsageError(
            "a saved plan says what to do: --destroy, --refresh-only, --replace, --reinstall, --allow, --target, --exclude, --selector and "
            "--keep-protected "
            "belong to `plan --out`"
        )
    selection = keeping_protected(selection, keep_protected=keep_protected, destroy=destroy)
    mode = chosen_mode(destroy=destroy, refresh_only=refresh_only, replace=replace, reinstall=reinstall)
    request = PlanRequest(
        mode, frozenset(replace), allow, selection, with_details=refresh_only, reinstall=frozenset(reinstall)
    )
    return run_apply(workspace, request, options, plan_file=plan_file, approved=approved)


def run_apply(
    workspace: Workspace,
    plan: PlanRequest,
    options: RunOptions,
    *,
    plan_file: Path | None = None,
    approved: str | None = None,
) -> ExitCode:
    import asyncio

    from provisioner.cli.apply_ui import ConsoleApplyUI, no_approval_hint
    from provisioner.workflow.apply import ApplyRequest, apply

    approval, approval_hint = None, no_approval_hint(_plan_command(plan))
    if plan_file is not None or approved is not None:
        from provisioner.workflow.approvals import by_file, by_text, unsigned

        made = (
            by_text(workspace, plan, approved or "")
            if plan_file is None
            else by_file(workspace, plan_file, approved=approved, auto_approve=options.auto_approve)
        )
        workspace, plan, approval = made.workspace, made.plan, made.approval
        if plan_file is not None and approval.must_ask:
            approval_hint = unsigned(plan_file).hint or ""
    request = ApplyRequest(
        plan.mode.command,
        plan,
        options.parallelism,
        lock_timeout=options.lock_timeout,
        resolve_timeout=options.resolve_timeout,
        reason=options.reason,
        approval=approval,
        no_wait=options.no_wait,
    )
    ui = ConsoleApplyUI(
        console(),
        approval_word=lambda: workspace.stack().approval_word,
        auto_approve=options.auto_approve,
        may_ask=workspace.settings.input if options.may_ask is None else options.may_ask,
        as_json=options.as_json,
        full=options.full,
        lock_timeout=options.lock_timeout,
        approval=None if approval is None or approval.must_ask else approval.approval,
        approval_hint=approval_hint,
    )
    applied = asyncio.run(apply(workspace, request, ui))
    code = of_apply(applied)
    _show_summary(applied, as_json=options.as_json)
    if code is ExitCode.DONE:
        _show_outputs(applied, as_json=options.as_json)
    return code


def _plan_command(plan: PlanRequest) -> str:
    """Returns the command, without its program, that plans what this one would do."""
    from provisioner.model.plan import Mode

    selection = plan.selection
    mode = {Mode.APPLY: [], Mode.DESTROY: ["--destroy"], Mode.REFRESH: ["--refresh-only"]}[plan.mode]
    repeated: tuple[tuple[str, Iterable[object]], ...] = (
        ("--replace", sorted(plan.replace)),
        ("--reinstall", sorted(plan.reinstall)),
        ("--allow", sorted(code.value for code in plan.allow)),
        ("--target", selection.targets),
        ("--exclude", selection.excludes),
        ("--selector", (f"{label}={value}" for label, value in selection.labels)),
    )
    options = [f"{option} {quote(str(value))}" for option, values in repeated for value in values]
    kept = ["--keep-protected"] if selection.keeps_protected else []
    return " ".join(("plan", *mode, *kept, *options))


def _show_summary(applied: ApplyResult, *, as_json: bool) -> None:
    """Prints the summary.

    A JSON stream ends with it even when there was nothing to do; a person has read that in the plan.
    """
    from provisioner.model.event import RunResult
    from provisioner.model.fleet import unfinished_fleets
    from provisioner.rendering.style import Style
    from provisioner.rendering.summary import render_summary

    result = applied.result or RunResult(())
    fleets = unfinished_fleets(applied.plan, result)
    console().show_diagnostics(result.findings)
    if as_json and applied.approved:
        from provisioner.cli.failure import now
        from provisioner.rendering.stream import run_document

        summary = render_summary(
            result,
            Style(color=False, width=sys.maxsize),
            mode=applied.plan.mode,
            not_as_wanted=applied.plan.not_as_wanted,
        )
        console().line(run_document(result, message=summary.splitlines()[-1], timestamp=now(), fleets=fleets))
    elif applied.result is not None:
        style, plan = console().style(), applied.plan
        text = render_summary(result, style, mode=plan.mode, fleets=fleets, not_as_wanted=plan.not_as_wanted)
        console().write(f"\n{text}")
    console().show_diagnostics(applied.trouble)


def _show_outputs(applied: ApplyResult, *, as_json: bool) -> None:
    """Prints the outputs of a run that succeeded, as Terraform does.

    After any other run, `output` shows the known ones.
    """
    outputs = applied.outputs.values
    if as_json and outputs:
        from provisioner.cli.failure import now
        from provisioner.rendering.stream import outputs_document

        console().line(outputs_document(outputs, timestamp=now()))
    elif outputs:
        from provisioner.rendering.outputs import render_outputs_section

        console().write(render_outputs_section(outputs, console().style()))
    console().show_diagnostics(applied.outputs.notes)
