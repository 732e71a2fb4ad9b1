"""Determines the endpoints from the tool's own settings: where a service was moved to, and the vendor's site of the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from provisioner.model.diagnostic import UsageError, error
from provisioner.model.flow import Service
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.cloud import Endpoints


def vendor_endpoints(region: str, settings: Settings, environ: Mapping[str, str]) -> Endpoints:
    """Return the endpoints of the vendor's cloud. Raises UsageError."""
    from provisioner.cloud import region_endpoints

    overrides, international = endpoint_overrides(settings), is_international(settings.site)
    return region_endpoints(region, overrides, environ=environ, international=international)


def endpoint_overrides(settings: Settings) -> dict[Service, str]:
    """Return the URLs of PROVISIONER_ENDPOINT_*. Raises UsageError for a variable that names no service."""
    known = {service.value: service for service in Service}
    if unknown := settings.endpoints.keys() - known.keys():
        names = ", ".join(f"PROVISIONER_ENDPOINT_{name.upper()}" for name in sorted(unknown))
        hint = "the variables are PROVISIONER_ENDPOINT_MODELARTS, PROVISIONER_ENDPOINT_BSS and PROVISIONER_ENDPOINT_IAM"
        raise UsageError(error("endpoint-invalid", f"{names} names no service", hint=hint))
    return {known[name]: url for name, url in settings.endpoints.items()}


def is_international(site: str | None) -> bool:
    """Return whether the account is of the vendor's international site. Raises UsageError."""
    if site not in {None, "china", "international"}:
        hint = "set it to international, or to china, which is the default"
        raise UsageError(error("endpoint-invalid", "PROVISIONER_SITE names no site of the vendor's", hint=hint))
    return site == "international"
