"""Keys that end: fetched when one is needed, and again before the old one does.

Two places give them: identity, for a token that somebody else has signed in for, which is good for one project only while
its keys serve billing too; and the metadata service of a cloud server, which is asked only by those who say that they are on
one (docs/api/devserver-api.md sections 6.3 and 6.4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from provisioner.cloud.authentication import Signer
from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import AccessKey, IssuedToken
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.failures import Failure, as_not_sent, unreadable_answer
from provisioner.cloud.request import Request
from provisioner.model.canonical import JsonObject, parse_json
from provisioner.model.flow import Effect, Service
from provisioner.model.secret import Secret
from provisioner.web import HttpAnswer

METADATA: Final = "http://169.254.169.254"
"""Link-local: what is asked there never leaves the machine's own network, and carries nothing of ours."""

_LIFE: Final = 3600
"""Seconds that are asked for; 15 minutes to a day are given."""

_RENEW_BEFORE: Final = 600.0
"""Seconds before its end at which a key is no longer used: none expires on its way, or under a purchase."""

SendRequest: TypeAlias = Callable[[Request], Awaitable[HttpAnswer]]


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    """Moments are seconds since the epoch, by this machine's clock."""

    key: AccessKey
    ends_at: float
    renew_at: float


def token_exchange_request(token: IssuedToken, endpoints: Endpoints) -> Request:
    body = b'{"auth":{"identity":{"methods":["token"],"token":{"duration_seconds":%d}}}}' % _LIFE
    return Request(
        service=Service.IDENTITY,
        effect=Effect.REPEATABLE,
        method="POST",
        url=f"{endpoints.identity}/v3.0/OS-CREDENTIAL/securitytokens",
        headers={"Content-Type": "application/json", "X-Auth-Token": token.value.reveal()},
        body=body,
        secrets=(token.value,),
    )


def instance_metadata_request() -> Request:
    return Request(
        service=Service.IDENTITY,
        effect=Effect.READ,
        method="GET",
        url=f"{METADATA}/openstack/latest/securitykey",
        headers={},
        body=b"",
    )


class TemporaryKeys:
    """`request` is answered with a key; `send` sends it without authentication."""

    def __init__(self, request: Request, *, advice: str, send: SendRequest, clock: Clock) -> None:
        self.advice = advice
        self._request = request
        self._send = send
        self._clock = clock
        self._held: TemporaryKey | None = None
        self._lock = asyncio.Lock()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return (*self._request.secrets, *(self._signer(self._held).secrets if self._held else ()))

    @property
    def ends_at(self) -> float | None:
        return self._held.ends_at if self._held else None

    async def headers(self, request: Request) -> Mapping[str, str]:
        return await self._signer(await self._key()).headers(request)

    def renew(self, sent: Mapping[str, str]) -> bool:
        """Drop the key if it is still the one in use: many channels may learn at once that it has ended."""
        held = self._held.key.security_token if self._held else None
        if held is not None and held.reveal() == sent.get("X-Security-Token"):
            self._held = None
        return True

    def _signer(self, held: TemporaryKey) -> Signer:
        return Signer(held.key, self._clock)

    async def _key(self) -> TemporaryKey:
        """Raises Failure(NOT_SENT): whatever the key was for has not been sent."""
        async with self._lock:
            if self._held is None or self._clock.now() >= self._held.renew_at:
                try:
                    self._held = self._read(await self._send(self._request))
                except Failure as failure:
                    raise as_not_sent(failure) from None
            return self._held

    def _read(self, answer: HttpAnswer) -> TemporaryKey:
        """A key's life is counted from the server's own clock, so that a skewed one here does no harm."""
        now = self._clock.now()
        try:
            credential = _credential(answer)
            ends = datetime.fromisoformat(str(credential["expires_at"])).timestamp()
            access, secret, token = (_text(credential[name]) for name in ("access", "secret", "securitytoken"))
        except (KeyError, ValueError):
            raise unreadable_answer(self._request, answer, "it holds no temporary key, or none with an end") from None
        life = ends - (answer.server_time / 1000 if answer.server_time else now)
        key = AccessKey(access, Secret(secret), Secret(token))
        return TemporaryKey(key, now + life, now + life - min(_RENEW_BEFORE, life / 2))


def _credential(answer: HttpAnswer) -> JsonObject:
    body = parse_json(answer.body)
    credential = body.get("credential") if isinstance(body, Mapping) else None
    return credential if isinstance(credential, Mapping) else {}


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value
