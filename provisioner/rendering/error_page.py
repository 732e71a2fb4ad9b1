"""Renders what the documentation says about codes, for a terminal: its Markdown becomes plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from provisioner.model.error_page import ErrorPage
from provisioner.rendering.style import Style, cut, wrap

_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<page>[^)#]*)(?:#[^)]*)?\)")
_INDENT = "  "


def render_error_page(page: ErrorPage, style: Style) -> str:
    """Returns one page: what the code means, and what to do."""
    parts = (("What it means", page.meaning), ("What to do", page.remedy))
    lines = [f"{style.bold(page.code)} ({page.section})"]
    for title, text in parts:
        lines += ["", style.bold(title), *_indented(_plain(text), style)]
    return "".join(f"{line}\n" for line in lines)


def render_error_list(pages: Iterable[ErrorPage], style: Style) -> str:
    """Returns all codes by section, with their meanings cut to a line each."""
    lines: list[str] = []
    for section, members in groupby(pages, key=lambda page: page.section):
        found = [*members]
        width = max(len(page.code) for page in found)
        lines += ["", style.bold(section)]
        lines += (cut(f"{_INDENT}{page.code:<{width}}  {_plain(page.meaning)}", style.width).rstrip() for page in found)
    return "".join(f"{line}\n" for line in lines[1:])


def _indented(text: str, style: Style) -> Iterator[str]:
    return (f"{_INDENT}{line}" for line in wrap(text, style.width - len(_INDENT)))


def _plain(markdown: str) -> str:
    """Returns the text with the targets of links written out. Commands and fields keep their backticks."""
    return _LINK.sub(_link_text, markdown.replace(r"\|", "|").replace("**", ""))


def _link_text(found: re.Match[str]) -> str:
    page = f"docs/{found['page']}" if found["page"] else "docs/errors.md"
    return page if found["text"] == found["page"] else f"{found['text']} ({page})"
