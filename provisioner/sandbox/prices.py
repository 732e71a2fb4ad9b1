"""The price book: invented prices in integer cents of CNY, so that the ledger can be added up. Any flavor is sold; one
that is not listed has the default price. Knows no servers and no orders.
"""

from typing import Final, Literal

PeriodType = Literal["ABSOLUTE", "DAY", "HOUR", "MONTH", "WEEK", "YEAR"]

CURRENCY: Final = "CNY"
MILLISECONDS_PER_HOUR: Final = 3_600_000

_DEFAULT_HOURLY: Final = 10_00
_HOURLY: Final = {
    "Si2.large.4": 1_40,
    "Si2.xlarge.4": 2_80,
    "sandbox.fails": 1_00,
}
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


def hourly_price(flavor: str) -> int:
    """Cents for an hour of pay-per-use."""
    return _HOURLY.get(flavor, _DEFAULT_HOURLY)


def period_hours(period_type: PeriodType, period_num: int) -> int:
    return _HOURS[period_type] * period_num


def period_price(flavor: str, period_type: PeriodType, period_num: int) -> int:
    """Cents for one server over the whole period, paid in advance."""
    return hourly_price(flavor) * period_hours(period_type, period_num) * _PREPAID_PERCENT // 100


def yuan(cents: int) -> float:
    """As billing prints amounts."""
    return cents / 100
