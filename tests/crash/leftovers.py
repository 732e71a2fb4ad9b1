"""What a run has left behind, told so that two plays which left the same can be recognised: the tool's files and the cloud's
tables, without what is drawn or dated anew in each play.

An id stands as the number of its first appearance, so which one stands where is kept; a moment as its distance from now.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from crash.crash_environment import CrashEnvironment

_VOLATILE = re.compile(
    r"(?P<moment>\b1\d{12}\b)"
    r"|(?P<date>\d{4}-\d\d-\d\dT[\d:.]+Z?)"
    r"|(?P<id>\bCS[0-9A-Z]{16,}\b|(?<=-)[a-z2-7]{12}\b|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12,})"
    r"|(?P<process>(?<=\"pid\":)\s*\d+)"
)
_NOTHING = b"\0"
_COARSE = 100_000
"""Milliseconds that do not matter: a play takes seconds, and nothing here waits for less than minutes."""


def remains(stage: CrashEnvironment) -> str:
    """Equal for two plays of a scenario exactly if what comes next must be the same, but for what is drawn."""
    seen: dict[str, str] = {}
    now = stage.clock.now()

    def name(found: re.Match[str]) -> str:
        match found.lastgroup:
            case "moment":
                return f"<{(int(found[0]) - now) // _COARSE}>"
            case "id":
                return seen.setdefault(found[0], f"<{len(seen)}>")
            case _:
                return "<>"

    told = _VOLATILE.sub(name, "\n".join(_parts(stage)))
    return hashlib.sha256(told.encode()).hexdigest()


def _parts(stage: CrashEnvironment) -> Iterator[str]:
    folder = stage.folder / "state"
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        content = path.read_bytes()
        text = content.rstrip(_NOTHING)
        yield f"{path.name} {text.decode('latin-1')} and {len(content) - len(text)} times nothing"
    with closing(sqlite3.connect(stage.world)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
        for (table,) in tables:
            rows = sorted(connection.execute(f'SELECT * FROM "{table}"'), key=repr)  # noqa: S608 - the sandbox's own names
            yield from (f"{table} {row}" for row in rows)
