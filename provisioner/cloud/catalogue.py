"""Reads what is on sale: flavors with their stock, and images.

Source: docs/api/devserver-api.md section 2.5. It knows neither prices nor what a stack needs. All functions raise
CallFailed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from provisioner.cloud.answers import AnswerRow, Ask, Malformed, ask_for, interpret, unreadable
from provisioner.model.flow import Call, CallFailed, Effect, Service

_SERVERS: Final = "/v1/{project_id}/dev-servers"

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Stock:
    """The stock of a flavor in one zone. `zone` is None when the cloud states it for the flavor as a whole."""

    zone: str | None
    is_sold_out: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """A flavor, or a resource flavor, as it is sold. What the cloud does not state is None.

    `architecture` is X86 or ARM, `server_type` is BMS, ECS or HPS, `charging_mode` is PRE_PAID, POST_PAID or COMMON for
    both. `sku_code` is likely the specification of a price inquiry. `server_flavors` are the flavors that a resource
    flavor comprises.
    """

    name: str
    architecture: str | None = None
    server_type: str | None = None
    charging_mode: str | None = None
    sku_code: str | None = None
    specification: str | None = None
    status: str | None = None
    stock: tuple[Stock, ...] = ()
    server_flavors: tuple[str, ...] | None = None

    def is_sold_out(self, zone: str | None = None) -> bool | None:
        """Whether the flavor is sold out in `zone`, or in all zones.

        None means that the cloud does not state it, which promises nothing.
        """
        values = {each.is_sold_out for each in self.stock if zone is None or each.zone in {zone, None}}
        if values == {True}:
            return True
        return False if False in values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image. `status` is ACTIVE or INACTIVE. What the cloud does not state is None."""

    id: str
    name: str | None = None
    architecture: str | None = None
    server_type: str | None = None
    status: str | None = None


class PartialCatalogue(CallFailed):
    """A list that may be incomplete.

    `items` are the rows that could be read; `gap` describes what is missing or unreadable.
    """

    def __init__(self, failed: CallFailed, items: tuple[Any, ...], gap: str) -> None:
        super().__init__(
            failed.outcome,
            failed.message,
            status=failed.status,
            code=failed.code,
            request_id=failed.request_id,
            server_time=failed.server_time,
        )
        self.items = items
        self.gap = gap


async def list_flavors(
    ask: Ask, *, server_type: str | None = None, architecture: str | None = None, charging_mode: str | None = None
) -> tuple[Flavor, ...]:
    """List what a spec's `flavor` may name: one entry for each variant that is sold, with the stock of all its zones."""
    query = {"server_type": server_type, "arch": architecture, "charging_mode": charging_mode}
    try:
        return _merge_zones(await _read_page(ask, "flavors", query, read_flavor))
    except PartialCatalogue as partial:
        partial.items = _merge_zones(partial.items)
        raise


async def list_resource_flavors(
    ask: Ask, *, server_type: str | None = None, architecture: str | None = None, charging_mode: str | None = None
) -> tuple[Flavor, ...]:
    """List what a spec's `resource_flavor` may name. An answer without a total is taken as complete."""
    query = {"server_type": server_type, "arch": architecture, "charging_mode": charging_mode}
    return await _read_page(ask, "resource-flavors", query, read_resource_flavor, may_lack_total=True)


async def list_images(ask: Ask, *, server_type: str | None = None, flavor: str | None = None) -> tuple[Image, ...]:
    """List images; with `flavor`, only those that run on it."""
    return await _read_page(ask, "images", {"server_type": server_type, "flavor_name": flavor}, read_image)


async def show_image(ask: Ask, identifier: str) -> Image:
    """Return one image, which need not be in any list."""
    call = Call(Service.MODELARTS, "GET", f"{_SERVERS}/images/{identifier}", Effect.READ)
    return await ask_for(ask, call, read_image)


def read_flavor(row: AnswerRow) -> Flavor:
    """Read one row. Raises Malformed."""
    stock = Stock(row.text("availability_zone"), row.flag("is_sold_out"))
    return replace(_flavor_without_stock(row), stock=() if stock == Stock(None, None) else (stock,))


def read_resource_flavor(row: AnswerRow) -> Flavor:
    """Read one row. Raises Malformed."""
    zones = row.rows("availability_zones") or ()
    parts = row.rows("server_flavors")
    return replace(
        _flavor_without_stock(row),
        stock=tuple(Stock(zone.required(zone.text, "id"), zone.flag("is_sold_out")) for zone in zones),
        server_flavors=None if parts is None else tuple(part.required(part.text, "name") for part in parts),
    )


def read_image(row: AnswerRow) -> Image:
    """Read one row. Raises Malformed."""
    return Image(
        id=row.required(row.text, "image_id"),
        name=row.text("name"),
        architecture=row.text("arch"),
        server_type=row.text("server_type"),
        status=row.text("status"),
    )


def _flavor_without_stock(row: AnswerRow) -> Flavor:
    return Flavor(
        name=row.required(row.text, "flavor"),
        architecture=row.text("arch"),
        server_type=row.text("server_type"),
        charging_mode=row.text("charging_mode"),
        sku_code=row.text("sku_code"),
        specification=row.text("specification"),
        status=row.text("status"),
    )


def _merge_zones(flavors: Iterable[Flavor]) -> tuple[Flavor, ...]:
    """Merge rows that differ only in their stock into one flavor, because a row has room for one zone only."""
    stock: dict[Flavor, tuple[Stock, ...]] = {}
    for flavor in flavors:
        bare = replace(flavor, stock=())
        stock[bare] = (*stock.get(bare, ()), *flavor.stock)
    return tuple(replace(bare, stock=zones) for bare, zones in stock.items())


async def _read_page(
    ask: Ask,
    name: str,
    query: dict[str, str | None],
    read: Callable[[AnswerRow], Item],
    *,
    may_lack_total: bool = False,
) -> tuple[Item, ...]:
    """Read a list that has only one page: the API documents no way to ask for a second one.

    Raises PartialCatalogue when rows are missing or cannot be read.
    """
    filters = {key: value for key, value in query.items() if value is not None}
    call = Call(Service.MODELARTS, "GET", f"{_SERVERS}/{name}", Effect.READ, query=filters)

    def read_body(answer: AnswerRow) -> tuple[tuple[Item, ...], list[str], int | None, int]:
        total = answer.number("total") if may_lack_total else answer.required(answer.number, "total")
        rows = answer.required(answer.rows, "data")
        items, faults = _read_rows(rows, read)
        return items, faults, total, len(rows)

    reply = await ask(call)
    items, faults, total, count = interpret(call, reply, read_body)
    gap = faults[0] if faults else "" if total in {None, count} else f"{count} of {total}"
    if gap:
        raise PartialCatalogue(unreadable(call, reply, gap if faults else f"it is incomplete, {gap}"), items, gap)
    return items


def _read_rows(rows: Iterable[AnswerRow], read: Callable[[AnswerRow], Item]) -> tuple[tuple[Item, ...], list[str]]:
    items: list[Item] = []
    faults: list[str] = []
    for row in rows:
        try:
            items.append(read(row))
        except Malformed as fault:
            faults.append(str(fault))
    return tuple(items), faults
