"""The exchanges by which one gets temporary keys: requests and how they follow each other.

The forms are those of docs/api/devserver-api.md sections 6.3 and 6.4. When to exchange is decided in temporary_keys.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, Protocol

from provisioner.cloud.credentials import KEY_LIFE_SECONDS, Agency, IdToken, IssuedToken
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.failures import Failure, unreadable_answer
from provisioner.cloud.id_token import ReadIdToken, read_id_token
from provisioner.cloud.private_file import is_sendable
from provisioner.cloud.request import Request, SendRequest
from provisioner.cloud.tokens import user_of
from provisioner.model.diagnostic import UsageError
from provisioner.model.flow import Effect, Outcome, Service
from provisioner.model.secret import Secret
from provisioner.web import HttpAnswer

METADATA: Final = "http://169.254.169.254"
"""A link-local address: requests to it never leave the machine's own network, and they carry no secret."""


class KeyExchange(Protocol):
    """Gets a temporary key whenever one is needed."""

    async def fetch(self) -> tuple[Request, HttpAnswer]:
        """Return the answer with the key, and the request that it answers. Raises Failure."""


class RequestExchange:
    """An exchange by one request that is always the same. `send` authenticates it, where it needs that."""

    def __init__(self, request: Request, send: SendRequest) -> None:
        self._request = request
        self._send = send

    async def fetch(self) -> tuple[Request, HttpAnswer]:
        return self._request, await self._send(self._request)


class IdTokenExchange:
    """An exchange of an ID token: for a token of the cloud, and that for a key. `send` sends without authentication.

    Each fetch reads the token anew. All of them must name the user of the first one, because a run acts as one user.
    """

    def __init__(self, token: IdToken, endpoints: Endpoints, send: SendRequest) -> None:
        self._token = token
        self._endpoints = endpoints
        self._send = send
        self._first: ReadIdToken | None = None
        self.user_id = ""
        """The cloud's id of the user that the first token stands for; empty when it does not say."""

    async def fetch(self) -> tuple[Request, HttpAnswer]:
        read = self._read()
        request = _id_token_request(self._token.provider_id, read.value, self._endpoints)
        answer = await self._send(request)
        value = answer.headers.get("x-subject-token", "")
        if not value or not is_sendable(value):
            raise unreadable_answer(request, answer, "it holds no token")
        if self._first is None:
            self._first, self.user_id = read, user_of(answer)
        exchange = _unscoped_token_request(Secret(value), self._token.duration_seconds, self._endpoints)
        return exchange, await self._send(exchange)

    def _read(self) -> ReadIdToken:
        try:
            read = read_id_token(self._token)
        except UsageError as refused:
            raise Failure(Outcome.NOT_SENT, "; ".join(each.summary for each in refused.diagnostics)) from None
        if self._first is not None and read.subject != self._first.subject:
            raise Failure(
                Outcome.NOT_SENT, f"{self._token.path} now holds the ID token of another user than when this run began"
            )
        return read


def token_exchange_request(token: IssuedToken, endpoints: Endpoints) -> Request:
    """Return the request that exchanges `token` for a temporary key of the same user."""
    identity = {"methods": ["token"], "token": {"duration_seconds": KEY_LIFE_SECONDS}}
    return _exchange_request(identity, endpoints, token=token.value)


def own_key_request(endpoints: Endpoints) -> Request:
    """Return the request for a temporary key of the user whose token is sent with it."""
    return _exchange_request({"methods": ["token"], "token": {"duration_seconds": KEY_LIFE_SECONDS}}, endpoints)


def agency_request(agency: Agency, endpoints: Endpoints, token: IssuedToken | None = None) -> Request:
    """Return the request for a temporary key of `agency`.

    It is authenticated by `token`, or else by whoever sends it.
    """
    account = {"domain_id": agency.domain_id, "domain_name": agency.domain_name}
    role = {
        "agency_name": agency.name,
        **{name: value for name, value in account.items() if value},
        "duration_seconds": agency.duration_seconds,
    }
    identity = {"methods": ["assume_role"], "assume_role": role}
    return _exchange_request(identity, endpoints, token=token.value if token else None)


def instance_metadata_request() -> Request:
    """Return the request to the metadata service of this cloud server for a temporary key."""
    return Request(
        service=Service.IDENTITY,
        effect=Effect.READ,
        method="GET",
        url=f"{METADATA}/openstack/latest/securitykey",
        headers={},
        body=b"",
    )


def _exchange_request(
    identity: Mapping[str, object], endpoints: Endpoints, *, token: Secret | None = None, inside: Secret | None = None
) -> Request:
    """`token` goes into the header; `inside` is one that `identity` already contains."""
    return Request(
        service=Service.IDENTITY,
        effect=Effect.REPEATABLE,
        method="POST",
        url=f"{endpoints.identity}/v3.0/OS-CREDENTIAL/securitytokens",
        headers={"Content-Type": "application/json", **({"X-Auth-Token": token.reveal()} if token else {})},
        body=_json({"auth": {"identity": identity}}),
        secrets=tuple(secret for secret in (token, inside) if secret),
    )


def _unscoped_token_request(token: Secret, seconds: int, endpoints: Endpoints) -> Request:
    """The vendor's tools send a token without a scope in the body: it is no credential of its own."""
    identity = {"methods": ["token"], "token": {"id": token.reveal(), "duration_seconds": seconds}}
    return _exchange_request(identity, endpoints, inside=token)


def _id_token_request(provider_id: str, token: Secret, endpoints: Endpoints) -> Request:
    return Request(
        service=Service.IDENTITY,
        effect=Effect.REPEATABLE,
        method="POST",
        url=f"{endpoints.identity}/v3.0/OS-AUTH/id-token/tokens",
        headers={"Content-Type": "application/json", "X-Idp-Id": provider_id},
        body=_json({"auth": {"id_token": {"id": token.reveal()}}}),
        secrets=(token,),
    )


def _json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
