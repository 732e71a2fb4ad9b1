"""The commands `state mv`, `state rm`, `state unprotect` and `state rename`, which ask no cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode
from provisioner.cli.lock_wait_ui import LockWaitUI
from provisioner.cli.options import (
    auto_approve_option,
    lock_timeout_option,
    may_ask_option,
    reason_option,
    stack_options,
)
from provisioner.cli.parameter_types import AddressType
from provisioner.cli.prompt import ask, can_ask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provisioner.model.address import Address
    from provisioner.store import LockWaitListener
    from provisioner.workflow.state_edits import Edit, ForgottenRecords
    from provisioner.workflow.workspace import Workspace

_SHOWN = 20


@click.command("mv")
@click.argument("origin", metavar="FROM", type=AddressType(groups=True))
@click.argument("address", metavar="TO", type=AddressType(groups=True))
@lock_timeout_option
@reason_option
@stack_options
def move(*, workspace: Workspace, origin: Address, address: Address, lock_timeout: float, reason: str | None) -> None:
    """Move a recorded server or group to another address.

    Use it after you rename a key in the specs. Without it, a plan would release the server and buy another one. An
    address without an index or a key moves a whole group. `moved:` in the specs does the same for everybody who
    applies them.
    """
    from provisioner.model.diagnostic import warning
    from provisioner.workflow.state_edits import move as move_records

    renamed = move_records(
        workspace, origin, address, _edit("state mv", lock_timeout, reason), _on_lock_wait(lock_timeout)
    )
    for before, after in renamed.pairs:
        console().write(f"{before} -> {after}\n")
    undo = f"`provisioner state mv {address.shell_quoted} {origin.shell_quoted}`"
    hint = f"declare it before the next apply, which would release its server; if it is a typing error, undo it: {undo}"
    console().show_diagnostics(
        warning("undeclared-address", f"the specs do not declare {new}", hint=hint, address=new)
        for new in renamed.undeclared
    )


@click.command("rm")
@click.argument("addresses", metavar="ADDRESS...", type=AddressType(groups=True), nargs=-1, required=True)
@auto_approve_option
@may_ask_option
@lock_timeout_option
@reason_option
@stack_options
def remove(
    *,
    workspace: Workspace,
    addresses: tuple[Address, ...],
    auto_approve: bool,
    may_ask: bool | None,
    lock_timeout: float,
    reason: str | None,
) -> ExitCode:
    """Forget a recorded server without releasing it.

    The server keeps running and keeps costing money, and no state owns it until it is imported again. An address
    without an index or a key names a whole group. `removed:` in the specs does the same for everybody who applies
    them.
    """
    from provisioner.workflow.state_edits import remove as remove_records

    can_prompt = workspace.settings.input if may_ask is None else may_ask
    approve = _approval(workspace, auto_approve=auto_approve, may_ask=can_prompt)
    edit = _edit("state rm", lock_timeout, reason)
    forgotten = remove_records(workspace, addresses, edit, _on_lock_wait(lock_timeout), approve=approve)
    if forgotten is None:
        return ExitCode.INTERRUPTED
    for one in forgotten.records:
        console().write(f"{one.address}: forgotten; {one.id or one.order_id} keeps costing money\n")
    return ExitCode.DONE


@click.command("unprotect")
@click.argument("addresses", metavar="ADDRESS...", type=AddressType(groups=True), nargs=-1, required=True)
@lock_timeout_option
@reason_option
@stack_options
def unprotect(*, workspace: Workspace, addresses: tuple[Address, ...], lock_timeout: float, reason: str | None) -> None:
    """Lift the protection that lifecycle.prevent_destroy left in the state.

    The protection stays in the state when its line is removed from the specs. This command releases nothing, but the
    next plan may propose to release the server.
    """
    from provisioner.model.diagnostic import warning
    from provisioner.workflow.state_edits import unprotect as unprotect_records

    edit = _edit("state unprotect", lock_timeout, reason)
    done = unprotect_records(workspace, addresses, edit, _on_lock_wait(lock_timeout))
    for address in done.lifted:
        console().write(f"{address}: not protected any more\n")
    if not done.lifted:
        console().write("None of these is protected; nothing was changed.\n")
    hint = "take it out of the specs, too: else the next apply protects it again"
    console().show_diagnostics(
        warning("still-protected", f"the specs have prevent_destroy: true for {address}", hint=hint, address=address)
        for address in done.still_wanted
    )


@click.command("rename")
@click.argument("former", metavar="OLD")
@click.argument("label", metavar="NEW")
@lock_timeout_option
@reason_option
@stack_options
def rename(*, workspace: Workspace, former: str, label: str, lock_timeout: float, reason: str | None) -> None:
    """Rename a state, after its stack or environment was renamed.

    OLD and NEW are state names: the name of the files without .json, such as STACK.ENVIRONMENT, or STACK if there are
    no environments. The journal, the backup and late answers are renamed too, and the history continues. Without this
    command, a plan would not find the recorded servers and would buy them again. If the command was interrupted, run
    it again.
    """
    from provisioner.model.diagnostic import warning
    from provisioner.workflow.state_rename import rename as rename_state

    edit = _edit("state rename", lock_timeout, reason)
    renamed = rename_state(workspace, former, label, edit, _on_lock_wait(lock_timeout))
    console().write(f"{former} -> {label}\n")
    if not renamed.is_named:
        hint = "rename `stack:` or the environment before the next plan, which would else know no state"
        console().show_diagnostics(
            [warning("state-unnamed", f"the specs here have no stack and environment of the name {label}", hint=hint)]
        )


EDITS = (move, remove, unprotect, rename)


def _edit(command: str, lock_timeout: float, reason: str | None) -> Edit:
    from provisioner.workflow.state_edits import Edit

    return Edit(command, lock_timeout, reason)


def _on_lock_wait(lock_timeout: float) -> LockWaitListener:
    return LockWaitUI(console(), lock_timeout).on_lock_wait


def _approval(workspace: Workspace, *, auto_approve: bool, may_ask: bool) -> Callable[[ForgottenRecords], bool]:
    def approve(forgotten: ForgottenRecords) -> bool:
        from provisioner.rendering.style import escape

        ids = [f"{one.address} ({one.id or one.order_id}, {one.name})" for one in forgotten.records]
        console().message(
            "To be forgotten, and not released:\n" + "".join(f"  {escape(line)}\n" for line in _shortened(ids))
        )
        if forgotten.declared:
            declared = ", ".join(_shortened([str(address) for address in forgotten.declared]))
            first = next(one for one in forgotten.records if one.address == forgotten.declared[0])
            take_back = (
                f"; to take the server back: `provisioner import {first.address.shell_quoted} {first.id}`, which `imports:` in the specs does "
                "automatically"
            )
            console().message(
                f"The specs still declare {declared}, so a later apply may buy a new one. To prevent that, remove it from the specs{take_back if first.id else ''}."
            )
        if auto_approve:
            return True
        hint = "look at what is named, then run it again with --auto-approve"
        if not can_ask(console(), may_ask=may_ask, as_json=False, hint=hint):
            return False
        return ask(
            console(),
            "Do you want to forget these?\n  They keep running and keep costing money, and nobody will release them.\n",
            word=workspace.stack().approval_word,
        )

    return approve


def _shortened(lines: Sequence[str]) -> list[str]:
    return [*lines[:_SHOWN], f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else [*lines]
