"""A password, exchanged for tokens that all channels share: one for the project, one for the account that pays.

Wrong passwords lock the account (docs/api/devserver-api.md section 6.3), so a refused exchange is never tried again, by no
channel. Knows nothing of what the tokens are used for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import Password
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.failures import Failure, as_not_sent, unreadable_answer
from provisioner.cloud.request import Request, encode
from provisioner.model.canonical import JsonObject, parse_json
from provisioner.model.flow import Call, Effect, Outcome, Service
from provisioner.model.resource import Fields
from provisioner.model.secret import Secret, SecretReference, SecretSource
from provisioner.web import HttpAnswer

RENEW_BEFORE: Final = 600.0
"""Seconds before its end at which a token is no longer used: none expires on its way, or under a purchase."""

SendRequest: TypeAlias = Callable[[Request], Awaitable[HttpAnswer]]


class Scope(StrEnum):
    PROJECT = "project"
    ACCOUNT = "domain"


@dataclass(frozen=True, slots=True)
class Token:
    """Moments are seconds since the epoch, by this machine's clock; `grant` is what the cloud says the token is good for."""

    value: Secret
    ends_at: float
    renew_at: float
    grant: JsonObject


class TokenCache(Protocol):
    """Tokens of earlier runs, by a name that says whose they are and what for."""

    def load(self, name: str) -> Token | None: ...

    def save(self, name: str, token: Token) -> None: ...

    def forget(self, name: str) -> None: ...


class NoCache:
    """Every run signs in for itself."""

    def load(self, name: str) -> None: ...

    def save(self, name: str, token: Token) -> None: ...

    def forget(self, name: str) -> None: ...


class Tokens:
    """`scopes` says how project and account are named to the cloud; an account that is not in it is learnt from the project's
    token. `send` sends without authentication.
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
    ) -> None:
        self._user = user
        self._scopes = scopes
        self._endpoints = endpoints
        self._send = send
        self._clock = clock
        self._cache = cache
        self._held: dict[Scope, Token] = {}
        self._refused: dict[Scope, Failure] = {}
        self._lock = asyncio.Lock()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return (self._user.password, *(token.value for token in self._held.values()))

    async def headers(self, request: Request) -> Mapping[str, str]:
        token = await self.token(_scope_of(request.service))
        return {**request.headers, "X-Auth-Token": token.value.reveal()}

    @property
    def ends_at(self) -> float | None:
        """The first end of those in use."""
        return min((token.ends_at for token in self._held.values()), default=None)

    def renew(self, sent: Mapping[str, str]) -> bool:
        """Drop the token if it is still the one in use: many channels may learn at once that it has ended."""
        stale = Secret(sent.get("X-Auth-Token", ""))
        for scope in [scope for scope, token in self._held.items() if token.value == stale]:
            del self._held[scope]
            self._cache.forget(self._name(scope))
        return True

    async def token(self, scope: Scope) -> Token:
        """Raises Failure(NOT_SENT): whatever the token was for has not been sent."""
        if scope is Scope.ACCOUNT and scope not in self._scopes:
            account = account_of((await self.token(Scope.PROJECT)).grant)
            assert account is not None  # without an account nobody is identified, and no channel is opened
            self._scopes = {**self._scopes, scope: {"id": account}}
        async with self._lock:
            held = self._held.get(scope) or self._cache.load(self._name(scope))
            if held is None or self._clock.now() >= held.renew_at:
                held = await self._exchange(scope)
                self._cache.save(self._name(scope), held)
            self._held[scope] = held
            return held

    def _name(self, scope: Scope) -> str:
        """Whoever may read the cache learns nothing from it: it is hashed there."""
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
            nothing_sent = as_not_sent(failure)
            if failure.outcome is Outcome.REFUSED and not failure.transient:
                self._refused[scope] = nothing_sent
            raise nothing_sent from None

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
        """A token's life is counted from the server's own clock, so that a skewed one here does no harm."""
        now = self._clock.now()
        try:
            grant = _grant(answer)
            ends = datetime.fromisoformat(str(grant["expires_at"])).timestamp()
            value = answer.headers["x-subject-token"]
        except (KeyError, ValueError):
            raise unreadable_answer(request, answer, "it holds no token, or none with an end") from None
        life = ends - (answer.server_time / 1000 if answer.server_time else now)
        return Token(Secret(value), now + life, now + life - min(RENEW_BEFORE, life / 2), grant)


def _scope_of(service: Service) -> Scope:
    return Scope.ACCOUNT if service is Service.BILLING else Scope.PROJECT


def _grant(answer: HttpAnswer) -> JsonObject:
    body = parse_json(answer.body)
    grant = body.get("token") if isinstance(body, Mapping) else None
    return grant if isinstance(grant, Mapping) else {}


def account_of(grant: JsonObject) -> str | None:
    """The id of the account that a token is of: its project's, else its user's."""
    owners = (owner for name in ("project", "user") if isinstance(owner := grant.get(name), Mapping))
    domains = (domain for owner in owners if isinstance(domain := owner.get("domain"), Mapping))
    return next((found for domain in domains if isinstance(found := domain.get("id"), str) and found), None)
