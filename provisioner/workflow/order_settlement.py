"""Pays or cancels an unpaid order of this state when a person asks for it, under the lock and journaled.

It reads and shows the order, asks for approval, and then executes a plan with that change like any other. It settles
only an order that an address of this state records: any other order may be somebody else's money.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from provisioner.applying import CloudSnapshot
from provisioner.model.action import Action
from provisioner.model.billing import OrderStatus
from provisioner.model.change import CancelChange, PayChange
from provisioner.model.diagnostic import Diagnostic, ProvisionerError, Refused, UsageError, error
from provisioner.model.event import Event, EventType, ResultType
from provisioner.model.flow import Service
from provisioner.model.journal import Settled as IntentSettled
from provisioner.model.order_ways import apply_hint, release_hint
from provisioner.model.placed_order import PlacedOrder, Settlement
from provisioner.model.plan import Mode, Plan
from provisioner.model.state import State
from provisioner.store import LockWaitStatus, Session, StateStore
from provisioner.workflow.cloud_snapshot import basis_of, check_identity
from provisioner.workflow.journal_run import JournalRun
from provisioner.workflow.order_lookup import NamedOrder, find_order, read_order
from provisioner.workflow.order_specs import OrderSpecs
from provisioner.workflow.run import Run, RunOutcome, RunUI
from provisioner.workflow.workspace import Workspace, who

if TYPE_CHECKING:
    from provisioner.cloud import Ask, Cloud
    from provisioner.model.stack import Stack

_DOUBTS_SHOWN = 3
"""How many purchases in doubt an error names."""


class OrdersUI(RunUI, Protocol):
    """The user interface of `orders pay` and `orders cancel`."""

    def approve(self, order: PlacedOrder) -> bool: ...

    def on_lock_wait(self, wait: LockWaitStatus) -> None: ...


@dataclass(frozen=True, slots=True)
class SettleRequest:
    """`action` is PAY or CANCEL; `target` is an order's id, or the address that it was placed for."""

    action: Action
    target: str
    lock_timeout: float = 0.0
    reason: str | None = None

    @property
    def command(self) -> str:
        return f"orders {self.action.value}"


@dataclass(frozen=True, slots=True)
class SettlementResult:
    """`order` is as it was read last; `findings` explain what is still open and what could not be recorded."""

    order: PlacedOrder
    settlement: Settlement
    findings: tuple[Diagnostic, ...] = ()
    interrupted: bool = False
    unrecorded: bool = False
    """The state could not be written after the work."""


async def settle(workspace: Workspace, request: SettleRequest, ui: OrdersUI) -> SettlementResult:
    """Settles an order.

    Raises ProvisionerError, and changes nothing, for an order that this state does not record or whose status does not
    allow it.
    """
    stack = workspace.stack()
    store = workspace.store(stack)
    for finding in store.warnings:
        ui.listen(Event(EventType.NOTICE, diagnostic=finding))
    lock = store.write(
        command=request.command, who=who(), timeout=request.lock_timeout, on_wait=ui.on_lock_wait, reason=request.reason
    )
    with lock as session:
        state = session.state
        async with workspace.cloud(stack, ui.listen) as cloud, cloud.channel() as channel:
            check_identity(state, cloud.identity)
            specs = OrderSpecs(workspace, stack)
            wanted = find_order(state, request.target, specs)
            if state is None or not wanted.owners:
                raise _untracked(wanted.id, state, store.location)
            settling = _Settling(workspace, request, session, store, state, wanted, specs)
            return await settling.settle(stack, cloud, channel.ask, ui)


@dataclass(frozen=True, slots=True)
class _Settling:
    workspace: Workspace
    request: SettleRequest
    session: Session
    store: StateStore
    state: State
    wanted: NamedOrder
    specs: OrderSpecs

    async def settle(self, stack: Stack, cloud: Cloud, ask: Ask, ui: OrdersUI) -> SettlementResult:
        mode = self.specs.sold_otherwise(self.wanted.owners)
        order = replace(await read_order(ask, self.wanted), sold_otherwise=mode)
        if (settled := self._settled_already(order)) is not None:
            self._close_open_intents(cloud)
            return settled
        for remark in self.specs.remarks(order, self.wanted.owners) if self.request.action is Action.PAY else ():
            ui.listen(Event(EventType.NOTICE, diagnostic=remark))
        if not ui.approve(order):
            return SettlementResult(order, Settlement.NOT_APPROVED)
        self._close_open_intents(cloud)
        run = Run(
            self.workspace,
            self.session,
            cloud,
            ui,
            command=self.request.command,
            reason=self.request.reason,
            dated_by=Service.BILLING,
        )
        return await self._settlement_result(
            ask, order, await run.execute(self._plan(stack, cloud), stack, snapshot=CloudSnapshot({}, None))
        )

    def _settled_already(self, order: PlacedOrder) -> SettlementResult | None:
        """Returns the result when there is nothing to send, and None otherwise.

        Raises UsageError when the order's status forbids the action.
        """
        if self.request.action is Action.CANCEL:
            if order.is_unpaid:
                self._require_one_holder()
            if order.is_unpaid or order.status == OrderStatus.CANCELLED:
                return None
            raise UsageError(_paid_error(order) if order.is_paid else _unsettleable_error(order, "cancelled"))
        if order.is_paid:
            return SettlementResult(order, Settlement.ALREADY_PAID)
        match order.status:
            case OrderStatus.AWAITING_PAYMENT:
                return None
            case OrderStatus.AWAITING_APPROVAL:
                return SettlementResult(order, Settlement.OPEN, (_unapproved_error(order),))
            case OrderStatus.CANCELLED:
                raise UsageError(_cancelled_error(order))
            case _:
                raise UsageError(_unsettleable_error(order, "paid"))

    def _require_one_holder(self) -> None:
        """Raises Refused if another state records the order as well, which waits for its servers."""
        for label in self.store.siblings_recording([self.wanted.id]).states:
            raise Refused(_held_twice_error(self.wanted, label))

    def _plan(self, stack: Stack, cloud: Cloud) -> Plan:
        """Returns a plan with one payment, or with a cancellation for each owner, as all of them forget the order."""
        owners = self.wanted.owners if self.request.action is Action.CANCEL else self.wanted.owners[:1]
        variant = CancelChange if self.request.action is Action.CANCEL else PayChange
        changes = tuple(variant(owner.address, owner.kind, recorded=owner) for owner in owners)
        return Plan(Mode.APPLY, basis_of(stack, self.session.state, cloud), changes)

    def _close_open_intents(self, cloud: Cloud) -> None:
        """Closes the open calls of a dead run about this order. The order, which has been read, shows their outcome."""
        leftovers = [
            IntentSettled(intent.id, "observed", "the order shows the outcome")
            for intent in self.state.in_doubt
            if intent.effect.targets_order and intent.target_id == self.wanted.id
        ]
        if leftovers:
            journal = JournalRun(
                self.session,
                f"{self.request.command} (recovery)",
                self.workspace.version,
                caller=cloud.caller,
            )
            journal.append(leftovers)
            self.session.checkpoint()

    async def _settlement_result(self, ask: Ask, order: PlacedOrder, outcome: RunOutcome) -> SettlementResult:
        results = outcome.result.results
        open_ones = tuple(result.diagnostic for result in results if result.diagnostic is not None)
        is_done = all(result.type is ResultType.DONE for result in results)
        settled = Settlement.PAID if self.request.action is Action.PAY else Settlement.CANCELLED
        with suppress(ProvisionerError):  # the outcome is known without it
            order = replace(await read_order(ask, self.wanted), sold_otherwise=order.sold_otherwise)
        return SettlementResult(
            order,
            settled if is_done else Settlement.OPEN,
            (*open_ones, *outcome.result.findings, *outcome.trouble),
            interrupted=outcome.result.interrupted,
            unrecorded=bool(outcome.trouble),
        )


def _untracked(order_id: str, state: State | None, location: str) -> UsageError:
    doubts = state.purchases_in_doubt[:_DOUBTS_SHOWN] if state else ()
    ways = " or ".join(f"`provisioner resolve {one.address.shell_quoted} --adopt {order_id}`" for one in doubts)
    hint = "settle another order in the console"
    hint += f"; if it belongs to a purchase in doubt: {ways}" if ways else "; nothing was changed"
    return UsageError(
        error(
            "order-untracked",
            f"no address in the state at {location} is {order_id!r}, and none has that order",
            hint=hint,
        )
    )


def _held_twice_error(wanted: NamedOrder, label: str) -> Diagnostic:
    address = wanted.owners[0].address
    return error(
        "held-twice",
        f"order {wanted.id} of {address} is recorded in the state {label} as well; nothing was changed",
        hint=f"decide which of the two states it belongs to, and forget it in the other one: here that is `provisioner state rm {address.shell_quoted}`",
        address=address,
    )


def _paid_error(order: PlacedOrder) -> Diagnostic:
    addresses = ", ".join(map(str, order.addresses))
    release = f"{release_hint(order.addresses)}, and refunds what the vendor refunds"
    hint = (
        release
        if order.servers
        else f"{apply_hint(order.addresses)} goes on with it; once {addresses} is a server, {release}"
    )
    summary = f"order {order.id} is paid ({order.status}) and cannot be cancelled; nothing was changed"
    return error("order-paid", summary, hint=hint, address=order.addresses[0])


def _cancelled_error(order: PlacedOrder) -> Diagnostic:
    hint = f"`provisioner orders cancel {order.id}` forgets it; the next apply orders it again"
    summary = f"order {order.id} is cancelled and cannot be paid; nothing was changed"
    return error("order-cancelled", summary, hint=hint, address=order.addresses[0])


def _unapproved_error(order: PlacedOrder) -> Diagnostic:
    hint = "have it approved in the console, then run this again"
    return error("order-unapproved", f"order {order.id} awaits approval and cannot be paid yet", hint=hint)


def _unsettleable_error(order: PlacedOrder, action: str) -> Diagnostic:
    summary = f"an order that is {order.status!r} cannot be {action} from here; nothing was changed"
    return error("order-unsettleable", summary, hint=f"look at order {order.id} in the console")
