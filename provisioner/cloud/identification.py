"""Finding out as whom the credentials act: account and project, as ids, before anything is planned.

A project is found by name and must be the only one (docs/api/devserver-api.md section 7): a wrong guess would let one state
speak for another project's servers.
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
    reachable = await list_projects(ask, name=None if claim.project_id else claim.name)
    matching = [project for project in reachable if _matches(project, claim)]
    if len(matching) != 1:
        _undecided(claim, len(matching))
    return _identity(claim, matching[0].id, matching[0].account or claim.domain_id)


async def identify_by_token(claim: Claim, tokens: Tokens) -> Identity:
    """For passwords: the token itself says what it is good for. Raises CallFailed or UsageError."""
    grant = (await tokens.token(Scope.PROJECT)).grant
    found = _identity(claim, _object(grant.get("project")).get("id"), account_of(grant) or claim.domain_id)
    if found.account != (claim.domain_id or found.account) or found.project != (claim.project_id or found.project):
        _undecided(claim, 0)
    return found


def _matches(project: Project, claim: Claim) -> bool:
    is_wanted = project.id == claim.project_id if claim.project_id else project.name == claim.name
    return is_wanted and (not claim.domain_id or project.account in {None, claim.domain_id})


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


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, Mapping) else {}
