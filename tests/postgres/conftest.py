"""The tests that start PostgreSQL servers are collected only where they are asked for: `make postgres`."""

from __future__ import annotations

import os

import pytest
from support.postgres_server import ASKED, required_server
from support.postgres_stores import close_backends, new_url

collect_ignore_glob = [] if os.environ.get(ASKED) else ["test_*.py"]


@pytest.fixture
def server():
    yield required_server()
    close_backends()


@pytest.fixture
def url(server):
    return new_url(server)
