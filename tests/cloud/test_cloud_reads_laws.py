"""Whatever an answer holds, it is read, or refused as one that cannot be used: never a traceback, never an invented value."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cloud import list_own_accounts, list_own_projects, list_projects
from provisioner.cloud.answers import AnswerRow, Malformed, to_member
from provisioner.cloud.catalogue import (
    list_flavors,
    list_images,
    list_resource_flavors,
    read_flavor,
    read_image,
    read_resource_flavor,
)
from provisioner.cloud.identities import read_account, read_project
from provisioner.cloud.orders import (
    OrderType,
    PeriodType,
    list_orders,
    read_detail,
    read_line,
    read_order,
    show_order,
)
from provisioner.cloud.prices import Product, price_hour, price_term, read_term, read_usage
from provisioner.cloud.subscriptions import ExpirePolicy, list_subscriptions, read_subscription
from provisioner.model.billing import OrderStatus, order_status
from provisioner.model.flow import Call, CallFailed, Effect, Reply
from provisioner.model.identity import Identity

IDENTITY = Identity("account-1", "project-1", "cn-north-4")
PRODUCT = Product(service_type="s", resource_type="r", specification="f")
READERS = [
    read_flavor, read_resource_flavor, read_image, read_project, read_account, read_order, read_line, read_detail,
    read_subscription, read_term, read_usage,
]  # fmt: skip
NAMES = [
    "data", "total", "total_count", "order_infos", "order_info", "order_line_items", "projects", "domains", "id",
    "name", "flavor", "image_id", "order_id", "resource_id", "status", "amount", "official_amount", "measure_id",
    "create_time", "expire_time", "expire_policy", "is_main_resource", "availability_zones", "availability_zone",
    "is_sold_out", "server_flavors", "official_website_rating_result", "official_website_amount",
    "optional_discount_rating_results", "best_offer", "currency",
]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "2026-01-02T03:04:05Z", "0001-01-01T00:00:00+23:59", "2026-01-02"])
    | st.text(max_size=20)
)
KEYS = st.sampled_from(NAMES) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8), max_leaves=25
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=10)


MONEY = {"amount_after_discount": 1.5, "official_amount": 2, "measure_id": 1, "currency": "CNY"}
TERM = {"effective_time": "2026-01-02T03:04:05Z", "expire_time": "2026-02-02T03:04:05Z"}
ORDER = {"order_id": "CS1", "status": 5, "order_type": 1, "create_time": "2026-01-02T03:04:05Z", **MONEY}
LINE = {"order_line_item_id": "CS1-1", "period_type": 2, "period_num": 1, "subscription_num": 1, **MONEY, **TERM}
RATING = {"official_website_amount": 2, "measure_id": 1}
FLAVOR = {"flavor": "f", "arch": "X86", "sku_code": "f", "status": "onsell"}
VALID: list[tuple[Any, dict[str, Any]]] = [
    (read_order, ORDER),
    (read_line, LINE),
    (read_detail, {"order_info": ORDER, "order_line_items": [LINE], "total_count": 1}),
    (read_subscription, {"resource_id": "r", "status": 2, "expire_policy": 3, "is_main_resource": 1, **TERM}),
    (read_flavor, {**FLAVOR, "availability_zone": "a", "is_sold_out": True}),
    (read_resource_flavor, {**FLAVOR, "availability_zones": [{"id": "a"}], "server_flavors": [{"name": "g"}]}),
    (read_usage, {"amount": 1.4, "currency": "CNY", **RATING}),
    (
        read_term,
        {
            "official_website_rating_result": RATING,
            "optional_discount_rating_results": [{"amount": 1, "best_offer": 1}],
            "currency": "CNY",
        },
    ),
]


def every_question(ask: Any) -> list[Any]:
    return [
        lambda: list_flavors(ask),
        lambda: list_resource_flavors(ask),
        lambda: list_images(ask),
        lambda: list_orders(ask),
        lambda: show_order(ask, "CS1"),
        lambda: list_subscriptions(ask),
        lambda: list_subscriptions(ask, resource_ids=["a"]),
        lambda: price_term(ask, PRODUCT, identity=IDENTITY, period_type=PeriodType.MONTH, periods=1),
        lambda: price_hour(ask, PRODUCT, identity=IDENTITY),
        lambda: list_projects(ask),
        lambda: list_own_projects(ask),
        lambda: list_own_accounts(ask),
    ]


@given(OBJECTS)
def test_any_row_is_read_or_refused(fields) -> None:
    for read in READERS:
        with suppress(Malformed):
            read(AnswerRow(fields))


@given(data=st.data(), valid=st.sampled_from(VALID))
def test_a_good_row_with_one_odd_field_is_read_or_refused(data, valid) -> None:
    read, fields = valid
    read(AnswerRow(fields))
    with suppress(Malformed):
        read(AnswerRow({**fields, data.draw(st.sampled_from(sorted(fields))): data.draw(JSON)}))


@given(JSON)
def test_any_answer_is_read_or_refused(body) -> None:
    async def ask(_call: Call) -> Reply:
        return Reply(200, body)

    for question in every_question(ask):
        with suppress(CallFailed):
            asyncio.run(question())


def test_every_question_only_reads() -> None:
    calls: list[Call] = []

    async def ask(call: Call) -> Reply:
        calls.append(call)
        return Reply(200, None)

    for question in every_question(ask):
        with pytest.raises(CallFailed):
            asyncio.run(question())
    assert {call.effect for call in calls} == {Effect.READ}
    assert {call.path for call in calls if call.method != "GET"} == {
        "/v2/orders/suscriptions/resources/query",
        "/v2/bills/ratings/period-resources/subscribe-rate",
        "/v2/bills/ratings/on-demand-resources",
    }


@given(st.decimals(0, 10**9, places=2))
def test_an_amount_keeps_the_digits_that_the_cloud_wrote(amount: Decimal) -> None:
    body = json.loads(f'{{"amount_after_discount": {amount}}}')
    assert AnswerRow(body).amount("amount_after_discount") == amount


@pytest.mark.parametrize(
    ("row", "amount"),
    [
        ({"amount": 0.1}, Decimal("0.1")),
        ({"amount": 7}, Decimal(7)),
        ({"amount": 0.1, "measure_id": 1}, Decimal("0.1")),
        ({"amount": 10, "measure_id": 3}, None),
        ({"amount": None}, None),
        ({}, None),
    ],
    ids=repr,
)
def test_an_amount_in_a_unit_that_is_not_published_is_unknown(row, amount) -> None:
    assert AnswerRow(row).amount("amount") == amount


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - hypothesis wants it so
def test_a_moment_is_the_same_in_whatever_zone_it_was_written(moment: datetime) -> None:
    read = AnswerRow({"at": moment.isoformat()}).moment("at")
    assert read == moment.astimezone(UTC)
    assert read is not None
    assert read.tzinfo is UTC


def test_a_moment_without_a_zone_is_in_utc() -> None:
    assert AnswerRow({"at": "2026-01-02T03:04:05"}).moment("at") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59", 1_767_268_800])
def test_what_is_no_time_is_refused_by_its_place_and_not_by_its_value(value) -> None:
    row = {"order_id": "CS1", "status": 5, "create_time": value}
    with pytest.raises(CallFailed) as failed:
        asyncio.run(list_orders(_always({"total_count": 1, "order_infos": [row]})))
    assert "order_infos[0].create_time is no t" in failed.value.message
    assert str(value) not in failed.value.message


def _always(body: Any) -> Any:
    async def ask(_call: Call) -> Reply:
        return Reply(200, body)

    return ask


def test_what_the_reference_does_not_know_stays_what_it_is() -> None:
    order = read_order(AnswerRow({"order_id": "CS1", "status": 77, "order_type": 99, "colour": "red"}))
    assert (order.status, order.type) == (77, 99)
    assert to_member(OrderType, 2) is OrderType.RENEWAL
    assert to_member(OrderType, None) is None
    assert (order_status(5), order_status(77)) == (OrderStatus.COMPLETED, None)


@pytest.mark.parametrize(
    ("policy", "renews"),
    [({}, None), ({"expire_policy": 3}, True), ({"expire_policy": 0}, False), ({"expire_policy": 9}, False)],
)
def test_whether_a_term_renews_is_unknown_where_billing_is_silent(policy, renews) -> None:
    one = read_subscription(AnswerRow({"resource_id": "r", **policy}))
    assert one.renews is renews
    assert (one.expires_at, one.status, one.is_main) == (None, None, None)
    assert one.expire_policy in {None, ExpirePolicy.RENEW, ExpirePolicy.GRACE, 9}


def test_the_price_of_a_term_is_that_of_the_best_offer() -> None:
    offers = [{"amount": 90, "best_offer": 0}, {"amount": 80.5, "best_offer": 1}]
    answer = {
        "currency": "CNY",
        "official_website_rating_result": {"official_website_amount": 100, "measure_id": 1},
        "optional_discount_rating_results": offers,
    }
    price = read_term(AnswerRow(answer))
    assert (price.amount, price.official_amount, price.currency) == (Decimal("80.5"), Decimal(100), "CNY")


def test_a_flavor_row_without_a_zone_speaks_for_every_zone() -> None:
    flavor = read_flavor(AnswerRow({"flavor": "f", "is_sold_out": True}))
    assert [flavor.is_sold_out(), flavor.is_sold_out("a")] == [True, True]
    assert read_flavor(AnswerRow({"flavor": "f"})).is_sold_out() is None
