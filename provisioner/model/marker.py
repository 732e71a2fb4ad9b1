"""The suffix that makes a name ours: anyone who knows the lineage can tell that a server was bought from this state.

A marker is twelve characters: six are drawn anew for each purchase, six are their keyed hash under the lineage. So it is
both unlike every other purchase's and recognisable without the journal (docs/decisions/0008).
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
    """`name` with its marker, shortened so that both fit into `longest` characters. `salt` is random, four bytes or more."""
    drawn = _text(salt)
    return f"{shorten(name, longest=longest)}-{drawn}{_proof(lineage, drawn)}"


def is_marked(name: str, *, lineage: str) -> bool:
    """Whether `name` carries a marker of this lineage. A stranger's fits once in 2**30 names that look like one."""
    return strip_marker(name, lineage=lineage) is not None


def strip_marker(name: str, *, lineage: str) -> str | None:
    """The name before its marker, which may have been shortened for it; None without a marker of this lineage."""
    found = _SUFFIX.fullmatch(name)
    if found is None or not hmac.compare_digest(found["proof"], _proof(lineage, found["salt"])):
        return None
    return found["base"]


def shorten(name: str, *, longest: int) -> str:
    """What stands before the marker of a purchase of `name`."""
    return name[: longest - LENGTH - 1]


def _proof(lineage: str, salt: str) -> str:
    return _text(hmac.digest(lineage.encode(), f"marker {salt}".encode(), hashlib.sha256))


def _text(data: bytes) -> str:
    return base64.b32encode(data).decode().lower()[:SALT_CHARACTERS]
