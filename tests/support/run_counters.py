"""Counters of the crash tests, and the table of them that `make crash` ends with. Counters of one name share a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from time import monotonic
from typing import Any

ROW = "run_counters"
"""The name of the pytest property that holds a row."""
_FIGURES = ("points", "kinds", "runs", "deaths", "repeats", "violations", "seconds")
_HEADS = " ".join(f"{name:>10}" for name in _FIGURES)
_LEGEND = (
    "points: the steps, calls, operations, bytes or lives at which a fault is injected; kinds: how many kinds of faults;",
    "deaths: runs that were killed; repeats: runs that were not continued, because they left what an earlier run of the same",
    "line had left, but for ids and times",
)


@dataclass
class RunCounters:
    """`points` is where faults are injected, `kinds` how many kinds there are; `repeats` are runs not continued (crash/leftovers.py)."""

    part: str
    name: str
    points: int = 0
    kinds: int = 1
    runs: int = 0
    deaths: int = 0
    repeats: int = 0
    violations: list[str] = field(default_factory=list)
    began: float = field(default_factory=monotonic)

    def row(self) -> dict[str, Any]:
        names = ("part", "name", "points", "kinds", "runs", "deaths", "repeats")
        figures = {name: getattr(self, name) for name in names}
        counted = {"violations": len(self.violations), "seconds": monotonic() - self.began}
        return {**figures, **counted, "messages": self.violations}


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yields the lines of the table, then one line for each violation."""
    lines = _merged(rows)
    width = max(len(line["name"]) for line in lines)
    for part, group in groupby(lines, key=itemgetter("part")):
        of_part = [*group]
        yield from ("", f"{part:{width}} {_HEADS}")
        yield from (_line(line, width) for line in (*of_part, {"name": "together", **_sum(of_part)}))
    yield from ("", _line({"name": "in all", **_sum(lines)}, width), *_LEGEND)
    yield from (f"VIOLATION: {row['name']}: {message}" for row in rows for message in row["messages"])


def _merged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        lines.setdefault((row["part"], row["name"]), []).append(row)
    return [{"part": part, "name": name, **_sum(same)} for (part, name), same in sorted(lines.items())]


def _sum(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {figure: sum(row[figure] for row in rows) for figure in _FIGURES}


def _line(line: dict[str, Any], width: int) -> str:
    figures = (f"{line[name]:10.1f}" if name == "seconds" else f"{line[name]:10}" for name in _FIGURES)
    return f"{line['name']:{width}} {' '.join(figures)}"
