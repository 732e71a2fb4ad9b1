"""The URL of a place that keeps states, such as a database: its strict syntax, and the form in which it is shown.

A URL is parsed once. Whoever connects uses the parsed values and never the text: two parsers that disagree about which part
is the host would connect to another one than was checked (docs/decisions/0038).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import normpath
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from provisioner.model.secret import Secret

INVALID: Final = "state-place-invalid"
"""The code of a place that is not written as one."""
_CHARACTERS: Final = re.compile(r"[!#-;=?-\[\]_a-z~]*")
"""The printable ASCII characters without those that no URL contains: quotes, backslash, brackets of other kinds."""
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(?:/([^?#]*))?(?:\?([^#]*))?")
_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_LONGEST_NAME: Final = 253
_NUMBER: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\.?")
"""The last part of a host that resolvers read as an IPv4 address in one of its other forms."""
_SOCKET: Final = re.compile(r"/[!-~]+")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT: Final = 65535


class InvalidStateUrlError(ValueError):
    """A place of a state that is not accepted. Neither text repeats the URL: any part of it may be a password."""

    def __init__(self, summary: str, *, hint: str = "", code: str = INVALID) -> None:
        super().__init__(summary)
        self.summary = summary
        self.hint = hint
        self.code = code


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host to connect to: a name in small letters, an IP address in its shortest form, or the folder of a Unix socket.

    `port` is None where none is written.
    """

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UrlParts:
    """The parts of a URL, still percent-encoded. `path` is without its leading slash."""

    scheme: str
    userinfo: str | None = field(repr=False)
    hosts: str
    path: str
    query: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StateUrl:
    """A parsed URL. It never prints its secrets, whichever way it is turned into a text.

    `path` is the name of the database. `options` holds what stands in its query and is no secret.
    """

    scheme: str
    endpoints: tuple[Endpoint, ...]
    path: str
    default_port: int
    user: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False, hash=False, compare=False)
    place_options: frozenset[str] = frozenset()
    """The options that choose the place. Every other one is about how it is reached."""

    @property
    def shown(self) -> str:
        """The URL for messages, and the name of the place on every machine: without user, secrets, the default port and
        options that do not choose the place. Hosts and options are in one order.
        """
        ports = ((one.host, None if one.port == self.default_port else one.port) for one in self.endpoints)
        hosts = ",".join(sorted(_encode(Endpoint(host, port)) for host, port in ports))
        chosen = sorted((key, value) for key, value in self.options.items() if key in self.place_options)
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in chosen)
        return f"{self.scheme}://{hosts}/{quote(self.path, safe='')}" + (f"?{query}" if query else "")

    def __str__(self) -> str:
        return self.shown


def split_url(text: str) -> UrlParts:
    """Split a URL. Raises InvalidStateUrlError for what is none, and where readers of URLs would disagree."""
    if _CHARACTERS.fullmatch(text) is None:
        raise InvalidStateUrlError(
            "the URL has a character that no URL has",
            hint="write the name of a host in its ASCII form (xn--...), and every other such character percent-encoded",
        )
    found = _URL.fullmatch(text)
    if found is None:
        raise InvalidStateUrlError("the text is no URL", hint="write SCHEME://HOST/NAME, without #")
    scheme, authority, path, query = found.groups()
    *userinfo, hosts = authority.split("@")
    if len(userinfo) > 1 or "@" in f"{path}{query}":
        hint = "write an @ that is part of a name or a password as %40, and a / as %2F"
        raise InvalidStateUrlError("it is not clear where the host of the URL begins", hint=hint)
    return UrlParts(scheme.lower(), userinfo[0] if userinfo else None, hosts, path or "", query or "")


def decode(text: str, part: str) -> str:
    """Undo the percent-encoding of a `part` of a URL. Raises InvalidStateUrlError."""
    hint = "write each byte of it as % and two hexadecimal digits"
    if _PERCENT.search(text):
        raise InvalidStateUrlError(f"{part} of the URL has a % that begins no encoded byte", hint=hint)
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise InvalidStateUrlError(f"{part} of the URL is not UTF-8", hint=hint) from None
    if not decoded.isprintable():
        raise InvalidStateUrlError(f"{part} of the URL has a character that cannot be printed")
    return decoded


def split_query(query: str) -> Iterator[tuple[str, str]]:
    """Yield the options of a query, decoded. Raises InvalidStateUrlError."""
    for one in query.split("&") if query else ():
        key, separator, value = one.partition("=")
        if re.fullmatch(r"[a-z][a-z0-9_]{0,40}", key) is None or not separator or "=" in value:
            hint = "write NAME=VALUE, with & between two options; the names are in small letters, and an = in a value is %3D"
            raise InvalidStateUrlError("the URL has an option that is not written as NAME=VALUE", hint=hint)
        yield key, decode(value, f"the option {key}")


def parse_endpoints(text: str) -> tuple[Endpoint, ...]:
    """Parse the hosts of a URL, separated by commas; none in an empty text. Raises InvalidStateUrlError."""
    return tuple(parse_endpoint(one) for one in text.split(",")) if text else ()


def parse_endpoint(text: str) -> Endpoint:
    """Parse `HOST` or `HOST:PORT`, with an IPv6 address in brackets. Raises InvalidStateUrlError."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise InvalidStateUrlError("the URL has a bracket without its other half, or something behind it")
        return Endpoint(parse_host(f"[{host}]"), parse_port(rest[1:]) if rest else None)
    host, colon, port = text.partition(":")
    return Endpoint(parse_host(host), parse_port(port) if colon else None)


def parse_host(text: str) -> str:
    """Return a host in the one form in which hosts are compared. Raises InvalidStateUrlError."""
    if text.startswith("["):
        return _parse_ipv6(text[1:-1])
    if text[:3].lower() == "%2f" or text.startswith("/"):
        return _parse_socket(decode(text, "the socket"))
    name = text.lower()
    if len(name) > _LONGEST_NAME or _NAME.fullmatch(name) is None:
        hint = (
            "write the name of a host plainly (a name of other letters in its ASCII form, xn--...), an IPv6 address in brackets, "
            "and the folder of a socket with %2F for each /"
        )
        raise InvalidStateUrlError("the host of the URL is neither a name nor an address", hint=hint)
    if _NUMBER.fullmatch(name.rpartition(".")[2] or name.rstrip(".").rpartition(".")[2]):
        return _parse_ipv4(name)
    return name


def parse_port(text: str) -> int:
    """Raises InvalidStateUrlError."""
    if _PORT.fullmatch(text) is None or not 1 <= int(text) <= _HIGHEST_PORT:
        hint = f"a port is a number from 1 to {_HIGHEST_PORT}; a : or / in a password is written %3A or %2F"
        raise InvalidStateUrlError("the URL has a port that is none", hint=hint)
    return int(text)


def _parse_ipv4(text: str) -> str:
    from ipaddress import IPv4Address  # slow to import, and most commands meet no address

    try:
        return str(IPv4Address(text))
    except ValueError:
        hint = "write four decimal numbers, as in 192.0.2.7"
        raise InvalidStateUrlError("the host of the URL is an IPv4 address in another form", hint=hint) from None


def _parse_ipv6(text: str) -> str:
    from ipaddress import IPv6Address

    try:
        address = IPv6Address(text)
    except ValueError:
        raise InvalidStateUrlError("what stands in brackets in the URL is no IPv6 address") from None
    if address.scope_id is not None:
        raise InvalidStateUrlError(
            "the IPv6 address of the URL names an interface", hint="leave out the % and what follows"
        )
    return address.compressed


def _parse_socket(path: str) -> str:
    if _SOCKET.fullmatch(path) is None or normpath(path) != path or path.startswith("//") or "," in path:
        hint = "write an absolute path without .. and without spaces"
        raise InvalidStateUrlError("the folder of the socket in the URL is not written plainly", hint=hint)
    return path


def _encode(endpoint: Endpoint) -> str:
    if not endpoint.host.startswith("/"):
        return str(endpoint)
    return str(Endpoint(quote(endpoint.host, safe=""), endpoint.port))
