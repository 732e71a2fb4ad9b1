"""Accounts, their projects and their users. They do not change while the sandbox runs; the world keeps what they
spend.
"""

from dataclasses import dataclass
from typing import Final

from provisioner.sandbox.credentials import PUBLIC, PUBLIC_USER_ID
from provisioner.sandbox.id_tokens import IdentityProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of an account. Only an administrator may list another user's servers by `owner`."""

    id: str
    name: str
    password: str
    access_key: str
    secret_key: str
    is_administrator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project of an account. It may have `server_quota` servers at once; None sets no limit."""

    id: str
    name: str
    server_quota: int | None = None

    @property
    def region(self) -> str:
        """The region of the project. The main project has the region's name; other names begin with it (section 7)."""
        return self.name.partition("_")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """An agency: it lets users of the accounts in `trusts` act in its account. They all own servers under its id."""

    id: str
    name: str
    trusts: frozenset[str]
    is_administrator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account. `balance` is the money in cents before anything was spent; None is unlimited. Its orders wait
    `approval_milliseconds` before they can be paid.
    """

    id: str
    name: str
    projects: tuple[Project, ...]
    users: tuple[User, ...]
    balance: int | None = None
    approval_milliseconds: int | None = None
    agencies: tuple[Agency, ...] = ()
    identity_providers: tuple[IdentityProvider, ...] = ()

    def project(self, project_id: str) -> Project | None:
        return next((project for project in self.projects if project.id == project_id), None)

    def agency(self, name: str) -> Agency | None:
        return next((agency for agency in self.agencies if agency.name == name), None)

    def user(self, name: str) -> User | None:
        return next((user for user in self.users if user.name == name), None)

    def delegate(self, agency: Agency) -> User:
        """Returns the user as whom everybody acts through the agency. This user cannot sign in (section 6.3)."""
        name = f"{self.name}/{agency.name}"
        return User(
            id=agency.id,
            name=name,
            password="",
            access_key="",
            secret_key="",
            is_administrator=agency.is_administrator,
        )


class Accounts:
    """Finds users by an id (from a token; an agency has one, too), by an access key, or by names (at sign-in)."""

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        members = [(account, user) for account in accounts for user in account.users]
        self._accounts = {account.id: account for account in accounts}
        delegates = [(account, account.delegate(agency)) for account in accounts for agency in account.agencies]
        self._by_id = {user.id: (account, user) for account, user in (*members, *delegates)}
        self._by_access_key = {user.access_key: (account, user) for account, user in members}
        self._by_names = {(account.name, user.name): (account, user) for account, user in members}
        self._by_provider = {each.id: (account, each) for account in accounts for each in account.identity_providers}

    def by_account_id(self, account_id: str) -> Account | None:
        return self._accounts.get(account_id)

    def by_reference(self, account_id: str | None, name: str | None) -> Account | None:
        """Returns the account with this id and name, either of which may be None."""
        fitting = (
            each for each in self._accounts.values() if account_id in {None, each.id} and name in {None, each.name}
        )
        return next(fitting, None)

    def by_identity_provider(self, provider_id: str) -> tuple[Account, IdentityProvider] | None:
        return self._by_provider.get(provider_id)

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
