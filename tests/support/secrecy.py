"""Whether a secret stands anywhere that a run leaves behind, in clear or in one of the disguises that software gives it."""

from __future__ import annotations

import base64
import itertools
import json
from pathlib import Path
from urllib.parse import quote


def assert_unseen(secret: str, folder: Path, said) -> None:
    texts = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert texts
    texts |= {f"what command {number} said": ran.text.encode() for number, ran in enumerate(said)}
    for form, (where, text) in itertools.product(disguises(secret), texts.items()):
        assert form.lower() not in text.lower(), f"{where} holds the password as {form!r}"


def disguises(secret: str) -> set[bytes]:
    """Base64 has three forms, by where in a longer text the secret stands; its ends mix with what is around it."""
    raw = secret.encode()
    shifted = {base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)}
    escaped = {json.dumps(secret)[1:-1].encode(), quote(secret, safe="").encode(), repr(secret)[1:-1].encode()}
    return {raw, raw.hex().encode(), *shifted, *escaped}
