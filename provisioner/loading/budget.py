"""How much a template may do: every value it makes is weighed and every step is paid for, before memory is taken.

Specs are untrusted; Jinja's own sandbox guards Python's internals and not the machine. Knows sizes, not templates.
"""

from __future__ import annotations

from typing import Any

from provisioner.loading.mistake import Mistake

VALUE_LIMIT = 64 * 1024
"""Characters that one rendered value, and the text of one expression, may have."""
FILE_LIMIT = 1024 * 1024
"""Characters that one rendered template file may have."""
WEIGHT_LIMIT = 2 * 1024 * 1024
"""Characters (an item of a list or map counts as one more) that any value on the way may have."""
EVALUATION_LIMIT = 8 * 1024 * 1024
RUN_LIMIT = 256 * 1024 * 1024

_NUMBER = 24


class Budget:
    """Units are roughly characters made or items visited: for one evaluation, and for all of a run."""

    def __init__(self) -> None:
        self._evaluation = EVALUATION_LIMIT
        self._run = RUN_LIMIT

    def begin(self) -> None:
        self._evaluation = EVALUATION_LIMIT

    def spend(self, units: int) -> None:
        """Raises Mistake `template-limit` when the evaluation or the run has none left."""
        self._evaluation -= units
        self._run -= units
        if self._evaluation < 0 or self._run < 0:
            raise too_much("it takes too much work")

    def afford(self, weight: int) -> None:
        """Pays for a value of this weight that is about to be made."""
        if weight > WEIGHT_LIMIT:
            raise too_much(f"it makes a value of more than {WEIGHT_LIMIT:,} characters or items")
        self.spend(weight + 1)

    def weigh(self, value: Any) -> Any:
        """Pays for a value that exists and hands it on."""
        self.afford(weight(value))
        return value


def weight(value: Any) -> int:
    """What `value` would take if nothing in it were shared; counting stops soon after the limit."""
    total = 0
    waiting = [value]
    while waiting and total <= WEIGHT_LIMIT:
        item = waiting.pop()
        if isinstance(item, str):
            total += len(item)
        elif isinstance(item, (list, tuple)):
            total += len(item)
            waiting.extend(item)
        elif isinstance(item, dict):
            total += len(item)
            waiting.extend(item.keys())
            waiting.extend(item.values())
        else:
            total += _NUMBER
    return total


def too_much(why: str) -> Mistake:
    return Mistake("template-limit", f"this template is refused: {why}", hint="make it do less, or write the value out")
