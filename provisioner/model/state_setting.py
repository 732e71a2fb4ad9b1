"""Where somebody has said that a state is: a folder or a URL, who has said it, and where it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeAlias
from urllib.parse import unquote

from provisioner.model.diagnostic import Diagnostic, SourceRange, error
from provisioner.model.postgres_url import parse_postgres
from provisioner.model.state_url import InvalidStateUrlError, StateUrl, UrlParts, split_url

_SCHEME: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*)://")
_MISTYPED_URL: Final = re.compile(r"\s*(?:file|https?|s3|gs|az|obs|postgres|postgresql):", re.IGNORECASE)
"""The beginning of a URL whose slashes are missing. It would be taken for a folder of that name, which holds nothing."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """A folder that keeps states, by the path under which it was named."""

    path: str

    def __str__(self) -> str:
        return self.path


StateLocation: TypeAlias = StateFolder | StateUrl


class StateAuthor(StrEnum):
    """Who says where a state is. Anybody may have written a repository; the others are the user."""

    REPOSITORY = "repository"
    CONFIGURATION = "configuration"
    VARIABLE = "variable"
    OPTION = "option"

    @property
    def is_trusted(self) -> bool:
        return self is not StateAuthor.REPOSITORY

    @property
    def may_write_password(self) -> bool:
        """Arguments show in the list of processes, and files are copied; the environment is the user's own."""
        return self is StateAuthor.VARIABLE


@dataclass(frozen=True, slots=True)
class StateSetting:
    """A place of a state. `source` is where it stands in a file, and `name` is the option or variable that gives it.

    `instead_of` is what the specs say, where the user's configuration says this.
    """

    location: StateLocation
    author: StateAuthor
    source: SourceRange | None = None
    name: str = ""
    instead_of: StateSetting | None = None

    @property
    def origin(self) -> str:
        """What says so, for messages."""
        return self.name if self.source is None else str(self.source)


class _Parser(Protocol):
    def __call__(self, parts: UrlParts, *, is_trusted: bool, may_have_password: bool) -> StateUrl: ...


_PARSERS: Final[Mapping[str, _Parser]] = {"postgres": parse_postgres, "postgresql": parse_postgres}
"""How the URLs of each scheme are read. The store of a scheme is in `store/__init__.py`."""


def parse_location(text: str, author: StateAuthor) -> StateLocation:
    """Read a place that `author` has written: a URL, or the path of a folder. Raises InvalidStateUrlError."""
    found = _SCHEME.match(text)
    if found is None:
        return _parse_folder(text, author)
    scheme = found[1].lower()
    if scheme == "file":
        return _parse_file_url(text)
    parser = _PARSERS.get(scheme)
    if parser is None:
        raise InvalidStateUrlError(
            f"{scheme}:// is not a place where this version can keep a state",
            hint="give a folder, as a path or as file:///absolute/path, or a database, as postgres://HOST/NAME",
            code="store-unsupported",
        )
    return parser(split_url(text), is_trusted=author.is_trusted, may_have_password=author.may_write_password)


def explain(fault: InvalidStateUrlError, origin: str, source: SourceRange | None = None) -> Diagnostic:
    """Return the error for a place that is not accepted. `origin` is the setting that gives it."""
    return error(fault.code, f"{origin}: {fault.summary}", hint=fault.hint, source=source)


def _parse_folder(text: str, author: StateAuthor) -> StateFolder:
    if "://" in text or _MISTYPED_URL.match(text):
        hint = "write a URL as SCHEME://HOST/NAME; a folder of such a name is written ./NAME"
        raise InvalidStateUrlError("the text is neither a URL nor plainly a folder", hint=hint)
    is_plain = text == text.strip() and text.isprintable()
    if not text or (not is_plain and not author.is_trusted):
        hint = "write the path of a folder without spaces at its ends, or a URL"
        raise InvalidStateUrlError("the text is no path of a folder", hint=hint)
    return StateFolder(text)


def _parse_file_url(text: str) -> StateFolder:
    found = re.fullmatch(r"(?:file)://(?:localhost)?(/[^?#]*)", text, re.IGNORECASE)
    if found is None:
        hint = "write file:///absolute/path"
        raise InvalidStateUrlError("file:// names no folder of this machine", hint=hint, code="store-unsupported")
    return StateFolder(unquote(found[1]))
