"""Models of what billing accepts (docs/api/devserver-api.md section 8)."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from provisioner.sandbox.clock import milliseconds
from provisioner.sandbox.requests.reading import Lenient, Query

_YEAR_MILLISECONDS: Final = 366 * 86_400_000


def _read_time(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return milliseconds(datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC))
    except ValueError:
        raise ValueError("must be a UTC time such as 2026-01-02T03:04:05Z") from None


Millis = Annotated[int, BeforeValidator(_read_time)]


class BillingPage(Query):
    limit: Annotated[int, Field(ge=1, le=2_147_483_647)] = 10
    offset: Annotated[int, Field(ge=0, le=2_147_483_647)] = 0


class OrdersQuery(BillingPage):
    order_id: str | None = None
    create_time_begin: Millis | None = None
    create_time_end: Millis | None = None
    payment_time_begin: Millis | None = None
    payment_time_end: Millis | None = None
    service_type_code: str | None = None
    status: Literal["1", "3", "4", "5", "6", "9"] | None = None
    order_type: Literal["1", "2", "3", "4", "10", "11", "13", "14", "15"] | None = None
    order_by: Literal["createTime", "-createTime"] = "-createTime"

    @model_validator(mode="after")
    def check_span(self) -> Self:
        begin, end = self.create_time_begin, self.create_time_end
        if begin is not None and end is not None and not 0 <= end - begin <= _YEAR_MILLISECONDS:
            raise ValueError("create_time_end must lie after create_time_begin, by at most one year")
        return self


class QuerySubscriptions(Lenient):
    resource_ids: Annotated[list[str], Field(max_length=50)] | None = None
    order_id: str | None = None
    only_main_resource: Literal[0, 1] | None = None
    service_type_code: Annotated[str, Field(min_length=1)] | None = None
    status_list: list[Literal[2, 3, 4, 5]] | None = None
    expire_time_begin: Millis | None = None
    expire_time_end: Millis | None = None
    limit: Annotated[int, Field(ge=1, le=2_147_483_647)] = 10
    offset: Annotated[int, Field(ge=0, le=2_147_483_647)] = 0


class Unsubscribe(Lenient):
    resource_ids: Annotated[list[str], Field(min_length=1, max_length=10)]
    unsubscribe_type: Literal[1, 2]
    unsubscribe_reason_type: Literal[1, 2, 3, 4, 5] | None = None
    unsubscribe_reason: str | None = None


class AutoRenew(Lenient):
    """Switches renewal on. 0 times, or no number, means without end."""

    auto_renew_times: Annotated[int, Field(ge=0, le=99)] | None = None
    period_type: Literal["MONTH", "YEAR"] | None = None


class Coupon(Lenient):
    id: str
    type: Literal[300, 301, 302, 303]


class Discount(Lenient):
    id: str
    type: Literal[0, 2, 3]


class PayOrder(Lenient):
    """Pays an order. The lists are given only together with their YES."""

    order_id: Annotated[str, Field(min_length=1, max_length=64)]
    use_coupon: Literal["YES", "NO"]
    use_discount: Literal["YES", "NO"]
    coupon_infos: Annotated[list[Coupon], Field(max_length=3)] | None = None
    discount_infos: Annotated[list[Discount], Field(max_length=1)] | None = None

    @model_validator(mode="after")
    def check_lists(self) -> Self:
        if (self.coupon_infos and self.use_coupon == "NO") or (self.discount_infos and self.use_discount == "NO"):
            raise ValueError("coupon_infos and discount_infos must come only with use_coupon and use_discount of YES")
        return self


class CancelOrder(Lenient):
    order_id: str


class Product(Lenient):
    """A product of a price inquiry. `resource_spec` is a flavor's `sku_code`. The other names are not published, so
    any are accepted.
    """

    id: str
    cloud_service_type: str
    resource_type: str
    resource_spec: str
    region: str
    available_zone: str | None = None
    resource_size: int | None = None
    size_measure_id: Literal[14, 15, 17] | None = None


class PeriodProduct(Product):
    period_type: Literal[0, 2, 3, 4]
    period_num: Annotated[int, Field(ge=1, le=1_000)]
    subscription_num: Annotated[int, Field(ge=1, le=1_000_000)]


class OnDemandProduct(Product):
    """A product by usage. The numbers of the measure are not published; the usage counts as hours."""

    usage_factor: Literal["Duration"]
    usage_value: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
    usage_measure_id: int
    subscription_num: Annotated[int, Field(ge=1, le=1_000_000)]


class RatePeriod(Lenient):
    project_id: str
    product_infos: Annotated[list[PeriodProduct], Field(min_length=1, max_length=100)]


class RateOnDemand(Lenient):
    project_id: str
    product_infos: Annotated[list[OnDemandProduct], Field(min_length=1, max_length=100)]
    inquiry_precision: Literal[0, 1] = 0
