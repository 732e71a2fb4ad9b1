"""Billing (BSS): what a period or a usage would cost (docs/api/devserver-api.md section 8), at the prices of a
purchase and without discounts.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

from provisioner.sandbox import prices
from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.errors import Service, parameter_error
from provisioner.sandbox.prices import CURRENCY, MEASURE_ID, PeriodType, yuan
from provisioner.sandbox.requests.billing import OnDemandProduct, PeriodProduct, Product, RateOnDemand, RatePeriod
from provisioner.sandbox.requests.reading import read_body

_PERIODS: Final[dict[int, PeriodType]] = {0: "DAY", 2: "MONTH", 3: "YEAR", 4: "HOUR"}
_DECIMALS: Final[dict[int, int]] = {0: 2, 1: 10}


def rate_period(call: Call) -> Answer:
    request = read_body(RatePeriod, call.body)
    _check_project(call, request.project_id)
    rated = [(product.id, _period_amount(call, product)) for product in request.product_infos]
    return Answer(
        {
            "currency": CURRENCY,
            "official_website_rating_result": _rating(rated, decimals=2),
            "optional_discount_rating_results": [],
        }
    )


def rate_on_demand(call: Call) -> Answer:
    request = read_body(RateOnDemand, call.body)
    _check_project(call, request.project_id)
    decimals = _DECIMALS[request.inquiry_precision]
    rated = [(product.id, round(_usage_amount(call, product), decimals)) for product in request.product_infos]
    rating = _rating(rated, decimals=decimals)
    undiscounted = {"amount": rating["official_website_amount"], "discount_amount": 0}
    return Answer({**rating, **undiscounted, "currency": CURRENCY})


def _rating(rated: Iterable[tuple[str, float]], *, decimals: int) -> dict[str, object]:
    listed = list(rated)
    return {
        "official_website_amount": round(sum(amount for _, amount in listed), decimals),
        "measure_id": MEASURE_ID,
        "product_rating_results": [
            {"id": product_id, "official_website_amount": amount, "measure_id": MEASURE_ID}
            for product_id, amount in listed
        ],
    }


def _period_amount(call: Call, product: PeriodProduct) -> float:
    price = prices.period_price(_hourly_price(call, product), _PERIODS[product.period_type], product.period_num)
    return yuan(price * product.subscription_num)


def _usage_amount(call: Call, product: OnDemandProduct) -> float:
    return yuan(_hourly_price(call, product)) * product.usage_value * product.subscription_num


def _hourly_price(call: Call, product: Product) -> int:
    flavor = call.transaction.rules.market.flavor(product.resource_spec)
    if flavor is None:
        raise parameter_error(Service.BILLING, "resource_spec: there is no such product")
    return flavor.hourly_price


def _check_project(call: Call, project_id: str) -> None:
    if call.caller.account.project(project_id) is None:
        raise parameter_error(Service.BILLING, "project_id: the project is not one of the account's")


_RATINGS: Final = "/v2/bills/ratings"
_operation = partial(Operation, service=Service.BILLING)

OPERATIONS: Final = (
    _operation("ListRateOnPeriodDetail", "POST", f"{_RATINGS}/period-resources/subscribe-rate", rate_period),
    _operation("ListOnDemandResourceRatings", "POST", f"{_RATINGS}/on-demand-resources", rate_on_demand),
)
