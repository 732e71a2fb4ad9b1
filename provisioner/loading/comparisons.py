"""Comparisons in templates, as operators and as tests: paid for by what they may have to walk, before they walk it.

Jinja compiles them to Python's own, which can be made to compare for minutes. Knows values, not templates.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from provisioner.loading.budget import CALL_COST, Budget, search_cost, weight
from provisioner.loading.filters import require_defined, require_integer

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
    "in": lambda item, items: item in items,
    "notin": lambda item, items: item not in items,
}
_TESTS: Mapping[str, tuple[str, ...]] = {
    "eq": ("==", "eq"),
    "ne": ("!=", "ne"),
    "gt": (">", "gt"),
    "gteq": (">=", "ge"),
    "lt": ("<", "lt"),
    "lteq": ("<=", "le"),
    "in": ("in",),
}


class Comparisons:
    """Bound to the budget that pays for them."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Those of Jinja's that Jinja does not bound: what compares, and what divides, which for a text is formatting."""
        comparing = {name: self._test(sign) for sign, names in _TESTS.items() for name in names}
        return comparing | {
            "even": lambda value: require_integer(value) % 2 == 0,
            "odd": lambda value: require_integer(value) % 2 == 1,
        }

    def compare(self, sides: list[Any], signs: tuple[str, ...]) -> bool:
        """`a < b < c`. Unlike in Jinja all sides are worked out, even where the first two decide."""
        return all(self._holds(sign, *pair) for sign, pair in zip(signs, pairwise(sides), strict=True))

    def _test(self, sign: str) -> Callable[[Any, Any], bool]:
        return lambda left, right: self._holds(sign, left, right)

    def _holds(self, sign: str, left: Any, right: Any) -> bool:
        require_defined(left)
        require_defined(right)
        self._budget.charge(CALL_COST + 2 * _cost(sign, left, right))
        return _COMPARISONS[sign](left, right)


def _cost(sign: str, left: Any, right: Any) -> int:
    """A map is looked into by the item alone; whatever else is compared may have to be walked on both sides."""
    if sign in {"in", "notin"}:
        if isinstance(right, dict):
            return weight(left)
        if isinstance(left, str) and isinstance(right, str):
            return search_cost(right, left)
    return weight(left) + weight(right)
