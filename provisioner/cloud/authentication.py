"""Proving who sends a request, as one protocol: by a signature for each, or by a token for many (tokens.py).

Knows credentials; knows neither retries nor which call means money.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import AccessKey
from provisioner.cloud.request import Request
from provisioner.cloud.signing import DATE_FORMAT, sign
from provisioner.model.secret import Secret


class Authentication(Protocol):
    @property
    def advice(self) -> str:
        """What to check when the cloud does not believe us."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Whatever of ours an answer might echo."""

    @property
    def ends_at(self) -> float | None:
        """Seconds since the epoch until which the proof is good; None when it does not end, or nobody has said."""

    async def headers(self, request: Request) -> Mapping[str, str]:
        """All headers of one sending of `request`. Raises Failure(NOT_SENT)."""

    def renew(self, sent: Mapping[str, str]) -> bool:
        """The cloud did not believe `sent`; whether the next headers will be others that it may believe."""


class Anonymous:
    """For the one request that carries its own proof, or needs none: the one that gets a token or a temporary key."""

    secrets = ()
    ends_at = None

    def __init__(self, advice: str) -> None:
        self.advice = advice

    async def headers(self, request: Request) -> Mapping[str, str]:
        return request.headers

    def renew(self, sent: Mapping[str, str]) -> bool:  # noqa: ARG002 - the protocol's
        return False


class Signer:
    """Signs each sending anew: a signature carries its time."""

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
            date=self._clock.utc().strftime(DATE_FORMAT),
        )
        return {**unsigned, **signed.headers}

    def renew(self, sent: Mapping[str, str]) -> bool:  # noqa: ARG002 - the protocol's
        # Another signature of the same key would be refused as well, and after five the key is locked for five minutes.
        return False
