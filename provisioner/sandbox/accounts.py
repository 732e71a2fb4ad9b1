"""Accounts, their projects and their users: who may call, for what, and with how much money. Fixed while the sandbox runs;
what an account has spent is the world's to keep.
"""

from dataclasses import dataclass
from typing import Final

from provisioner.sandbox.credentials import PUBLIC, PUBLIC_USER_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Only an administrator may list another user's servers by `owner`."""

    id: str
    name: str
    password: str
    access_key: str
    secret_key: str
    is_administrator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """`server_quota` is how many servers it may hold at once; None for any number."""

    id: str
    name: str
    server_quota: int | None = None

    @property
    def region(self) -> str:
        """Section 7: the main project bears the region's name, the others begin with it."""
        return self.name.partition("_")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`balance` is what it had before it ever spent, in cents; None never runs short. Orders of an account with
    `approval_milliseconds` wait for so long before they can be paid.
    """

    id: str
    name: str
    projects: tuple[Project, ...]
    users: tuple[User, ...]
    balance: int | None = None
    approval_milliseconds: int | None = None

    def project(self, project_id: str) -> Project | None:
        return next((project for project in self.projects if project.id == project_id), None)


class Accounts:
    """Finds users by what they show: an id (from a token), an access key, or names (at log-in)."""

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        members = [(account, user) for account in accounts for user in account.users]
        self._accounts = {account.id: account for account in accounts}
        self._by_id = {user.id: (account, user) for account, user in members}
        self._by_access_key = {user.access_key: (account, user) for account, user in members}
        self._by_names = {(account.name, user.name): (account, user) for account, user in members}

    def by_account_id(self, account_id: str) -> Account | None:
        return self._accounts.get(account_id)

    def by_id(self, user_id: str) -> tuple[Account, User] | None:
        return self._by_id.get(user_id)

    def by_access_key(self, access_key: str) -> tuple[Account, User] | None:
        return self._by_access_key.get(access_key)

    def by_names(self, account_name: str, user_name: str) -> tuple[Account, User] | None:
        return self._by_names.get((account_name, user_name))


PUBLIC_ACCOUNTS: Final = Accounts(
    (
        Account(
            id=PUBLIC.domain_id,
            name=PUBLIC.domain_name,
            projects=(Project(id=PUBLIC.project_id, name=PUBLIC.project_name),),
            users=(
                User(
                    id=PUBLIC_USER_ID,
                    name=PUBLIC.user_name,
                    password=PUBLIC.user_password,
                    access_key=PUBLIC.access_key,
                    secret_key=PUBLIC.secret_key,
                    is_administrator=True,
                ),
            ),
        ),
    )
)
