"""Whose credentials these are, by a pseudonym that stays the same for the same user: a list may show each user his own servers only.

A key that lasts and a password say it themselves. Temporary proofs do not, but a token that somebody has signed in for: identity tells
whose it is. For all others a person may give a name that stays the same (`PROVISIONER_USER`); else only the very same key is known
again (docs/decisions/0008).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from provisioner.cloud.credentials import AccessKey, Credentials, IssuedToken, Password
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.failures import Failure
from provisioner.cloud.request import encode
from provisioner.cloud.temporary_keys import SendRequest
from provisioner.model.canonical import parse_json
from provisioner.model.flow import Call, Effect, Service
from provisioner.model.identity import TEMPORARY_KEY_PREFIX
from provisioner.model.resource import Fields
from provisioner.model.secret import SecretReference, SecretSource


def pseudonym_of(credentials: Credentials, named: str = "") -> str:
    """Empty where nobody can tell. One user may have two keys, and so two pseudonyms. `named` counts for temporary proofs alone: what
    lasts tells more.
    """
    match credentials:
        case AccessKey(security_token=None):
            return _digest(f"access key {credentials.access_key}")
        case Password():
            return _digest(f"user {credentials.user_id or (credentials.domain_name, credentials.user_name)}")
        case _ if named:
            return _digest(f"named {named}")
        case AccessKey():
            return TEMPORARY_KEY_PREFIX + _digest(f"access key {credentials.access_key}")
        case _:
            return ""


async def pseudonym_of_token(token: IssuedToken, endpoints: Endpoints, send: SendRequest) -> str:
    """That of the user whom another token, got by this one, names. Empty where identity gives none: nothing but the pseudonym hangs on it."""
    held = SecretReference(SecretSource.LITERAL, "", token.value)
    body: Fields = {"auth": {"identity": {"methods": ["token"], "token": {"id": held}}}}
    call = Call(Service.IDENTITY, "POST", "/v3/auth/tokens", Effect.REPEATABLE, query={"nocatalog": "true"}, body=body)
    request = encode(call, endpoints=endpoints, identity=None, reveal=lambda _reference: token.value)
    try:
        told = parse_json((await send(request)).body)
    except (Failure, ValueError):
        return ""
    grant = told.get("token") if isinstance(told, Mapping) else None
    user = grant.get("user") if isinstance(grant, Mapping) else None
    identifier = user.get("id") if isinstance(user, Mapping) else None
    return _digest(f"user {identifier}") if isinstance(identifier, str) and identifier else ""


def _digest(told: str) -> str:
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()[:16]
