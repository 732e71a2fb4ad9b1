"""The tests that start PostgreSQL servers are collected only where they are asked for: `make postgres`."""

from __future__ import annotations

import os

from support.postgres_server import ASKED

collect_ignore_glob = [] if os.environ.get(ASKED) else ["test_*.py"]
