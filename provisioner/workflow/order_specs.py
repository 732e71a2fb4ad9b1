"""Compares an order with the specs, which it reads once and only when needed.

When they cannot be read, the order is shown, paid and cancelled without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from provisioner import planning
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, ProvisionerError, warning
from provisioner.model.order_ways import cancel_hint, keep_hint
from provisioner.model.placed_order import PlacedOrder
from provisioner.model.resource import Desired, Phase, Recorded
from provisioner.model.stack import Stack
from provisioner.workflow.workspace import Workspace


@dataclass(slots=True)
class OrderSpecs:
    workspace: Workspace
    stack: Stack
    _desired: Mapping[Address, Desired] | None = field(default=None, init=False)
    _is_read: bool = field(default=False, init=False)

    @property
    def desired(self) -> Mapping[Address, Desired] | None:
        """The desired resources by address; None when the specs cannot be read."""
        if not self._is_read:
            self._is_read = True
            with suppress(ProvisionerError):
                self._desired = {desired.address: desired for desired in self.workspace.load().desired}
        return self._desired

    def sold_otherwise(self, owners: Iterable[Recorded]) -> str | None:
        """Returns the charging mode that an owner was sold under, if neither its record nor the specs want it."""
        policy = self.stack.purchase
        for owner in owners:
            kind = self.workspace.catalogue[owner.kind]
            if kind.billing.sold_otherwise(owner, None, None, policy):
                wanted = (self.desired or {}).get(owner.address)
                if mode := kind.billing.sold_otherwise(owner, None, wanted.fields if wanted else None, policy):
                    return mode
        return None

    def remarks(self, order: PlacedOrder, owners: Iterable[Recorded]) -> Iterator[Diagnostic]:
        """Yields warnings to read before the order is paid: how it was sold, and how the specs differ from it now."""
        if not order.is_unpaid:
            return
        if order.sold_otherwise is not None:
            yield _sold_otherwise(order, order.sold_otherwise)
            return
        for owner in owners:
            if self.desired is None or owner.id is not None:
                continue
            if (wanted := self.desired.get(owner.address)) is None:
                yield _not_wanted(order, owner)
                continue
            unpaid = replace(owner, phase=Phase.AWAITING_PAYMENT, paid=False)
            kind = self.workspace.catalogue[owner.kind]
            if (otherwise := planning.check_order_against_specs(unpaid, wanted, kind, self.stack.purchase)) is not None:
                yield otherwise


def _sold_otherwise(order: PlacedOrder, mode: str) -> Diagnostic:
    addresses = ", ".join(map(str, order.addresses))
    return warning(
        "charging-mismatch",
        f"{addresses}: order {order.id} was sold as {mode}, which is not what was declared",
        hint=f"{cancel_hint(order.addresses[0])}; {keep_hint(order.addresses, mode)}",
        address=order.addresses[0] if len(order.addresses) == 1 else None,
    )


def _not_wanted(order: PlacedOrder, owner: Recorded) -> Diagnostic:
    return warning(
        "ordered-otherwise",
        f"{owner.address}: order {order.id} was placed for something that is no longer in the specs; it is not paid",
        hint=f"{cancel_hint(owner.address)}; paying it buys a server that the next apply would release, once that is allowed",
        address=owner.address,
    )
