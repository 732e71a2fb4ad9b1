"""The `resolve` command: records a person's decision about a purchase in doubt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.lock_wait_ui import LockWaitUI
from provisioner.cli.options import stack_options
from provisioner.cli.parameter_types import AddressType

if TYPE_CHECKING:
    from provisioner.model.address import Address
    from provisioner.model.diagnostic import Diagnostic
    from provisioner.workflow.resolve import ResolveResult
    from provisioner.workflow.workspace import Workspace


@click.command("resolve")
@click.argument("address", type=AddressType())
@click.option(
    "--adopt",
    metavar="ID",
    help="The purchase became the server with this id. Name the order instead if it has no server yet, or several.",
)
@click.option("--absent", is_flag=True, help="The purchase was never carried out; the next apply may buy again.")
@click.option(
    "--allow",
    "allow",
    metavar="CODE",
    multiple=True,
    type=click.Choice(["list-incomplete", "other-name"]),
    help="Lift one check. list-incomplete: accept --absent although another user sent the purchase and these credentials cannot list that user's servers. "
    "other-name: accept --adopt of a server whose name differs from the name that was sent.",
)
@click.option("--reason", metavar="TEXT", help="Reason, kept in the journal.")
@stack_options
def command(
    *,
    workspace: Workspace,
    address: Address,
    adopt: str | None,
    absent: bool,
    allow: tuple[str, ...],
    reason: str | None,
) -> None:
    """Settle a purchase in doubt by hand.

    Check the servers and the orders in the console first. The cloud may carry out a request minutes after its reply
    was lost, and after --absent the next apply buys again. The decision is journaled with your name. Nothing is sent
    to the cloud.
    """
    from provisioner.model.diagnostic import warning
    from provisioner.model.time_text import format_time
    from provisioner.workflow.resolve import resolve
    from provisioner.workflow.resolve_checks import Decision

    if absent == (adopt is not None):
        raise click.UsageError("say what became of it: either --adopt ID or --absent")
    resolved = asyncio.run(
        resolve(
            workspace,
            Decision(
                address,
                adopt,
                reason,
                allow_incomplete_list="list-incomplete" in allow,
                allow_other_name="other-name" in allow,
            ),
            console().show_event,
            LockWaitUI(console(), timeout=0.0).on_lock_wait,
        )
    )
    if adopt is not None:
        console().write(f"{resolved.whose}: adopted {adopt}; the next apply goes on with it.\n")
        return
    console().write(f"{resolved.whose}: settled as not bought; the next apply may buy {resolved.name}.\n")
    if resolved.listed or resolved.orders:
        console().show_diagnostics((_passed_over(resolved, address),))
    if resolved.may_appear_until is not None:
        until = format_time(resolved.may_appear_until)
        hint = "plan names it if it does; until then, applying buys at your word"
        console().show_diagnostics(
            (warning("early-absence", f"it may still appear until {until}", hint=hint, address=address),)
        )
    if resolved.order_id is not None:
        hint = "cancel it in the console if it is not finished: what comes of it now would be nobody's"
        console().show_diagnostics(
            (warning("order-forgotten", f"order {resolved.order_id} is forgotten with it", hint=hint, address=address),)
        )


def _passed_over(resolved: ResolveResult, address: Address) -> Diagnostic:
    """Returns a warning about servers and orders that may be the purchase although the person decided otherwise."""
    from provisioner.model.diagnostic import warning

    listed = [f"{resolved.noun} {row.id} ({row.name}, {row.status})" for row in resolved.listed]
    known = ", ".join((*listed, *(f"order {order}" for order in resolved.orders)))
    take = (
        f"; a {resolved.noun} that is yours is taken by `provisioner import {address.shell_quoted} {resolved.listed[0].id}`"
        if listed
        else ""
    )
    take += (
        f"; an order by `provisioner resolve {address.shell_quoted} --adopt {resolved.orders[0]}`"
        if resolved.orders
        else ""
    )
    return warning(
        "passed-over",
        f"what may be it after all: {known}",
        hint=f"make sure in the console before the next apply, which may buy another{take}",
        address=address,
    )
