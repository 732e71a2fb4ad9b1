"""Identity (IAM): tokens, and the ids that go with names (docs/api/devserver-api.md sections 6.3 and 7). There is one
account with one user and one project.
"""

import hmac
from typing import Final

from provisioner.sandbox import tokens
from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.clock import iso_time_exact
from provisioner.sandbox.credentials import PUBLIC, PUBLIC_USER_ID
from provisioner.sandbox.errors import KeystoneError, Service
from provisioner.sandbox.requests.identity import CreateToken, ProjectsQuery, Reference, TokenScope, TokenUser
from provisioner.sandbox.requests.reading import read_body, read_query
from provisioner.sandbox.tokens import LIFE_MILLISECONDS, Scope

_DOMAIN: Final = {"id": PUBLIC.domain_id, "name": PUBLIC.domain_name}
_PROJECT: Final = {"id": PUBLIC.project_id, "name": PUBLIC.project_name}
_LISTED_PROJECT: Final[dict[str, object]] = {
    **_PROJECT,
    "domain_id": PUBLIC.domain_id,
    "parent_id": PUBLIC.domain_id,
    "enabled": True,
    "is_domain": False,
    "description": "",
    "links": {},
}


def create_token(call: Call) -> Answer:
    """Without a scope the token is the account's."""
    auth = read_body(CreateToken, call.body).auth
    if not _is_user(auth.identity.password.user):
        raise KeystoneError(401, "The username or password is wrong.")
    now = call.transaction.now
    scope = Scope(domain_id=PUBLIC.domain_id) if auth.scope is None else _resolve(auth.scope)
    token = tokens.issue(call.transaction.connection, PUBLIC_USER_ID, scope, now=now)
    scoped_to = {"domain": _DOMAIN} if scope.project_id is None else {"project": {**_PROJECT, "domain": _DOMAIN}}
    body = {
        "methods": ["password"],
        "issued_at": iso_time_exact(now),
        "expires_at": iso_time_exact(now + LIFE_MILLISECONDS),
        "user": {"id": PUBLIC_USER_ID, "name": PUBLIC.user_name, "domain": _DOMAIN},
        "roles": [{"id": "0", "name": "te_admin"}],
        **scoped_to,
    }
    return Answer({"token": body}, status=201, headers={"X-Subject-Token": token})


def list_projects(call: Call) -> Answer:
    query = read_query(ProjectsQuery, call.query)
    asked = query.model_dump(exclude_none=True)
    matches = all(_LISTED_PROJECT[name] == value for name, value in asked.items())
    return Answer({"projects": [_LISTED_PROJECT] if matches else [], "links": {}})


def list_own_projects(_call: Call) -> Answer:
    return Answer({"projects": [_LISTED_PROJECT], "links": {}})


def list_own_domains(_call: Call) -> Answer:
    return Answer({"domains": [{**_DOMAIN, "enabled": True}], "links": {}})


def _is_user(user: TokenUser) -> bool:
    given = (user.domain.name, user.name, user.password.get_secret_value())
    expected = (PUBLIC.domain_name, PUBLIC.user_name, PUBLIC.user_password)
    return hmac.compare_digest("\n".join(given).encode(), "\n".join(expected).encode())


def _resolve(scope: TokenScope) -> Scope:
    if scope.project is not None and _names(scope.project, _PROJECT):
        return Scope(project_id=PUBLIC.project_id)
    if scope.domain is not None and _names(scope.domain, _DOMAIN):
        return Scope(domain_id=PUBLIC.domain_id)
    raise KeystoneError(401, "The user may not use the project or domain of the scope.")


def _names(reference: Reference, thing: dict[str, str]) -> bool:
    return reference.id in {None, thing["id"]} and reference.name in {None, thing["name"]}


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v3/auth/tokens",
        service=Service.IDENTITY,
        answer=create_token,
        anonymous=True,
    ),
    Operation(method="GET", path="/v3/projects", service=Service.IDENTITY, answer=list_projects),
    Operation(method="GET", path="/v3/auth/projects", service=Service.IDENTITY, answer=list_own_projects),
    Operation(method="GET", path="/v3/auth/domains", service=Service.IDENTITY, answer=list_own_domains),
)
