"""Reads the servers that a terraform.tfstate manages, with the attributes that the cloud hides.

A file is read completely or refused. The owners of a state of another version, with other resources, or with a failed
apply must repair it with Terraform first.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provisioner.model.canonical import JsonObject, JsonValue, parse_json
from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.resource_id import HasId

_VERSION = 4
_LARGEST = 64 * 1024 * 1024
_OWNERS_MOVE = "Correct that with Terraform first; nothing was changed"


@dataclass(frozen=True, slots=True)
class TerraformInstance(HasId):
    """An instance of a Terraform resource. `key` is made from its address there.

    `attributes` are the provider's, and may hold secrets.
    """

    id: str
    key: str
    kind: str
    attributes: JsonObject = field(repr=False)


def read_terraform(path: Path, catalogue: Catalogue) -> tuple[TerraformInstance, ...]:
    """Reads all instances. Raises UsageError with every problem of the file."""
    document = _document(path)
    if not isinstance(version := document.get("version"), int):
        raise UsageError(_unreadable(path, "it is not a Terraform state, because it has no version"))
    if version != _VERSION:
        hint = "run any current Terraform on it once, which upgrades it; nothing was changed"
        raise UsageError(error("tfstate-version", f"{path} has version {version!r}, and not {_VERSION}", hint=hint))
    known = [(kind, kind.adoption.terraform) for kind in catalogue.kinds]
    kinds = {terraform.resource: kind for kind, terraform in known if terraform is not None}
    actions = frozenset[str]().union(*(terraform.actions for _, terraform in known if terraform is not None))
    found: list[TerraformInstance] = []
    errors: list[Diagnostic] = []
    for resource in _objects(document.get("resources")):
        if resource.get("mode") != "managed" or resource.get("type") in actions:
            continue
        where = _where(resource)
        if (kind := kinds.get(str(resource.get("type")))) is None:
            hint = f"only {', '.join(sorted(kinds))} can be taken over; move other resources into a state of their own"
            errors.append(error("tfstate-foreign", f"{path} manages {where}", hint=f"{hint}. Nothing was changed"))
            continue
        for instance in _objects(resource.get("instances")):
            match _managed(resource, instance, kind):
                case TerraformInstance() as managed:
                    found.append(managed)
                case problem:
                    which = f"{where}{_index(instance)}"
                    errors.append(error("tfstate-unfit", f"{path}: {which} {problem}", hint=_OWNERS_MOVE))
    if not found and not errors:
        errors.append(error("tfstate-unfit", f"{path} manages no server", hint="check the file; nothing was changed"))
    if errors:
        raise UsageError(*errors)
    return tuple(found)


def _managed(resource: JsonObject, instance: JsonObject, kind: Kind) -> TerraformInstance | str:
    attributes = instance.get("attributes")
    if instance.get("status") == "tainted" or "deposed" in instance:
        return "is tainted or deposed, so Terraform means to replace it"
    identifier = attributes.get("id") if isinstance(attributes, Mapping) else None
    if not isinstance(attributes, Mapping) or not isinstance(identifier, str) or not identifier:
        return "has no id"
    modules = [part for part in str(resource.get("module") or "").split(".") if part not in {"", "module"}]
    index = instance.get("index_key")
    key = "-".join([*modules, str(resource.get("name")), *([] if index is None else [str(index)])])
    return TerraformInstance(identifier, key, kind.name, attributes)


def _document(path: Path) -> JsonObject:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                raise UsageError(_unreadable(path, "it is not a file, or larger than 64 MiB"))
            content = file.read()
        document = parse_json(content)
    except OSError as failure:
        raise UsageError(_unreadable(path, failure.strerror or str(failure))) from failure
    except ValueError as failure:
        raise UsageError(_unreadable(path, "it is not JSON")) from failure
    if not isinstance(document, Mapping):
        raise UsageError(_unreadable(path, "it is not a Terraform state"))
    return document


def _unreadable(path: Path, why: str) -> Diagnostic:
    hint = "name the terraform.tfstate, or the output of `terraform state pull`; nothing was changed"
    return error("tfstate-unreadable", f"cannot read {path}: {why}", hint=hint)


def _objects(value: JsonValue) -> Iterator[JsonObject]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            yield item


def _where(resource: JsonObject) -> str:
    module = f"{resource['module']}." if resource.get("module") else ""
    return f"{module}{resource.get('type')}.{resource.get('name')}"


def _index(instance: JsonObject) -> str:
    """Returns the instance key as Terraform appends it to the address; empty for a resource without count."""
    key = instance.get("index_key")
    return "" if key is None else f"[{key}]" if isinstance(key, int) else f'["{key}"]'
