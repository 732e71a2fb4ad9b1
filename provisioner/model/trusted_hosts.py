"""The hosts of state stores to which the user lets this tool connect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provisioner.model.state_url import Endpoint, InvalidStateUrlError, StateUrl, parse_endpoint


@dataclass(frozen=True, slots=True)
class TrustedHosts:
    """An entry without a port allows every port of its host. Hosts are compared whole, in the one form that parsing gives
    them: a final dot, which makes a name absolute, is part of it.
    """

    entries: frozenset[Endpoint] = frozenset()

    def untrusted(self, url: StateUrl) -> Iterator[Endpoint]:
        """Yield each host of a URL that is not among these."""
        for one in url.endpoints:
            exact = Endpoint(one.host, one.port or url.default_port)
            if self.entries.isdisjoint({Endpoint(one.host), exact}):
                yield one


def parse_trusted_host(text: str) -> Endpoint:
    """Read `HOST`, `HOST:PORT`, an IPv6 address with or without brackets, or the folder of a socket. Raises
    InvalidStateUrlError.
    """
    stripped = text.strip()
    if stripped.startswith("/") or (stripped.count(":") > 1 and not stripped.startswith("[")):
        return Endpoint(parse_endpoint(stripped if stripped.startswith("/") else f"[{stripped}]").host)
    return parse_endpoint(stripped)


def parse_libpq_hosts(text: str) -> Iterator[Endpoint]:
    """Yield the hosts of PGHOST. What is not understood there names no host here; libpq reports it."""
    yield from _understood(one for one in text.split(",") if one.strip())


def _understood(texts: Iterable[str]) -> Iterator[Endpoint]:
    for text in texts:
        try:
            yield parse_trusted_host(text)
        except InvalidStateUrlError:
            continue
