"""Models of what IAM accepts (docs/api/devserver-api.md sections 6.3 and 7)."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from provisioner.sandbox.requests.reading import Lenient, Query


class ProjectsQuery(Query):
    name: str | None = None
    domain_id: str | None = None
    parent_id: str | None = None
    enabled: bool | None = None
    is_domain: bool | None = None
    page: Annotated[int, Field(ge=1, le=2_147_483_647)] = 1
    per_page: Annotated[int, Field(ge=1, le=5_000)] = 5_000


class UsersQuery(Query):
    domain_id: str | None = None
    name: str | None = None
    enabled: bool | None = None


class TokensQuery(Query):
    """Accepts any parameter, because there is no catalogue to leave out."""

    nocatalog: str | None = None


class Reference(Lenient):
    """A project or an account, by id, by name, or by both if they belong together."""

    id: str | None = None
    name: str | None = None

    @model_validator(mode="after")
    def check_given(self) -> Self:
        if self.id is None and self.name is None:
            raise ValueError("id or name must be given")
        return self

    def means(self, own_id: str, own_name: str) -> bool:
        return self.id in {None, own_id} and self.name in {None, own_name}


class TokenDomain(Lenient):
    name: str


class TokenUser(Lenient):
    domain: TokenDomain
    name: str
    password: SecretStr


class TokenPassword(Lenient):
    user: TokenUser


class EarlierToken(Lenient):
    id: SecretStr


class TokenIdentity(Lenient):
    methods: Annotated[list[Literal["password", "token"]], Field(min_length=1, max_length=1)]
    password: TokenPassword | None = None
    token: EarlierToken | None = None

    @model_validator(mode="after")
    def check_method(self) -> Self:
        (method,) = self.methods
        if (self.password if method == "password" else self.token) is None:
            raise ValueError(f"{method} must be given, as methods names it")
        return self


class TokenScope(Lenient):
    project: Reference | None = None
    domain: Reference | None = None

    @model_validator(mode="after")
    def check_one(self) -> Self:
        if (self.project is None) == (self.domain is None):
            raise ValueError("exactly one of project and domain must be given")
        return self


class TokenAuth(Lenient):
    identity: TokenIdentity
    scope: TokenScope | None = None


class CreateToken(Lenient):
    auth: TokenAuth


class KeysToken(Lenient):
    """15 minutes to 24 hours (section 6.3). A token may stand here too, but the one of the header counts."""

    id: str | None = None
    duration_seconds: Annotated[int, Field(ge=900, le=86_400)] = 900


class KeysAgency(Lenient):
    """The agency of the account named by id, by name, or by both if they belong together."""

    agency_name: str
    domain_id: str | None = None
    domain_name: str | None = None
    duration_seconds: Annotated[int, Field(ge=900, le=86_400)] = 900

    @model_validator(mode="after")
    def check_given(self) -> Self:
        if self.domain_id is None and self.domain_name is None:
            raise ValueError("domain_id or domain_name must be given")
        return self


class KeysIdentity(Lenient):
    methods: Annotated[list[Literal["token", "assume_role"]], Field(min_length=1, max_length=1)]
    token: KeysToken = KeysToken()
    assume_role: KeysAgency | None = None

    @model_validator(mode="after")
    def check_method(self) -> Self:
        if self.methods == ["assume_role"] and self.assume_role is None:
            raise ValueError("assume_role must be given, as methods names it")
        return self

    @property
    def agency(self) -> KeysAgency | None:
        return self.assume_role if self.methods == ["assume_role"] else None


class KeysAuth(Lenient):
    identity: KeysIdentity


class CreateKeys(Lenient):
    auth: KeysAuth


class IdTokenValue(Lenient):
    id: SecretStr


class IdTokenAuth(Lenient):
    id_token: IdTokenValue
    scope: TokenScope | None = None


class CreateTokenWithIdToken(Lenient):
    auth: IdTokenAuth
