"""The filters and operators of templates. Each charges its cost to the budget before it makes a value.

Jinja's own filters are not used, because many of them can grow a value without limit or show Python's notation. This
module knows values, not templates, scopes or files.
"""

from __future__ import annotations

import json
import math
import operator
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from jinja2 import Undefined

from provisioner.loading.budget import STEP_COST, Budget, over_limit, search_cost, weight
from provisioner.loading.map_filter import item_field
from provisioner.loading.scalars import fits
from provisioner.loading.tree import INVALID
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError

_DIRECTIVE = re.compile(r"%(?:%|[-+ #0]*[0-9]{0,3}(?:\.[0-9]{1,3})?[sdioxXeEfFgG])|%")
_WORST_DIRECTIVE = 2000  # two widths of three digits, or the longest float
_LARGEST_POWER = 64
_OPERATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
BINARY_OPERATORS = frozenset(_OPERATIONS)
_MOST_DIGITS = 20


def to_text(value: Any) -> str:
    """Returns a scalar as text in YAML's notation. Raises UnplacedError for undefined and for values without one notation."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Undefined():
            require_defined(value)
            raise _error("the condition is false and there is no else", hint="write: ... if ... else ...")
        case None:
            raise _error("null cannot stand inside a text", hint="give it a value with | default(..., true)")
        case list() | tuple() | dict():
            hint = "use | join(', ') or | tojson, or make the expression the whole value"
            raise _error(f"a {'map' if isinstance(value, dict) else 'list'} cannot stand inside a text", hint=hint)
        case _ if value is INVALID:
            raise AlreadyReported
        case _:
            raise _error("this is no value that can stand in a text", hint="methods are called with ()")


class Operations:
    """The operations that an expression can use. Each charges its cost to one budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Returns the filters by the name that authors write."""
        plain_filters: dict[str, Callable[..., Any]] = {
            "abs": abs,
            "capitalize": lambda value: to_text(value).capitalize(),
            "first": lambda items: _first_or_last(items, 0),
            "float": _number_parser(float),
            "int": _number_parser(int),
            "last": lambda items: _first_or_last(items, -1),
            "length": lambda items: len(_items(items)),
            "list": lambda items: list(_items(items)),
            "lower": lambda value: to_text(value).lower(),
            "max": lambda items: max(_items(items)),
            "min": lambda items: min(_items(items)),
            "reverse": lambda items: items[::-1] if isinstance(items, str) else list(_items(items))[::-1],
            "round": _round,
            "sort": self._sort,
            "string": to_text,
            "sum": lambda items: sum(_items(items)),
            "title": lambda value: to_text(value).title(),
            "trim": lambda value: to_text(value).strip(),
            "unique": lambda items: [*dict.fromkeys(_items(items))],
            "upper": lambda value: to_text(value).upper(),
        }
        metered_filters: dict[str, Callable[..., Any]] = {
            name: self._with_metering(filter_) for name, filter_ in plain_filters.items()
        }
        return metered_filters | {
            "default": _default,
            "format": lambda template, *values: self.apply_operator("%", template, values),
            "indent": self._indent,
            "join": self.join,
            "map": self.map_field,
            "quote": self._quote,
            "replace": self.replace,
            "tojson": self._to_json,
        }

    def slice_of(self, value: Any, start: Any, stop: Any, step: Any) -> Any:
        """Evaluates `value[start:stop:step]`."""
        part = slice(start, stop, step)
        if not isinstance(value, (str, list, tuple)):
            raise _error("only a list or a text can be cut with [:]")
        self._budget.charge_weight(len(range(*part.indices(len(value)))))
        return value[part]

    def apply_operator(self, operator_sign: str, left: Any, right: Any) -> Any:
        """Applies a binary operator. Raises UnplacedError where an operand or the result does not fit into 64 bits."""
        for side in (left, right):
            require_defined(side)
            if isinstance(side, int) and not fits(side):
                raise over_limit("a number in it does not fit into 64 bits")
        self._budget.charge_weight(_result_weight(operator_sign, left, right))
        result = _OPERATIONS[operator_sign](left, right)
        if isinstance(result, complex) or (isinstance(result, float) and not math.isfinite(result)):
            raise _error("the result is no ordinary number")
        if isinstance(result, int) and not fits(result):
            raise over_limit("the result does not fit into 64 bits")
        return result

    def concatenate(self, parts: list[Any]) -> str:
        """Evaluates `a ~ b`."""
        self._budget.charge(STEP_COST * len(parts))
        texts = [to_text(part) for part in parts]
        self._budget.charge_weight(sum(map(len, texts)))
        return "".join(texts)

    def join(self, items: Any, separator: Any = "") -> str:
        between = to_text(separator)
        self._budget.charge(STEP_COST * len(_items(items)))
        texts = [to_text(item) for item in _items(items)]
        self._budget.charge_weight(sum(map(len, texts)) + len(between) * len(texts))
        return between.join(texts)

    def map_field(self, items: Any, *, attribute: Any) -> list[Any]:
        """Evaluates `items | map(attribute="name")`: the named field of each item, or of each value when `items` is a map."""
        if to_text(attribute).startswith("_"):
            raise UnplacedError("template-forbidden", f"the attribute {attribute} is not allowed in templates")
        rows = items.values() if isinstance(items, dict) else _items(items)
        self._budget.charge(STEP_COST * len(rows))
        fields = [item_field(row, attribute) for row in rows]
        self._budget.charge_weight(weight(fields))
        return fields

    def replace(self, value: Any, old: Any, new: Any, count: int = -1) -> str:
        text, before, after = to_text(value), to_text(old), to_text(new)
        self._budget.charge(search_cost(text, before))
        times = text.count(before) if count < 0 else min(count, text.count(before))
        self._budget.charge_weight(len(text) + times * max(0, len(after) - len(before)))
        return text.replace(before, after, count)

    def call_method(self, owner: Any, name: str, arguments: tuple[Any, ...]) -> Any:
        """Calls a method that the grammar allows, `owner.name(...)`. The views of a map become lists."""
        if name == "replace":
            return self.replace(owner, *arguments)
        self._budget.charge_weight(0 if name == "get" else weight(owner))
        for argument in arguments:
            self._budget.charge(weight(argument))
        if name == "split" and arguments:
            self._budget.charge(search_cost(owner, to_text(arguments[0])))
        result = getattr(owner, name)(*arguments)
        if name == "split":
            self._budget.charge(STEP_COST * len(result))
        return result if isinstance(owner, str) or name == "get" else list(result)

    def metered(self, value: Any) -> Any:
        """Charges for a value that was just made and returns it."""
        return self._budget.metered(value)

    def loop_items(self, items: Any, size: int) -> Iterable[Any]:
        """Yields the items of a loop and charges for each of them. `size`: number of nodes in the loop."""
        for item in _items(items):
            self._budget.charge(STEP_COST * size)
            yield item

    def integer_range(self, *bounds: int) -> list[int]:
        """Evaluates `range(...)`."""
        numbers = range(*map(require_integer, bounds))
        self._budget.charge_weight(len(numbers) * 2)
        return list(numbers)

    def _with_metering(self, filter_: Callable[..., Any]) -> Callable[..., Any]:
        def run(value: Any, *arguments: Any, **options: Any) -> Any:
            require_defined(value)
            return self._budget.metered(filter_(self._budget.metered(value), *arguments, **options))

        return run

    def _sort(self, items: Any, reverse: Any = None) -> list[Any]:
        comparisons_per_item = len(_items(items)).bit_length()
        self._budget.charge(weight(items) * comparisons_per_item // 4)
        return sorted(items, reverse=bool(reverse))

    def _quote(self, value: Any) -> str:
        text = to_text(value)
        self._budget.charge_weight(len(text) * 5)  # a single quote becomes five characters
        return shlex.quote(text)

    def _indent(self, value: Any, width: int = 4, first: bool = False) -> str:  # noqa: FBT001, FBT002 - as in Jinja
        text = to_text(value)
        self._budget.charge_weight(len(text) + max(0, require_integer(width)) * (text.count("\n") + 1))
        margin = " " * width
        indented = ("\n" + margin).join(text.split("\n"))
        return margin + indented if first else indented

    def _to_json(self, value: Any) -> str:
        require_defined(value)
        self._budget.charge_weight(weight(value) * 6)
        return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)


def _result_weight(operator_sign: str, left: Any, right: Any) -> int:
    """Returns an upper bound for the weight of a result, before it is computed."""
    if operator_sign == "**":
        if isinstance(left, int) and isinstance(right, int) and abs(left) > 1 and right > _LARGEST_POWER:
            raise over_limit("the result does not fit into 64 bits")
        return 0
    if operator_sign == "*":
        for sequence, times in ((left, right), (right, left)):
            if isinstance(sequence, (str, list, tuple)) and isinstance(times, int):
                return weight(sequence) * max(0, times) + max(0, times)
    if operator_sign == "+" and isinstance(left, (str, list, tuple)):
        return weight(left) + weight(right)
    if operator_sign == "%" and isinstance(left, str):
        return len(left) + _format_weight(left, right if isinstance(right, tuple) else (right,))
    return 0


def _format_weight(template: str, values: tuple[Any, ...]) -> int:
    directives = _DIRECTIVE.findall(template)
    if "%" in directives:
        hint = "use %s, %d or %.2f, with widths of at most three digits"
        raise UnplacedError("template-forbidden", "this format directive is refused", hint=hint)
    return len(directives) * _WORST_DIRECTIVE + sum(len(to_text(value)) for value in values)


def require_defined(value: Any) -> None:
    """Raises UndefinedError for an undefined value: Jinja's StrictUndefined raises when it is converted to a text."""
    if isinstance(value, Undefined):
        str(value)


def require_integer(value: Any) -> int:
    require_defined(value)
    if not isinstance(value, int):
        raise _error("a whole number is needed here")
    return value


def _round(value: Any, precision: Any = 0) -> Any:
    # For a whole number, Python computes ten to the power of the digits, however large that is.
    if abs(require_integer(precision)) > _MOST_DIGITS:
        raise _error(f"round takes at most {_MOST_DIGITS} digits")
    return round(value, precision) if precision else round(value)


def _items(value: Any) -> Collection[Any]:
    require_defined(value)
    if not isinstance(value, (str, list, tuple, dict)):
        raise _error("a list, a map or a text is needed here")
    items: Collection[Any] = value
    return items


def _first_or_last(items: Any, index: int) -> Any:
    all_items = list(_items(items))
    if not all_items:
        raise _error("an empty list has no first and no last item", hint="give one with | default(..., true)")
    return all_items[index]


def _default(value: Any, instead: Any = "", boolean: bool = False) -> Any:  # noqa: FBT001, FBT002 - as in Jinja
    return instead if isinstance(value, Undefined) or (boolean and not value) else value


def _number_parser(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        # The message omits the value, which may be a password.
        try:
            number = parse(value)
        except (TypeError, ValueError, OverflowError):
            raise _error("this value is not written like a number") from None
        if (isinstance(number, float) and not math.isfinite(number)) or (isinstance(number, int) and not fits(number)):
            raise _error("this number is out of range")
        return number

    return convert


def _error(summary: str, *, hint: str = "") -> UnplacedError:
    return UnplacedError("template-error", summary, hint=hint)
