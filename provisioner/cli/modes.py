"""Decides the mode of a plan from the options of plan and apply, and refuses options that exclude each other."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from provisioner.model.address import Address
    from provisioner.model.plan import Mode

refresh_only_option = click.option(
    "--refresh-only", is_flag=True, help="Only record what the cloud shows; buy, change and release nothing."
)


def chosen_mode(
    *, destroy: bool, refresh_only: bool, replace: Collection[Address], reinstall: Collection[Address] = ()
) -> Mode:
    """Returns the mode. Raises click's UsageError for options that exclude each other."""
    from provisioner.model.plan import Mode

    if reinstall and destroy:
        raise click.UsageError("--destroy releases every server, so it excludes --reinstall")
    if refresh_only and (destroy or replace or reinstall):
        other = "--destroy" if destroy else "--replace" if replace else "--reinstall"
        raise click.UsageError(f"--refresh-only changes nothing in the cloud, so it excludes {other}")
    if refresh_only:
        return Mode.REFRESH
    return Mode.DESTROY if destroy else Mode.APPLY
