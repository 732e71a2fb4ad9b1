"""The `force-unlock` command: shows who holds a lock and how it is released."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

from provisioner.cli.options import stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.command("force-unlock")
@click.argument("lock_id", metavar="ID")
@stack_options
def command(*, workspace: Workspace, lock_id: str) -> NoReturn:
    """Show who holds a lock and how to release it.

    ID is the id of the lock, which the refused command prints. In a folder, a lock is released when its process ends.
    In a store that several machines share, it is released when its run ends, and taken over by the next command when
    that run shows no sign of life. The command never takes a lock away from a run that may be alive, because two runs
    could then buy at once. It shows who holds the lock, how to end that run, and what the next apply does about open
    calls. Nothing is changed.
    """
    from provisioner.workflow.force_unlock import force_unlock

    force_unlock(workspace, lock_id)
