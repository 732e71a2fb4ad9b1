"""Finds the ids of the account and the project in which the credentials act, before anything is planned.

A project is found by its name, which must be unique (docs/api/devserver-api.md section 7): a wrong guess would apply
one project's state to another project's servers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from provisioner.cloud.answers import Ask
from provisioner.cloud.identities import Project, list_projects
from provisioner.cloud.tokens import Scope, Tokens, account_of
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.identity import Identity


@dataclass(frozen=True, slots=True)
class GivenIdentity:
    """Region, project and account as given by specs and environment. None means that the cloud has to be asked."""

    region: str
    project_id: str | None = None
    project_name: str | None = None
    domain_id: str | None = None

    @property
    def name(self) -> str:
        """The project's name. The main project of a region has the region's name."""
        return self.project_name or self.region


async def identify_by_list(given: GivenIdentity, ask: Ask, *, confirm: bool = False) -> Identity:
    """Identify the user of an access key by listing projects.

    Project and account are believed when both are given, unless `confirm` is true. Raises CallFailed, and UsageError
    unless exactly one project matches.
    """
    if given.project_id and given.domain_id and not confirm:
        return Identity(given.domain_id, given.project_id, given.region)
    reachable = await list_projects(ask, name=None if given.project_id else given.name)
    matching = [project for project in reachable if _matches(project, given)]
    if len(matching) != 1:
        _refuse_project(given, len(matching))
    return _identity(given, matching[0].id, matching[0].account or given.domain_id)


async def identify_by_token(given: GivenIdentity, tokens: Tokens) -> Identity:
    """Identify the user of a password by the project and account that the token names.

    Raises CallFailed or UsageError.
    """
    grant = (await tokens.token(Scope.PROJECT)).grant
    found = _identity(given, _object(grant.get("project")).get("id"), account_of(grant) or given.domain_id)
    if found.account != (given.domain_id or found.account) or found.project != (given.project_id or found.project):
        _refuse_project(given, 0)
    return found


def _matches(project: Project, given: GivenIdentity) -> bool:
    is_wanted = project.id == given.project_id if given.project_id else project.name == given.name
    return is_wanted and (not given.domain_id or project.account in {None, given.domain_id})


def _identity(given: GivenIdentity, project: JsonValue, account: JsonValue) -> Identity:
    if not isinstance(project, str) or not isinstance(account, str):
        raise UsageError(
            error(
                "identity-unknown",
                f"the cloud does not say which account and project these credentials act in (region {given.region})",
                hint="set HW_PROJECT_ID and HW_DOMAIN_ID",
            )
        )
    return Identity(account, project, given.region)


def _refuse_project(given: GivenIdentity, count: int) -> NoReturn:
    project = f"with the id {given.project_id}" if given.project_id else f"named {given.name!r}"
    account = f" in the account {given.domain_id}" if given.domain_id else ""
    found = "no project" if count == 0 else f"{count} projects"
    raise UsageError(
        error(
            "project-unknown" if count == 0 else "project-ambiguous",
            f"the credentials reach {found} {project}{account}",
            hint="set HW_PROJECT_ID and HW_DOMAIN_ID to the ids on the console's page 'My Credentials', or HW_PROJECT_NAME",
        )
    )


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, Mapping) else {}
