"""What billing accepts (docs/api/devserver-api.md section 8)."""

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
    status_list: list[Literal[2, 3, 4, 5]] | None = None
    limit: Annotated[int, Field(ge=1, le=2_147_483_647)] = 10
    offset: Annotated[int, Field(ge=0, le=2_147_483_647)] = 0


class Unsubscribe(Lenient):
    resource_ids: Annotated[list[str], Field(min_length=1, max_length=10)]
    unsubscribe_type: Literal[1, 2]
    unsubscribe_reason_type: Literal[1, 2, 3, 4, 5] | None = None
    unsubscribe_reason: str | None = None
