"""How much a template may do: every value it makes is weighed and every step is paid for, before memory is taken.

Specs are untrusted; Jinja's own sandbox guards Python's internals and not the machine. Knows sizes, not templates.
"""

from __future__ import annotations

from typing import Any

from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError

VALUE_LIMIT = 64 * 1024
"""Characters that one rendered value, and the text of one expression, may have."""
FILE_LIMIT = 1024 * 1024
"""Characters that one rendered template file may have."""
WEIGHT_LIMIT = 2 * 1024 * 1024
"""Characters (an item of a list or map counts as one more) that any value on the way may have."""
EVALUATION_LIMIT = 8 * 1024 * 1024
RUN_LIMIT = 768 * 1024 * 1024
"""Work for all templates of a stack: a few seconds at the prices below, many times what 10,000 servers need."""

STEP_COST = 16
"""The price of one node of a template's tree each time it is run."""
CALL_COST = 8 * STEP_COST
"""The price of a filter, a method or an operator, beside what it handles."""
COPY_COST = 10 * STEP_COST
"""The price of one value that a resource gets a copy of, with what it takes to judge it."""
PARSE_COST, COMPILE_COST = 200, 3000
"""The price of reading one character of a template, and one node of its tree, once for each distinct text."""
EXPLAIN_COST = 600
"""The price, for each node of a template's tree, of finding out what was undefined."""

_NUMBER_WEIGHT = 24
_LONG_TEXT = 30_000  # from here on Python's search takes linear time at worst; below it, the product of the lengths


class Budget:
    """Units are roughly characters handled, a few nanoseconds each: for one evaluation, and for all of a run."""

    def __init__(self) -> None:
        self._evaluation = EVALUATION_LIMIT
        self._run = RUN_LIMIT
        self._limit_reported = False

    def begin_evaluation(self, units: int) -> None:
        """A new evaluation, which costs at least this."""
        self._evaluation = EVALUATION_LIMIT
        self.charge(units)

    def charge(self, units: int) -> None:
        """Raises UnplacedError `template-limit` when the evaluation has none left, and as `prepare` does."""
        self._evaluation -= units
        if self._evaluation < 0:
            self._run -= units
            raise over_limit("it takes too much work")
        self.charge_run(units)

    def charge_run(self, units: int) -> None:
        """Pays for work that belongs to the run and to no evaluation.

        Raises UnplacedError `template-limit` when the run has none left, and AlreadyReported once that was said: whatever comes
        after would only say it again.
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
        """Pays for a value of this weight that is about to be made, and for the call that makes it."""
        if weight > WEIGHT_LIMIT:
            raise over_limit(f"it makes a value of more than {WEIGHT_LIMIT:,} characters or items")
        self.charge(weight + CALL_COST)

    def metered(self, value: Any) -> Any:
        """Pays for a value that exists and hands it on."""
        self.charge_weight(weight(value))
        return value


def weight(value: Any) -> int:
    """What `value` would take if nothing in it were shared; counting stops soon after the limit."""
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
    worst = len(pattern) if len(text) < _LONG_TEXT else min(len(pattern), 4)
    return len(text) + len(pattern) + len(text) * worst // 4


def over_limit(why: str) -> UnplacedError:
    return UnplacedError(
        "template-limit", f"this template is refused: {why}", hint="make it do less, or write the value out"
    )
