"""How much the exhaustive tests run: everything with `TEST_DEPTH=deep`, a representative part without."""

from __future__ import annotations

import os

DEEP = os.environ.get("TEST_DEPTH") == "deep"
EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "2000"))
"""How many examples the state machine runs with `TEST_DEPTH=deep`."""
