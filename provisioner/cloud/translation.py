"""Translates a failed call into an error with a stable code and a hint, for callers that only report it.

Flows and recovery examine the failure itself; no decision depends on this translation.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from provisioner.model.diagnostic import CloudError, error
from provisioner.model.flow import CallFailed, PartialListing

_HINTS: Final = {
    "cloud-unreachable": "check the region, the network, the variables PROVISIONER_ENDPOINT_*, and the proxy where one is named, then run the command again",
    "cloud-unauthorized": "check the credentials and this machine's clock; `provisioner credentials` tells which were found and where",
    "cloud-denied": "ask the account's administrator for the permission, or use other credentials",
    "cloud-throttled": "run the command again in a minute, with a smaller --parallelism if it happens often",
    "cloud-error": "run the command again; if it stays, give the request id to the vendor's support",
}
_HINTS_BY_CODE: Final = {
    "CBC.0156": "the account belongs to the vendor's other site: set PROVISIONER_SITE=international (its billing is at bss-intl.myhuaweicloud.com)",
    "APIG.0101": "check the region and the PROVISIONER_ENDPOINT variables: the service does not know this address",
}


def translate(failed: CallFailed, doing: str) -> CloudError:
    """Return the error to raise for `failed`. `doing` is the subject of its summary, such as "reading the servers"."""
    code = _code(failed)
    hint = _HINTS_BY_CODE.get(failed.code or "", _HINTS[code])
    return CloudError(error(code, f"{doing} failed: {failed.message}", hint=hint, request_id=failed.request_id))


def _code(failed: CallFailed) -> str:
    match failed.status:
        case None:
            return "cloud-error" if isinstance(failed, PartialListing) else "cloud-unreachable"
        case HTTPStatus.UNAUTHORIZED:
            return "cloud-unauthorized"
        case HTTPStatus.FORBIDDEN:
            return "cloud-denied"
        case HTTPStatus.TOO_MANY_REQUESTS:
            return "cloud-throttled"
        case _:
            return "cloud-error"
