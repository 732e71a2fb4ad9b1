"""Asking an emulated cloud, inside the process and over HTTP: what is on sale, what was bought, until when, at which price."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from provisioner.cloud import (
    AccessKey,
    Channel,
    Password,
    connect,
    list_own_accounts,
    list_own_projects,
    list_projects,
    orders,
    read_names,
    region_endpoints,
    sandbox_endpoints,
    subscriptions,
)
from provisioner.cloud.catalogue import Flavor, Stock, list_flavors, list_images, list_resource_flavors
from provisioner.cloud.orders import OrderType, PeriodType, list_orders, show_order
from provisioner.cloud.prices import Price, Product, price_hour, price_term
from provisioner.cloud.subscriptions import ExpirePolicy, SubscriptionStatus, list_subscriptions
from provisioner.model.billing import OrderStatus
from provisioner.model.diagnostic import UsageError
from provisioner.model.flow import Call, CallFailed, Effect, Service
from provisioner.model.identity import Identity
from provisioner.model.secret import Secret
from provisioner.sandbox import PUBLIC, create_app

IMAGE = "c90fb553-2cdb-4b81-b56a-ef68812c6cf7"
MARKET = f"""
zones: [cn-north-4a, cn-north-4b]
flavors:
  - {{name: Si2.large.4, hourly_price: 1.40, sold_out: [cn-north-4b]}}
  - {{name: Kat1.8xlarge, hourly_price: 98.00, arch: ARM, server_type: BMS, sold_out: true}}
images:
  - {{id: {IMAGE}, name: Ubuntu18.04_x86_64_CPU}}
"""
IDENTITY = Identity(PUBLIC.domain_id, PUBLIC.project_id, PUBLIC.region)
SERVER = {
    "flavor": "Si2.large.4",
    "image_id": IMAGE,
    "key_pair_name": "ops",
    "network": {
        "security_group_id": "150a2c76-1334-45f6-b28f-419f9b1d1742",
        "subnet_id": "38cf274a-98f9-4f6f-b622-5ed0e4a3db54",
        "vpc_id": "05982b48-a70f-43a1-a2b0-1fe36a236172",
    },
}
PREPAID = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}
SERVE = """
import sys
from pathlib import Path
from provisioner.sandbox import serve
serve(None, build_seconds=0, market=Path(sys.argv[1]), announce=lambda listening: print(listening.address, flush=True))
"""

Question = Callable[[Channel], Awaitable[Any]]
Asker = Callable[[Question], Any]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("market") / "market.yml"
    path.write_text(MARKET)
    return path


@pytest.fixture(scope="module")
def served(market) -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", SERVE, market], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture(params=["in the process", "over HTTP"])
def asked(request, market) -> Asker:
    """Opens a channel and asks through it. The served cloud is one for all tests, so they count only what they bought."""
    if request.param == "over HTTP":
        url = request.getfixturevalue("served")
        cloud: dict[str, Any] = {"endpoints": region_endpoints(PUBLIC.region, dict.fromkeys(Service, url))}
    else:
        cloud = {"endpoints": sandbox_endpoints(PUBLIC.region), "app": create_app(build_seconds=0, market=market)}
    key = AccessKey(PUBLIC.access_key, Secret(PUBLIC.secret_key))

    def ask(question: Question, **changes: Any) -> Any:
        async def conversation() -> Any:
            surroundings = {"credentials": key, "region": PUBLIC.region, "user_agent": "t"} | cloud | changes
            async with connect(**surroundings) as connected, connected.channel() as channel:
                return await question(channel)

        return asyncio.run(conversation())

    return ask


async def buy(channel: Channel, count: int = 1, **charging: Any) -> str:
    body = SERVER | {"name": "trainer", "count": count, "charging_info": PREPAID | charging}
    call = Call(Service.MODELARTS, "POST", "/v1/{project_id}/dev-servers", Effect.PURCHASE, body=body)
    return str((await channel.ask(call)).object()["order_id"])


def test_flavors_tell_how_they_are_sold_and_where_they_are_in_stock(asked) -> None:
    small, large = asked(lambda channel: list_flavors(channel.ask))
    assert small == Flavor(
        name="Si2.large.4",
        architecture="X86",
        server_type="ECS",
        charging_mode="COMMON",
        sku_code="Si2.large.4",
        stock=(Stock("cn-north-4a", is_sold_out=False), Stock("cn-north-4b", is_sold_out=True)),
    )
    assert [small.is_sold_out(zone) for zone in (None, "cn-north-4a", "cn-north-4b", "moon")] == [
        False,
        False,
        True,
        None,
    ]
    assert large.is_sold_out()


def test_flavors_can_be_asked_for_by_what_they_are(asked) -> None:
    (arm,) = asked(lambda channel: list_flavors(channel.ask, architecture="ARM", server_type="BMS"))
    assert arm.name == "Kat1.8xlarge"
    assert asked(lambda channel: list_flavors(channel.ask, architecture="ARM", server_type="ECS")) == ()


def test_resource_flavors_name_what_they_stand_for(asked) -> None:
    small, _large = asked(lambda channel: list_resource_flavors(channel.ask))
    assert (small.name, small.server_flavors) == ("Si2.large.4", ("Si2.large.4",))
    assert small.is_sold_out("cn-north-4b")


def test_images_are_listed_for_a_flavor(asked) -> None:
    (image,) = asked(lambda channel: list_images(channel.ask, flavor="Si2.large.4"))
    assert (image.id, image.name, image.status) == (IMAGE, "Ubuntu18.04_x86_64_CPU", "ACTIVE")
    assert asked(lambda channel: list_images(channel.ask, flavor="Kat1.8xlarge")) == ()


@pytest.mark.parametrize("rows_a_page", [100, 2])
def test_orders_are_listed_oldest_first_on_however_many_pages(asked, monkeypatch, rows_a_page) -> None:
    monkeypatch.setattr(orders, "PAGE_SIZE", rows_a_page)

    async def question(channel: Channel) -> None:
        before = await list_orders(channel.ask)
        bought = [await buy(channel, is_auto_pay=paid) for paid in (True, False, False)]
        after = await list_orders(channel.ask)
        assert [order.id for order in after[len(before) :]] == bought
        unpaid = await list_orders(channel.ask, status=OrderStatus.AWAITING_PAYMENT, order_type=OrderType.NEW)
        assert [order.id for order in unpaid][-2:] == bought[1:]

    asked(question)


def test_an_order_tells_its_money_and_its_times(asked) -> None:
    async def question(channel: Channel) -> None:
        detail = await show_order(channel.ask, await buy(channel, count=3, is_auto_pay=False))
        order, (line,) = detail.order, detail.lines or ()
        assert (order.status, order.type) == (OrderStatus.AWAITING_PAYMENT, OrderType.NEW)
        assert (order.amount, order.currency) == (Decimal("1839.6"), "CNY")
        assert order.pay_until is not None
        assert order.created_at is not None
        assert order.pay_until - order.created_at == timedelta(days=7)
        assert order.created_at.tzinfo is UTC
        assert (line.quantity, line.periods, line.period_type) == (3, 1, PeriodType.MONTH)
        assert (order.paid_at, line.product_id) == (None, None)

    asked(question)


def test_orders_of_a_time_in_which_there_were_none_are_none(asked) -> None:
    span = {"created_from": datetime(2001, 1, 1, tzinfo=UTC), "created_until": datetime(2001, 6, 1, tzinfo=UTC)}
    assert asked(lambda channel: list_orders(channel.ask, **span)) == ()


def test_a_time_is_asked_for_in_the_clouds_own_zone(asked) -> None:
    async def question(channel: Channel) -> None:
        order_id = await buy(channel)
        (order,) = [one for one in await list_orders(channel.ask) if one.id == order_id]
        assert order.created_at is not None
        east = order.created_at.astimezone(datetime.strptime("+0800", "%z").tzinfo)
        found = await list_orders(channel.ask, created_from=east, created_until=east + timedelta(hours=1))
        assert order_id in {one.id for one in found}

    asked(question)


def test_an_order_that_billing_does_not_know_is_the_clouds_refusal(asked) -> None:
    with pytest.raises(CallFailed) as failed:
        asked(lambda channel: show_order(channel.ask, "CS0000000000NONE"))
    assert failed.value.status == 400
    assert failed.value.request_id


@pytest.mark.parametrize("order_id", ["", "..", "a/b", "CS1?limit=1", "x" * 65])
def test_what_is_no_orders_id_is_not_asked_for(asked, order_id) -> None:
    with pytest.raises(UsageError) as refused:
        asked(lambda channel: show_order(channel.ask, order_id))
    assert refused.value.diagnostics[0].code == "order-id-invalid"


@pytest.mark.parametrize("rows_a_page", [100, 2])
def test_subscriptions_of_an_order_tell_when_they_end(asked, monkeypatch, rows_a_page) -> None:
    monkeypatch.setattr(subscriptions, "PAGE_SIZE", rows_a_page)

    async def question(channel: Channel) -> None:
        order_id = await buy(channel, count=3, is_auto_renew=True)
        found = await list_subscriptions(channel.ask, order_id=order_id)
        assert len({one.resource_id for one in found}) == 3
        for one in found:
            assert (one.status, one.expire_policy) == (SubscriptionStatus.IN_USE, ExpirePolicy.RENEW)
            assert (one.renews, one.is_main, one.project) == (True, True, PUBLIC.project_id)
            assert one.effective_at is not None
            assert one.expires_at is not None
            assert one.expires_at - one.effective_at == timedelta(hours=730)

    asked(question)


def test_subscriptions_are_found_by_resource_by_state_and_by_end(asked) -> None:
    async def question(channel: Channel) -> None:
        order_id = await buy(channel, count=2)
        first, second = await list_subscriptions(channel.ask, order_id=order_id)
        asked_for = [first.resource_id, *(f"unknown-{number}" for number in range(60)), second.resource_id]
        assert await list_subscriptions(channel.ask, resource_ids=asked_for) == (first, second)
        closed = [SubscriptionStatus.CLOSED]
        assert await list_subscriptions(channel.ask, order_id=order_id, statuses=closed) == ()
        assert first.expires_at is not None
        ends = {"expires_from": first.expires_at, "expires_until": first.expires_at + timedelta(seconds=1)}
        assert first in await list_subscriptions(channel.ask, **ends)
        assert await list_subscriptions(channel.ask, expires_until=datetime(2001, 1, 1, tzinfo=UTC)) == ()
        assert first.renews is False

    asked(question)


def test_to_ask_for_no_resource_is_not_to_ask_for_all(asked) -> None:
    async def question(channel: Channel) -> None:
        await buy(channel)
        assert await list_subscriptions(channel.ask, resource_ids=[]) == ()
        assert await list_subscriptions(channel.ask) != ()

    asked(question)


def test_a_flavor_is_priced_for_a_term_and_by_the_hour(asked) -> None:
    product = Product(service_type="modelarts", resource_type="server", specification="Si2.large.4", zone="cn-north-4a")

    async def question(channel: Channel) -> None:
        term = await price_term(
            channel.ask, product, identity=IDENTITY, period_type=PeriodType.MONTH, periods=1, quantity=3
        )
        assert term == Price(amount=None, official_amount=Decimal("1839.6"), currency="CNY")
        hour = await price_hour(channel.ask, product, identity=IDENTITY)
        assert hour == Price(amount=Decimal("1.4"), official_amount=Decimal("1.4"), currency="CNY")

    asked(question)


def test_what_is_not_sold_has_no_price(asked) -> None:
    product = Product(service_type="modelarts", resource_type="server", specification="moon")
    with pytest.raises(CallFailed) as failed:
        asked(lambda channel: price_hour(channel.ask, product, identity=IDENTITY))
    assert failed.value.status == 400


def test_who_asks_is_told_his_account_and_projects(asked) -> None:
    async def question(channel: Channel) -> None:
        (project,) = await list_own_projects(channel.ask)
        (account,) = await list_own_accounts(channel.ask)
        assert (project.id, project.account, project.enabled) == (PUBLIC.project_id, account.id, True)
        assert await list_projects(channel.ask, name=PUBLIC.project_name) == (project,)
        assert await list_projects(channel.ask, name="cn-north-9") == ()
        assert await read_names(channel.ask, IDENTITY) == (PUBLIC.domain_name, PUBLIC.project_name)

    asked(question)


def test_a_password_asks_billing_for_the_account(asked) -> None:
    user = Password(PUBLIC.user_name, Secret(PUBLIC.user_password), PUBLIC.domain_name)

    async def question(channel: Channel) -> None:
        order_id = await buy(channel)
        assert (await show_order(channel.ask, order_id)).order.id == order_id

    asked(question, credentials=user)
