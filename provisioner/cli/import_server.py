"""The `import` command: records an existing server under an address."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from provisioner.cli.console import Console, console
from provisioner.cli.lock_wait_ui import LockWaitUI
from provisioner.cli.options import lock_timeout_option, never_asks_option, reason_option, stack_options
from provisioner.cli.parameter_types import AddressType

if TYPE_CHECKING:
    from provisioner.model.address import Address
    from provisioner.model.change import Change
    from provisioner.model.event import Event
    from provisioner.store import LockWaitStatus
    from provisioner.workflow.import_server import ImportResult
    from provisioner.workflow.workspace import Workspace


@click.command("import")
@click.argument("address", type=AddressType())
@click.argument("identifier", metavar="ID")
@never_asks_option
@lock_timeout_option
@reason_option
@stack_options
def command(
    *, workspace: Workspace, address: Address, identifier: str, lock_timeout: float, reason: str | None
) -> None:
    """Record an existing server under an address of the specs.

    ADDRESS must be declared in the specs and must not have a server yet. ID is the server's id, as the console and
    `adopt` show it. The command compares what the cloud shows with the specs: they may differ only in fields that
    change in place. Fields that the cloud never shows are taken from the specs. Nothing is changed in the cloud.
    """
    from provisioner.workflow.import_server import ImportRequest, import_server

    ui = ConsoleImportUI(console(), LockWaitUI(console(), lock_timeout))
    request = ImportRequest(address, identifier, lock_timeout, reason)
    ui.show_result(asyncio.run(import_server(workspace, request, ui)))


@dataclass(frozen=True, slots=True)
class ConsoleImportUI:
    console: Console
    lock_wait: LockWaitUI

    def show(self, change: Change) -> None:
        from provisioner.rendering.change import change_text

        self.console.write("\n".join(change_text(change, self.console.style())) + "\n")

    def listen(self, event: Event) -> None:
        self.console.show_event(event)

    def on_lock_wait(self, wait: LockWaitStatus) -> None:
        self.lock_wait.on_lock_wait(wait)

    def show_result(self, imported: ImportResult) -> None:
        from provisioner.rendering.values import path_text

        self.console.show_diagnostics(imported.findings)
        change = imported.change
        assert change.recorded is not None  # the import has just recorded it
        changed = ", ".join(path_text(field.path) for field in change.fields)
        unchanged = "the specs say what it is, so that a plan changes nothing of it"
        rest = f"the next apply changes in place: {changed}" if changed else unchanged
        self.console.write(f"\n{change.address}: took over {change.recorded.id}; {rest}.\n")
