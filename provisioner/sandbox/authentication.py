"""Finds out who calls, by key or by token, and whether they may use a service (docs/api/devserver-api.md section 6)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from provisioner.sandbox import lockouts, tokens
from provisioner.sandbox.accounts import Account, User
from provisioner.sandbox.calls import Caller
from provisioner.sandbox.clock import milliseconds
from provisioner.sandbox.errors import ApiError, Service, not_authorized, unauthenticated
from provisioner.sandbox.signature import Authorization, SignedRequest, verify
from provisioner.sandbox.tokens import Scope
from provisioner.sandbox.world import Transaction

ANYONE: Final = Caller(account=Account(id="", name="", projects=(), users=()), user_id="", user_name="anonymous")

_SKEW_MILLISECONDS: Final = 15 * 60_000


def authenticate(transaction: Transaction, request: SignedRequest, *, by_any_token: bool = False) -> Caller:
    """Returns the caller. Raises GatewayError (401) unless the request has a valid signature or token; a signature is
    checked first.

    A token without a scope identifies somebody and opens only operations that are `by_any_token`. These also accept a
    token in the body (section 6.3).
    """
    if "authorization" in request.headers:
        return _by_signature(transaction, request)
    token = request.headers.get("x-auth-token") or (_token_in(request.body) if by_any_token else None)
    if token is None:
        raise unauthenticated("x-auth-token not found")
    if (found := tokens.look_up(transaction.connection, token, now=transaction.now)) is None:
        raise unauthenticated("decrypt token fail")
    user_id, scope = found
    if scope == Scope() and not by_any_token:
        raise unauthenticated("the token has no scope")
    return _caller(transaction.rules.accounts.by_id(user_id), scope)


def authorize(caller: Caller, service: Service, path: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Raises ApiError if the caller's scope is not the service's: a project for ModelArts, the account for billing."""
    match service:
        case Service.MODELARTS if caller.project_id not in {None, path["project_id"]}:
            # A token of another project is no credential here at all (section 6.3); keys, and the account, merely lack the right.
            raise unauthenticated("the token is of another project")
        case Service.MODELARTS if caller.domain_id is not None or caller.account.project(path["project_id"]) is None:
            raise not_authorized()
        case Service.BILLING if (
            caller.project_id is not None or headers.get("x-domain-id", caller.account.id) != caller.account.id
        ):
            raise ApiError(403, "CBC.0151", "Access denied. Billing needs a token or keys of the account.")
        case _:
            return


def _by_signature(transaction: Transaction, request: SignedRequest) -> Caller:
    authorization = Authorization.parse(request.headers["authorization"])
    if authorization is None:
        raise unauthenticated("the Authorization header is not a well-formed SDK-HMAC-SHA256 one")
    signed_at = _sdk_date(request.headers.get("x-sdk-date", ""))
    if signed_at is None:
        raise unauthenticated("the X-Sdk-Date header is missing or not of the form YYYYMMDDTHHMMSSZ")
    # The world's clock may have been moved. A client's has not, but it may date a request by the world's.
    if min(abs(now - signed_at) for now in (transaction.machine_now, transaction.now)) > _SKEW_MILLISECONDS:
        raise unauthenticated("the difference between X-Sdk-Date and the server's time is above 15 minutes")
    member, secret_key = _key_holder(transaction, authorization.access_key, request.headers.get("x-security-token"))
    caller = _caller(member, Scope())
    _check_signature(transaction, request, authorization, secret_key)
    return caller


def _check_signature(
    transaction: Transaction, request: SignedRequest, authorization: Authorization, secret_key: str
) -> None:
    """Checks the signature. A key that fails too often in a row is locked for a while, even for valid signatures."""
    connection, access_key, now = transaction.connection, authorization.access_key, transaction.now
    if lockouts.is_locked(connection, access_key, now=now):
        raise unauthenticated("AK access failed to reach the limit,forbidden")
    if not verify(request, authorization, secret_key):
        lockouts.count_failure(connection, access_key, now=now)
        raise unauthenticated("verify aksk signature fail")
    lockouts.forget(connection, access_key)


def _key_holder(
    transaction: Transaction, access_key: str, security_token: str | None
) -> tuple[tuple[Account, User] | None, str]:
    """Returns the owner of this key, and its secret. Temporary keys are valid only with their security token.
    Permanent keys ignore it, so that the worked example V3 of section 6.2 verifies.
    """
    accounts = transaction.rules.accounts
    if (member := accounts.by_access_key(access_key)) is not None:
        return member, member[1].secret_key
    found = tokens.look_up_keys(transaction.connection, access_key, security_token or "", now=transaction.now)
    if found is None:
        raise unauthenticated("the access key is unknown, has expired, or is not that of the security token")
    user_id, secret_key = found
    return accounts.by_id(user_id), secret_key


def _caller(member: tuple[Account, User] | None, scope: Scope) -> Caller:
    if member is None:
        raise unauthenticated("the user does not exist")
    account, user = member
    return Caller(
        account=account,
        user_id=user.id,
        user_name=user.name,
        is_administrator=user.is_administrator,
        project_id=scope.project_id,
        domain_id=scope.domain_id,
    )


def _token_in(body: bytes) -> str | None:
    """Returns the `auth.identity.token.id` of a body. Other mistakes in the body are reported by the operation."""
    try:
        found = json.loads(body)["auth"]["identity"]["token"]["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def _sdk_date(text: str) -> int | None:
    try:
        return milliseconds(datetime.strptime(text.strip(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
    except ValueError:
        return None
