"""How deep the tests that could go on for hours go: `TEST_DEPTH=deep` for every world there is, nothing for a covering part."""

from __future__ import annotations

import os

DEEP = os.environ.get("TEST_DEPTH") == "deep"
EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "2000"))
"""Of the state machine, when it goes deep."""
