"""The comparison operators and tests of templates. Each charges its worst-case cost before it compares.

Jinja compiles comparisons to Python's own, which hostile values can keep busy for minutes. This module knows values, not
templates.
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
    """Comparisons that charge their cost to one budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Returns replacements for the Jinja tests whose work Jinja does not limit.

        These are the comparisons, and `even` and `odd`, because the % in them formats when the value is a text.
        """
        comparisons = {name: self._test(sign) for sign, names in _TESTS.items() for name in names}
        return comparisons | {
            "even": lambda value: require_integer(value) % 2 == 0,
            "odd": lambda value: require_integer(value) % 2 == 1,
        }

    def compare(self, sides: list[Any], signs: tuple[str, ...]) -> bool:
        """Evaluates a chained comparison such as `a < b < c`. Unlike in Jinja, all operands are evaluated first."""
        return all(self._holds(sign, *pair) for sign, pair in zip(signs, pairwise(sides), strict=True))

    def _test(self, sign: str) -> Callable[[Any, Any], bool]:
        return lambda left, right: self._holds(sign, left, right)

    def _holds(self, sign: str, left: Any, right: Any) -> bool:
        require_defined(left)
        require_defined(right)
        self._budget.charge(CALL_COST + 2 * _cost(sign, left, right))
        return _COMPARISONS[sign](left, right)


def _cost(sign: str, left: Any, right: Any) -> int:
    """Returns the worst-case cost: a lookup in a map reads only the key, other comparisons may read both sides completely."""
    if sign in {"in", "notin"}:
        if isinstance(right, dict):
            return weight(left)
        if isinstance(left, str) and isinstance(right, str):
            return search_cost(right, left)
    return weight(left) + weight(right)
