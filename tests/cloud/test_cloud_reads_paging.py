"""A list counts only when all of it was read: pages that shift, repeat, end early or never say how many there are."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cloud import list_projects, translate
from provisioner.cloud.catalogue import list_flavors, list_images, list_resource_flavors
from provisioner.cloud.orders import Order, OrderDetail, list_orders, show_order
from provisioner.cloud.subscriptions import list_subscriptions
from provisioner.model.billing import OrderStatus
from provisioner.model.flow import Call, CallFailed, Reply


class Billing:
    """Shows `ids` in pages. `reads` changes what the page at an offset shows, once for each reading."""

    def __init__(self, ids: list[str], *, total: int | None = None, page: int = 100) -> None:
        self.ids = ids
        self.total = total
        self.page = page
        self.calls: list[Call] = []
        self.readings: list[Callable[[int], dict[str, Any]]] = []

    async def __call__(self, call: Call) -> Reply:
        self.calls.append(call)
        asked = call.body if call.body is not None else call.query
        offset = asked["offset"]
        assert isinstance(offset, int)
        if self.readings:
            return Reply(200, self.readings.pop(0)(offset))
        shown = self.ids[offset : offset + self.page]
        rows = [{"order_id": one, "resource_id": one, "status": 5} for one in shown]
        total = len(self.ids) if self.total is None else self.total
        return Reply(200, {"total_count": total, "order_infos": rows, "data": rows}, request_id="req-1")


def listed(billing: Billing) -> list[str]:
    return [order.id for order in asyncio.run(list_orders(billing))]


def answers(body: Any) -> Callable[[Call], Any]:
    async def ask(_call: Call) -> Reply:
        return Reply(200, body, request_id="req-1")

    return ask


@given(count=st.integers(0, 12), page=st.integers(1, 5))
def test_every_row_is_listed_once_whatever_the_size_of_a_page(count: int, page: int) -> None:
    ids = [f"CS{number}" for number in range(count)]
    billing = Billing(ids, page=page)
    assert listed(billing) == ids
    assert [call.query["offset"] for call in billing.calls] == list(range(0, max(count, 1), page))


def test_a_list_that_shifts_between_its_pages_is_read_again() -> None:
    billing = Billing(["a", "b", "c"], page=2)
    billing.readings = [
        lambda _offset: {
            "total_count": 3,
            "order_infos": [{"order_id": "a", "status": 5}, {"order_id": "b", "status": 5}],
        },
        lambda _offset: {"total_count": 3, "order_infos": [{"order_id": "b", "status": 5}]},
    ]
    assert listed(billing) == ["a", "b", "c"]


def test_a_total_that_changes_between_the_pages_is_read_again() -> None:
    billing = Billing(["a", "b", "c"], page=2)
    billing.readings = [
        lambda _offset: {"total_count": 2, "order_infos": [{"order_id": "a", "status": 5}]},
        lambda _offset: {
            "total_count": 3,
            "order_infos": [{"order_id": "b", "status": 5}, {"order_id": "c", "status": 5}],
        },
    ]
    assert listed(billing) == ["a", "b", "c"]


@pytest.mark.parametrize("total", [0, 1, 3, 4, -1, 10**9])
@pytest.mark.parametrize("listing", [list_orders, list_subscriptions])
def test_a_list_that_is_never_as_long_as_it_says_is_refused(listing, total: int) -> None:
    billing = Billing(["a", "b"], total=total)
    with pytest.raises(CallFailed) as failed:
        asyncio.run(listing(billing))
    (finding,) = translate(failed.value, "listing").diagnostics
    assert f"is incomplete, 2 of {total} in 3 readings" in finding.summary
    assert (finding.code, finding.request_id) == ("cloud-error", "req-1")
    assert len(billing.calls) <= 6


def test_a_cloud_that_knows_no_offset_is_not_asked_for_ever() -> None:
    billing = Billing(["a"], total=2)
    billing.readings = [lambda _offset: {"total_count": 2, "order_infos": [{"order_id": "a", "status": 5}]}] * 100
    with pytest.raises(CallFailed, match="1 of 2"):
        listed(billing)
    assert len(billing.calls) == 6


@pytest.mark.parametrize(
    ("ask", "fault"),
    [
        (list_orders, "total_count is missing"),
        (list_subscriptions, "total_count is missing"),
        (list_flavors, "total is missing"),
        (list_images, "total is missing"),
        (list_resource_flavors, "data is missing"),
        (list_projects, "projects is missing"),
    ],
)
def test_an_answer_that_does_not_say_how_much_there_is_cannot_be_used(ask, fault: str) -> None:
    with pytest.raises(CallFailed) as failed:
        asyncio.run(ask(answers({"else": []})))
    (finding,) = translate(failed.value, "listing").diagnostics
    assert fault in finding.summary
    assert (finding.code, finding.request_id) == ("cloud-error", "req-1")
    assert "request id" in finding.hint


@pytest.mark.parametrize("ask", [list_flavors, list_images, list_resource_flavors])
@pytest.mark.parametrize("total", [0, 2])
def test_a_catalogue_that_is_not_whole_on_its_only_page_is_refused(ask, total: int) -> None:
    page = {"data": [{"flavor": "f", "image_id": "i"}], "total": total}
    with pytest.raises(CallFailed, match=f"incomplete, 1 of {total}"):
        asyncio.run(ask(answers(page)))


def test_resource_flavors_need_not_say_how_many_they_are() -> None:
    (flavor,) = asyncio.run(list_resource_flavors(answers({"data": [{"flavor": "f"}]})))
    assert (flavor.stock, flavor.server_flavors, flavor.is_sold_out()) == ((), None, None)


def detail(body: dict[str, Any]) -> OrderDetail:
    return asyncio.run(show_order(answers({"order_info": {"order_id": "CS1", "status": 6}, **body}), "CS1"))


@pytest.mark.parametrize(
    "body",
    [{}, {"order_line_items": [{}]}, {"total_count": 1}, {"total_count": 1, "order_line_items": []}],
    ids=repr,
)
def test_lines_that_billing_does_not_tell_are_unknown_and_not_none(body) -> None:
    assert detail(body) == OrderDetail(Order(id="CS1", status=OrderStatus.AWAITING_PAYMENT), lines=None)


def test_an_order_without_lines_has_none() -> None:
    assert detail({"total_count": 0, "order_line_items": []}).lines == ()


def test_lines_without_ids_of_their_own_are_told_apart_by_their_place() -> None:
    lines = detail({"total_count": 2, "order_line_items": [{"subscription_num": 1}, {"subscription_num": 1}]}).lines
    assert lines is not None
    assert len(lines) == 2


@pytest.mark.parametrize("rows", [[{}], [{"order_line_item_id": "x"}] * 2])
def test_lines_that_are_fewer_than_told_are_refused(rows) -> None:
    with pytest.raises(CallFailed, match="the order's lines is incomplete, 1 of 2"):
        detail({"total_count": 2, "order_line_items": rows})


def test_the_lines_of_a_long_order_are_read_to_the_end() -> None:
    async def ask(call: Call) -> Reply:
        offset = call.query["offset"]
        assert isinstance(offset, int)
        rows = [{"order_line_item_id": f"CS1-{number}"} for number in range(5)][offset : offset + 2]
        return Reply(200, {"total_count": 5, "order_info": {"order_id": "CS1", "status": 5}, "order_line_items": rows})

    lines = asyncio.run(show_order(ask, "CS1")).lines
    assert lines is not None
    assert [line.id for line in lines] == [f"CS1-{number}" for number in range(5)]


def test_the_answer_for_another_order_is_not_taken_for_this_one() -> None:
    with pytest.raises(CallFailed, match="another order"):
        asyncio.run(show_order(answers({"order_info": {"order_id": "CS2", "status": 5}}), "CS1"))
