"""The `plan` command: shows what apply would do."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from provisioner import __version__
from provisioner.cli.allow_option import allow_option
from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode, of_plan
from provisioner.cli.modes import chosen_mode, refresh_only_option
from provisioner.cli.options import (
    full_option,
    json_option,
    never_asks_option,
    reinstall_option,
    replace_option,
    stack_options,
)
from provisioner.cli.parameter_types import DurationType
from provisioner.cli.selection import keep_protected_option, keeping_protected, selection_options

if TYPE_CHECKING:
    from provisioner.model.address import Address
    from provisioner.model.guards import Allowance
    from provisioner.model.plan import Plan
    from provisioner.model.selection import Selection
    from provisioner.workflow.plan import PlanResult
    from provisioner.workflow.workspace import Workspace


_LONGEST_LIFETIME = 30 * 86_400.0
"""Seconds for which a plan can be approved: what was looked at longer ago is looked at again."""
_RECOVERY = {"in-doubt": "for what it became", "unsettled": "at what became of it"}
"""How apply recovers a call without an answer, by the code of its finding; it completes the sentence "it looks"."""


@click.command("plan")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the plan to this file, without secrets, for `apply FILE`.",
)
@click.option("--destroy", is_flag=True, help="Plan to release every server.")
@refresh_only_option
@replace_option
@reinstall_option
@allow_option
@selection_options
@keep_protected_option
@click.option(
    "--expires",
    type=DurationType(),
    default="24h",
    show_default=True,
    metavar="DURATION",
    help="How long the plan may be applied, at most 30d.",
)
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit 0 for no changes, 2 for changes or findings, 6 for a purchase in doubt.",
)
@never_asks_option
@full_option
@json_option
@stack_options
def command(
    *,
    workspace: Workspace,
    out: Path | None,
    expires: float,
    destroy: bool,
    refresh_only: bool,
    replace: tuple[Address, ...],
    reinstall: tuple[Address, ...],
    allow: frozenset[Allowance],
    selection: Selection,
    keep_protected: bool,
    detailed_exitcode: bool,
    full: bool,
    as_json: bool,
) -> ExitCode:
    """Show what apply would buy, change and release.

    Compares the specs with the state and with what the cloud shows now. Changes nothing and takes no lock.
    """
    import asyncio

    from provisioner.workflow.plan import plan, require_place_for_plan
    from provisioner.workflow.plan_session import PlanRequest

    if not 0 < expires <= _LONGEST_LIFETIME:
        raise click.UsageError("--expires takes more than 0s and at most 30d")
    selection = keeping_protected(selection, keep_protected=keep_protected, destroy=destroy)
    mode = chosen_mode(destroy=destroy, refresh_only=refresh_only, replace=replace, reinstall=reinstall)
    request = PlanRequest(
        mode, frozenset(replace), allow, selection, with_details=refresh_only, reinstall=frozenset(reinstall)
    )
    if out is not None:
        require_place_for_plan(workspace, out)
    planned = asyncio.run(plan(workspace, request, console().show_event, lifetime=expires))
    console().show_diagnostics(planned.warnings)
    if as_json:
        from provisioner.rendering.machine import plan_document

        console().document(plan_document(planned.plan, approval=planned.approval))
    else:
        from provisioner.rendering.plan import render_plan

        console().write(render_plan(planned.plan, console().style(), full=full))
    if planned.plan.refusals:
        if out is not None:
            _say_not_saved(out)
    else:
        if out is not None:
            _save(workspace, planned, out)
        if not as_json and not console().output_lost:  # what nobody has seen, nobody can approve
            _hint(planned, out, workspace)
    return of_plan(planned.plan, detailed=detailed_exitcode)


def _say_not_saved(out: Path) -> None:
    """Says that a refused plan is in no file, and that a file which stands there is of an earlier plan."""
    older = f" {out} still holds an earlier plan." if out.exists() else ""
    console().message(f"\nNothing was saved to {out}, because the plan is refused.{older}")


def _save(workspace: Workspace, planned: PlanResult, out: Path) -> None:
    from provisioner.model.diagnostic import UsageError, error
    from provisioner.saved_plans import write_plan

    _refuse_open_calls(planned.plan, out)
    if planned.approval is None:
        hint = "A plan is approved for a time of the cloud's. Plan again once it tells the time."
        summary = f"the plan was not saved to {out}: the cloud has not told the time"
        raise UsageError(error("cloud-undated", summary, hint=hint))
    key = workspace.plan_key()
    write_plan(out, planned.plan, planned.approval, planned.scope, tool_version=__version__, key=key)


def _refuse_open_calls(plan: Plan, out: Path) -> None:
    """Raises an error when the plan has open calls, as apply refuses every saved plan while there are any."""
    from provisioner.model.diagnostic import InDoubt, UsageError, error

    found = [finding for finding in plan.findings if finding.code in _RECOVERY]
    if found:
        is_doubt = any(finding.code == "in-doubt" for finding in found)
        raise (InDoubt if is_doubt else UsageError)(
            *(
                error(
                    finding.code,
                    f"the plan was not saved to {out}: what became of an earlier call for {finding.address} is not known",
                    hint=f"without a plan file, `provisioner {plan.mode.command}` looks {_RECOVERY[finding.code]} first",
                    address=finding.address,
                )
                for finding in found
            )
        )


def _hint(planned: PlanResult, out: Path | None, workspace: Workspace) -> None:
    """Prints what to run next, for people and not for pipelines, and the approval."""
    approval, in_automation = planned.approval, workspace.settings.in_automation
    is_unsigned = out is not None and workspace.plan_key() is None
    if is_unsigned:
        console().message(
            f"\nThe plan {out} is not signed: your key cannot be kept here, because there is no home directory to write to. Apply it with the "
            "approval below, or set PROVISIONER_PLAN_KEY."
        )
    elif out is not None and not in_automation:
        say = f"Saved the plan to: {out}\nTo carry out exactly these actions, run:\n  {_apply_command(out)}"
        console().message(f"\n{say}")
    if approval is None or not planned.plan.work:
        return
    if not in_automation:
        console().message(
            "\nTo apply exactly this, save it with --out, or apply with the same options and:"
            if out is None
            else f"To apply it, run: {_apply_command(out)} with:"
            if is_unsigned
            else "Where somebody else applies it, or on another machine, add:"
        )
    console().message(f"  --approved {approval}")


def _apply_command(out: Path) -> str:
    return console().given.command(f"apply {quote(str(out))}")
