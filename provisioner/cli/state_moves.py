"""The commands `state pull`, `state push` and `state migrate`, which ask no cloud."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.lock_wait_ui import LockWaitUI
from provisioner.cli.options import lock_timeout_option, reason_option, refuse_state_file, stack_options

if TYPE_CHECKING:
    from provisioner.store import LockWaitListener
    from provisioner.workflow.state_edits import Edit
    from provisioner.workflow.workspace import Workspace


@click.command("pull")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the document to this file, which only you can read. It may replace an older pull of the same state.",
)
@stack_options
def pull(*, workspace: Workspace, out: Path | None) -> None:
    """Print the state with its whole journal as one JSON document.

    The document is a backup that `state push` can restore. `state` is the current state, `journal` holds the lines of
    the journal, and `late` the late answers. It contains no secret. The command takes no lock and changes nothing.
    """
    from provisioner.workflow.state_moves import pull as pull_state

    pulled, findings = pull_state(workspace, out)
    console().show_diagnostics(findings)
    if out is None:
        console().write_json(pulled.encode().decode())
    else:
        from provisioner.rendering.state_moves import render_pulled
        from provisioner.rendering.style import escape

        console().message(
            f"{render_pulled(pulled.state)} pulled from {escape(pulled.copied.origin)} to {escape(str(out))}"
        )


@click.command("push")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@lock_timeout_option
@reason_option
@stack_options
def push(*, workspace: Workspace, path: Path, lock_timeout: float, reason: str | None) -> None:
    """Restore a state from the file of `state pull`, into a place where nothing of it is kept.

    The file is verified first: its checksum, the chain of its journal, that the journal leads to the state, and that it is
    the state of these specs. A file that is older than what you have seen of this state is refused. To move a state that
    is in use, run `state migrate`. If the command was interrupted, run it again.
    """
    from provisioner.rendering.state_moves import render_pulled
    from provisioner.rendering.style import escape
    from provisioner.workflow.state_moves import push as push_state

    pushed = push_state(workspace, path, _edit("state push", lock_timeout, reason), _on_lock_wait(lock_timeout))
    console().write(f"{escape(str(path))} -> {escape(pushed.location)}\n{render_pulled(pushed.state)}\n")


@click.command("migrate")
@click.option(
    "--to",
    "target",
    metavar="URL",
    required=True,
    callback=refuse_state_file,
    help="The new place: a folder, or a URL as for --state. Nothing of this state may be kept there.",
)
@click.option("--dry-run", "is_dry", is_flag=True, help="Only check the state and the new place; change nothing.")
@lock_timeout_option
@reason_option
@stack_options
def migrate(*, workspace: Workspace, target: str, is_dry: bool, lock_timeout: float, reason: str | None) -> None:
    """Move the state to another place, and close the old one for ever.

    The journal is copied byte for byte, with open calls, approvals and late answers; the copy is read back and compared
    before the old place is closed. From then on every command is refused at the old place and told the new one, except
    `history`. At no moment can both places be used. If the command was interrupted, run it again. Run it again also if
    a command at the old place reports late answers.
    """
    from provisioner.rendering.state_moves import render_migration
    from provisioner.workflow.state_moves import migrate as migrate_state
    from provisioner.workflow.state_moves import place_in_specs

    edit = _edit("state migrate", lock_timeout, reason)
    moved = migrate_state(workspace, target, edit, _on_lock_wait(lock_timeout), is_dry=is_dry)
    console().write(
        render_migration(
            moved.state,
            origin=moved.origin,
            place=moved.place,
            in_specs=place_in_specs(workspace, moved.place),
            late=moved.late,
            was_done=moved.was_done,
            is_dry=is_dry,
        )
    )


MOVES = (pull, push, migrate)


def _edit(command: str, lock_timeout: float, reason: str | None) -> Edit:
    from provisioner.workflow.state_edits import Edit

    return Edit(command, lock_timeout, reason)


def _on_lock_wait(lock_timeout: float) -> LockWaitListener:
    return LockWaitUI(console(), lock_timeout).on_lock_wait
