"""The form of the two files that a user may give the sandbox: its accounts and its market (docs/sandbox.md)."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from provisioner.sandbox.accounts import Account, Accounts, Agency, Project, User
from provisioner.sandbox.id_tokens import IdentityProvider, SigningKey, decode_number, is_strong
from provisioner.sandbox.market import Action, Arch, Flavor, Image, Market, ServerType
from provisioner.sandbox.settings_files import read_settings


def read_accounts(path: Path) -> Accounts:
    """Reads a file of accounts. Raises SettingsError."""
    return read_settings(path, AccountsFile).value()


def read_market(path: Path) -> Market:
    """Reads a file of the market. Raises SettingsError."""
    return read_settings(path, MarketFile).value()


def _cents(value: object) -> int:
    text = "" if isinstance(value, bool) else str(value)
    try:
        cents = Decimal(text) * 100
    except ArithmeticError:
        raise ValueError("must be an amount such as 12.50") from None
    if not cents.is_finite() or cents != cents.to_integral_value() or not 0 <= cents <= _MOST_CENTS:
        raise ValueError("must be an amount of at most two decimals, not negative and at most ten billion")
    return int(cents)


def _refuse_repeated(what: str, values: Iterable[str]) -> None:
    listed = list(values)
    if len(set(listed)) < len(listed):
        raise ValueError(f"the {what} must differ from each other")


_MOST_CENTS: Final = 10**12
_UUID: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
Cents = Annotated[int, BeforeValidator(_cents)]
Id = Annotated[str, StringConstraints(pattern=r"^[-a-z0-9]{1,64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Key = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]
AccessKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,128}$")]
Zone = Annotated[str, StringConstraints(pattern=r"^[-_.a-zA-Z0-9]{1,256}$")]


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class UserSection(_Section):
    id: Id
    name: Name
    password: Key
    access_key: AccessKey
    secret_key: Key
    administrator: bool = False

    def value(self) -> User:
        return User(
            id=self.id,
            name=self.name,
            password=self.password,
            access_key=self.access_key,
            secret_key=self.secret_key,
            is_administrator=self.administrator,
        )


class ProjectSection(_Section):
    id: Id
    name: Name
    server_quota: Annotated[int, Field(ge=0)] | None = None


class AgencySection(_Section):
    id: Id
    name: Name
    trusts: Annotated[list[Name], Field(min_length=1)]
    administrator: bool = False

    def value(self) -> Agency:
        return Agency(id=self.id, name=self.name, trusts=frozenset(self.trusts), is_administrator=self.administrator)


class SigningKeySection(_Section):
    """A public RSA key as a JSON Web Key, as an identity provider publishes it."""

    model_config = ConfigDict(extra="ignore")

    kty: Literal["RSA"]
    n: str
    e: str
    kid: str | None = None

    @model_validator(mode="after")
    def check_numbers(self) -> Self:
        if not is_strong(decode_number(self.n)) or decode_number(self.e) <= 1:
            raise ValueError("is no RSA key of 1024 bits or more")
        return self

    def value(self) -> SigningKey:
        return SigningKey(self.kid, decode_number(self.n), decode_number(self.e))


class SigningKeysSection(_Section):
    keys: Annotated[list[SigningKeySection], Field(min_length=1)]


class IdentityProviderSection(_Section):
    id: Id
    issuer: Key
    client_id: Key
    signing_key: SigningKeysSection
    users: Annotated[dict[str, Name], Field(min_length=1)]

    def value(self) -> IdentityProvider:
        return IdentityProvider(
            id=self.id,
            issuer=self.issuer,
            client_id=self.client_id,
            keys=tuple(key.value() for key in self.signing_key.keys),
            users=dict(self.users),
        )


class AccountSection(_Section):
    id: Id
    name: Name
    balance: Cents | None = None
    approval_seconds: Annotated[int, Field(ge=0, le=10**9)] | None = None
    projects: Annotated[list[ProjectSection], Field(min_length=1)]
    users: Annotated[list[UserSection], Field(min_length=1)]
    agencies: list[AgencySection] = Field(default_factory=list)
    identity_providers: list[IdentityProviderSection] = Field(default_factory=list)

    @model_validator(mode="after")
    def check_federated_users(self) -> Self:
        names = {user.name for user in self.users}
        if any(not set(provider.users.values()) <= names for provider in self.identity_providers):
            raise ValueError("the users of an identity provider must be users of the account")
        return self

    def value(self) -> Account:
        return Account(
            id=self.id,
            name=self.name,
            projects=tuple(Project(**project.model_dump()) for project in self.projects),
            users=tuple(user.value() for user in self.users),
            balance=self.balance,
            approval_milliseconds=None if self.approval_seconds is None else self.approval_seconds * 1000,
            agencies=tuple(agency.value() for agency in self.agencies),
            identity_providers=tuple(provider.value() for provider in self.identity_providers),
        )


class AccountsFile(_Section):
    accounts: Annotated[list[AccountSection], Field(min_length=1)]

    @model_validator(mode="after")
    def check_unique(self) -> Self:
        users = [user for account in self.accounts for user in account.users]
        _refuse_repeated("ids of accounts", (account.id for account in self.accounts))
        _refuse_repeated("names of accounts", (account.name for account in self.accounts))
        _refuse_repeated("ids of projects", (each.id for account in self.accounts for each in account.projects))
        agencies = [agency for account in self.accounts for agency in account.agencies]
        providers = [provider for account in self.accounts for provider in account.identity_providers]
        _refuse_repeated(
            "ids of users and agencies", [*(user.id for user in users), *(agency.id for agency in agencies)]
        )
        _refuse_repeated("ids of identity providers", (provider.id for provider in providers))
        _refuse_repeated("access keys", (user.access_key for user in users))
        for account in self.accounts:
            _refuse_repeated("names of the users of an account", (user.name for user in account.users))
            _refuse_repeated("names of the agencies of an account", (each.name for each in account.agencies))
            _refuse_repeated("names of the projects of an account", (each.name for each in account.projects))
        return self

    def value(self) -> Accounts:
        return Accounts(tuple(account.value() for account in self.accounts))


class FlavorSection(_Section):
    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    hourly_price: Cents
    arch: Arch = "X86"
    server_type: ServerType = "ECS"
    sold_out: list[Zone] | Literal[True] = Field(default_factory=list)
    fails: list[Action] = Field(default_factory=list)

    def value(self, zones: list[str]) -> Flavor:
        return Flavor(
            name=self.name,
            hourly_price=self.hourly_price,
            arch=self.arch,
            server_type=self.server_type,
            sold_out_in=frozenset(zones if self.sold_out is True else self.sold_out),
            fails=frozenset(self.fails),
        )


class ImageSection(_Section):
    """An image. A `private` one can be used like any other, but is in no list."""

    id: Annotated[str, StringConstraints(pattern=_UUID)]
    name: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    arch: Arch = "X86"
    server_type: ServerType = "ECS"
    status: Literal["ACTIVE", "INACTIVE"] = "ACTIVE"
    private: bool = False

    def value(self) -> Image:
        return Image(**self.model_dump(exclude={"private"}))


class MarketFile(_Section):
    zones: Annotated[list[Zone], Field(min_length=1)]
    flavors: list[FlavorSection] = Field(default_factory=list)
    images: list[ImageSection] = Field(default_factory=list)
    other_flavors_hourly_price: Cents | None = None
    other_images: bool = False
    a3_flavors: list[Annotated[str, StringConstraints(min_length=1, max_length=128)]] | None = None

    @model_validator(mode="after")
    def check_whole(self) -> Self:
        _refuse_repeated("zones", self.zones)
        _refuse_repeated("names of flavors", (flavor.name for flavor in self.flavors))
        _refuse_repeated("ids of images", (image.id for image in self.images))
        for flavor in self.flavors:
            if flavor.sold_out is not True and not set(flavor.sold_out) <= set(self.zones):
                raise ValueError(f"the flavor {flavor.name} is sold out in a zone that is not among the zones")
        return self

    def value(self) -> Market:
        return Market(
            zones=tuple(self.zones),
            flavors=tuple(flavor.value(self.zones) for flavor in self.flavors),
            images=tuple(image.value() for image in self.images if not image.private),
            private_images=tuple(image.value() for image in self.images if image.private),
            other_flavors=self.other_flavors_hourly_price,
            other_images=self.other_images,
            a3_flavors=None if self.a3_flavors is None else frozenset(self.a3_flavors),
        )
