"""Decides which proxy a request goes through, from the environment: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`.

Only the variable that applies counts, so that one which another program needs stands in nobody's way. As in curl, a name in lower
case goes before the same in upper case, also when it is empty. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from provisioner.model.diagnostic import UsageError, error

_USABLE: Final = ("http", "https")
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ProxyChoice:
    """A proxy, and the variable that names it as it is spelt. The URL may hold a password."""

    variable: str
    url: str = field(repr=False)

    @property
    def problem(self) -> str:
        """Why it cannot be used, as the rest of a sentence; empty where it can. It shows no password."""
        try:
            parts = urlsplit(self.url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            return "is no URL"
        if parts.scheme.startswith("socks"):
            return "names a SOCKS proxy, and only http:// and https:// proxies are supported"
        if parts.scheme not in _USABLE:
            return "names no http:// or https:// proxy"
        return "" if host else "names no host"


def choose_proxies(urls: Iterable[str], environ: Mapping[str, str]) -> Mapping[str, ProxyChoice]:
    """Returns the proxies by those of the URLs that are reached through one. Raises UsageError `proxy-invalid` where one of them
    cannot be used.
    """
    found = {url: proxy for url in urls if (proxy := choose_proxy(url, environ)) is not None}
    for url, proxy in found.items():
        if proxy.problem:
            parts = urlsplit(url)
            # What stands in all_proxy may be needed by other programs: the variable of the scheme goes before it.
            is_for_all = proxy.variable.lower() == "all_proxy"
            variable = f"{parts.scheme}_proxy".upper() if is_for_all else proxy.variable
            hint = f"set {variable} to the URL of an http:// or https:// proxy; or let the cloud be reached without one: NO_PROXY={parts.hostname}"
            raise UsageError(error("proxy-invalid", f"{proxy.variable} {proxy.problem}", hint=hint))
    return found


def choose_proxy(url: str, environ: Mapping[str, str]) -> ProxyChoice | None:
    """Returns the proxy for a request to `url`; None where it is sent directly."""
    parts = urlsplit(url)
    chosen = _variable(f"{parts.scheme}_proxy", environ) or _variable("all_proxy", environ)
    if chosen is None or _is_excepted(parts, environ):
        return None
    variable, value = chosen
    return ProxyChoice(variable, value if "://" in value else f"http://{value}")


def _variable(name: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    for spelling in (name, name.upper()):
        # A server sets HTTP_PROXY for a CGI program from a header of the request (httpoxy).
        is_from_outside = spelling == "HTTP_PROXY" and "REQUEST_METHOD" in environ
        if spelling in environ and not is_from_outside:
            value = environ[spelling].strip()
            return (spelling, value) if value else None
    return None


def _is_excepted(url: SplitResult, environ: Mapping[str, str]) -> bool:
    excepted = _variable("no_proxy", environ)
    entries = excepted[1].replace(",", " ").split() if excepted else []
    host, port = (url.hostname or "").rstrip("."), url.port or _PORTS.get(url.scheme)
    return any(_matches(entry, host, port) for entry in entries)


def _matches(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of `no_proxy` is about the host: a name with all below it, an address in any spelling, a network,
    or all of them, each for one port only where it names one.
    """
    entry = entry.lower().rpartition("://")[2]
    if entry == "*":
        return True
    name, of_port = _split_port(entry)
    if of_port is not None and of_port != port:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        name = name.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ip_network(name, strict=False)
    except ValueError:
        return False


def _split_port(entry: str) -> tuple[str, int | None]:
    """Splits `host:port`, `[address]:port` and `[network]`. An IPv6 address without brackets has no port."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        name, port = (name + rest, "") if rest.startswith("/") else (name, rest.removeprefix(":"))
    elif entry.count(":") == 1:
        name, _, port = entry.partition(":")
    else:
        name, port = entry, ""
    return name, int(port) if port.isdecimal() else None
