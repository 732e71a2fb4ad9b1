"""The schema of one DevServer in a spec: the fields and rules of the create API, and the fields that are set later.

Source: docs/api/devserver-api.md section 3. It knows nothing about positions, templates, or where a password comes
from. In a body that is validated here, secrets are references already and userdata is Base64.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_interface
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from provisioner.kinds.dev_server import attachments, charging, oddities
from provisioner.model.capability import Advice
from provisioner.model.lookalikes import describe_non_ascii
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.release_facts import Offering
from provisioner.model.resource import Fields
from provisioner.model.secret import SecretReference

_USERDATA_LIMIT = 32 * 1024
"""In bytes, before Base64."""
_LONGEST_USUAL_PERIOD = {"MONTH": 9, "YEAR": 3}
"""The longest term that sister services sell, by unit."""


def _matching(pattern: str, description: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise ValueError(f"{description}{describe_non_ascii(value)}")
        return value

    return AfterValidator(check)


def _check_userdata(value: str) -> str:
    try:
        size = len(base64.b64decode(value, validate=True))
    except ValueError:  # binascii.Error is a subclass; text beyond ASCII raises ValueError itself
        raise ValueError("userdata is not Base64") from None
    if size > _USERDATA_LIMIT:
        raise ValueError(f"userdata has {size} bytes; the API takes at most {_USERDATA_LIMIT} (32 KiB)")
    return value


def _check_not_all_addresses(value: str) -> str:
    if value == "0.0.0.0/0":
        raise ValueError("0.0.0.0/0 is not allowed; 1.1.1.1/0 switches the source/destination check off")
    return value


def _check_address(value: str) -> str:
    """Accepts an IPv4 or IPv6 address, alone or with a prefix length."""
    try:
        if _ADDRESS.fullmatch(value) is None:
            raise ValueError  # noqa: TRY301 - reported with the same message
        ip_interface(value)
    except ValueError:
        raise ValueError(
            f"expected an IP address like 192.168.0.10, or one with a prefix like 192.168.0.0/24{describe_non_ascii(value)}"
        ) from None
    return value


def _check_unique(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("an id stands in it twice")
    return values


LONGEST_NAME = 64
Name = Annotated[
    str, _matching(rf"[-_.a-zA-Z0-9]{{1,{LONGEST_NAME}}}", "a name has 1 to 64 letters, digits, '-', '_' or '.'")
]
Uuid = Annotated[
    str,
    _matching(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "expected a UUID in lower case, like 05982b48-a70f-43a1-a2b0-1fe36a236172",
    ),
]
Zone = Annotated[str, _matching(r"[-_.a-zA-Z0-9]{1,256}", "expected 1 to 256 letters, digits, '-', '_' or '.'")]
ProjectId = Annotated[str, _matching(r"[-_.a-zA-Z0-9]{1,36}", "expected 1 to 36 letters, digits, '-', '_' or '.'")]
Flavor = _matching(r"[-_.a-zA-Z0-9]+", "expected letters, digits, '-', '_' or '.'")
_MAC = _matching(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", "expected a MAC address like fa:16:3e:00:00:01")
_ADDRESS = re.compile(r"[0-9a-fA-F.:]+(/[0-9]{1,3})?")
VolumeType = Literal["ESSD", "GPSSD", "SAS", "SATA", "SSD"]


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)


class RootVolume(_Section):
    type: VolumeType | None = None
    size: Annotated[int, Field(ge=100, le=1024)] | None = None


class DataVolume(_Section):
    type: VolumeType
    size: Annotated[int, Field(ge=100, le=32768)]
    count: Annotated[int, Field(ge=1, le=8)]


class HyperCluster(_Section):
    """Which characters these ids may have is not published, so it is inferred from other ids (section 3.1)."""

    id: Zone | None = None
    hyper_cluster_subnet_id: Zone | None = None


class HyperGroup(_Section):
    id: Uuid


class AddressPair(_Section):
    ip_address: Annotated[str, AfterValidator(_check_address), AfterValidator(_check_not_all_addresses)] | None = None
    mac_address: Annotated[str, _MAC] | None = None


class Network(_Section):
    vpc_id: Uuid
    subnet_id: Uuid
    security_group_id: Uuid
    ipv6_enable: bool | None = None
    roce_id: Uuid | None = None
    hyper_cluster: HyperCluster | None = None
    hyper_group: HyperGroup | None = None
    allowed_address_pairs: list[AddressPair] | None = None


class ChargingInfo(_Section):
    """The API's enumeration has `COMMON` as well, which describes a flavor that is sold both ways.

    It is never sent (section 3.1).
    """

    charging_mode: Literal["PRE_PAID", "POST_PAID"]
    period_type: Literal["MONTH", "YEAR", "ABSOLUTE", "DAY", "HOUR", "WEEK"]
    period_num: Annotated[int, Field(ge=1, le=11)]
    is_auto_pay: bool | None = None
    is_auto_renew: bool | None = None


class DevServer(_Section):
    name: Name
    flavor: Annotated[str, Field(min_length=1, max_length=128), Flavor] | None = None
    resource_flavor: Zone | None = None
    image_id: Uuid
    network: Network
    admin_pass: SecretReference | None = None
    key_pair_name: Name | None = None
    arch: Literal["X86", "ARM"] | None = None
    server_type: Literal["BMS", "ECS", "HPS"] | None = None
    availability_zone: Zone | None = None
    enterprise_project_id: ProjectId | None = None
    charging_info: ChargingInfo | None = None
    root_volume: RootVolume | None = None
    data_volume: DataVolume | None = None
    userdata: Annotated[str, AfterValidator(_check_userdata)] | None = None
    power: Literal["running", "stopped"] | None = None
    volumes: Annotated[list[Uuid], AfterValidator(_check_unique)] | None = None
    public_ips: Annotated[list[Uuid], AfterValidator(_check_unique)] | None = None
    hps_cluster_id: Annotated[Uuid | None, Field(exclude=True)] = None
    """Accepted only to be refused with a message of its own. As an excluded field it is never suggested to anybody."""


def advise(fields: Fields) -> Iterator[Advice]:
    """Yields the problems that no single field shows: exclusive pairs, unsupported values, and unexpected costs."""
    yield from _exactly_one(fields, "flavor", "resource_flavor", "the machine to buy")
    yield from _exactly_one(fields, "admin_pass", "key_pair_name", "the way to log in")
    for field in ("server_type", "hps_cluster_id"):
        if fields.get(field) == "HPS" or (field == "hps_cluster_id" and field in fields):
            yield Advice(
                (field,),
                "hps-unsupported",
                "supernodes (HPS) cannot be bought yet",
                "the API does not say which object or id it answers for a supernode, so a lost reply could not be "
                "recognised (docs/api/devserver-api.md section 10, question 20); use server_type BMS or ECS",
            )
    if "." in str(fields.get("name", "")):
        yield Advice(("name",), "dotted-name", "the vendor's own provider refuses names with a dot", warning=True)
    yield from _advise_of_period(fields.get("charging_info"))
    yield from attachments.advise(fields)
    yield from oddities.advise(fields)


def _exactly_one(fields: Fields, one: str, other: str, purpose: str) -> Iterator[Advice]:
    if one in fields and other in fields:
        yield Advice(
            (other,),
            "exactly-one",
            f"{one} and {other} exclude each other",
            "keep one of the two and remove the other",
            other=(one,),
        )
    elif one not in fields and other not in fields:
        yield Advice((), "exactly-one", f"{purpose} is missing", f"write {one} or {other}")


def advise_of_purchase(fields: Fields) -> Iterator[Advice]:
    """Yields what matters before the server is bought and no longer once it is."""
    declared = fields.get("charging_info")
    if not isinstance(declared, Mapping):
        return
    if declared.get("charging_mode") == "PRE_PAID" and not declared.get("is_auto_pay"):
        yield Advice(
            ("charging_info",),
            "unpaid-order",
            "the order will wait for payment: is_auto_pay is not true",
            "apply stops there: pay it with `provisioner orders pay`, or set is_auto_pay: true",
            warning=True,
        )


def _advise_of_period(declared: object) -> Iterator[Advice]:
    if not isinstance(declared, Mapping):
        return
    period, number = declared.get("period_type"), declared.get("period_num")
    longest = _LONGEST_USUAL_PERIOD.get(str(period))
    if longest is not None and isinstance(number, int) and number > longest:
        yield Advice(
            ("charging_info", "period_num"),
            "long-period",
            f"{number} times {period} is more than the vendor's sister services sell ({longest})",
            "the cloud may refuse it",
            warning=True,
        )


_PASSWORD = re.compile(r"[A-Za-z0-9!@%\-_=+\[{}\]:,./?]{8,26}")
_PASSWORD_CLASSES = tuple(re.compile(text) for text in ("[A-Z]", "[a-z]", "[0-9]", r"[!@%\-_=+\[{}\]:,./?]"))
_FORBIDDEN_WORDS = ("root", "administrator")
_REQUIRED_CLASSES = 3


def check_password(value: str) -> str | None:
    """Checks a password by the strict reading of section 3.1.

    Returns the rule that it breaks as a sentence, or None.
    """
    if _PASSWORD.fullmatch(value) is None:
        return "a password has 8 to 26 letters, digits or characters of !@%-_=+[{}]:,./?"
    if sum(pattern.search(value) is not None for pattern in _PASSWORD_CLASSES) < _REQUIRED_CLASSES:
        return "a password needs three of: upper case, lower case, digits, special characters"
    lowered = value.lower()
    if any(word in lowered or word[::-1] in lowered for word in _FORBIDDEN_WORDS):
        return "a password must not contain root, administrator, or either reversed"
    return None


def offering(fields: Mapping[str, Any], policy: PurchasePolicy) -> Offering:
    """Returns what buying these fields needs, in the terms of the catalogues (docs/api/devserver-api.md section 2.5).

    Where no charging mode is declared, it has the mode that a purchase sends.
    """
    return Offering(
        str(fields.get("resource_flavor") or fields.get("flavor")),
        is_resource=fields.get("resource_flavor") is not None,
        charging_mode=charging.wanted_mode(fields, policy),
        zone=_text(fields.get("availability_zone")),
        arch=_text(fields.get("arch")),
        server_type=_text(fields.get("server_type")),
        image=_text(fields.get("image_id")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
