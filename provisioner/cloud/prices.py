"""Asks what a product would cost now, for a prepaid term or by the hour.

Source: docs/api/devserver-api.md section 8. A price inquiry buys nothing and reserves nothing. All functions raise
CallFailed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from provisioner.cloud.answers import AnswerRow, Ask, Malformed, ask_for
from provisioner.cloud.orders import PeriodType
from provisioner.model.flow import Call, Effect, Service
from provisioner.model.identity import Identity
from provisioner.model.resource import Fields, FieldValue

_RATINGS: Final = "/v2/bills/ratings"
_HOURS_MEASURE: Final = 4
"""The `usage_measure_id` for hours, taken from the vendor's examples; the reference publishes no numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The product to be priced, in billing's own codes.

    The codes of a DevServer are not published, so this package knows none. The specification is likely a flavor's
    `sku_code`.
    """

    service_type: str
    resource_type: str
    specification: str
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of the whole inquiry, in whole units of `currency`. At least one of the two amounts is known.

    `amount` is the price after discounts; for a term it is that of the offer which billing marks as the best, and None
    when none is marked. `official_amount` is the list price.
    """

    amount: Decimal | None
    official_amount: Decimal | None
    currency: str | None


async def price_term(
    ask: Ask, product: Product, *, identity: Identity, period_type: PeriodType, periods: int, quantity: int = 1
) -> Price:
    """Ask for the price of `quantity` for the whole prepaid term. Billing prices terms of DAY, MONTH, YEAR and HOUR."""
    term: Fields = {"period_type": period_type.value, "period_num": periods}
    return await ask_for(ask, _inquiry("period-resources/subscribe-rate", product, identity, quantity, term), read_term)


async def price_hour(ask: Ask, product: Product, *, identity: Identity, quantity: int = 1) -> Price:
    """Ask for the price of `quantity` for one hour of pay-per-use."""
    usage: Fields = {"usage_factor": "Duration", "usage_value": 1, "usage_measure_id": _HOURS_MEASURE}
    return await ask_for(ask, _inquiry("on-demand-resources", product, identity, quantity, usage), read_usage)


def read_term(answer: AnswerRow) -> Price:
    """Read the answer for a term. Raises Malformed."""
    official = answer.row("official_website_rating_result")
    offers = answer.rows("optional_discount_rating_results") or ()
    best = next((offer for offer in offers if offer.flag("best_offer")), None)
    return _price(
        answer,
        amount=best.amount("amount") if best else None,
        official_amount=official.amount("official_website_amount") if official else None,
    )


def read_usage(answer: AnswerRow) -> Price:
    """Read the answer for an hour. Raises Malformed."""
    return _price(answer, amount=answer.amount("amount"), official_amount=answer.amount("official_website_amount"))


def _price(answer: AnswerRow, *, amount: Decimal | None, official_amount: Decimal | None) -> Price:
    if amount is None and official_amount is None:
        raise Malformed("it names no amount in whole units of a currency")
    return Price(amount=amount, official_amount=official_amount, currency=answer.text("currency"))


def _inquiry(name: str, product: Product, identity: Identity, quantity: int, terms: Fields) -> Call:
    product_info: dict[str, FieldValue] = {
        "id": "1",
        "cloud_service_type": product.service_type,
        "resource_type": product.resource_type,
        "resource_spec": product.specification,
        "region": identity.region,
        "subscription_num": quantity,
        **terms,
    }
    if product.zone is not None:
        product_info["available_zone"] = product.zone
    body: dict[str, FieldValue] = {"project_id": identity.project, "product_infos": [product_info]}
    return Call(Service.BILLING, "POST", f"{_RATINGS}/{name}", Effect.READ, body=body)
