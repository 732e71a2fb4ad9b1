"""Who is calling, by key or by token, and whether they may use a service (docs/api/devserver-api.md section 6). Knows the
sandbox's one account; what a call then does is the services' business.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from provisioner.sandbox import tokens
from provisioner.sandbox.calls import Caller
from provisioner.sandbox.clock import milliseconds
from provisioner.sandbox.credentials import PUBLIC, PUBLIC_USER_ID
from provisioner.sandbox.errors import ApiError, Service, not_authorized, unauthenticated
from provisioner.sandbox.signature import Authorization, SignedRequest, verify
from provisioner.sandbox.world import Transaction

ANYONE: Final = Caller("", "anonymous", None, None)

_SKEW_MILLISECONDS: Final = 15 * 60_000


def authenticate(transaction: Transaction, request: SignedRequest) -> Caller:
    """Raises GatewayError (401) unless the request carries a good signature or token; a signature is judged first."""
    if "authorization" in request.headers:
        return _by_signature(request, transaction.now)
    if (token := request.headers.get("x-auth-token")) is None:
        raise unauthenticated("x-auth-token not found")
    if (found := tokens.look_up(transaction.connection, token, now=transaction.now)) is None:
        raise unauthenticated("decrypt token fail")
    user_id, scope = found
    return Caller(user_id, PUBLIC.user_name, scope.project_id, scope.domain_id)


def authorize(caller: Caller, service: Service, path: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Raises ApiError when the caller's scope is not the service's: a project for ModelArts, the account for billing."""
    match service:
        case Service.MODELARTS if caller.project_id != path["project_id"]:
            # A token of another project is no credential here at all (section 6.3); keys, and the account, merely lack the right.
            is_project_token = caller.project_id is not None and caller.domain_id is None
            raise unauthenticated("the token is of another project") if is_project_token else not_authorized()
        case Service.BILLING if (
            caller.domain_id is None or headers.get("x-domain-id", caller.domain_id) != caller.domain_id
        ):
            raise ApiError(403, "CBC.0151", "Access denied. Billing needs a token or keys of the account.")
        case _:
            return


def _by_signature(request: SignedRequest, now: int) -> Caller:
    authorization = Authorization.parse(request.headers["authorization"])
    if authorization is None:
        raise unauthenticated("the Authorization header is not a well-formed SDK-HMAC-SHA256 one")
    signed_at = _sdk_date(request.headers.get("x-sdk-date", ""))
    if signed_at is None:
        raise unauthenticated("the X-Sdk-Date header is missing or not of the form YYYYMMDDTHHMMSSZ")
    if abs(now - signed_at) > _SKEW_MILLISECONDS:
        raise unauthenticated("the difference between X-Sdk-Date and the server's time is above 15 minutes")
    if authorization.access_key != PUBLIC.access_key or not verify(request, authorization, PUBLIC.secret_key):
        raise unauthenticated("verify aksk signature fail")
    return Caller(PUBLIC_USER_ID, PUBLIC.user_name, PUBLIC.project_id, PUBLIC.domain_id)


def _sdk_date(text: str) -> int | None:
    try:
        return milliseconds(datetime.strptime(text.strip(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
    except ValueError:
        return None
