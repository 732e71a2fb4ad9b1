"""The `orders` commands: list, show, wait, pay and cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.candidates import complete_addresses
from provisioner.cli.console import console
from provisioner.cli.exit_codes import ExitCode, of_settlement, of_wait
from provisioner.cli.options import (
    auto_approve_option,
    json_option,
    lock_timeout_option,
    may_ask_option,
    reason_option,
    stack_options,
)
from provisioner.cli.parameter_types import DurationType

if TYPE_CHECKING:
    from provisioner.model.action import Action
    from provisioner.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SettleOptions:
    """The options of `orders pay` and `orders cancel`.

    `lock_timeout` is in seconds. `may_ask` is None without --input and --no-input.
    """

    auto_approve: bool
    may_ask: bool | None
    lock_timeout: float
    reason: str | None
    as_json: bool


def _settle_options(command: Callable[..., ExitCode]) -> Callable[..., ExitCode]:
    """Adds the settle options to a command, which receives them as `options`."""

    @wraps(command)
    def with_options(**given: Any) -> ExitCode:
        own = {field.name: given.pop(field.name) for field in fields(SettleOptions)}
        return command(options=SettleOptions(**own), **given)

    decorated: Callable[..., ExitCode] = with_options
    for option in (json_option, reason_option, lock_timeout_option, may_ask_option, auto_approve_option):
        decorated = option(decorated)
    return decorated


_target = click.argument("target", metavar="ORDER_OR_ADDRESS", shell_complete=complete_addresses)


@click.group("orders")
def command() -> None:
    """List, show, pay and cancel the orders of prepaid servers.

    \b
    A prepaid server is ordered first and built once its order is paid:
      provisioner orders list              show the orders and what each waits for
      provisioner orders pay gateway       pay the order of an address
      provisioner orders cancel gateway    cancel an unpaid order
    """


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Also list the account's other orders of servers.")
@json_option
@stack_options
def list_orders(*, workspace: Workspace, everything: bool, as_json: bool) -> None:
    """List the orders behind this state's addresses.

    Shows the status, the amount, when the order was placed, until when it can be paid, and its server. With --all it
    adds the account's orders of the last year that belong to no address of this state, and marks them. Changes
    nothing. Times are UTC.
    """
    from provisioner.rendering.orders import orders_document, render_orders
    from provisioner.workflow import orders

    listed = asyncio.run(orders.list_orders(workspace, console().show_event, everything=everything))
    console().show_diagnostics(listed.notes)
    if as_json:
        console().document(orders_document(listed.orders, listed.notes))
    else:
        console().write(render_orders(listed.orders, console().style()))


@command.command("show")
@_target
@json_option
@stack_options
def show_order(*, workspace: Workspace, target: str, as_json: bool) -> None:
    """Show one order: what was ordered, and what it waits for.

    ORDER_OR_ADDRESS is an address of this state, or the id of any order of the account.
    """
    from provisioner.rendering.orders import order_document, render_order
    from provisioner.workflow import orders

    order = asyncio.run(orders.show_order(workspace, target, console().show_event))
    if as_json:
        console().document(order_document(order))
    else:
        console().write(render_order(order, console().style()))


@command.command("pay")
@_target
@_settle_options
@stack_options
def pay(*, workspace: Workspace, target: str, options: SettleOptions) -> ExitCode:
    """Pay the order of an address, after asking.

    ORDER_OR_ADDRESS is an address of this state, or the id of its order. The payment is journaled before it is sent
    and is sent only once; its outcome is read from the order. If the order is paid already, the command exits 0. The
    next apply waits for the server to be built.

    Exit codes: 0 paid, 1 nothing was done (the order is cancelled or unknown), 7 still unpaid or waiting for
    approval, 8 you did not approve, or the run was interrupted.
    """
    from provisioner.model.action import Action

    return _settle(workspace, Action.PAY, target, options)


@command.command("cancel")
@_target
@_settle_options
@stack_options
def cancel(*, workspace: Workspace, target: str, options: SettleOptions) -> ExitCode:
    """Cancel the unpaid order of an address, after asking.

    ORDER_OR_ADDRESS is an address of this state, or the id of its order. The address is forgotten once billing shows
    the order as cancelled; the next apply orders it again if it is still in the specs. A paid order is refused;
    destroy releases its server.

    Exit codes: 0 cancelled, 1 nothing was done (the order is paid or unknown), 7 not cancelled yet, 8 you did not
    approve, or the run was interrupted.
    """
    from provisioner.model.action import Action

    return _settle(workspace, Action.CANCEL, target, options)


@command.command("wait")
@_target
@click.option(
    "--timeout", type=DurationType(), default="30m", show_default=True, metavar="DURATION", help="How long to wait."
)
@json_option
@stack_options
def wait(*, workspace: Workspace, target: str, timeout: float, as_json: bool) -> ExitCode:
    """Wait until an order is completed or cancelled.

    The command reads the order after 5 seconds and then every 10 seconds, and says on stderr what it waits for.
    Changes nothing and takes no lock. The server of a completed order may still be building; apply waits for it.

    Exit codes: 0 completed, 1 cancelled, 7 still open at the time-out, 8 interrupted.
    """
    from provisioner.rendering.orders import outcome_document, render_order, wait_line
    from provisioner.workflow import orders

    order = asyncio.run(
        orders.wait_for_order(
            workspace,
            target,
            console().show_event,
            seconds=timeout,
            on_wait=lambda order, seconds: console().message(wait_line(order, seconds)),
        )
    )
    code = of_wait(order)
    if as_json:
        outcome = order.status if order.is_over else "waiting"
        console().document(outcome_document(order, outcome, (), exit_code=code))
    else:
        console().write(render_order(order, console().style()))
    return code


def _settle(workspace: Workspace, action: Action, target: str, options: SettleOptions) -> ExitCode:
    from provisioner.cli.apply_ui import ConsoleApplyUI
    from provisioner.cli.order_ui import ConsoleOrdersUI
    from provisioner.rendering.orders import outcome_document, render_settlement
    from provisioner.workflow.order_settlement import SettleRequest, settle

    can_prompt = workspace.settings.input if options.may_ask is None else options.may_ask
    run = ConsoleApplyUI(
        console(),
        options.auto_approve,
        can_prompt,
        lock_timeout=options.lock_timeout,
        approval_word=lambda: workspace.stack().approval_word,
    )
    request = SettleRequest(action, target, options.lock_timeout, options.reason)
    settled = asyncio.run(settle(workspace, request, ConsoleOrdersUI(run, action, options.as_json)))
    code = of_settlement(settled)
    console().show_diagnostics(settled.findings)
    if options.as_json:
        document = outcome_document(settled.order, settled.settlement.value, settled.findings, exit_code=code)
        console().document(document)
    else:
        console().write(console().given.complete(render_settlement(settled.order, settled.settlement)))
    return code
