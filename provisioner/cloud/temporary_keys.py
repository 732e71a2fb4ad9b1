"""Fetches temporary keys when they are needed, and renews them before they expire.

Where they come from is known to key_exchange.py: an issued token, an ID token, an agency, or the metadata service of a
cloud server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from provisioner.cloud.authentication import Signer
from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import AccessKey
from provisioner.cloud.failures import Failure, as_not_sent, unreadable_answer
from provisioner.cloud.key_exchange import KeyExchange
from provisioner.cloud.request import Request
from provisioner.model.canonical import JsonObject, parse_json
from provisioner.model.flow import Outcome
from provisioner.model.secret import Secret
from provisioner.web import HttpAnswer

_RENEW_BEFORE: Final = 600.0
"""How many seconds before its expiry a key is no longer used, so that none expires while a request is under way."""


_LEAST_LIFE: Final = 120.0
"""How many seconds a key must still live for a request that is sent only once: twice as long as its answer may take."""


_TRY_AGAIN_AFTER: Final = 60.0
"""How many seconds after a failed renewal the next one is tried, while the key is still good."""


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    """A key and its life. Times are seconds since the epoch by this machine's clock."""

    key: AccessKey
    ends_at: float
    renew_at: float


class TemporaryKeys:
    """Authenticates requests by temporary keys. `advice` tells the user what to check when the exchange is refused."""

    def __init__(self, exchange: KeyExchange, *, advice: str, clock: Clock) -> None:
        self.advice = advice
        self._exchange = exchange
        self._clock = clock
        self._held: TemporaryKey | None = None
        self._lock = asyncio.Lock()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return self._signer(self._held).secrets if self._held else ()

    @property
    def ends_at(self) -> float | None:
        return self._held.ends_at if self._held else None

    async def headers(self, request: Request) -> Mapping[str, str]:
        held = await self._key()
        if not request.is_repeatable and held.ends_at - self._clock.now() < _LEAST_LIFE:
            # A key that ends while the request is under way could leave it unclear whether it was executed.
            message = "signing in failed: the new temporary key ends too soon to buy or change anything with it"
            raise Failure(Outcome.NOT_SENT, message)
        return await self._signer(held).headers(request)

    async def prepare_signing(self) -> None:
        """Get a key now, so that a refusal is known before anything is bought."""
        await self._key()

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
        """Return a valid key.

        One that cannot be renewed is used until shortly before its end. Raises Failure(NOT_SENT), as the request that
        needs the key has not been sent.
        """
        async with self._lock:
            if self._held is None or self._clock.now() >= self._held.renew_at:
                try:
                    self._held = self._read(*await self._exchange.fetch())
                except Failure as failure:
                    if self._held is not None and self._clock.now() < self._held.ends_at - _LEAST_LIFE:
                        self._held = replace(self._held, renew_at=self._clock.now() + _TRY_AGAIN_AFTER)
                        return self._held
                    raise as_not_sent(failure, self.advice if _is_denied(failure) else "") from None
            return self._held

    def _read(self, request: Request, answer: HttpAnswer) -> TemporaryKey:
        """Read the key from the answer.

        Its life is counted from the server's clock, so that a wrong clock here does no harm.
        """
        now = self._clock.now()
        try:
            credential = _credential(answer)
            ends = datetime.fromisoformat(str(credential["expires_at"])).timestamp()
            access, secret, token = (_text(credential[name]) for name in ("access", "secret", "securitytoken"))
        except (KeyError, ValueError):
            raise unreadable_answer(request, answer, "it holds no temporary key, or none with an end") from None
        life = ends - (answer.server_time / 1000 if answer.server_time else now)
        key = AccessKey(access, Secret(secret), Secret(token))
        return TemporaryKey(key, now + life, now + life - min(_RENEW_BEFORE, life / 2))


def _is_denied(failure: Failure) -> bool:
    """Whether the exchange was refused for another reason than authentication, whose advice it already has."""
    return failure.outcome is Outcome.REFUSED and not failure.is_unauthenticated


def _credential(answer: HttpAnswer) -> JsonObject:
    body = parse_json(answer.body)
    credential = body.get("credential") if isinstance(body, Mapping) else None
    return credential if isinstance(credential, Mapping) else {}


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value
