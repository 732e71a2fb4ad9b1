"""The commands `state list`, `state show` and `state rebuild`.

The commands that change a record by hand are in state_edits.py, and those that move the state in state_moves.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode
from provisioner.cli.options import (
    auto_approve_option,
    json_option,
    lock_timeout_option,
    may_ask_option,
    reason_option,
    stack_options,
)
from provisioner.cli.parameter_types import AddressType
from provisioner.cli.state_edits import EDITS
from provisioner.cli.state_moves import MOVES
from provisioner.cli.terraform import AnsweringGroup

if TYPE_CHECKING:
    from provisioner.model.address import Address
    from provisioner.workflow.workspace import Workspace


@click.group("state", cls=AnsweringGroup)
def command() -> None:
    """List, show, edit, move or rebuild what the state records."""


for each in (*EDITS, *MOVES):
    command.add_command(each)


@command.command("list")
@stack_options
def list_addresses(*, workspace: Workspace) -> None:
    """List the addresses in the state, including those with a purchase in doubt."""
    from provisioner.rendering.state import render_state_list
    from provisioner.rendering.style import escape
    from provisioner.workflow.state import read_state

    shown = read_state(workspace)
    console().show_diagnostics(shown.findings)
    console().message(f"The state is kept at {escape(shown.location)}.")
    console().write(render_state_list(shown.state))


@command.command("show")
@click.argument("address", type=AddressType())
@json_option
@stack_options
def show_address(*, workspace: Workspace, address: Address, as_json: bool) -> None:
    """Show everything that the state records about ADDRESS."""
    from provisioner.workflow.state import show_resource

    shown = show_resource(workspace, address)
    console().show_diagnostics(shown.findings)
    if as_json:
        from provisioner.rendering.state_document import resource_document

        document = resource_document(
            shown.recorded, shown.intent, unverifiable=shown.unverifiable, in_flight=shown.is_locked
        )
        console().document(document)
        return
    from provisioner.rendering.state import render_intent, render_resource

    style = console().style()
    if shown.recorded is not None:
        text = render_resource(
            shown.recorded, style, intent=shown.intent, unverifiable=shown.unverifiable, in_flight=shown.is_locked
        )
    else:
        assert shown.intent is not None  # an address that is shown is recorded or in doubt
        text = render_intent(shown.intent, style, in_flight=shown.is_locked)
    console().write(text)


@command.command("rebuild")
@click.option(
    "--force",
    is_flag=True,
    help="Rebuild even if nothing is damaged, because an older copy of both files was put back.",
)
@auto_approve_option
@may_ask_option
@lock_timeout_option
@reason_option
@json_option
@stack_options
def rebuild_state(
    *,
    workspace: Workspace,
    force: bool,
    auto_approve: bool,
    may_ask: bool | None,
    lock_timeout: float,
    reason: str | None,
    as_json: bool,
) -> ExitCode:
    """Rebuild a damaged or lost state.

    Uses what can still be read of the state, its backup and the journal, the specs, and the cloud's list of servers.
    Shows for every address how certain the result is and why, and asks before it writes. Nothing is bought or
    released, and the old files are kept.
    """
    import asyncio

    from provisioner.cli.apply_ui import ConsoleApplyUI
    from provisioner.cli.lock_wait_ui import LockWaitUI
    from provisioner.cli.state_rebuild import ConsoleRebuildUI
    from provisioner.workflow.state_rebuild import RebuildRequest, rebuild

    can_prompt = workspace.settings.input if may_ask is None else may_ask
    run = ConsoleApplyUI(
        console(), auto_approve, can_prompt, as_json, approval_word=lambda: workspace.stack().approval_word
    )
    ui = ConsoleRebuildUI(run, LockWaitUI(console(), lock_timeout))
    rebuilt = asyncio.run(rebuild(workspace, RebuildRequest(force, lock_timeout, reason), ui))
    ui.show_result(rebuilt)
    return ExitCode.DONE if rebuilt.approved else ExitCode.INTERRUPTED
