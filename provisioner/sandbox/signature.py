"""Verifies signatures of SDK-HMAC-SHA256: rebuilds what the client must have signed and compares.

Follows the steps of docs/api/devserver-api.md section 6.1. Knows neither accounts nor clocks.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qsl, quote, unquote_to_bytes

ALGORITHM: Final = "SDK-HMAC-SHA256"
_AUTHORIZATION: Final = re.compile(
    rf"{ALGORITHM} Access=(?P<access>[^,\s]+), ?SignedHeaders=(?P<headers>[^,\s]+), ?Signature=(?P<signature>[0-9a-f]{{64}})",
)
_UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came over the wire: the path and query still encoded, header names in lower case."""

    method: str
    raw_path: bytes
    raw_query: bytes
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Authorization:
    access_key: str
    signed_headers: tuple[str, ...]
    signature: str

    @classmethod
    def parse(cls, header: str) -> Self | None:
        """Parses the header; None if it has another scheme or is malformed."""
        if (match := _AUTHORIZATION.fullmatch(header.strip())) is None:
            return None
        return cls(match["access"], tuple(match["headers"].lower().split(";")), match["signature"])


def verify(request: SignedRequest, authorization: Authorization, secret_key: str) -> bool:
    """Returns whether the signature belongs to the request. Headers that the signer did not name may have any value
    (section 6.1, also `host`).
    """
    if any(name not in request.headers for name in (*authorization.signed_headers, "x-sdk-date")):
        return False
    payload_hash = _payload_hash(request)
    if payload_hash is None:
        return False
    canonical = _canonical_request(request, authorization.signed_headers, payload_hash)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{request.headers['x-sdk-date'].strip()}\n{digest}"
    expected = hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, authorization.signature)


def _canonical_request(request: SignedRequest, signed_headers: tuple[str, ...], payload_hash: str) -> str:
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in signed_headers)
    return "\n".join(
        (
            request.method.upper(),
            _canonical_path(request.raw_path),
            _canonical_query(request.raw_query),
            headers,
            ";".join(signed_headers),
            payload_hash,
        )
    )


def _canonical_path(raw_path: bytes) -> str:
    path = "/".join(quote(segment, safe="") for segment in unquote_to_bytes(raw_path).split(b"/"))
    return path if path.endswith("/") else f"{path}/"


def _canonical_query(raw_query: bytes) -> str:
    # Decoded as the services read it, so that a signature covers the values that are acted upon.
    pairs = parse_qsl(raw_query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
    return "&".join(f"{_encode(key)}={_encode(value)}" for key, value in sorted(pairs))


def _encode(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")


def _payload_hash(request: SignedRequest) -> str | None:
    """Returns the hash that was signed; None if the client declares one that is not that of this body."""
    actual = hashlib.sha256(request.body).hexdigest()
    declared = request.headers.get("x-sdk-content-sha256", actual).strip()
    return declared if declared in {actual, _UNSIGNED_PAYLOAD} else None
