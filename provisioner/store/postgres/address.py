"""The address of a database and of the schema in it: `postgres://user@host/database?schema=provisioner`.

Everything but `schema` is libpq's and is read by its own parser. Credentials come from where libpq looks for them
(PGPASSWORD, PGPASSFILE, a service file); a password in the address works and is never shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlencode

from provisioner.model.diagnostic import UsageError, error

DEFAULT_SCHEMA: Final = "provisioner"
_SCHEMA: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,49}")
_SHARED_SCHEMAS: Final = frozenset({"public", "information_schema"})
"""Schemas that hold tables of others, whose names could be those of ours."""
_SECRETS: Final = ("password", "sslpassword", "oauth_client_secret")
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
    """`parameters` are libpq's, as the address names them."""

    parameters: Mapping[str, str] = field(repr=False)
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
        """Return the address for messages, without anything secret."""
        one = self.parameters
        host, port = one.get("host", ""), one.get("port", "")
        is_path = host.startswith(("/", "@")) or "," in host
        host = f"[{host}]" if ":" in host else host
        user = f"{quote(one['user'])}@" if "user" in one else ""
        place = "" if is_path else f"{host}:{port}" if port else host
        shown = {"host": host, "port": port.strip(",")} if is_path else {}
        shown |= {"service": one.get("service", "")}
        shown |= {"schema": self.schema} if self.schema != DEFAULT_SCHEMA else {}
        query = urlencode({name: value for name, value in shown.items() if value}, safe="/,")
        path = f"postgres://{user}{place}/{quote(one.get('dbname', ''))}"
        return f"{path}?{query}" if query else path

    def masked(self, text: str) -> str:
        """Return text for a message: on one line, without control characters, passwords replaced."""
        for secret in (*(self.parameters.get(name) for name in _SECRETS), os.environ.get("PGPASSWORD")):
            if secret:
                text = text.replace(secret, "***")
        line = " ".join(text.split())
        return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


def split_schema(url: str) -> tuple[str, str]:
    """Return the address without `schema`, and the schema. Raises UsageError `store-url`."""
    address, _, query = url.partition("?")
    pieces = [piece for piece in query.split("&") if piece]
    schemas = [unquote(piece.removeprefix("schema=")) for piece in pieces if piece.startswith("schema=")]
    schema = schemas[-1] if schemas else DEFAULT_SCHEMA
    if len(schemas) > 1 or not _SCHEMA.fullmatch(schema) or schema in _SHARED_SCHEMAS:
        raise url_error(
            f"{schema!r} cannot be the schema of states",
            "Use one name of lower-case letters, digits and underscores that is not public.",
        )
    rest = "&".join(piece for piece in pieces if not piece.startswith("schema="))
    return f"{address}?{rest}" if rest else address, schema


def url_error(summary: str, hint: str) -> UsageError:
    return UsageError(error("store-url", summary, hint=hint))
