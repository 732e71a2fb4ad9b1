"""Checks that a secret is nowhere in what a run leaves behind, neither in clear nor in an encoded form."""

from __future__ import annotations

import base64
import itertools
import json
from pathlib import Path
from urllib.parse import quote


def assert_unseen(secret: str, folder: Path, said) -> None:
    """Fails if a file below `folder` or the output of a command in `said` has the secret in any form."""
    texts = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert texts
    texts |= {f"what command {number} said": ran.text.encode() for number, ran in enumerate(said)}
    for form, (where, text) in itertools.product(disguises(secret), texts.items()):
        assert form.lower() not in text.lower(), f"{where} holds the password as {form!r}"


def disguises(secret: str) -> set[bytes]:
    """Returns the forms that software gives a text: hexadecimal, JSON, URL, repr, and the three Base64 forms.

    Base64 depends on the position in a longer text; the ends, which mix with what is around it, are cut off.
    """
    raw = secret.encode()
    shifted = {base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)}
    escaped = {json.dumps(secret)[1:-1].encode(), quote(secret, safe="").encode(), repr(secret)[1:-1].encode()}
    return {raw, raw.hex().encode(), *shifted, *escaped}
