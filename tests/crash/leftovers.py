"""A digest of what a run has left behind in the tool's files and the sandbox's tables, to recognise two runs that left the same.

Random values and dates are normalised: an id becomes the number of its first appearance, so it is kept which id is where; a
moment becomes its distance from now.
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
_PADDING = b"\0"
_COARSE = 100_000
"""The resolution of moments, in milliseconds: a run takes seconds, and nothing here waits for less than minutes."""


def leftovers_digest(environment: CrashEnvironment) -> str:
    """Returns equal digests for two runs of a scenario exactly if what follows must be the same, but for random values."""
    seen: dict[str, str] = {}
    now = environment.clock.now()

    def normalised(found: re.Match[str]) -> str:
        match found.lastgroup:
            case "moment":
                return f"<{(int(found[0]) - now) // _COARSE}>"
            case "id":
                return seen.setdefault(found[0], f"<{len(seen)}>")
            case _:
                return "<>"

    text = _VOLATILE.sub(normalised, "\n".join(_parts(environment)))
    return hashlib.sha256(text.encode()).hexdigest()


def _parts(environment: CrashEnvironment) -> Iterator[str]:
    folder = environment.folder / "state"
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        content = path.read_bytes()
        text = content.rstrip(_PADDING)
        yield f"{path.name} {text.decode('latin-1')} and {len(content) - len(text)} times nothing"
    for name, content in environment.place.contents():
        yield f"{name} {content.decode('latin-1')}"
    with closing(sqlite3.connect(environment.sandbox_db)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
        for (table,) in tables:
            rows = sorted(connection.execute(f'SELECT * FROM "{table}"'), key=repr)  # noqa: S608 - the sandbox's own names
            yield from (f"{table} {row}" for row in rows)
