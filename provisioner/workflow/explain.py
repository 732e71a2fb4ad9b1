"""Reads what docs/errors.md says about the codes of findings.

errors.md beside this file is a link to that page. What builds a wheel follows the link, so that the page is part of every
installation and there is no second copy to keep up to date.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.error_page import ErrorPage

_PAGE: Final = Path(__file__).with_name("errors.md")
_ROW = re.compile(r"\| `(?P<code>[a-z0-9-]+)` \| (?P<meaning>.+?) (?<!\\)\| (?P<remedy>.+?) \|")
_AS_SHOWN = re.compile(r"(?:Error|Warning)?\[(?P<code>[a-z0-9-]+)\]:?")


def read_error_pages() -> Mapping[str, ErrorPage]:
    """Returns all pages by code, in the order of the document. Raises UsageError where it is not installed."""
    try:
        text = _PAGE.read_text(encoding="utf-8")
    except OSError as failure:
        hint = "install it again, from a wheel or a whole clone; docs/errors.md of the repository has the same text"
        summary = f"the explanations cannot be read: {failure.strerror}"
        raise UsageError(error("explanations-missing", summary, hint=hint)) from failure
    pages, section = {}, ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif found := _ROW.fullmatch(line):
            pages[found["code"]] = ErrorPage(found["code"], section, found["meaning"], found["remedy"])
    return pages


def explain(code: str) -> ErrorPage:
    """Returns the page of a code, which may be written as errors show it: `Error[no-state]`.

    Raises UsageError for what is no code.
    """
    pages = read_error_pages()
    shown = _AS_SHOWN.fullmatch(code)
    page = pages.get(shown["code"] if shown else code)
    if page is None:
        raise UsageError(_no_page(code, pages))
    return page


def _no_page(code: str, pages: Mapping[str, ErrorPage]) -> Diagnostic:
    near = difflib.get_close_matches(code.lower(), pages, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    try:
        address = Address.parse(code).shell_quoted
    except ValueError:
        address = ""
    if address and not near:
        hint = (
            f"of an address, `provisioner state show {address}` shows what is recorded, and `provisioner plan --target {address}` "
            "what would be done; "
        )
    hint += "`provisioner explain` lists all codes"
    return error("unknown-code", f"{code!r} is no code of an error or a warning", hint=hint)
