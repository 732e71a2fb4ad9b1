"""What has been played, counted for the table that `make crash` ends with; several tallies of one name are one line of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from time import monotonic
from typing import Any

ROW = "tally"
_FIGURES = ("points", "kinds", "runs", "deaths", "alike", "violations", "seconds")
_HEADS = " ".join(f"{name:>10}" for name in _FIGURES)
_LEGEND = (
    "points: the steps, calls, operations, bytes or lives in which something happens; kinds: how much can happen there;",
    "deaths: runs that were killed; alike: plays that were not played on, because what they had left was, but for ids and",
    "times, what an earlier play of the same line had left",
)


@dataclass
class RunCounters:
    """`points` are where something happens, `kinds` what; `alike` are plays that ended early (crash/leftovers.py)."""

    part: str
    name: str
    points: int = 0
    kinds: int = 1
    runs: int = 0
    deaths: int = 0
    alike: int = 0
    violations: list[str] = field(default_factory=list)
    began: float = field(default_factory=monotonic)

    def row(self) -> dict[str, Any]:
        names = ("part", "name", "points", "kinds", "runs", "deaths", "alike")
        figures = {name: getattr(self, name) for name in names}
        counted = {"violations": len(self.violations), "seconds": monotonic() - self.began}
        return {**figures, **counted, "told": self.violations}


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    lines = _merged(rows)
    width = max(len(line["name"]) for line in lines)
    for part, of_part in groupby(lines, key=itemgetter("part")):
        together = [*of_part]
        yield from ("", f"{part:{width}} {_HEADS}")
        yield from (_line(line, width) for line in (*together, {"name": "together", **_sum(together)}))
    yield from ("", _line({"name": "in all", **_sum(lines)}, width), *_LEGEND)
    yield from (f"VIOLATION: {row['name']}: {told}" for row in rows for told in row["told"])


def _merged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        lines.setdefault((row["part"], row["name"]), []).append(row)
    return [{"part": part, "name": name, **_sum(of)} for (part, name), of in sorted(lines.items())]


def _sum(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {figure: sum(row[figure] for row in rows) for figure in _FIGURES}


def _line(line: dict[str, Any], width: int) -> str:
    figures = (f"{line[name]:10.1f}" if name == "seconds" else f"{line[name]:10}" for name in _FIGURES)
    return f"{line['name']:{width}} {' '.join(figures)}"
