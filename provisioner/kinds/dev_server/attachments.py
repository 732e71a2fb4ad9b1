"""Which machines may refuse what is attached to them, as far as anything tells.

Source: docs/api/devserver-api.md section 2.4. The pages say "only for A3" and name no flavor; that a machine shown as ECS or BMS is
none is inferred, so that it is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.canonical import JsonObject
from provisioner.model.capability import Advice
from provisioner.model.redaction import value_at
from provisioner.model.resource import Fields

_OTHERS = ("ECS", "BMS")
_ATTACHED = ("volumes", "public_ips")


def advise(fields: Fields) -> Iterator[Advice]:
    yield from _advice(fields, fields.get("server_type"))


def advise_of_row(fields: Fields, observed: JsonObject) -> Iterator[Advice]:
    return advise_of_machine(fields, value_at(observed, ("cloud_server", "type")))


def advise_of_machine(fields: Fields, server_type: object) -> Iterator[Advice]:
    """Where the specs do not say themselves of which type it is."""
    if "server_type" not in fields and isinstance(server_type, str):
        yield from _advice(fields, server_type.upper())


def _advice(fields: Fields, server_type: object) -> Iterator[Advice]:
    for field in _ATTACHED if server_type in _OTHERS else ():
        if fields.get(field):
            yield Advice(
                (field,),
                "only-a3",
                f"{field} may be refused: the vendor's pages offer it for A3 machines only, and a machine of type {server_type} is "
                "probably none",
                "if the cloud refuses it, the server is bought and keeps running without it, and that is recorded; to be sure, "
                f"take {field} out of the specs",
                warning=True,
            )
