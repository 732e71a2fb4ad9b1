"""Every page is well-formed Markdown: its tables are read as tables, and links within and between pages lead to a heading that is there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SEPARATOR = re.compile(r"\|(?: *:?-+:? *\|)+")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]*)\)")


def without_fences(text: str) -> list[str]:
    """The lines of a page, those inside fences empty."""
    lines, fence = [], ""
    for line in text.splitlines():
        mark = re.match(r" *(```+|~~~+)", line)
        lines.append("" if fence or mark else line)
        if mark and not fence:
            fence = mark[1]
        elif fence and line.strip() == fence:
            fence = ""
    return lines


def cells(line: str) -> int:
    """Also a `|` inside a code span ends a cell, unless it is escaped."""
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Each run of lines that stand in a table, and the number of its first one."""
    start: int | None = None
    for number, line in enumerate([*lines, ""]):
        is_row = line.lstrip().startswith("|")
        if is_row and start is None:
            start = number
        elif not is_row and start is not None:
            yield start, [one.strip() for one in lines[start:number]]
            start = None


def problems(text: str) -> list[str]:
    lines, found = without_fences(text), []
    for start, rows in blocks(lines):
        end = start + len(rows)
        if len(rows) < 2 or SEPARATOR.fullmatch(rows[1]) is None:
            found.append(f"line {start + 1}: no line of dashes under the header")
            continue
        found += [
            f"line {start + 1 + number}: {cells(row)} cells under a header of {cells(rows[0])}"
            for number, row in enumerate(rows)
            if cells(row) != cells(rows[0]) or not row.endswith("|")
        ]
        found += [f"line {start + 1}: no blank line before the table"] if start and lines[start - 1].strip() else []
        found += [f"line {end}: no blank line after the table"] if end < len(lines) and lines[end].strip() else []
    return found


def anchors(text: str) -> set[str]:
    """As the forges make them: lower case, no punctuation, spaces as dashes, a number after one that was there before."""
    seen: Counter[str] = Counter()
    made = set()
    for line in without_fences(text):
        if (heading := re.match(r"#{1,6} +(.*?) *#*$", line)) is not None:
            title = LINK.sub(lambda link: link[0][1 : link[0].index("]")], heading[1])
            slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            made.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return made


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_table_of_a_page_is_read_as_one(page):
    assert problems(page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_to_one(page):
    text = page.read_text()
    for target in LINK.findall(" ".join(without_fences(text))):
        path, _, anchor = target.partition("#")
        if "://" in target or not anchor:
            continue
        there = text if not path else (page.parent / path).read_text()
        assert anchor in anchors(there), f"{page.name} links to {target}"


GOOD = "Text\n\n| a | b |\n|---|---|\n| 1 | `x\\|y` |\n\nText\n\n```\n| no table\n```\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD, None),
        (GOOD.replace("Text\n\n|", "Text\n|"), "no blank line before"),
        (GOOD.replace("|\n\nText", "|\nText"), "no blank line after"),
        (GOOD.replace("|---|---|\n", ""), "no line of dashes"),
        (GOOD.replace("|---|---|", "|---|"), "1 cells under a header of 2"),
        (GOOD.replace("\\|", "|"), "3 cells under a header of 2"),
        (GOOD.replace("| 1 |", "\n| 1 |"), "no line of dashes"),
        (GOOD.replace("y` |", "y`"), "1 cells under a header of 2"),
    ],
)
def test_a_broken_table_is_found(text, problem):
    found = problems(text)
    assert (found == []) if problem is None else any(problem in one for one in found)


def test_anchors_are_those_of_the_forges():
    assert anchors("# A `b`, (c)\n## Same\n## Same\n```\n# no heading\n```\n## [1.2] - x\n") == {
        "a-b-c",
        "same",
        "same-1",
        "12---x",
    }
