"""Computes prices in integer cents of CNY, so that the ledger can be added up. The market has the prices themselves."""

from typing import Final, Literal

PeriodType = Literal["ABSOLUTE", "DAY", "HOUR", "MONTH", "WEEK", "YEAR"]

CURRENCY: Final = "CNY"
MEASURE_ID: Final = 1
"""How billing says that amounts are in whole units of the currency."""
MILLISECONDS_PER_HOUR: Final = 3_600_000

# ABSOLUTE is published without a meaning; it is sold as a month.
_HOURS: Final[dict[PeriodType, int]] = {
    "HOUR": 1,
    "DAY": 24,
    "WEEK": 168,
    "MONTH": 730,
    "ABSOLUTE": 730,
    "YEAR": 8_760,
}
_PREPAID_PERCENT: Final = 60


def period_milliseconds(period_type: PeriodType, period_num: int) -> int:
    return _HOURS[period_type] * period_num * MILLISECONDS_PER_HOUR


def period_price(hourly_price: int, period_type: PeriodType, period_num: int) -> int:
    """Returns the prepaid price of one server for the whole period, in cents."""
    return hourly_price * _HOURS[period_type] * period_num * _PREPAID_PERCENT // 100


def yuan(cents: int) -> float:
    """Formats an amount as billing does."""
    return cents / 100
