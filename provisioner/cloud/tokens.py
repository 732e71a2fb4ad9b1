"""Exchanges a password for tokens that all channels share: one for the project and one for the account that pays.

Wrong passwords lock the account (docs/api/devserver-api.md section 6.3), so no channel ever repeats a refused exchange.
This module does not know what the tokens are used for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import Password
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.failures import Failure, as_not_sent, unreadable_answer
from provisioner.cloud.request import Request, SendRequest, encode
from provisioner.model.canonical import JsonObject, parse_json
from provisioner.model.flow import Call, Effect, Outcome, Service
from provisioner.model.resource import Fields
from provisioner.model.secret import Secret, SecretReference, SecretSource
from provisioner.web import HttpAnswer

RENEW_BEFORE: Final = 600.0
"""How many seconds before its expiry a token is no longer used, so that none expires while a request is under way."""


class Scope(StrEnum):
    PROJECT = "project"
    ACCOUNT = "domain"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and its life.

    Times are seconds since the epoch by this machine's clock; `grant` is the cloud's description of the token.
    """

    value: Secret
    ends_at: float
    renew_at: float
    grant: JsonObject


class TokenCache(Protocol):
    """Keeps tokens between runs, by a name that identifies their user and scope."""

    def load(self, name: str) -> Token | None: ...

    def save(self, name: str, token: Token) -> None: ...

    def forget(self, name: str) -> None: ...


class NoCache:
    """A cache that keeps nothing, so that every run signs in."""

    def load(self, name: str) -> None: ...

    def save(self, name: str, token: Token) -> None: ...

    def forget(self, name: str) -> None: ...


class Tokens:
    """Authenticates requests by tokens, and gets these when they are needed.

    `scopes` holds the JSON by which project and account are named to the cloud. When the account is missing there, it
    is taken from the project's token. `send` sends a request without authentication. Requests to the identity service
    use the token of `identity_scope`.
    """

    advice = "check HW_USER_NAME (or HW_USER_ID), HW_USER_PASSWORD and HW_DOMAIN_NAME"

    def __init__(
        self,
        user: Password,
        *,
        scopes: Mapping[Scope, Fields],
        endpoints: Endpoints,
        send: SendRequest,
        clock: Clock,
        cache: TokenCache,
        identity_scope: Scope = Scope.PROJECT,
    ) -> None:
        self._user = user
        self._scopes = scopes
        self._endpoints = endpoints
        self._send = send
        self._clock = clock
        self._cache = cache
        self._identity_scope = identity_scope
        self._held: dict[Scope, Token] = {}
        self._refused: dict[Scope, Failure] = {}
        self._lock = asyncio.Lock()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return (self._user.password, *(token.value for token in self._held.values()))

    async def headers(self, request: Request) -> Mapping[str, str]:
        token = await self.token(self._scope_of(request.service))
        return {**request.headers, "X-Auth-Token": token.value.reveal()}

    @property
    def ends_at(self) -> float | None:
        """When the first of the tokens in use expires; None when none is in use."""
        return min((token.ends_at for token in self._held.values()), default=None)

    async def prepare_signing(self) -> None:
        raise Failure(Outcome.NOT_SENT, "a token cannot sign")

    def renew(self, sent: Mapping[str, str]) -> bool:
        """Drop the rejected token if it is still in use.

        Many channels may find out at the same time that it has expired.
        """
        stale = Secret(sent.get("X-Auth-Token", ""))
        for scope in [scope for scope, token in self._held.items() if token.value == stale]:
            del self._held[scope]
            self._cache.forget(self._name(scope))
        return True

    async def token(self, scope: Scope) -> Token:
        """Return a valid token for `scope`.

        Raises Failure(NOT_SENT), as the request that needs the token has not been sent.
        """
        if scope is Scope.ACCOUNT and scope not in self._scopes:
            account = account_of((await self.token(Scope.PROJECT)).grant)
            assert account is not None  # identification fails without an account, before any channel is opened
            self._scopes = {**self._scopes, scope: {"id": account}}
        async with self._lock:
            held = self._held.get(scope) or self._cache.load(self._name(scope))
            if held is None or self._clock.now() >= held.renew_at:
                held = await self._exchange(scope)
                self._cache.save(self._name(scope), held)
            self._held[scope] = held
            return held

    def _scope_of(self, service: Service) -> Scope:
        match service:
            case Service.BILLING:
                return Scope.ACCOUNT
            case Service.IDENTITY:
                return self._identity_scope
            case _:
                return Scope.PROJECT

    def _name(self, scope: Scope) -> str:
        """Return the name of the cached token. The cache stores only a hash of it, so its files reveal nothing."""
        user = self._user
        who = [user.user_id, user.user_name, user.domain_name]
        return json.dumps([self._endpoints.identity, who, scope, self._scopes[scope]], sort_keys=True)

    async def _exchange(self, scope: Scope) -> Token:
        if refused := self._refused.get(scope):
            raise refused
        try:
            request = self._request(scope)
            return self._token(request, await self._send(request))
        except Failure as failure:
            not_sent = as_not_sent(failure)
            if failure.outcome is Outcome.REFUSED and not failure.transient:
                self._refused[scope] = not_sent
            raise not_sent from None

    def _request(self, scope: Scope) -> Request:
        password = SecretReference(SecretSource.LITERAL, "", self._user.password)
        domain: Fields = {"name": self._user.domain_name}
        named: Fields = {"domain": domain, "name": self._user.user_name}
        user: Fields = {"id": self._user.user_id} if self._user.user_id else named
        body: Fields = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": {**user, "password": password}}},
                "scope": {scope.value: self._scopes[scope]},
            }
        }
        call = Call(
            Service.IDENTITY, "POST", "/v3/auth/tokens", Effect.REPEATABLE, query={"nocatalog": "true"}, body=body
        )
        return encode(call, endpoints=self._endpoints, identity=None, reveal=lambda _reference: self._user.password)

    def _token(self, request: Request, answer: HttpAnswer) -> Token:
        """Read the token from the answer.

        Its life is counted from the server's clock, so that a wrong clock here does no harm.
        """
        now = self._clock.now()
        try:
            grant = _read_grant(answer)
            ends = datetime.fromisoformat(str(grant["expires_at"])).timestamp()
            value = answer.headers["x-subject-token"]
        except (KeyError, ValueError):
            raise unreadable_answer(request, answer, "it holds no token, or none with an end") from None
        life = ends - (answer.server_time / 1000 if answer.server_time else now)
        return Token(Secret(value), now + life, now + life - min(RENEW_BEFORE, life / 2), grant)


def _read_grant(answer: HttpAnswer) -> JsonObject:
    body = parse_json(answer.body)
    grant = body.get("token") if isinstance(body, Mapping) else None
    return grant if isinstance(grant, Mapping) else {}


def account_of(grant: JsonObject) -> str | None:
    """Return the id of the account that a token belongs to: its project's account, else its user's.

    None when it names neither.
    """
    owners = (owner for name in ("project", "user") if isinstance(owner := grant.get(name), Mapping))
    domains = (domain for owner in owners if isinstance(domain := owner.get("domain"), Mapping))
    return next((found for domain in domains if isinstance(found := domain.get("id"), str) and found), None)


def user_of(answer: HttpAnswer) -> str:
    """Return the id of the user that a new token stands for; empty when the answer does not say."""
    try:
        user = _read_grant(answer).get("user")
    except ValueError:
        return ""
    identifier = user.get("id") if isinstance(user, Mapping) else None
    return identifier if isinstance(identifier, str) else ""
