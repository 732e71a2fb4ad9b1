"""Explains a code, by what docs/errors.md says about it, and an address, by what the specs declare for it.

errors.md beside this file is a link to that page. What builds a wheel follows the link, so that the page is part of every
installation and there is no second copy to keep up to date.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from provisioner.model.address import Address
from provisioner.model.declared_resource import DeclaredResource
from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.error_page import ErrorPage

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace

_PAGE: Final = Path(__file__).with_name("errors.md")
_ROW = re.compile(r"\| `(?P<code>[a-z0-9-]+)` \| (?P<meaning>.+?) (?<!\\)\| (?P<remedy>.+?) \|")
_LONGEST_CODE: Final = 60
"""Characters up to which a word is compared with the codes, which takes time in proportion to its length."""
_NEAR: Final = 0.75
"""Ratio of difflib from which a word is taken for a mistyped code and not for an address."""
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


def explain(what: str, open_workspace: Callable[[], Workspace]) -> ErrorPage | DeclaredResource:
    """Returns the page of a code, which may be written as errors show it (`Error[no-state]`), or what the specs declare for
    an address. A code comes first where a server has the same name.

    Raises UsageError for anything else, and SpecError for specs with mistakes.
    """
    pages = read_error_pages()
    shown = _AS_SHOWN.fullmatch(what)
    page = pages.get(shown["code"] if shown else what)
    if page is not None:
        return page
    near = difflib.get_close_matches(what.lower(), pages, n=1, cutoff=_NEAR) if len(what) <= _LONGEST_CODE else []
    if near:
        raise UsageError(_unknown(what, f"did you mean {near[0]}? `provisioner explain` lists all codes"))
    try:
        address = Address.parse(what)
    except ValueError:
        raise UsageError(_unknown(what, "`provisioner explain` lists all codes")) from None
    return _declaration(address, open_workspace())


def _declaration(address: Address, workspace: Workspace) -> DeclaredResource:
    declared = {desired.address: desired for desired in workspace.load().desired}
    desired = declared.get(address)
    if desired is None:
        members = [one for one in declared if one.group == address]
        example = members[0] if members else next(iter(declared), None)
        hint = "" if example is None else f"`provisioner explain {example.shell_quoted}` shows one that is declared; "
        hint += f"`provisioner state show {address.shell_quoted}` shows what is recorded; `provisioner explain` lists all codes"
        raise UsageError(_unknown(str(address), hint))
    kind = workspace.catalogue[desired.kind]
    body = kind.redact(desired.fields, lambda _secret: None)
    return DeclaredResource(desired, body, kind.content_texts(desired.fields, workspace.hide), kind.sensitive())


def _unknown(what: str, hint: str) -> Diagnostic:
    return error(
        "unknown-code",
        f"{what[: 2 * _LONGEST_CODE]!r} is neither a code nor an address that the specs declare",
        hint=hint,
    )
