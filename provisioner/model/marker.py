"""The marker: a suffix of a server's name that proves, to anyone who knows the lineage, that it was bought from this
state.

A marker has twelve characters: six are random for each purchase, and six are their keyed hash under the lineage. So it
differs from every other purchase's marker, and can be recognised without the journal (docs/decisions/0008).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

SALT_CHARACTERS = 6
LENGTH = 2 * SALT_CHARACTERS
_SUFFIX = re.compile(rf"(?P<base>.+)-(?P<salt>[a-z2-7]{{{SALT_CHARACTERS}}})(?P<proof>[a-z2-7]{{{SALT_CHARACTERS}}})")


def add_marker(name: str, *, lineage: str, salt: bytes, longest: int) -> str:
    """Returns `name` with a marker, shortened to fit `longest` characters. `salt` is random, four bytes or more."""
    random = _text(salt)
    return f"{shorten(name, longest=longest)}-{random}{_proof(lineage, random)}"


def is_marked(name: str, *, lineage: str) -> bool:
    """Returns whether `name` ends with a marker of this lineage. One in 2**30 foreign lookalikes fits by chance."""
    return strip_marker(name, lineage=lineage) is not None


def strip_marker(name: str, *, lineage: str) -> str | None:
    """Returns the name before its marker, which may have been shortened; None without a marker of this lineage."""
    found = _SUFFIX.fullmatch(name)
    if found is None or not hmac.compare_digest(found["proof"], _proof(lineage, found["salt"])):
        return None
    return found["base"]


def shorten(name: str, *, longest: int) -> str:
    """Returns `name` as it stands before its marker, shortened if necessary."""
    return name[: longest - LENGTH - 1]


def _proof(lineage: str, salt: str) -> str:
    return _text(hmac.digest(lineage.encode(), f"marker {salt}".encode(), hashlib.sha256))


def _text(data: bytes) -> str:
    return base64.b32encode(data).decode().lower()[:SALT_CHARACTERS]
