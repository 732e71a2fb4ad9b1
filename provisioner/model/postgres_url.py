"""The URL of a PostgreSQL database: what may stand in it, depending on who has written it.

The names of the options are libpq's, and one is ours: `schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from provisioner.model.secret import Secret
from provisioner.model.state_url import (
    Endpoint,
    InvalidStateUrlError,
    StateUrl,
    UrlParts,
    decode,
    parse_endpoint,
    parse_endpoints,
    parse_host,
    parse_port,
    split_query,
)

DEFAULT_PORT: Final = 5432
_PLACE_OPTIONS: Final = frozenset({"schema", "service"})
_STRICT_MODES: Final = ("require", "verify-ca", "verify-full")
"""The values of `sslmode` that encrypt, the strictest last."""
REPOSITORY_OPTIONS: Final = ("schema", "service", "sslmode")
"""What specs may say. A service is an entry of the user's own file, so that its host is the user's word."""
_SECRETS: Final = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
_OPTIONS: Final = frozenset(
    (
        "application_name", "channel_binding", "client_encoding", "connect_timeout",
        "fallback_application_name", "gssdelegation", "gssencmode", "gsslib", "hostaddr", "keepalives",
        "keepalives_count", "keepalives_idle", "keepalives_interval", "krbsrvname", "load_balance_hosts",
        "max_protocol_version", "min_protocol_version", "oauth_client_id", "oauth_issuer", "oauth_scope",
        "options", "passfile", "require_auth", "requirepeer", "schema", "service", "servicefile",
        "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert", "sslcertmode", "sslcompression",
        "sslcrl", "sslcrldir", "sslkey", "sslmode", "sslnegotiation", "sslrootcert", "sslsni",
        "target_session_attrs", "tcp_user_timeout",
    )
)  # fmt: skip
_IN_FRONT: Final = frozenset({"host", "port", "dbname", "user"})
"""Options for which a URL has a place of its own as well."""


def parse_postgres(parts: UrlParts, *, is_trusted: bool, may_have_password: bool) -> StateUrl:
    """Parse the URL of a database. `is_trusted`: the user has written it, so that any option of libpq may stand in it.

    Raises InvalidStateUrlError.
    """
    options = _read_options(parts)
    secrets = {key: Secret(options.pop(key)) for key in _SECRETS & options.keys()}
    user, has_password, password = (parts.userinfo or "").partition(":")
    if has_password:
        if "password" in secrets:
            raise _given_twice("password")
        secrets["password"] = Secret(decode(password, "the password"))
    if secrets and not may_have_password:
        raise _password_error(sorted(secrets), is_trusted=is_trusted)
    if not is_trusted:
        _require_harmless(options, has_host=bool(parts.hosts))
    endpoints = _read_endpoints(parts.hosts, options)
    database = _take(options, "dbname", decode(parts.path, "the name of the database"))
    user_name = _take(options, "user", decode(user, "the user"))
    _require_database(database, options)
    is_only_address = not endpoints and "hostaddr" in options
    place = _PLACE_OPTIONS | {"hostaddr"} if is_only_address else _PLACE_OPTIONS
    return StateUrl("postgres", endpoints, database, DEFAULT_PORT, user_name or None, options, secrets, place)


def connection_parameters(url: StateUrl) -> Mapping[str, str]:
    """Return libpq's parameters by name. They hold the secrets in clear, and must be shown nowhere.

    They are to be passed one by one. `schema` is not among them.
    """
    found = {key: value for key, value in url.options.items() if key != "schema"}
    if url.endpoints:
        found["host"] = ",".join(one.host for one in url.endpoints)
    if any(one.port is not None for one in url.endpoints):
        found["port"] = ",".join("" if one.port is None else str(one.port) for one in url.endpoints)
    found |= {"dbname": url.path} if url.path else {}
    found |= {} if url.user is None else {"user": url.user}
    return found | {key: secret.reveal() for key, secret in url.secrets.items()}


def without_weaker_encryption(url: StateUrl, environ: Mapping[str, str]) -> StateUrl:
    """Leave out the `sslmode` of a repository where the user's own setting is as strict, or may be.

    An option of a URL precedes the user's environment and service file, so it could weaken what they demand.
    """
    written, own = url.options.get("sslmode"), environ.get("PGSSLMODE")
    if written is None or written == _STRICT_MODES[-1]:
        return url
    is_as_strict = own in _STRICT_MODES and _STRICT_MODES.index(own) >= _STRICT_MODES.index(written)
    if not is_as_strict and not environ.get("PGSERVICE"):
        return url
    return replace(url, options={key: value for key, value in url.options.items() if key != "sslmode"})


def _read_options(parts: UrlParts) -> dict[str, str]:
    options: dict[str, str] = {}
    for key, value in split_query(parts.query):
        if key not in _OPTIONS | _SECRETS | _IN_FRONT:
            hint = "use an option of libpq's, or schema=NAME"
            raise InvalidStateUrlError(f"the URL has an option {key}, which does not exist", hint=hint)
        if key in options:
            raise _given_twice(key)
        if not value:
            raise InvalidStateUrlError(f"the option {key} of the URL is empty", hint="leave it out, or give it a value")
        options[key] = value
    _require_schema(options)
    return options


def _require_schema(options: Mapping[str, str]) -> None:
    """Raise InvalidStateUrlError for the name of a schema that would have to be quoted in SQL."""
    schema = options.get("schema", "public")
    is_plain = schema.isascii() and schema.isidentifier() and schema == schema.lower()
    if not is_plain or len(schema) > 63 or schema.startswith("pg_"):  # noqa: PLR2004 - the most that PostgreSQL keeps of a name
        hint = "use up to 63 small letters, digits and _, and begin with a letter, but not with pg_"
        raise InvalidStateUrlError("the option schema of the URL cannot be the name of a schema", hint=hint)


def _require_harmless(options: Mapping[str, str], *, has_host: bool) -> None:
    """Raise InvalidStateUrlError for an option that a repository must not set."""
    hint = (
        f"specs may say {', '.join(REPOSITORY_OPTIONS[:-1])} and {REPOSITORY_OPTIONS[-1]}; the rest is yours to say: by libpq's own "
        "variables (PGPASSFILE, PGSSLROOTCERT), an entry of your service file, or PROVISIONER_STATE"
    )
    for key in options:
        if key not in REPOSITORY_OPTIONS:
            raise InvalidStateUrlError(f"specs may not set the option {key}", hint=hint, code="state-option-untrusted")
    if options.get("sslmode", _STRICT_MODES[0]) not in _STRICT_MODES:
        summary = "specs may only make the connection stricter: sslmode is require, verify-ca or verify-full"
        raise InvalidStateUrlError(summary, hint="leave it out, or choose one of these", code="state-option-untrusted")
    if "service" in options and (has_host or "sslmode" in options):
        summary = "service stands beside a host or sslmode, and the entry of your service file has its own"
        raise InvalidStateUrlError(summary, hint="write one of the two", code="state-option-untrusted")


def _read_endpoints(hosts: str, options: dict[str, str]) -> tuple[Endpoint, ...]:
    """Return the hosts, and take them out of the options."""
    host, port = options.pop("host", None), options.pop("port", None)
    if (host is not None and hosts) or (port is not None and ":" in hosts.rpartition("]")[2]):
        raise _given_twice("host" if host is not None else "port")
    if port is None:
        return parse_endpoints(hosts) if host is None else tuple(map(_read_bare_host, host.split(",")))
    if host is None and not hosts:
        raise InvalidStateUrlError("the URL names a port without a host", hint="use PGPORT, or name the host too")
    names = (
        [one.host for one in parse_endpoints(hosts)]
        if host is None
        else [parse_host(_bracketed(one)) for one in host.split(",")]
    )
    ports = port.split(",")
    if len(ports) not in {1, len(names)}:
        raise InvalidStateUrlError(
            "the URL has another number of ports than of hosts", hint="write one for each, or one for all"
        )
    return tuple(map(Endpoint, names, map(parse_port, ports * (len(names) if len(ports) == 1 else 1))))


def _read_bare_host(text: str) -> Endpoint:
    return parse_endpoint(_bracketed(text))


def _bracketed(text: str) -> str:
    """Return the value of the option `host`, in which an IPv6 address has no brackets, as it stands in front of a path."""
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text


def _take(options: dict[str, str], key: str, in_front: str) -> str:
    """Return what stands in front or as an option, and take it out of the options."""
    value = options.pop(key, "")
    if value and in_front:
        raise _given_twice(key)
    return value or in_front


def _require_database(database: str, options: Mapping[str, str]) -> None:
    """Raise InvalidStateUrlError where a user's name or PGDATABASE would choose the database: another one for each user."""
    if not database and "service" not in options:
        hint = "write it behind the host: postgres://HOST/NAME"
        raise InvalidStateUrlError("the URL names no database", hint=hint)
    if "/" in database or "=" in database:
        raise InvalidStateUrlError(
            "the name of the database in the URL has a / or an =", hint="write postgres://HOST/NAME"
        )


def _given_twice(key: str) -> InvalidStateUrlError:
    return InvalidStateUrlError(f"the URL names the {key} twice", hint="write it once")


def _password_error(names: list[str], *, is_trusted: bool) -> InvalidStateUrlError:
    of_arguments = "arguments and files can be read by others" if is_trusted else "specs are read by others"
    hint = f"{of_arguments}: take the secret out, change it, and give it by PGPASSWORD, PGPASSFILE (~/.pgpass) or a service file"
    return InvalidStateUrlError(f"the URL holds a secret ({', '.join(names)})", hint=hint, code="state-password")
