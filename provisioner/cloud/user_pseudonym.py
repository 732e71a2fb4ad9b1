"""Derives a stable pseudonym for the user of the credentials.

It is needed because a list may show each user only his own servers.

Permanent keys and passwords identify the user themselves. Of the temporary credentials an issued token and an ID token
do: the identity service reports their user. For all others the user may set a stable name (`PROVISIONER_USER`); without one, only
the very same key is recognised again (docs/decisions/0008).
"""

from __future__ import annotations

import hashlib

from provisioner.cloud.credentials import AccessKey, AssumedAgency, BaseCredentials, Credentials, IssuedToken, Password
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.failures import Failure
from provisioner.cloud.request import SendRequest, encode
from provisioner.cloud.tokens import user_of
from provisioner.model.flow import Call, Effect, Service
from provisioner.model.identity import TEMPORARY_KEY_PREFIX
from provisioner.model.resource import Fields
from provisioner.model.secret import SecretReference, SecretSource


def pseudonym_of(credentials: BaseCredentials, named: str = "") -> str:
    """Return the pseudonym, or an empty string when the user is unknown. A user with two keys has two pseudonyms.

    `named` is used for temporary credentials only, because permanent ones identify the user better.
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
    """Exchange `token` for another one and return the pseudonym of the user that the new token names.

    The pseudonym is empty when the exchange fails, as nothing else depends on it.
    """
    reference = SecretReference(SecretSource.LITERAL, "", token.value)
    exchange: Fields = {"auth": {"identity": {"methods": ["token"], "token": {"id": reference}}}}
    call = Call(
        Service.IDENTITY, "POST", "/v3/auth/tokens", Effect.REPEATABLE, query={"nocatalog": "true"}, body=exchange
    )
    request = encode(call, endpoints=endpoints, identity=None, reveal=lambda _reference: token.value)
    try:
        user = user_of(await send(request))
    except Failure:
        return ""
    return _digest(f"user {user}") if user else ""


def user_named_by(credentials: Credentials) -> str:
    """Return the user's name, or id, where the credentials state it; empty where they do not, as access keys.

    An agency is a user of its own, with the name that the cloud gives it.
    """
    if isinstance(credentials, AssumedAgency):
        return f"{credentials.agency.account}/{credentials.agency.name}"
    return (credentials.user_name or credentials.user_id or "") if isinstance(credentials, Password) else ""


def pseudonym_of_federated_user(provider_id: str, user_id: str) -> str:
    """Return the pseudonym of the user that an ID token stands for, or an empty string when the cloud named none."""
    return _digest(f"federated {provider_id} {user_id}") if user_id else ""


def pseudonym_of_agency(name: str, account: str, base: str) -> str:
    """Return the pseudonym of whoever assumes an agency. It is empty when the `base` pseudonym is.

    The cloud shows an agency as one user, whoever assumes it. That is nowhere promised, so two users who assume the same
    agency are taken for different ones: what another one sent is never believed absent.
    """
    if not base:
        return ""
    prefix = TEMPORARY_KEY_PREFIX if base.startswith(TEMPORARY_KEY_PREFIX) else ""
    return prefix + _digest(f"agency {name} of {account} assumed by {base}")


def _digest(identifier: str) -> str:
    return hashlib.sha256(identifier.encode(errors="surrogateescape")).hexdigest()[:16]
