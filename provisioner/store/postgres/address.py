"""The address of a database and of the schema in it, and how libpq is asked to connect to it.

The URL is parsed before (`model/postgres_url.py`), and libpq is given the parsed values by name. Credentials that the URL
does not have come from where libpq looks for them: PGPASSWORD, PGPASSFILE, a service file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from provisioner.model.diagnostic import UsageError, error
from provisioner.model.postgres_url import connection_parameters
from provisioner.model.state_url import INVALID, StateUrl

DEFAULT_SCHEMA: Final = "provisioner"
_SHARED_SCHEMAS: Final = frozenset({"public", "information_schema"})
"""Schemas that hold tables of others, whose names could be those of ours."""
_DEFAULTS: Final = {
    "connect_timeout": ("PGCONNECT_TIMEOUT", "10"),
    "target_session_attrs": ("PGTARGETSESSIONATTRS", "primary"),
    "application_name": ("PGAPPNAME", "provisioner"),
    "keepalives_idle": ("", "10"),
    "keepalives_interval": ("", "5"),
    "keepalives_count": ("", "3"),
    "tcp_user_timeout": ("", "15000"),
    "client_encoding": ("", "UTF8"),
}
"""By parameter of libpq: the variable that also sets it, and our default."""


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """`parameters` are libpq's, as the URL names them, `secrets` those of them that are never shown.

    `shown` is the address for messages.
    """

    shown: str
    parameters: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    schema: str = DEFAULT_SCHEMA

    @property
    def names_session_attributes(self) -> bool:
        """Whether the user has said which servers of a cluster may be used."""
        return "target_session_attrs" in self.parameters or bool(os.environ.get("PGTARGETSESSIONATTRS"))

    @property
    def uses_service(self) -> bool:
        """Whether a service file may say more than is known here."""
        return "service" in self.parameters or bool(os.environ.get("PGSERVICE"))

    def connection_parameters(self, *, is_writing: bool) -> dict[str, str]:
        """Return the parameters with our defaults for what neither the address nor the environment says.

        A service file would be overruled by a default, so target_session_attrs has none beside one; the server found is
        then checked instead.
        """
        found = dict(self.parameters)
        for name, (variable, default) in _DEFAULTS.items():
            if name not in found and not (variable and os.environ.get(variable)):
                found[name] = default
        if not self.names_session_attributes:
            if self.uses_service:
                del found["target_session_attrs"]
            elif is_writing:
                found["target_session_attrs"] = "read-write"
        return found

    def __str__(self) -> str:
        return self.shown

    def masked(self, text: str) -> str:
        """Return text for a message: on one line, without control characters, passwords replaced."""
        for secret in (*self.secrets, os.environ.get("PGPASSWORD")):
            if secret:
                text = text.replace(secret, "***")
        line = " ".join(text.split())
        return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


def address_of(url: StateUrl) -> PostgresAddress:
    """Raises UsageError `state-place-invalid` for a schema that holds tables of others."""
    schema = url.options.get("schema", DEFAULT_SCHEMA)
    if schema in _SHARED_SCHEMAS:
        hint = "Name a schema that is for states alone, or leave it out: it is provisioner then."
        raise UsageError(error(INVALID, f"the schema {schema} of {url.shown} is not for states alone", hint=hint))
    secrets = frozenset(secret.reveal() for secret in url.secrets.values())
    return PostgresAddress(url.shown, connection_parameters(url), secrets, schema)
