"""Fetches temporary keys when they are needed, and renews them before they expire.

There are two sources. The identity service exchanges an issued token for them: such a token is valid for one project
only, but its keys work with billing too. The metadata service of a cloud server gives them as well; it is asked only
when the user states that this machine is one (docs/api/devserver-api.md sections 6.3 and 6.4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from provisioner.cloud.authentication import Signer
from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import AccessKey, IssuedToken
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.failures import Failure, as_not_sent, unreadable_answer
from provisioner.cloud.request import Request, SendRequest
from provisioner.model.canonical import JsonObject, parse_json
from provisioner.model.flow import Effect, Service
from provisioner.model.secret import Secret
from provisioner.web import HttpAnswer

METADATA: Final = "http://169.254.169.254"
"""A link-local address: requests to it never leave the machine's own network, and they carry no secret."""

_LIFE_SECONDS: Final = 3600
"""The requested life in seconds. The service allows 15 minutes to a day."""

_RENEW_BEFORE: Final = 600.0
"""How many seconds before its expiry a key is no longer used, so that none expires while a request is under way."""


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    """A key and its life. Times are seconds since the epoch by this machine's clock."""

    key: AccessKey
    ends_at: float
    renew_at: float


def token_exchange_request(token: IssuedToken, endpoints: Endpoints) -> Request:
    """Return the request that exchanges `token` for a temporary key."""
    body = b'{"auth":{"identity":{"methods":["token"],"token":{"duration_seconds":%d}}}}' % _LIFE_SECONDS
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
    """Return the request to the metadata service of this cloud server for a temporary key."""
    return Request(
        service=Service.IDENTITY,
        effect=Effect.READ,
        method="GET",
        url=f"{METADATA}/openstack/latest/securitykey",
        headers={},
        body=b"",
    )


class TemporaryKeys:
    """Authenticates requests by temporary keys.

    `request` is the one that fetches a key; `send` sends it without authentication.
    """

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
        """Drop the rejected key if it is still in use.

        Many channels may find out at the same time that it has expired.
        """
        held = self._held.key.security_token if self._held else None
        if held is not None and held.reveal() == sent.get("X-Security-Token"):
            self._held = None
        return True

    def _signer(self, held: TemporaryKey) -> Signer:
        return Signer(held.key, self._clock)

    async def _key(self) -> TemporaryKey:
        """Return a valid key. Raises Failure(NOT_SENT), as the request that needs the key has not been sent."""
        async with self._lock:
            if self._held is None or self._clock.now() >= self._held.renew_at:
                try:
                    self._held = self._read(await self._send(self._request))
                except Failure as failure:
                    raise as_not_sent(failure) from None
            return self._held

    def _read(self, answer: HttpAnswer) -> TemporaryKey:
        """Read the key from the answer.

        Its life is counted from the server's clock, so that a wrong clock here does no harm.
        """
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
