"""The kinds of credentials for the cloud, as the user gave them. None of them has been checked by the cloud.

credential_sources.py finds them; authenticator.py turns them into what authenticates requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, assert_never

from provisioner.model.diagnostic import Diagnostic
from provisioner.model.secret import Secret

KEY_LIFE_SECONDS: Final = 3600
"""How long temporary keys are asked to live. The service allows 15 minutes to a day."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key. Only a temporary key has a `security_token`."""

    access_key: str
    secret_key: Secret
    security_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class Password:
    """The password of an IAM user, who is named by id, or by name in the account `domain_name`.

    It is exchanged for tokens.
    """

    user_name: str | None
    password: Secret
    domain_name: str | None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was issued to somebody who signed in elsewhere. It is exchanged for temporary keys."""

    value: Secret


@dataclass(frozen=True, slots=True)
class InstanceAgency:
    """The agency of the cloud server that this tool runs on. The server's metadata service gives temporary keys."""


@dataclass(frozen=True, slots=True)
class IdToken:
    """An ID token of OpenID Connect, which the identity provider `provider_id` issued. It is exchanged for temporary keys.

    Either `value` or `path` is given. A file is read anew at every exchange, because whoever wrote it may renew it. The
    keys last `duration_seconds`.
    """

    provider_id: str
    value: Secret | None = None
    path: Path | None = None
    duration_seconds: int = KEY_LIFE_SECONDS


BaseCredentials: TypeAlias = AccessKey | Password | IssuedToken | InstanceAgency | IdToken


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency: an account lets another one's users act in it. Its temporary keys last `duration_seconds`.

    The account that has the agency is named by id, by name, or by both.
    """

    name: str
    domain_id: str | None
    domain_name: str | None
    duration_seconds: int = KEY_LIFE_SECONDS

    @property
    def account(self) -> str:
        return self.domain_name or self.domain_id or ""


@dataclass(frozen=True, slots=True)
class AssumedAgency:
    """Credentials of a user and the agency that this user assumes. Everything is then done in the agency's account.

    `base_account` is the id of the user's own account, where it was given.
    """

    agency: Agency
    base: BaseCredentials
    base_account: str | None = None


Credentials: TypeAlias = BaseCredentials | AssumedAgency


def describe_credentials(credentials: Credentials) -> str:
    """Describe the kind of credentials for the user."""
    match credentials:
        case AccessKey(security_token=None):
            return "access key"
        case AccessKey():
            return "temporary access key"
        case Password():
            return "password of an IAM user"
        case IssuedToken():
            return "token, exchanged for temporary keys"
        case InstanceAgency():
            return "agency of this cloud server"
        case IdToken():
            return "ID token, exchanged for temporary keys"
        case AssumedAgency(agency, base):
            return f"agency {agency.name} of the account {agency.account}, assumed with: {describe_credentials(base)}"
        case _:
            assert_never(credentials)


@dataclass(frozen=True, slots=True)
class FoundCredentials:
    """Credentials and where they were found.

    `source` is for messages. A value of None was not given; the cloud is asked for it.
    """

    credentials: Credentials
    source: str
    region: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    domain_id: str | None = None
    agency: Agency | None = None
    """The agency that the same place names."""
    warnings: tuple[Diagnostic, ...] = ()
