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
    """Tell how a lock that is in the way comes to its end.

    ID is the lock's, as the refused command names it. A folder's lock belongs to a process and ends with it, so none is
    taken away from a run that may be alive: two runs could buy at once. It says who holds the lock, how to end that, and
    what the next apply does about calls that are open. Nothing is changed.
    """
    from provisioner.workflow.force_unlock import force_unlock

    force_unlock(workspace, lock_id)
