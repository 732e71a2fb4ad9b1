"""Identity (IAM): tokens, temporary keys, and the ids that go with names (docs/api/devserver-api.md sections 6.3 and 7)."""

import hmac
from collections.abc import Sequence
from functools import partial
from typing import Final

from provisioner.sandbox import id_tokens, tokens
from provisioner.sandbox.accounts import Account, Project, User
from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.clock import iso_time_exact
from provisioner.sandbox.errors import InvalidParameterError, KeystoneError, Service
from provisioner.sandbox.requests.identity import (
    CreateKeys,
    CreateToken,
    CreateTokenWithIdToken,
    KeysAgency,
    ProjectsQuery,
    TokenIdentity,
    TokenScope,
    TokensQuery,
    TokenUser,
    UsersQuery,
)
from provisioner.sandbox.requests.reading import read_body, read_query
from provisioner.sandbox.tokens import LIFE_MILLISECONDS, Scope


def create_token(call: Call) -> Answer:
    """Creates a token. Without a scope it is for the account."""
    auth = read_body(CreateToken, call.body).auth
    (account, user), expires_at = _identified(call, auth.identity)
    scope = _resolve(account, auth.scope) if auth.scope is not None else Scope(domain_id=account.id)
    return _issue(call, account, user, scope, methods=auth.identity.methods, expires_at=expires_at)


def create_token_with_id_token(call: Call) -> Answer:
    """Creates a token from an ID token. Without a scope it only serves to get temporary keys."""
    auth = read_body(CreateTokenWithIdToken, call.body).auth
    if not (provider_id := call.headers.get("x-idp-id")):
        raise InvalidParameterError("X-Idp-Id: the header is missing")
    now = call.transaction.now
    found = call.transaction.rules.accounts.by_identity_provider(provider_id)
    if found is None:
        raise KeystoneError(401, "The identity provider does not exist.")
    account, provider = found
    try:
        subject = id_tokens.verify(auth.id_token.id.get_secret_value(), provider, now=now)
    except id_tokens.IdTokenError as refusal:
        raise KeystoneError(401, f"The ID token is refused: {refusal}.") from None
    user = account.user(provider.users.get(subject, ""))
    if user is None:
        raise KeystoneError(403, "The subject of the ID token is mapped to no user.")
    scope = Scope() if auth.scope is None else _resolve(account, auth.scope)
    return _issue(call, account, user, scope, methods=["mapped"], expires_at=now + LIFE_MILLISECONDS)


def create_keys(call: Call) -> Answer:
    """Creates temporary keys for the caller, which open what the permanent keys open, or for an agency."""
    given = read_body(CreateKeys, call.body).auth.identity
    user_id = call.caller.user_id if given.agency is None else _assumed(call, given.agency)
    seconds = (given.agency or given.token).duration_seconds
    now = call.transaction.now
    expires_at = now + seconds * 1000
    keys = tokens.issue_keys(call.transaction.connection, user_id, now=now, expires_at=expires_at)
    credential = {
        "access": keys.access_key,
        "secret": keys.secret_key,
        "securitytoken": keys.security_token,
        "expires_at": iso_time_exact(expires_at),
    }
    return Answer({"credential": credential}, status=201)


def list_projects(call: Call) -> Answer:
    query = read_query(ProjectsQuery, call.query)
    asked = query.model_dump(exclude_none=True, exclude={"page", "per_page"})
    listed = (_listed(call.caller.account, project) for project in call.caller.account.projects)
    found = [project for project in listed if all(project[name] == value for name, value in asked.items())]
    first = (query.page - 1) * query.per_page
    return Answer({"projects": found[first : first + query.per_page], "links": {}})


def list_own_projects(call: Call) -> Answer:
    account = call.caller.account
    return Answer({"projects": [_listed(account, project) for project in account.projects], "links": {}})


def list_own_domains(call: Call) -> Answer:
    return Answer({"domains": [{**_domain(call.caller.account), "enabled": True}], "links": {}})


def list_users(call: Call) -> Answer:
    """Lists the users of the account, for its administrators (section 7)."""
    query = read_query(UsersQuery, call.query)
    account = call.caller.account
    if not call.caller.is_administrator:
        raise KeystoneError(403, "You are not authorized to perform the requested action: only an administrator may.")
    listed = [{"id": user.id, "name": user.name, "domain_id": account.id, "enabled": True} for user in account.users]
    asked = query.model_dump(exclude_none=True)
    found = [user | {"links": {}} for user in listed if all(user[key] == value for key, value in asked.items())]
    return Answer({"users": found, "links": {}})


def _issue(
    call: Call, account: Account, user: User, scope: Scope, *, methods: Sequence[str], expires_at: int
) -> Answer:
    now = call.transaction.now
    token = tokens.issue(call.transaction.connection, user.id, scope, now=now, expires_at=expires_at)
    body = {
        "methods": [*methods],
        "issued_at": iso_time_exact(now),
        "expires_at": iso_time_exact(expires_at),
        "user": {"id": user.id, "name": user.name, "domain": _domain(account)},
        "roles": [{"id": "0", "name": "te_admin"}],
        **_scoped_to(account, scope),
    }
    return Answer({"token": body}, status=201, headers={"X-Subject-Token": token})


def _assumed(call: Call, asked: KeysAgency) -> str:
    """Returns the id of the agency if it trusts the account of the caller. A missing agency is refused in the same
    way.
    """
    account = call.transaction.rules.accounts.by_reference(asked.domain_id, asked.domain_name)
    agency = None if account is None else account.agency(asked.agency_name)
    if agency is None or call.caller.account.name not in agency.trusts:
        raise KeystoneError(
            403, "You are not authorized to perform the requested action: the agency does not trust you."
        )
    return agency.id


def _identified(call: Call, given: TokenIdentity) -> tuple[tuple[Account, User], int]:
    """Returns who shows a password or an earlier token, and the expiry of the new one, which is not later than that
    of the old one.
    """
    if given.password is not None and given.methods == ["password"]:
        return _log_in(call, given.password.user), call.transaction.now + LIFE_MILLISECONDS
    assert given.token is not None, "checked when it was read"
    connection, now = call.transaction.connection, call.transaction.now
    earlier = given.token.id.get_secret_value()
    found = tokens.look_up(connection, earlier, now=now)
    member = None if found is None else call.transaction.rules.accounts.by_id(found[0])
    if member is None:
        raise KeystoneError(401, "The token is unknown or has expired.")
    return member, tokens.expiry(connection, earlier)


def _log_in(call: Call, given: TokenUser) -> tuple[Account, User]:
    member = call.transaction.rules.accounts.by_names(given.domain.name, given.name)
    expected = "" if member is None else member[1].password
    if not hmac.compare_digest(given.password.get_secret_value().encode(), expected.encode()) or member is None:
        raise KeystoneError(401, "The username or password is wrong.")
    return member


def _resolve(account: Account, scope: TokenScope) -> Scope:
    """Finds the thing with this id or name. If both are given, they must belong to the same thing."""
    for project in account.projects:
        if scope.project is not None and scope.project.means(project.id, project.name):
            return Scope(project_id=project.id)
    if scope.domain is not None and scope.domain.means(account.id, account.name):
        return Scope(domain_id=account.id)
    raise KeystoneError(401, "The user may not use the project or domain of the scope.")


def _scoped_to(account: Account, scope: Scope) -> dict[str, object]:
    if scope == Scope():
        return {}
    project = account.project(scope.project_id) if scope.project_id is not None else None
    if project is None:
        return {"domain": _domain(account)}
    return {"project": {"id": project.id, "name": project.name, "domain": _domain(account)}}


def _domain(account: Account) -> dict[str, str]:
    return {"id": account.id, "name": account.name}


def _listed(account: Account, project: Project) -> dict[str, object]:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": account.id,
        "parent_id": account.id,
        "enabled": True,
        "is_domain": False,
        "description": "",
        "links": {},
    }


_operation = partial(Operation, service=Service.IDENTITY)

OPERATIONS: Final = (
    _operation(
        "KeystoneCreateUserTokenByPassword",
        "POST",
        "/v3/auth/tokens",
        create_token,
        anonymous=True,
        parameters=frozenset(TokensQuery.model_fields),
    ),
    _operation(
        "KeystoneListProjects", "GET", "/v3/projects", list_projects, parameters=frozenset(ProjectsQuery.model_fields)
    ),
    _operation("KeystoneListUsers", "GET", "/v3/users", list_users, parameters=frozenset(UsersQuery.model_fields)),
    _operation("KeystoneListAuthProjects", "GET", "/v3/auth/projects", list_own_projects),
    _operation("KeystoneListAuthDomains", "GET", "/v3/auth/domains", list_own_domains),
    _operation(
        "CreateTemporaryAccessKeyByToken",
        "POST",
        "/v3.0/OS-CREDENTIAL/securitytokens",
        create_keys,
        by_any_token=True,
    ),
    _operation(
        "CreateTokenWithIdToken", "POST", "/v3.0/OS-AUTH/id-token/tokens", create_token_with_id_token, anonymous=True
    ),
)
