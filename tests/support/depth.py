"""How much the exhaustive tests run: everything with `TEST_DEPTH=deep`, a representative part without."""

from __future__ import annotations

import os

import pytest

DEEP = os.environ.get("TEST_DEPTH") == "deep"
EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "2000"))
"""How many examples the state machine runs with `TEST_DEPTH=deep`."""


def first_deaths(steps: int) -> range:
    """Returns the steps at which the first of two deaths comes: all with `TEST_DEPTH=deep`, every third without."""
    return range(0, steps, 1 if DEEP else 3)


WHOLE = pytest.mark.skipif(
    not os.environ.get("TEST_SETUP"),
    reason="makes an environment of its own: `make heavy`, then TEST_SETUP=whole, as .ci/run does",
)
"""Of a test in `tests/setup` that `make test` can't afford."""
