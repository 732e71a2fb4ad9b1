"""Models of what ModelArts accepts for disks, addresses and ports (docs/api/devserver-api.md section 2.4)."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from provisioner.sandbox.requests.dev_servers import Name, Uuid
from provisioner.sandbox.requests.reading import Strict

AddressId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class AttachVolume(Strict):
    volume_id: Uuid


class BindAddress(Strict):
    public_ip_id: AddressId


class AttachPort(Strict):
    """An existing port by its id, or a new one in a network."""

    port_id: AddressId | None = None
    network_id: AddressId | None = None
    name: Name | None = None
    ip_address: Annotated[str, Field(max_length=64)] | None = None
    security_groups: list[str] | None = None
    enable_efi: bool | None = None
    efi_protocol: str | None = None

    @model_validator(mode="after")
    def check_one(self) -> Self:
        if (self.port_id is None) == (self.network_id is None):
            raise ValueError("exactly one of port_id and network_id must be given")
        return self
