"""Finding out as whom the credentials act: account and project, as ids, before anything is planned.

A project is found by name and must be the only one (docs/api/devserver-api.md section 7): a wrong guess would let one state
speak for another project's servers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import NoReturn, TypeAlias

from provisioner.cloud.tokens import Scope, Tokens, account_of
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.flow import Call, CallFailed, Effect, Reply, Service
from provisioner.model.identity import Identity

Ask: TypeAlias = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Claim:
    """What the surroundings say of the project and the account; what is None is to be found out."""

    region: str
    project_id: str | None = None
    project_name: str | None = None
    domain_id: str | None = None

    @property
    def name(self) -> str:
        """The main project of a region is named like it."""
        return self.project_name or self.region


async def identify_by_list(claim: Claim, ask: Ask) -> Identity:
    """For access keys. Raises CallFailed, or UsageError when the answer is none or more than one."""
    if claim.project_id and claim.domain_id:
        return Identity(claim.domain_id, claim.project_id, claim.region)
    matching = [project for project in await _projects(claim, ask) if _matches(project, claim)]
    if len(matching) != 1:
        _undecided(claim, len(matching))
    project_id, account = matching[0].get("id"), matching[0].get("domain_id") or claim.domain_id
    return _identity(claim, project_id, account)


async def identify_by_token(claim: Claim, tokens: Tokens) -> Identity:
    """For passwords: the token itself says what it is good for. Raises CallFailed or UsageError."""
    grant = (await tokens.token(Scope.PROJECT)).grant
    found = _identity(claim, _object(grant.get("project")).get("id"), account_of(grant) or claim.domain_id)
    if found.account != (claim.domain_id or found.account) or found.project != (claim.project_id or found.project):
        _undecided(claim, 0)
    return found


async def names_of(identity: Identity, ask: Ask) -> tuple[str | None, str | None]:
    """The account's and the project's, None where the user may not ask. Raises CallFailed when the credentials are not believed."""
    domains = await _listed(ask, "/v3/auth/domains", "domains")
    projects = await _listed(ask, "/v3/auth/projects", "projects")
    return _name_of(identity.account, domains), _name_of(identity.project, projects)


async def _listed(ask: Ask, path: str, what: str) -> Sequence[JsonObject]:
    try:
        reply = await ask(Call(Service.IDENTITY, "GET", path, Effect.READ))
    except CallFailed as failed:
        if failed.status not in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            raise
        return ()
    return _objects(reply.object().get(what))


def _name_of(identifier: str, entries: Sequence[JsonObject]) -> str | None:
    names = (entry.get("name") for entry in entries if entry.get("id") == identifier)
    return next((name for name in names if isinstance(name, str)), None)


async def _projects(claim: Claim, ask: Ask) -> Sequence[JsonObject]:
    query = {} if claim.project_id else {"name": claim.name}
    try:
        reply = await ask(Call(Service.IDENTITY, "GET", "/v3/projects", Effect.READ, query=query))
    except CallFailed as failed:
        if failed.status != HTTPStatus.FORBIDDEN:
            raise
        # Not everyone may list an account's projects; everyone may list those that are open to him.
        reply = await ask(Call(Service.IDENTITY, "GET", "/v3/auth/projects", Effect.READ))
    return _objects(reply.object().get("projects"))


def _matches(project: JsonObject, claim: Claim) -> bool:
    is_wanted = project.get("id") == claim.project_id if claim.project_id else project.get("name") == claim.name
    is_ours = not claim.domain_id or project.get("domain_id", claim.domain_id) == claim.domain_id
    return is_wanted and is_ours


def _identity(claim: Claim, project: JsonValue, account: JsonValue) -> Identity:
    if not isinstance(project, str) or not isinstance(account, str):
        raise UsageError(
            error(
                "identity-unknown",
                f"the cloud does not say which account and project these credentials act in (region {claim.region})",
                hint="set HW_PROJECT_ID and HW_DOMAIN_ID",
            )
        )
    return Identity(account, project, claim.region)


def _undecided(claim: Claim, count: int) -> NoReturn:
    project = f"with the id {claim.project_id}" if claim.project_id else f"named {claim.name!r}"
    account = f" in the account {claim.domain_id}" if claim.domain_id else ""
    found = "no project" if count == 0 else f"{count} projects"
    raise UsageError(
        error(
            "project-unknown" if count == 0 else "project-ambiguous",
            f"the credentials reach {found} {project}{account}",
            hint="set HW_PROJECT_ID and HW_DOMAIN_ID to the ids on the console's page 'My Credentials', or HW_PROJECT_NAME",
        )
    )


def _objects(value: JsonValue) -> Sequence[JsonObject]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, Sequence) else []


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, Mapping) else {}
