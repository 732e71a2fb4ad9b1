"""Reads which agency the user wants to assume, from the vendor's variables or a profile, and adds it to credentials.

An agency is never ignored: what was meant for its account must not be bought in another. So half of a set, and two
places that name different agencies, are refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from provisioner.cloud.credentials import KEY_LIFE_SECONDS, Agency, AssumedAgency, FoundCredentials, Password
from provisioner.cloud.private_file import refuse
from provisioner.cloud.vendor_variables import VendorVariables
from provisioner.model.diagnostic import UsageError, error

_NAME: Final = "HW_ASSUME_ROLE_AGENCY_NAME"
_DOMAIN_NAME: Final = "HW_ASSUME_ROLE_DOMAIN_NAME"
_DOMAIN_ID: Final = "HW_ASSUME_ROLE_DOMAIN_ID"
_DURATION: Final = "HW_ASSUME_ROLE_DURATION"
_PROVIDER: Final = "HW_ASSUME_ROLE_IDP_ID"
_SHORTEST, _LONGEST = 900, 86_400
"""Seconds that the vendor allows temporary keys to live."""


def refuse_unsupported(variables: VendorVariables) -> None:
    """Raises UsageError for variables about an agency that this tool does not understand."""
    if names := ", ".join(variables.unknown_agency_variables()):
        raise UsageError(
            error(
                "credentials-unsupported",
                f"{names} would change how an agency is assumed, which is not supported",
                hint=f"unset {names}; docs/credentials.md has the variables that are followed",
            )
        )


def assume(found: FoundCredentials, variables: VendorVariables) -> FoundCredentials:
    """Return the credentials with the agency that variables or their profile name, if any. Raises UsageError.

    The project is then one of the agency's account. The account that was found is the one of the base credentials, so
    it does not count as the account to act in.
    """
    agency = _only_one(
        (_NAME, _from_provider_variables(variables)),
        ("OS_AGENCY_NAME", _from_openstack_variables(variables)),
        (found.source, found.agency),
    )
    if agency is None:
        return found
    base = found.credentials
    assert not isinstance(base, AssumedAgency)  # only this function makes them
    if isinstance(base, Password) and not base.domain_name and not found.domain_id:
        refuse(
            "HW_USER_ID is set with an agency, and the account of that user is not known",
            "set HW_DOMAIN_NAME to the name of the user's own account",
        )
    delegated = variables.sendable("OS_DELEGATED_PROJECT")
    return replace(
        found,
        credentials=AssumedAgency(agency, base, base_account=found.domain_id),
        domain_id=agency.domain_id,
        project_id=None if delegated else found.project_id,
        project_name=delegated or found.project_name,
    )


def _from_provider_variables(variables: VendorVariables) -> Agency | None:
    name = _printable(variables, _NAME)
    domain_name, domain_id = _printable(variables, _DOMAIN_NAME), variables.sendable(_DOMAIN_ID)
    if name is None:
        meant_for_agency = (_DOMAIN_NAME, _DOMAIN_ID, *([] if variables.get(_PROVIDER) else [_DURATION]))
        if given := next(filter(variables.get, meant_for_agency), None):
            refuse(f"{given} is set and {_NAME} is not", f"set {_NAME}, or unset {given}")
        return None
    if not domain_name and not domain_id:
        refuse(
            f"{_NAME} is set and neither {_DOMAIN_NAME} nor {_DOMAIN_ID} is",
            f"set {_DOMAIN_NAME} to the name of the account that has the agency, or unset {_NAME}",
        )
    return Agency(name, domain_id, domain_name, key_life(variables))


def _from_openstack_variables(variables: VendorVariables) -> Agency | None:
    if variables.are_set("OS_AGENCY_NAME", "OS_AGENCY_DOMAIN_NAME"):
        return Agency(
            _printable(variables, "OS_AGENCY_NAME") or "", None, _printable(variables, "OS_AGENCY_DOMAIN_NAME")
        )
    if variables.get("OS_DELEGATED_PROJECT"):
        refuse(
            "OS_DELEGATED_PROJECT is set and OS_AGENCY_NAME is not",
            "set OS_AGENCY_NAME and OS_AGENCY_DOMAIN_NAME, or unset OS_DELEGATED_PROJECT",
        )
    return None


def _only_one(*named: tuple[str, Agency | None]) -> Agency | None:
    """Return the agency with all that the places say of its account, so that the cloud compares its id with its name.

    Raises UsageError when two places name different ones.
    """
    given = [(place, agency) for place, agency in named if agency is not None]
    if not given:
        return None
    first, merged = given[0]
    for place, agency in given[1:]:
        if not _agree(merged, agency):
            refuse(
                f"{first} and {place} name different agencies",
                "leave one of them, so that it is clear in which account to act",
            )
        merged = replace(
            merged,
            domain_id=merged.domain_id or agency.domain_id,
            domain_name=merged.domain_name or agency.domain_name,
        )
    return merged


def _agree(one: Agency, other: Agency) -> bool:
    """Whether both can be the same agency: an account may be named by id in one place and by name in the other."""
    pairs = ((one.domain_id, other.domain_id), (one.domain_name, other.domain_name))
    return one.name == other.name and all(None in pair or pair[0] == pair[1] for pair in pairs)


def key_life(variables: VendorVariables) -> int:
    """Return how many seconds the provider's variables have keys last. Raises UsageError."""
    text = variables.get(_DURATION)
    if text is None:
        return KEY_LIFE_SECONDS
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and _SHORTEST <= int(text) <= _LONGEST):  # noqa: PLR2004 - more digits than any allowed number has
        refuse(
            f"{_DURATION} is not a number of seconds from {_SHORTEST} to {_LONGEST}",
            f"unset {_DURATION} for keys that live an hour; they are renewed while a command runs",
        )
    return int(text)


def _printable(variables: VendorVariables, name: str) -> str | None:
    """Return a name, which may be in any script. Raises UsageError for one that no message could show."""
    value = variables.get(name)
    if value is not None and (not value.isprintable() or value != value.strip()):
        refuse(f"{name} contains characters that no name has", f"set {name} again")
    return value
