"""Warns of machines that may refuse volumes or public addresses, as far as their type shows it.

Source: docs/api/devserver-api.md section 2.4. The pages say "only for A3" and name no flavor. That a machine shown as
ECS or BMS is not an A3 is our inference, so this is a warning and not an error.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.canonical import JsonObject
from provisioner.model.capability import Advice
from provisioner.model.redaction import value_at
from provisioner.model.resource import Fields

_PROBABLY_NOT_A3 = ("ECS", "BMS")
_ATTACHED = ("volumes", "public_ips")


def advise(fields: Fields) -> Iterator[Advice]:
    """Warns by the type that the specs declare."""
    yield from _advise(fields, fields.get("server_type"))


def advise_by_row(fields: Fields, observed: JsonObject) -> Iterator[Advice]:
    """Warns by the type that a live row shows, where the specs declare none."""
    return advise_by_type(fields, value_at(observed, ("cloud_server", "type")))


def advise_by_type(fields: Fields, server_type: object) -> Iterator[Advice]:
    """Warns by a type from elsewhere, such as the catalogue, where the specs declare none."""
    if "server_type" not in fields and isinstance(server_type, str):
        yield from _advise(fields, server_type.upper())


def _advise(fields: Fields, server_type: object) -> Iterator[Advice]:
    for field in _ATTACHED if server_type in _PROBABLY_NOT_A3 else ():
        if fields.get(field):
            yield Advice(
                (field,),
                "only-a3",
                f"{field} may be refused: the vendor's pages offer it for A3 machines only, and a machine of type {server_type} is probably not one",
                f"if the cloud refuses it, the server is kept without it, and the refusal is recorded; to be sure, remove {field} from the specs",
                warning=True,
            )
