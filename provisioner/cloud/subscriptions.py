"""Lists the resources that the account has paid for in advance: until when, and what happens then.

Source: docs/api/devserver-api.md section 8. Billing knows a resource only once it is built. All functions raise
CallFailed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from provisioner.cloud.answers import AnswerRow, Ask, to_member
from provisioner.cloud.orders import billing_time
from provisioner.cloud.paging import PAGE_SIZE, Listing, read_all
from provisioner.model.billing import SUBSCRIPTIONS
from provisioner.model.flow import Call, Effect, Service
from provisioner.model.resource import FieldValue
from provisioner.model.resource_id import coerce_ids, request_spelling

_MAX_IDS: Final = 50
"""The maximum number of resource ids in one request."""


class SubscriptionStatus(IntEnum):
    IN_USE = 2
    CLOSED = 3
    FROZEN = 4
    EXPIRED = 5


class ExpirePolicy(IntEnum):
    """What happens at the end of the term."""

    GRACE = 0
    TO_USAGE = 1
    DELETE = 2
    RENEW = 3
    FREEZE = 4
    DELETE_AFTER_RETENTION = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A prepaid resource as billing shows it. Times are aware; what billing does not state is None.

    `resource_id` is the DevServer's own id. A status or policy that the reference does not list is kept as its number.
    The row does not name its order: list by `order_id`, or read the server.
    """

    resource_id: str
    id: str | None = None
    name: str | None = None
    status: SubscriptionStatus | int | None = None
    project: str | None = None
    region: str | None = None
    service_type: str | None = None
    specification: str | None = None
    is_main: bool | None = None
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    expire_policy: ExpirePolicy | int | None = None

    def __post_init__(self) -> None:
        coerce_ids(self, "resource_id")

    @property
    def renews(self) -> bool | None:
        """Whether the term is renewed automatically; None when billing does not state it."""
        return None if self.expire_policy is None else self.expire_policy == ExpirePolicy.RENEW


async def list_subscriptions(
    ask: Ask,
    *,
    resource_ids: Sequence[str] | None = None,
    order_id: str | None = None,
    statuses: Iterable[SubscriptionStatus] = (),
    expires_from: datetime | None = None,
    expires_until: datetime | None = None,
    only_main: bool = True,
) -> tuple[Subscription, ...]:
    """List the subscriptions that meet all given conditions. An empty `resource_ids` yields none.

    Without `statuses` billing may omit closed ones. `only_main` omits resources that belong to another one, such as a
    server's disks.
    """
    body: dict[str, FieldValue] = {"only_main_resource": int(only_main), "limit": PAGE_SIZE}
    if order_id is not None:
        body["order_id"] = order_id
    if wanted := tuple(status.value for status in statuses):
        body["status_list"] = wanted
    if expires_from is not None:
        body["expire_time_begin"] = billing_time(expires_from)
    if expires_until is not None:
        body["expire_time_end"] = billing_time(expires_until)
    if resource_ids is None:
        return await _read(ask, body)
    distinct = tuple(dict.fromkeys(map(request_spelling, resource_ids)))
    parts = [distinct[start : start + _MAX_IDS] for start in range(0, len(distinct), _MAX_IDS)]
    return tuple([row for part in parts for row in await _read(ask, {**body, "resource_ids": part})])


def read_subscription(row: AnswerRow) -> Subscription:
    """Read one row. Raises Malformed."""
    return Subscription(
        resource_id=row.required(row.text, "resource_id"),
        id=row.text("id"),
        name=row.text("resource_name"),
        status=to_member(SubscriptionStatus, row.number("status")),
        project=row.text("project_id"),
        region=row.text("region_code"),
        service_type=row.text("service_type_code"),
        specification=row.text("resource_spec_code"),
        is_main=row.flag("is_main_resource"),
        effective_at=row.moment("effective_time"),
        expires_at=row.moment("expire_time"),
        expire_policy=to_member(ExpirePolicy, row.number("expire_policy")),
    )


async def _read(ask: Ask, body: dict[str, FieldValue]) -> tuple[Subscription, ...]:
    return await read_all(
        _LIST,
        ask,
        lambda offset: Call(Service.BILLING, "POST", SUBSCRIPTIONS, Effect.READ, body={**body, "offset": offset}),
    )


_LIST: Final = Listing("subscriptions", "data", read_subscription, key=lambda one: one.id or one.resource_id)
