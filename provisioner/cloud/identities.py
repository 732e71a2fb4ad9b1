"""The accounts and projects that the credentials reach, as the identity service lists them.

Source: docs/api/devserver-api.md section 7. Decides nothing: in which of them to act is identification's to say. All fail
with CallFailed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from provisioner.cloud.answers import AnswerRow, Ask, ask_for
from provisioner.model.flow import Call, CallFailed, Effect, Service
from provisioner.model.identity import Identity

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """`account` is the id of the account it belongs to; None, like `enabled`, where the cloud does not tell."""

    id: str
    name: str
    account: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: str
    name: str


async def list_projects(ask: Ask, *, name: str | None = None) -> tuple[Project, ...]:
    """The account's, or those open to the caller where not everyone may list an account's projects."""
    try:
        return await _list(ask, "/v3/projects", "projects", read_project, name=name)
    except CallFailed as failed:
        if failed.status != HTTPStatus.FORBIDDEN:
            raise
    return tuple(project for project in await list_own_projects(ask) if name in {None, project.name})


async def list_own_projects(ask: Ask) -> tuple[Project, ...]:
    """Those open to the caller."""
    return await _list(ask, "/v3/auth/projects", "projects", read_project)


async def list_own_accounts(ask: Ask) -> tuple[Account, ...]:
    """Those open to the caller."""
    return await _list(ask, "/v3/auth/domains", "domains", read_account)


async def read_names(ask: Ask, identity: Identity) -> tuple[str | None, str | None]:
    """The account's and the project's; None where the user may not ask, and where the list lacks it."""
    accounts = await _if_allowed(list_own_accounts, ask)
    projects = await _if_allowed(list_own_projects, ask)
    return _name_of(identity.account, accounts), _name_of(identity.project, projects)


def read_project(row: AnswerRow) -> Project:
    """Raises Malformed."""
    return Project(
        id=row.required(row.text, "id"),
        name=row.required(row.text, "name"),
        account=row.text("domain_id"),
        enabled=row.flag("enabled"),
    )


def read_account(row: AnswerRow) -> Account:
    """Raises Malformed."""
    return Account(id=row.required(row.text, "id"), name=row.required(row.text, "name"))


async def _list(
    ask: Ask, path: str, rows: str, read: Callable[[AnswerRow], Item], *, name: str | None = None
) -> tuple[Item, ...]:
    """These lists come whole, without a total."""
    query = {} if name is None else {"name": name}
    call = Call(Service.IDENTITY, "GET", path, Effect.READ, query=query)
    return await ask_for(ask, call, lambda answer: tuple(map(read, answer.required(answer.rows, rows))))


async def _if_allowed(listing: Callable[[Ask], Awaitable[tuple[Item, ...]]], ask: Ask) -> tuple[Item, ...]:
    try:
        return await listing(ask)
    except CallFailed as failed:
        if failed.status not in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            raise
        return ()


def _name_of(identifier: str, entries: Iterable[Project | Account]) -> str | None:
    return next((entry.name for entry in entries if entry.id == identifier), None)
