"""Limits the work of templates: every step and every value is charged to a budget before memory is allocated.

Specs are untrusted, and Jinja's sandbox protects Python's internals but not memory or CPU time. This module knows sizes,
not templates.
"""

from __future__ import annotations

from typing import Any

from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError

VALUE_LIMIT = 64 * 1024
"""Most characters of one rendered value, and of the text of one expression."""
FILE_LIMIT = 1024 * 1024
"""Most characters of one rendered template file."""
WEIGHT_LIMIT = 2 * 1024 * 1024
"""Largest weight of an intermediate value, in characters. Each item of a list or map counts as one more."""
EVALUATION_LIMIT = 8 * 1024 * 1024
"""Units of work for one evaluation."""
RUN_LIMIT = 768 * 1024 * 1024
"""Units of work for all templates of a stack: a few seconds at the costs below, many times what 10,000 servers need."""

STEP_COST = 16
"""Cost of one node of a template's tree, each time it runs."""
CALL_COST = 8 * STEP_COST
"""Cost of calling a filter, a method or an operator, on top of the weight of its values."""
COPY_COST = 10 * STEP_COST
"""Cost of copying one value into a resource and validating it."""
PARSE_COST, COMPILE_COST = 200, 3000
"""Costs of parsing one character and compiling one node, once for each distinct template."""
EXPLAIN_COST = 600
"""Cost, for each node of a template's tree, of finding out which name was undefined."""

_NUMBER_WEIGHT = 24
_LONG_TEXT = 30_000  # from this length on, Python searches in linear time; below it, the worst case is the product of the lengths


class Budget:
    """Counts the work of the current evaluation and of the whole run.

    A unit is roughly one character that is handled, which takes a few nanoseconds.
    """

    def __init__(self) -> None:
        self._evaluation = EVALUATION_LIMIT
        self._run = RUN_LIMIT
        self._limit_reported = False

    def begin_evaluation(self, units: int) -> None:
        """Starts a new evaluation and charges its minimum cost to it."""
        self._evaluation = EVALUATION_LIMIT
        self.charge(units)

    def charge(self, units: int) -> None:
        """Charges `units` to the evaluation and to the run.

        Raises UnplacedError `template-limit` when the evaluation has no units left, and raises as `charge_run` does.
        """
        self._evaluation -= units
        if self._evaluation < 0:
            self._run -= units
            raise over_limit("it takes too much work")
        self.charge_run(units)

    def charge_run(self, units: int) -> None:
        """Charges work that belongs to no evaluation to the run.

        Raises UnplacedError `template-limit` the first time that the run has no units left, and AlreadyReported from then on, so
        that the limit is reported once.
        """
        self._run -= units
        if self._run >= 0:
            return
        if self._limit_reported:
            raise AlreadyReported
        self._limit_reported = True
        hint = "make them do less, use a smaller count, or split the stack"
        raise UnplacedError("template-limit", "the templates of this stack take too much work together", hint=hint)

    def charge_weight(self, weight: int) -> None:
        """Charges for a value that is about to be made, and for the call that makes it.

        Raises UnplacedError `template-limit` when the value is heavier than WEIGHT_LIMIT, and raises as `charge` does.
        """
        if weight > WEIGHT_LIMIT:
            raise over_limit(f"it makes a value of more than {WEIGHT_LIMIT:,} characters or items")
        self.charge(weight + CALL_COST)

    def metered(self, value: Any) -> Any:
        """Charges for an existing value and returns it."""
        self.charge_weight(weight(value))
        return value


def weight(value: Any) -> int:
    """Returns the weight of `value`, in characters, as if nothing in it were shared. Counting stops soon after WEIGHT_LIMIT."""
    total = 0
    pending = [value]
    while pending and total <= WEIGHT_LIMIT:
        item = pending.pop()
        if isinstance(item, str):
            total += len(item)
        elif isinstance(item, (list, tuple)):
            total += len(item)
            pending.extend(item)
        elif isinstance(item, dict):
            total += len(item)
            pending.extend(item.keys())
            pending.extend(item.values())
        else:
            total += _NUMBER_WEIGHT
    return total


def search_cost(text: str, pattern: str) -> int:
    """Returns the worst-case cost of searching `text` for `pattern`."""
    worst = len(pattern) if len(text) < _LONG_TEXT else min(len(pattern), 4)
    return len(text) + len(pattern) + len(text) * worst // 4


def over_limit(why: str) -> UnplacedError:
    return UnplacedError(
        "template-limit", f"this template is refused: {why}", hint="make it do less, or write the value out"
    )
