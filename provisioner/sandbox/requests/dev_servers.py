"""Models of what ModelArts accepts: every rule of docs/api/devserver-api.md section 3 beside its field."""

import base64
import binascii
import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from provisioner.sandbox.prices import PeriodType
from provisioner.sandbox.requests.reading import Query, Strict

_USERDATA_BYTES: Final = 32 * 1024
_PASSWORD: Final = re.compile(r"[A-Za-z0-9!@%\-_=+\[{}\]:,./?]{8,26}")
_PASSWORD_CLASSES: Final = ("[A-Z]", "[a-z]", "[0-9]", "[^A-Za-z0-9]")
_PASSWORD_CLASSES_NEEDED: Final = 3
_FORBIDDEN_WORDS: Final = ("root", "toor", "administrator", "rotartsinimda")


def _check_password(secret: SecretStr) -> SecretStr:
    """Checks a password by the strict reading of section 3.1. The log-in name counts as root, so a password must not
    contain it.
    """
    password = secret.get_secret_value()
    if _PASSWORD.fullmatch(password) is None:
        raise ValueError("must be 8 to 26 of letters, digits and !@%-_=+[{}]:,./?")
    if sum(re.search(each, password) is not None for each in _PASSWORD_CLASSES) < _PASSWORD_CLASSES_NEEDED:
        raise ValueError("must mix at least three of upper case, lower case, digits and special characters")
    if any(word in password.lower() for word in _FORBIDDEN_WORDS):
        raise ValueError("must not contain root or administrator, nor either of them reversed")
    return secret


def _check_userdata(text: str) -> str:
    try:
        size = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("must be Base64") from None
    if size > _USERDATA_BYTES:
        raise ValueError("must be at most 32 KiB before encoding")
    return text


# Requests are published with any UUID, answers with those of versions 1 to 5; no resource bears another, so none is accepted.
_UUID: Final = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"
Uuid = Annotated[str, StringConstraints(pattern=_UUID, to_lower=True)]
Name = Annotated[str, StringConstraints(pattern=r"^[-_.a-zA-Z0-9]{1,64}$")]
AdminPass = Annotated[SecretStr, AfterValidator(_check_password)]
UserData = Annotated[str, AfterValidator(_check_userdata)]
VolumeType = Literal["ESSD", "GPSSD", "SAS", "SATA", "SSD"]


class HyperCluster(Strict):
    id: str | None = None
    hyper_cluster_subnet_id: str | None = None


class HyperGroup(Strict):
    id: Uuid


class AddressPair(Strict):
    ip_address: str | None = None
    mac_address: str | None = None

    @model_validator(mode="after")
    def check_address(self) -> Self:
        if self.ip_address == "0.0.0.0/0":
            raise ValueError("ip_address must not be 0.0.0.0/0")
        return self


class Network(Strict):
    security_group_id: Uuid
    subnet_id: Uuid
    vpc_id: Uuid
    ipv6_enable: bool | None = None
    roce_id: Uuid | None = None
    hyper_cluster: HyperCluster | None = None
    hyper_group: HyperGroup | None = None
    allowed_address_pairs: list[AddressPair] | None = None


class ChargingInfo(Strict):
    """`period_*` are required even for POST_PAID. The defaults of the flags are not published; those of sister
    services are false.
    """

    charging_mode: Literal["PRE_PAID", "POST_PAID"]
    period_type: PeriodType
    period_num: Annotated[int, Field(ge=1, le=11)]
    is_auto_pay: bool = False
    is_auto_renew: bool = False


class RootVolume(Strict):
    type: VolumeType = "SSD"
    size: Annotated[int, Field(ge=100, le=1024)] = 100


class DataVolume(Strict):
    type: VolumeType
    size: Annotated[int, Field(ge=100, le=32_768)]
    count: Annotated[int, Field(ge=1, le=8)]


def _check_one_spelling(userdata: str | None, user_data: str | None) -> None:
    if userdata is not None and user_data is not None:
        raise ValueError("userdata and user_data are two spellings of one field and must not be given together")


class CreateServer(Strict):
    name: Name
    flavor: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    resource_flavor: Annotated[str, StringConstraints(pattern=r"^[-_.a-zA-Z0-9]{1,256}$")] | None = None
    image_id: Uuid
    network: Network
    admin_pass: AdminPass | None = None
    key_pair_name: Name | None = None
    arch: Literal["X86", "ARM"] | None = None
    server_type: Literal["BMS", "ECS", "HPS"] | None = None
    availability_zone: Annotated[str, StringConstraints(pattern=r"^[-_.a-zA-Z0-9]{1,256}$")] | None = None
    enterprise_project_id: Annotated[str, StringConstraints(pattern=r"^[-_.a-zA-Z0-9]{1,36}$")] | None = None
    count: Annotated[int, Field(ge=1, le=10)] = 1
    charging_info: ChargingInfo | None = None
    root_volume: RootVolume | None = None
    data_volume: DataVolume | None = None
    userdata: UserData | None = None
    user_data: UserData | None = None
    hps_cluster_id: Uuid | None = None

    @model_validator(mode="after")
    def check_together(self) -> Self:
        if self.server_type == "HPS" or self.hps_cluster_id is not None:
            raise ValueError("HPS supernodes are not sold here: server_type must be BMS or ECS, without hps_cluster_id")
        if (self.flavor is None) == (self.resource_flavor is None):
            raise ValueError("exactly one of flavor and resource_flavor must be given")
        if (self.admin_pass is None) == (self.key_pair_name is None):
            raise ValueError("exactly one of admin_pass and key_pair_name must be given")
        _check_one_spelling(self.userdata, self.user_data)
        return self


class RenameServer(Strict):
    name: Name


class StartServer(Strict):
    """Every field is optional, but there must be a body (section 2.1)."""

    arch: Literal["X86", "ARM"] | None = None
    charging_mode: Literal["COMMON", "POST_PAID", "PRE_PAID"] | None = None
    server_type: Literal["BMS", "ECS", "HPS"] | None = None


class ReinstallOs(Strict):
    """Without an `image_id` the server keeps its image."""

    image_id: Uuid | None = None
    admin_pass: AdminPass | None = None
    key_pair_name: Name | None = None
    userdata: UserData | None = None
    user_data: UserData | None = None

    @model_validator(mode="after")
    def check_one(self) -> Self:
        if (self.admin_pass is None) == (self.key_pair_name is None):
            raise ValueError("exactly one of admin_pass and key_pair_name must be given")
        _check_one_spelling(self.userdata, self.user_data)
        return self


class ChangeOs(ReinstallOs):
    image_id: Uuid


class ServerReference(Strict):
    id: str


class BatchAction(Strict):
    """An action for several servers. `extend_param` follows the rules of the single call."""

    type: Literal["START", "STOP", "REBOOT", "CHANGEOS", "REINSTALLOS", "DELETE"]
    servers: Annotated[list[ServerReference], Field(min_length=1)]
    extend_param: dict[str, object] = Field(default_factory=dict)


class HyperClusterCreation(Strict):
    name: Name
    hyper_cluster_subnet_id: str | None = None
    type: Literal["HPS", "ECS"] = "HPS"


class HyperClustersQuery(Query):
    type: Literal["HPS", "ECS"] = "HPS"


class CatalogueQuery(Query):
    server_type: Literal["BMS", "ECS", "HPS"] | None = None
    arch: Literal["X86", "ARM"] | None = None
    charging_mode: Literal["PRE_PAID", "POST_PAID"] | None = None


class ImagesQuery(Query):
    """A query for images. The vendor's Terraform provider sends `resource_flavor_name`."""

    server_type: Literal["BMS", "ECS", "HPS"] | None = None
    flavor_name: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    resource_flavor_name: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None


class PluginsQuery(Query):
    name: Annotated[str, StringConstraints(min_length=1)] | None = None


class JobTemplatesQuery(Query):
    id: Annotated[str, StringConstraints(min_length=1)] | None = None
    name: Annotated[str, StringConstraints(min_length=1)] | None = None
    type: Annotated[str, StringConstraints(min_length=1)] | None = None


class ServersQuery(Query):
    """A query for servers (section 2.2). `all` has no published parameters, but is paged like the list."""

    owner: Annotated[str, StringConstraints(pattern=r"^[-a-z0-9]{1,64}$")] | None = None
    sort_key: Literal["createTime", "updateTime"] = "createTime"
    sort_dir: Literal["ASC", "DESC"] = "ASC"
    limit: Annotated[int, Field(ge=0, le=1024)] = 10
    offset: Annotated[int, Field(ge=0, le=2_147_483_647)] = 0
