"""Authenticates a user by tokens, and by temporary keys where a request must be signed.

A token has no signing time: a request that is sent late with it is executed all the same. A signature is refused by the
gateway when it is older than a quarter of an hour. So where a run's lock may end while the run stands still, purchases
are signed, with keys that the user's own token is exchanged for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from provisioner.cloud.request import Request
from provisioner.cloud.temporary_keys import TemporaryKeys
from provisioner.cloud.tokens import Tokens
from provisioner.model.secret import Secret

KEYS_ADVICE: Final = (
    "purchases are signed, because the lock of this state is a lease: let the user get temporary keys by its token "
    "(POST /v3.0/OS-CREDENTIAL/securitytokens of IAM), or use an access key (HW_ACCESS_KEY, HW_SECRET_KEY)"
)


class TokensAndKeys:
    """Both belong to the same user."""

    def __init__(self, tokens: Tokens, keys: TemporaryKeys) -> None:
        self.advice = tokens.advice
        self._tokens = tokens
        self._keys = keys

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return (*self._tokens.secrets, *self._keys.secrets)

    @property
    def ends_at(self) -> float | None:
        return self._tokens.ends_at  # keys are exchanged anew as long as there are tokens

    async def headers(self, request: Request) -> Mapping[str, str]:
        return await (self._keys if request.must_be_signed else self._tokens).headers(request)

    async def prepare_signing(self) -> None:
        await self._keys.prepare_signing()

    def renew(self, sent: Mapping[str, str]) -> bool:
        return (self._keys if "X-Security-Token" in sent else self._tokens).renew(sent)
