"""Signs requests by SDK-HMAC-SHA256: a pure function from a request to the headers that authenticate it.

It follows the steps of docs/api/devserver-api.md section 6.1 and returns the intermediate texts too, so that they can
be compared with the vendor's. The caller gives the date and the complete URL.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from provisioner.model.secret import Secret

ALGORITHM: Final = "SDK-HMAC-SHA256"
DATE_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_HASHED_TYPES: Final = {"application/json", "application/bson"}
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Signed:
    """The signature. `headers` are to be added to the request's own; the other fields are the intermediate texts."""

    headers: Mapping[str, str]
    canonical_request: str
    string_to_sign: str


def sign(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    access_key: str,
    secret_key: Secret,
    date: str,
) -> Signed:
    """Sign all of `headers`, and `Host` and `X-Sdk-Date` even if they are not among them.

    `url` is percent-encoded as it will be sent.
    """
    parts = urlsplit(url)
    added = _missing_headers(headers, parts, date)
    signable = {name.lower(): value.strip() for name, value in {**headers, **added}.items() if "_" not in name}
    names = ";".join(sorted(signable))
    canonical_request = "\n".join(
        (
            method.upper(),
            _canonical_path(parts.path),
            _canonical_query(parts.query),
            "".join(f"{name}:{signable[name]}\n" for name in sorted(signable)),
            names,
            signable.get("x-sdk-content-sha256") or hashlib.sha256(body).hexdigest(),
        )
    )
    string_to_sign = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical_request.encode()).hexdigest()}"
    signature = hmac.new(secret_key.reveal().encode(), string_to_sign.encode(), hashlib.sha256).hexdigest()
    authorization = f"{ALGORITHM} Access={access_key}, SignedHeaders={names}, Signature={signature}"
    return Signed({**added, "Authorization": authorization}, canonical_request, string_to_sign)


def _missing_headers(headers: Mapping[str, str], parts: SplitResult, date: str) -> dict[str, str]:
    given = {name.lower(): value for name, value in headers.items()}
    wanted = {"Host": _host(parts), "X-Sdk-Date": date}
    if "content-type" in given and given["content-type"].partition(";")[0].strip().lower() not in _HASHED_TYPES:
        wanted["X-Sdk-Content-Sha256"] = "UNSIGNED-PAYLOAD"
    return {name: value for name, value in wanted.items() if name.lower() not in given}


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def _canonical_path(path: str) -> str:
    encoded = "/".join(quote(segment, safe="") for segment in unquote(path).split("/"))
    return encoded if encoded.endswith("/") else f"{encoded}/"


def _canonical_query(query: str) -> str:
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
