"""Determines the base URLs of the services: the vendor's hosts for a region, unless the user's environment overrides
them.

Specs are not trusted: they may name a region, but never a host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, assert_never
from urllib.parse import SplitResult, urlsplit

from provisioner.cloud.vendor_variables import VENDOR_DOMAINS, VendorVariables
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.flow import Service
from provisioner.web import is_loopback

_REGION: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NO_OVERRIDES: Final[Mapping[Service, str]] = MappingProxyType({})
_NO_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The base URL of each service, without a slash at the end."""

    modelarts: str
    billing: str
    identity: str

    def url(self, service: Service) -> str:
        match service:
            case Service.MODELARTS:
                return self.modelarts
            case Service.BILLING:
                return self.billing
            case Service.IDENTITY:
                return self.identity
            case _:
                assert_never(service)


def region_endpoints(
    region: str,
    overrides: Mapping[Service, str] = _NO_OVERRIDES,
    *,
    environ: Mapping[str, str] = _NO_ENVIRONMENT,
    international: bool = False,
) -> Endpoints:
    """Return the endpoints for a region, by default the hosts of docs/api/devserver-api.md section 7.

    Raises UsageError.

    `overrides` are the values of PROVISIONER_ENDPOINT_MODELARTS, _BSS and _IAM; an empty one counts as unset. The
    vendor's own variables in `environ` come second. `international` means that the account belongs to the vendor's
    international site, which has a billing service of its own.
    """
    _check_region(region)
    variables = VendorVariables(environ)
    domain = _domain(variables)
    chosen = {
        Service.MODELARTS: f"https://modelarts.{region}.{domain}",
        Service.BILLING: f"https://{'bss-intl' if international else 'bss'}.{domain}",
        Service.IDENTITY: f"https://iam.{region}.{domain}",
    }
    for service in Service:
        if overrides.get(service):
            chosen[service] = _checked_url(f"PROVISIONER_ENDPOINT_{service.upper()}", overrides[service])
        elif name := next(filter(variables.get, _vendor_names(service, region)), None):
            chosen[service] = _checked_url(
                variables.name_in_use(name) or name, _without_version(variables.get(name) or "")
            )
    return Endpoints(chosen[Service.MODELARTS], chosen[Service.BILLING], chosen[Service.IDENTITY])


def sandbox_endpoints(region: str) -> Endpoints:
    """Return endpoints with host names that never resolve (RFC 6761), for an emulator that runs inside this process."""
    _check_region(region)
    return Endpoints(*(f"https://{service}.{region}.sandbox.invalid" for service in ("modelarts", "bss", "iam")))


def _check_region(region: str) -> None:
    if not _REGION.fullmatch(region):
        raise UsageError(
            error(
                "region-invalid",
                f"{region!r} is not a region: a region consists of lower-case letters, digits and hyphens",
                hint="use a region's id, such as cn-north-4",
            )
        )


def _domain(variables: VendorVariables) -> str:
    domain = variables.get("HW_CLOUD") or VENDOR_DOMAINS[0]
    if domain not in VENDOR_DOMAINS:
        hint = f"use one of {', '.join(VENDOR_DOMAINS)}, or name other hosts by PROVISIONER_ENDPOINT_MODELARTS, _BSS and _IAM"
        raise UsageError(error("endpoint-invalid", "HW_CLOUD names no cloud of the vendor's", hint=hint))
    return domain


def _vendor_names(service: Service, region: str) -> tuple[str, ...]:
    """Return the vendor's variables for an endpoint: the SDK's for a service in a region (docs/api/devserver-api.md
    section 6.4), then those for the identity service only.
    """
    of_region = f"HUAWEICLOUD_SDK_REGION_{service}_{region}".replace("-", "_").upper()
    return (of_region, "HUAWEICLOUD_SDK_IAM_ENDPOINT", "HW_AUTH_URL") if service is Service.IDENTITY else (of_region,)


def _without_version(url: str) -> str:
    """Remove the API version, with which the vendor's tools expect the identity service's URL to end."""
    return re.sub(r"/v3/?$", "", url)


def _checked_url(name: str, url: str) -> str:
    if problem := _url_problem(url):
        raise UsageError(
            error(
                "endpoint-invalid",
                # The value is not shown, because it may contain a password.
                f"{name} {problem}",
                hint="give https://HOST[:PORT], or http://127.0.0.1:PORT for a sandbox on this machine",
            )
        )
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _url_problem(url: str) -> str:
    """Return what is wrong with the URL, or an empty string when nothing is."""
    try:
        parts = urlsplit(url)
        port_is_usable = parts.port != 0
    except ValueError:
        return "is not a URL"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "contains characters that no URL has"
    return _parts_problem(parts) if port_is_usable else "has port 0"


def _parts_problem(parts: SplitResult) -> str:
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is neither an https:// nor an http:// URL"
    if "@" in parts.netloc:
        return "contains a user name; credentials have variables of their own"
    if parts.query or parts.fragment or parts.path not in {"", "/"}:
        return "has a path or a query; only scheme, host and port may be given"
    if parts.scheme == "http" and not is_loopback(parts.geturl()):
        return "is http:// to another machine; plain http is allowed to this machine only"
    return "is a link-local address, where only a machine's metadata service lives" if _is_link_local(parts) else ""


def _is_link_local(parts: SplitResult) -> bool:
    try:
        return ip_address(parts.hostname or "").is_link_local
    except ValueError:
        return False
