"""Verifies ID tokens of OpenID Connect: signature (RS256), issuer, audience and times, against the keys of an
identity provider.

Knows no header, no user and no clock.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final, TypeGuard

_SHA256_PREFIX: Final = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands before a SHA-256 digest inside a PKCS #1 v1.5 signature (RFC 8017, section 9.2)."""
_CLOCK_SKEW_SECONDS: Final = 60
_SMALLEST_MODULUS: Final = 1 << 1023


class IdTokenError(Exception):
    """The token proves nothing. The message says why, without any part of the token."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public RSA key: the numbers `n` and `e` of a JSON Web Key, decoded."""

    key_id: str | None
    modulus: int
    exponent: int

    @property
    def size(self) -> int:
        """The number of bytes of the modulus."""
        return (self.modulus.bit_length() + 7) // 8


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """An identity provider that an account trusts: its issuer, its audience and its keys.

    `users` maps the `sub` of a token to the name of a user of the account.
    """

    id: str
    issuer: str
    client_id: str
    keys: tuple[SigningKey, ...]
    users: Mapping[str, str]


def verify(token: str, provider: IdentityProvider, *, now: int) -> str:
    """Returns the token's subject. Raises IdTokenError. `now` is in milliseconds."""
    header, claims, signed, signature = _parts(token)
    if header.get("alg") != "RS256":
        raise IdTokenError("its signature is not of the algorithm RS256")
    keys = [key for key in provider.keys if header.get("kid") in (None, key.key_id) or key.key_id is None]
    if not any(_is_signed_by(key, signed, signature) for key in keys):
        raise IdTokenError("no key of the identity provider has signed it")
    _check_claims(claims, provider, now // 1000)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise IdTokenError("it names no subject")
    return subject


def decode_number(text: str) -> int:
    """Decodes a number of a JSON Web Key. Raises ValueError."""
    return int.from_bytes(_decode(text))


def is_strong(modulus: int) -> bool:
    return modulus > _SMALLEST_MODULUS


def _parts(token: str) -> tuple[Mapping[str, object], Mapping[str, object], bytes, bytes]:
    try:
        head, body, signature = token.split(".")
        header, claims = json.loads(_decode(head)), json.loads(_decode(body))
        decoded = _decode(signature)
    except (ValueError, RecursionError):
        raise IdTokenError("it is not of the form of a JSON Web Token") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise IdTokenError("it is not of the form of a JSON Web Token")
    return header, claims, f"{head}.{body}".encode(), decoded


def _decode(text: str) -> bytes:
    """Decodes Base64 for URLs without padding. Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no Base64") from error


def _is_signed_by(key: SigningKey, signed: bytes, signature: bytes) -> bool:
    number = int.from_bytes(signature)
    if len(signature) != key.size or number >= key.modulus:
        return False
    digest = _SHA256_PREFIX + hashlib.sha256(signed).digest()
    expected = b"\x00\x01" + b"\xff" * (key.size - len(digest) - 3) + b"\x00" + digest
    return hmac.compare_digest(pow(number, key.exponent, key.modulus).to_bytes(key.size), expected)


def _check_claims(claims: Mapping[str, object], provider: IdentityProvider, now: int) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != provider.issuer:
        raise IdTokenError("its issuer is not the identity provider's")
    if provider.client_id not in audiences:
        raise IdTokenError("it is meant for another audience")
    ends, begins = claims.get("exp"), claims.get("nbf", now)
    if not _is_time(ends) or not _is_time(begins):
        raise IdTokenError("it does not say until when it is good")
    if now >= ends:
        raise IdTokenError("it has expired")
    if begins > now + _CLOCK_SKEW_SECONDS:
        raise IdTokenError("it is not yet good")


def _is_time(value: object) -> TypeGuard[float]:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and isfinite(value))
