"""Lists the accounts and projects that the credentials can access, as the identity service shows them.

Source: docs/api/devserver-api.md section 7. Choosing one of them is left to identification.py. All functions raise
CallFailed.
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
    """`account` is the id of the account that the project belongs to.

    It and `enabled` are None when the cloud does not state them.
    """

    id: str
    name: str
    account: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: str
    name: str


async def list_projects(ask: Ask, *, name: str | None = None) -> tuple[Project, ...]:
    """List the account's projects, or only those that the caller may access when the caller may not list all of the
    account.
    """
    try:
        return await _list(ask, "/v3/projects", "projects", read_project, name=name)
    except CallFailed as failed:
        if failed.status != HTTPStatus.FORBIDDEN:
            raise
    return tuple(project for project in await list_own_projects(ask) if name in {None, project.name})


async def list_own_projects(ask: Ask) -> tuple[Project, ...]:
    """List the projects that the caller may access."""
    return await _list(ask, "/v3/auth/projects", "projects", read_project)


async def list_own_accounts(ask: Ask) -> tuple[Account, ...]:
    """List the accounts that the caller may access."""
    return await _list(ask, "/v3/auth/domains", "domains", read_account)


async def read_names(ask: Ask, identity: Identity) -> tuple[str | None, str | None]:
    """Return the names of the account and the project, as `read_account_name` and `read_project_name` do."""
    return await read_account_name(ask, identity), await read_project_name(ask, identity)


async def read_account_name(ask: Ask, identity: Identity) -> str | None:
    """Return the account's name; None if the user may not list accounts, or if the list lacks it."""
    return _name_of(identity.account, await _if_allowed(list_own_accounts, ask))


async def read_project_name(ask: Ask, identity: Identity) -> str | None:
    """Return the project's name; None if the user may not list projects, or if the list lacks it."""
    return _name_of(identity.project, await _if_allowed(list_own_projects, ask))


def read_project(row: AnswerRow) -> Project:
    """Read one row. Raises Malformed."""
    return Project(
        id=row.required(row.text, "id"),
        name=row.required(row.text, "name"),
        account=row.text("domain_id"),
        enabled=row.flag("enabled"),
    )


def read_account(row: AnswerRow) -> Account:
    """Read one row. Raises Malformed."""
    return Account(id=row.required(row.text, "id"), name=row.required(row.text, "name"))


async def _list(
    ask: Ask, path: str, rows: str, read: Callable[[AnswerRow], Item], *, name: str | None = None
) -> tuple[Item, ...]:
    """Read a whole list: these lists have neither pages nor a total."""
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
