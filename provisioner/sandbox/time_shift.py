"""Keeps how far the clock of a world is ahead of the machine's clock.

It is part of the world, so that a restart does not turn it back. It only grows, because nothing in the world can be
undone, up to a limit that every calendar supports.
"""

import sqlite3
from typing import Final

FURTHEST: Final = 100 * 366 * 86_400_000
"""Milliseconds: a hundred years."""

SCHEMA: Final = """
CREATE TABLE time_shift (ahead INTEGER NOT NULL) STRICT;
INSERT INTO time_shift VALUES (0);
"""


def ahead(connection: sqlite3.Connection) -> int:
    """Returns the difference in milliseconds."""
    (milliseconds,) = connection.execute("SELECT coalesce(max(ahead), 0) FROM time_shift").fetchone()
    return int(milliseconds)


def advance(connection: sqlite3.Connection, milliseconds: int) -> None:
    connection.execute("UPDATE time_shift SET ahead = ahead + ?", (milliseconds,))
