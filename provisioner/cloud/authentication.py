"""Authenticates requests behind one protocol: by a signature for each request, or by a token for many (tokens.py).

It knows credentials. It knows neither retries nor which call costs money.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import AccessKey
from provisioner.cloud.failures import Failure
from provisioner.cloud.request import Request
from provisioner.cloud.signing import DATE_FORMAT, sign
from provisioner.model.flow import Outcome
from provisioner.model.secret import Secret


class Authentication(Protocol):
    """Adds to requests what proves who sends them."""

    @property
    def advice(self) -> str:
        """What the user should check when the cloud refuses the authentication."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets that an answer might echo."""

    @property
    def ends_at(self) -> float | None:
        """When the authentication expires, in seconds since the epoch; None when it does not expire, or when that is
        unknown.
        """

    async def headers(self, request: Request) -> Mapping[str, str]:
        """Return all headers for sending `request` once. Raises Failure(NOT_SENT)."""

    async def prepare_signing(self) -> None:
        """Get what is needed to sign requests. Raises Failure(NOT_SENT) where they cannot be signed."""

    def renew(self, sent: Mapping[str, str]) -> bool:
        """Handle that the cloud refused the headers `sent`.

        Returns whether the next headers will differ and may be accepted.
        """


class Anonymous:
    """Adds nothing.

    It is for requests that fetch a token or a temporary key: these carry their own proof, or need none.
    """

    secrets = ()
    ends_at = None

    def __init__(self, advice: str) -> None:
        self.advice = advice

    async def headers(self, request: Request) -> Mapping[str, str]:
        return request.headers

    async def prepare_signing(self) -> None:
        raise Failure(Outcome.NOT_SENT, "there is no key to sign with")

    def renew(self, sent: Mapping[str, str]) -> bool:  # noqa: ARG002 - the protocol's
        return False


class Signer:
    """Signs a request each time it is sent, because a signature contains its time."""

    advice = "check the access key and its secret key (HW_ACCESS_KEY, HW_SECRET_KEY)"
    ends_at = None

    def __init__(self, key: AccessKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    @property
    def secrets(self) -> tuple[Secret, ...]:
        token = self._key.security_token
        return (self._key.secret_key, token) if token else (self._key.secret_key,)

    async def headers(self, request: Request) -> Mapping[str, str]:
        token = self._key.security_token
        unsigned = {**request.headers, **({"X-Security-Token": token.reveal()} if token else {})}
        signed = sign(
            request.method,
            request.url,
            headers=unsigned,
            body=request.body,
            access_key=self._key.access_key,
            secret_key=self._key.secret_key,
            date=self._date(request).strftime(DATE_FORMAT),
        )
        return {**unsigned, **signed.headers}

    def _date(self, request: Request) -> datetime:
        """Return the time of the signature. That of a journaled call is the cloud's time of its intent."""
        if request.dispatch is None:
            return self._clock.utc()
        return datetime.fromtimestamp(request.dispatch.signed_at / 1000, UTC)

    async def prepare_signing(self) -> None:
        """Nothing is needed."""

    def renew(self, sent: Mapping[str, str]) -> bool:  # noqa: ARG002 - the protocol's
        # Another signature by the same key would be refused too, and after five the key is locked for five minutes.
        return False
