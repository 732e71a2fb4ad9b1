"""Renders the credentials that are used, and the identity that the cloud sees, as text and as a JSON document."""

from __future__ import annotations

from provisioner.model.identity import CallerIdentity
from provisioner.rendering.machine import FORMAT_VERSION, Document
from provisioner.rendering.style import Style, escape, pad

_LABELS = {"modelarts": "ModelArts", "bss": "Billing", "iam": "Identity"}
_WIDTH = 14


def render_credentials(known: CallerIdentity, style: Style) -> str:
    lines = {
        "Credentials": f"{known.source} ({known.method})",
        "Account": _name_with_id(known.identity.account, known.account_name),
        "Project": _name_with_id(known.identity.project, known.project_name),
        "Region": known.identity.region,
        "Good until": _expiry(known),
        **{_LABELS.get(service, service): url for service, url in known.endpoints.items()},
    }
    text = "".join(f"{style.bold(pad(f'{label}:', _WIDTH))}{escape(value)}\n" for label, value in lines.items())
    return f"{text}{style.green('The cloud accepts them.')}\n"


def credentials_document(known: CallerIdentity) -> Document:
    identity = known.identity
    return {
        "format_version": FORMAT_VERSION,
        "source": known.source,
        "method": known.method,
        "account": {"id": identity.account, "name": known.account_name},
        "project": {"id": identity.project, "name": known.project_name},
        "region": identity.region,
        "temporary": known.temporary,
        "agency": known.agency,
        "expires_at": None if known.ends_at is None else known.ends_at.isoformat(timespec="seconds"),
        "endpoints": dict(known.endpoints),
    }


def _name_with_id(identifier: str, name: str | None) -> str:
    return identifier if name is None else f"{name} ({identifier})"


def _expiry(known: CallerIdentity) -> str:
    if known.ends_at is not None:
        return f"{known.ends_at:%Y-%m-%d %H:%M:%S} UTC"
    return (
        "unknown; temporary keys expire within a day"
        if known.temporary
        else "they are revoked; permanent keys do not expire"
    )
