"""Orders and prices through the vendor's SDK: paid, unpaid, waiting for approval, cancelled."""

import huaweicloudsdkbss.v2 as bss
import huaweicloudsdkmodelarts.v1 as modelarts
import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

from provisioner.sandbox import PUBLIC

AWAITING_APPROVAL, CANCELLED, COMPLETED, AWAITING_PAYMENT = 1, 4, 5, 6
MONTH_OF_A_SMALL_ONE = 613.2  # CNY: 1.40 an hour, 730 hours, 60 percent


def monthly(*, pay: bool) -> modelarts.ChargingInfo:
    return modelarts.ChargingInfo(charging_mode="PRE_PAID", period_type="MONTH", period_num=1, is_auto_pay=pay)


def pay(sdk, order_id: str) -> None:
    body = bss.PayCustomerOrderV3Req(order_id=order_id, use_coupon="NO", use_discount="NO")
    sdk.billing.pay_orders(bss.PayOrdersRequest(body=body))


def cancel(sdk, order_id: str) -> None:
    body = bss.CancelCustomerOrderReq(order_id=order_id)
    sdk.billing.cancel_customer_order(bss.CancelCustomerOrderRequest(body=body))


def test_an_order_is_placed_first_and_paid_later(sdk, sandbox):
    ordered = sdk.create(name="two-step", charging_info=monthly(pay=False))
    assert (ordered.id, ordered.status) == (None, None)
    waiting = sdk.billing.list_customer_orders(
        bss.ListCustomerOrdersRequest(order_id=ordered.order_id, status=6, order_type="1", limit=1, offset=0)
    )
    assert [(order.order_id, order.official_amount) for order in waiting.order_infos] == [
        (ordered.order_id, MONTH_OF_A_SMALL_ONE)
    ]

    pay(sdk, ordered.order_id)
    assert sdk.order(ordered.order_id).status == COMPLETED
    listed = sdk.servers.list_dev_servers(modelarts.ListDevServersRequest(limit=1024)).data
    assert [(each.name, each.status) for each in listed if each.order_id == ordered.order_id] == [
        ("two-step", "RUNNING")
    ]
    assert sandbox.kinds(order_id=ordered.order_id) == {"purchase": 1, "payment": 1}
    with pytest.raises(ClientRequestException) as refused:
        pay(sdk, ordered.order_id)
    assert refused.value.error_code == "CBC.0100"


def test_an_unpaid_order_can_be_cancelled_and_a_paid_one_cannot(sdk):
    unpaid, paid = (sdk.create(charging_info=monthly(pay=pay)).order_id for pay in (False, True))
    cancel(sdk, unpaid)
    assert sdk.order(unpaid).status == CANCELLED
    with pytest.raises(ClientRequestException) as refused:
        cancel(sdk, paid)
    assert refused.value.error_code == "CBC.99005010"


def test_an_order_that_the_balance_does_not_cover_stays_unpaid(sdk_of, strict_sandbox):
    pia = sdk_of("pia", "poor")
    ordered = pia.create(name="too-dear", charging_info=monthly(pay=True))
    assert (ordered.id, pia.order(ordered.order_id).status) == (None, AWAITING_PAYMENT)
    with pytest.raises(ClientRequestException) as refused:
        pay(pia, ordered.order_id)
    assert refused.value.error_code == "CBC.30050006"
    assert strict_sandbox.kinds(account="poor-id", kind="payment") == {}


def test_an_order_can_wait_for_approval(sdk_of):
    sam = sdk_of("sam", "slow")
    ordered = sam.create(charging_info=monthly(pay=True))
    assert (ordered.id, sam.order(ordered.order_id).status) == (None, AWAITING_APPROVAL)
    with pytest.raises(ClientRequestException) as refused:
        pay(sam, ordered.order_id)
    assert refused.value.error_code == "CBC.0100"
    cancel(sam, ordered.order_id)
    assert sam.order(ordered.order_id).status == CANCELLED


def test_what_is_sold_is_listed(sdk):
    (sold,) = sdk.billing.list_service_types(bss.ListServiceTypesRequest(limit=1)).service_types
    assert sold.service_type_name == "ModelArts"


def test_the_price_is_known_before_anything_is_bought(sdk):
    product = {"cloud_service_type": "c", "resource_type": "r", "resource_spec": "Si2.large.4", "region": "cn-north-4"}
    month = bss.PeriodProductInfo(id="1", period_type=2, period_num=1, subscription_num=1, **product)
    hours = bss.DemandProductInfo(
        id="1", usage_factor="Duration", usage_value=10, usage_measure_id=4, subscription_num=1, **product
    )
    project = PUBLIC.project_id
    period = sdk.billing.list_rate_on_period_detail(
        bss.ListRateOnPeriodDetailRequest(body=bss.RateOnPeriodReq(project_id=project, product_infos=[month]))
    )
    demand = sdk.billing.list_on_demand_resource_ratings(
        bss.ListOnDemandResourceRatingsRequest(body=bss.RateOnDemandReq(project_id=project, product_infos=[hours]))
    )
    assert float(period.official_website_rating_result.official_website_amount) == MONTH_OF_A_SMALL_ONE
    assert (float(demand.amount), demand.currency) == (14.0, "CNY")
