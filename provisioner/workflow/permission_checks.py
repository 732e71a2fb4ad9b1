"""Checks of the permissions, by requests that only read: each that is refused names what to grant, and what does not work without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sized
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from provisioner.applying import read_listing
from provisioner.cloud import Ask, Channel, Cloud, translate
from provisioner.model.check import CheckResult, doubtful, failed, passed, result_of_error
from provisioner.model.flow import CallFailed, Service
from provisioner.model.kind import Catalogue, Kind
from provisioner.workflow.check_runner import LONG, CheckRunner
from provisioner.workflow.clock_notes import UNDATED, UNDATED_HINT, undated_summary
from provisioner.workflow.credential_checks import SIGN_IN
from provisioner.workflow.network_checks import endpoint_check

_TOPIC: Final = "permissions"
_PRODUCT: Final = ("hws.service.type.ec2", "hws.resource.type.vm")
"""A product of another service, whose codes are published: only whether billing lets us ask is of interest."""


@dataclass(frozen=True, slots=True)
class _PermissionRead:
    """One request that only reads. `ask` returns what it found; `grant` is the permission; `without` what then fails."""

    name: str
    doing: str
    ask: Callable[[Ask], Awaitable[str]]
    grant: str
    without: str
    service: Service = Service.MODELARTS


async def check_permissions(
    runner: CheckRunner, cloud: Cloud | None, catalogue: Catalogue, *, needs_orders: bool
) -> None:
    """Make the checks. Without a `cloud`, because the sign-in failed, all are skipped for that reason.

    `needs_orders`: an apply cannot pay what it orders unless it may read orders.
    """
    for kind in catalogue.kinds:
        await _check_list(runner, cloud, kind)
    for reading in _readings(cloud):
        await _check_reading(runner, cloud, reading, stops=needs_orders and reading.name == "orders")


async def _check_list(runner: CheckRunner, cloud: Cloud | None, kind: Kind) -> None:
    name = f"list-{kind.section}"

    async def examine() -> CheckResult:
        assert cloud is not None
        async with cloud.channel() as channel:
            return await _examine_list(channel, kind)

    async def examine_time() -> CheckResult:
        assert cloud is not None
        if cloud.time().earliest() is None:
            return failed(UNDATED, undated_summary(cloud.time().unknown_because), hint=UNDATED_HINT)
        return passed("the cloud's answers carry their time, so a purchase can be dated")

    needs = (SIGN_IN, endpoint_check(Service.MODELARTS))
    await runner.run(_TOPIC, name, examine, needs=needs, limit=LONG)
    await runner.run("clock", "dated", examine_time, needs=(f"{_TOPIC}/{name}",))


async def _examine_list(channel: Channel, kind: Kind) -> CheckResult:
    try:
        listing = await read_listing(kind, channel, ())
    except CallFailed as problem:
        without = f"no {kind.noun} can be planned, bought or released"
        return _refused(problem, f"listing the {kind.noun}s", kind.list_permission, without)
    if listing.gaps:
        found = "; ".join(map(str, listing.gaps))
        code = "own-list" if all(gap.only_others for gap in listing.gaps) else "list-incomplete"
        hint = f"Grant {kind.list_permission}. Until then it is not noticed that another user has taken a name."
        return doubtful(code, found, hint=hint)
    return passed(f"{len(listing.live)} {kind.noun}s listed, those of all users")


async def _check_reading(runner: CheckRunner, cloud: Cloud | None, reading: _PermissionRead, *, stops: bool) -> None:
    async def examine() -> CheckResult:
        assert cloud is not None
        try:
            async with cloud.channel() as channel:
                return passed(await reading.ask(channel.ask))
        except CallFailed as problem:
            return _refused(problem, reading.doing, reading.grant, reading.without)

    needs = (SIGN_IN, endpoint_check(reading.service))
    await runner.run(_TOPIC, reading.name, examine, needs=needs, stops=stops)


def _refused(problem: CallFailed, doing: str, grant: str, without: str) -> CheckResult:
    result = result_of_error(translate(problem, doing))
    advice = f"Grant {grant}" if problem.status == HTTPStatus.FORBIDDEN and grant else result.hint
    return replace(result, hint=f"{advice}. Without it, {without}.")


def _readings(cloud: Cloud | None) -> tuple[_PermissionRead, ...]:
    async def flavors(ask: Ask) -> str:
        from provisioner.cloud.catalogue import list_flavors

        return await _count(list_flavors(ask), "flavors on sale")

    async def images(ask: Ask) -> str:
        from provisioner.cloud.catalogue import list_images

        return await _count(list_images(ask), "images")

    async def orders(ask: Ask) -> str:
        from provisioner.cloud.orders import list_orders

        assert cloud is not None
        now = cloud.utc()
        return f"{len(await list_orders(ask, created_from=now - timedelta(days=1), created_until=now))} orders of the last day"

    async def prices(ask: Ask) -> str:
        assert cloud is not None
        return await _ask_price(ask, cloud)

    catalogue_loss = "a plan does not notice that {} does not exist or is not on sale"
    prepaid = "nothing is known of orders, of purchases in doubt and of the terms of what is prepaid"
    return (
        _PermissionRead(
            "flavors", "listing the flavors", flavors, "modelarts:devserver:list", catalogue_loss.format("a flavor")
        ),
        _PermissionRead(
            "images", "listing the images", images, "modelarts:devserver:list", catalogue_loss.format("an image")
        ),
        _PermissionRead("orders", "listing the orders", orders, "bss:order:view", prepaid, Service.BILLING),
        _PermissionRead(
            "prices", "asking for a price", prices, "bss:order:view", "no price can be asked for", Service.BILLING
        ),
    )


async def _count(listing: Awaitable[Sized], what: str) -> str:
    from provisioner.cloud.catalogue import PartialCatalogue

    try:
        return f"{len(await listing)} {what}"
    except PartialCatalogue as partial:
        return f"{len(partial.items)} {what}, and the list lacks some ({partial.gap}), which a plan takes into account"


async def _ask_price(ask: Ask, cloud: Cloud) -> str:
    from provisioner.cloud.prices import Product, price_hour

    service_type, resource_type = _PRODUCT
    product = Product(service_type=service_type, resource_type=resource_type, specification="s6.small.1.linux")
    try:
        await price_hour(ask, product, identity=cloud.identity)
    except CallFailed as problem:
        if problem.status is None or problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR or problem.status in _NO_RIGHT:
            raise
    return "billing answers inquiries"


_NO_RIGHT: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
