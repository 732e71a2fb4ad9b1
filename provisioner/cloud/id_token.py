"""Reads ID tokens of OpenID Connect. Only the cloud verifies them; here it matters whom they name, and that they look
like tokens, so that no other file is ever sent.
"""

from __future__ import annotations

import base64
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provisioner.cloud.credentials import IdToken
from provisioner.cloud.private_file import refuse
from provisioner.model.canonical import JsonValue, parse_json
from provisioner.model.secret import Secret

_MAX_SIZE: Final = 64 * 1024
_JSON_WEB_TOKEN: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_WRITE_AGAIN: Final = "have the pipeline write the identity provider's token there, alone in the file"


@dataclass(frozen=True, slots=True)
class ReadIdToken:
    """The token as it is now. `subject` tells whether another reading names the same user of the same issuer."""

    value: Secret
    subject: tuple[JsonValue, JsonValue]


def read_id_token(token: IdToken) -> ReadIdToken:
    """Read the token, from its file if it has one. Raises UsageError `credentials-invalid`."""
    if token.path is None:
        assert token.value is not None
        place, hint, text = "the ID token", "set HW_ASSUME_ROLE_ID_TOKEN again", token.value.reveal()
    else:
        place, hint, text = str(token.path), _WRITE_AGAIN, _read(token.path)
    text = text.strip()
    claims = _claims(text)
    if claims is None:
        refuse(f"{place} is no ID token of OpenID Connect (a JSON Web Token)", hint)
    return ReadIdToken(Secret(text), (claims.get("iss"), claims.get("sub")))


def _read(path: Path) -> str:
    """Read the file. Other users may be able to read it: its mode is the platform's choice, and it soon ends by itself."""
    try:
        # A pipe or a device could keep the reader waiting for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            refuse(f"{path} is not a regular file", _WRITE_AGAIN)
        with path.open("rb") as file:
            content = file.read(_MAX_SIZE + 1)
    except OSError as problem:
        refuse(f"the ID token in {path} cannot be read: {problem.strerror}", _WRITE_AGAIN)
    if len(content) > _MAX_SIZE:
        refuse(f"{path} is larger than any ID token", _WRITE_AGAIN)
    return content.decode(errors="replace")


def _claims(text: str) -> Mapping[str, JsonValue] | None:
    if not _JSON_WEB_TOKEN.fullmatch(text):
        return None
    payload = text.split(".")[1]
    try:
        claims = parse_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return None
    return claims if isinstance(claims, Mapping) else None
