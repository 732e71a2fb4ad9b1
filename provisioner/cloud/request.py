"""Turns a `Call` into the exact bytes of a request: fills in the path, encodes query and body, and puts the secrets in.

The result lacks only the authentication. This module knows nothing about connections, signatures or tokens.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote, urlsplit

from provisioner.cloud.endpoints import Endpoints
from provisioner.model.flow import Call, CallFailed, Dispatch, Effect, Outcome, Service
from provisioner.model.identity import Identity
from provisioner.model.resource import Fields
from provisioner.model.secret import Secret, SecretReference
from provisioner.web import HttpAnswer

Reveal: TypeAlias = Callable[[SecretReference], Secret]
"""Returns the secret that a reference stands for."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request without authentication. `url` is complete and percent-encoded.

    `secrets` are those in `body`, so that they can be masked where an answer echoes them.
    """

    service: Service
    effect: Effect
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    secrets: tuple[Secret, ...] = ()
    dispatch: Dispatch | None = None
    """What binds it to its intent, where it has one."""

    @property
    def must_be_signed(self) -> bool:
        return self.dispatch is not None and self.dispatch.must_be_signed

    @property
    def is_repeatable(self) -> bool:
        return self.effect in {Effect.READ, Effect.REPEATABLE}

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def line(self) -> str:
        """Method and path, as messages show them."""
        return f"{self.method} {urlsplit(self.url).path}"


SendRequest: TypeAlias = Callable[[Request], Awaitable[HttpAnswer]]
"""Sends a request and returns its complete answer, which has a 2xx status. Raises Failure."""


def encode(call: Call, *, endpoints: Endpoints, identity: Identity | None, reveal: Reveal) -> Request:
    """Encode `call` as a request. `identity` is None only until it is known.

    Errors of `reveal` pass through; nothing has been sent then. Raises CallFailed(NOT_SENT) for an id that would change
    the path.
    """
    body, secrets = _encode_body(call.body, reveal)
    path = _encode_path(call.path, identity)
    query = "&".join(f"{_percent(name)}={_percent(_query_value(value))}" for name, value in sorted(call.query.items()))
    url = f"{endpoints.url(call.service)}{path}"
    return Request(
        service=call.service,
        effect=call.effect,
        method=call.method,
        url=f"{url}?{query}" if query else url,
        headers={"Content-Type": "application/json", **_account_headers(call.service, identity)},
        body=body,
        secrets=secrets,
    )


def _encode_path(path: str, identity: Identity | None) -> str:
    project = identity.project if identity else ""
    segments = path.replace("{project_id}", project).split("/")
    if {".", ".."} & set(segments):
        # The path contains an id that the cloud sent. Such an id would turn the call into a different one.
        raise CallFailed(Outcome.NOT_SENT, f"{path!r} was not called: an id in it would change its meaning")
    return "/".join(map(_percent, segments))


def _account_headers(service: Service, identity: Identity | None) -> dict[str, str]:
    """Regional services expect the project, billing the account (docs/api/devserver-api.md section 6.1, step 2)."""
    if identity is None or service is Service.IDENTITY:
        return {}
    if service is Service.BILLING:
        return {"X-Domain-Id": identity.account, "X-Language": "en_US"}
    return {"X-Project-Id": identity.project}


def _encode_body(body: Fields | None, reveal: Reveal) -> tuple[bytes, tuple[Secret, ...]]:
    if body is None:
        return b"", ()
    revealed: list[Secret] = []

    def encode_value(value: object) -> object:
        match value:
            case SecretReference():
                secret = reveal(value)
                revealed.append(secret)
                return secret.reveal()
            case Mapping():
                return dict(value)
            case _:
                raise TypeError(f"{type(value).__name__} is no JSON")

    text = json.dumps(body, default=encode_value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(), tuple(revealed)


def _query_value(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _percent(text: str) -> str:
    return quote(text, safe="")
