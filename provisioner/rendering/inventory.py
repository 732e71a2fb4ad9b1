"""Renders an inventory in the formats of other tools. Equal records give equal text, byte for byte.

Names and addresses can be written as they are; labels and statuses are foreign text and are quoted for the format.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from provisioner.model.canonical import readable
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.inventory import Host, Inventory
from provisioner.rendering.machine import FORMAT_VERSION, Document
from provisioner.rendering.style import escape, escape_json
from provisioner.rendering.wording import pluralize

_TEMPLATE = re.compile(r"\{[{%#]")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_]")
_NOT_A_VARIABLE = re.compile(r"[^A-Za-z0-9]+")
_RESERVED_BY_ANSIBLE = frozenset({"all", "ungrouped"})


def render_inventory(inventory: Inventory, *, form: str, public: bool = False) -> str:
    """Returns the inventory, ending in a newline.

    `form` is one of FORMATS; `public`: hosts are reached at their public addresses. Raises UsageError
    `inventory-ambiguous` where two servers or groups would get one name in this format.
    """
    return "".join(f"{line}\n" for line in FORMATS[form](inventory, public=public))


def inventory_document(inventory: Inventory) -> Document:
    """Returns all facts of all hosts. `groups` name their hosts in the order of the ranks."""
    return {
        "format_version": FORMAT_VERSION,
        "stack": inventory.stack,
        "environment": inventory.environment,
        "hosts": [_host_document(host) for host in inventory.hosts],
        "groups": {group: [host.name for host in hosts] for group, hosts in inventory.groups.items()},
        "left_out": [{"address": str(one.address), "reason": one.reason} for one in inventory.left_out],
    }


def _host_document(host: Host) -> Document:
    return {
        "name": host.name,
        "address": str(host.address),
        "rank": host.address.key if isinstance(host.address.key, int) else None,
        "key": host.address.key if isinstance(host.address.key, str) else None,
        "id": host.id,
        "order_id": host.order_id,
        "status": host.status,
        "private_addresses": list(host.private_addresses),
        "public_addresses": list(host.public_addresses),
        "labels": dict(host.labels),
    }


def _json(inventory: Inventory, *, public: bool) -> Iterator[str]:  # noqa: ARG001 - a document has all addresses
    yield escape_json(readable(inventory_document(inventory)).decode()).rstrip("\n")


def _ansible(inventory: Inventory, *, public: bool) -> Iterator[str]:
    """Yields YAML, because INI has no reliable way to quote a value."""
    yield _title(inventory)
    yield "all:"
    yield "  hosts:" if inventory.hosts else "  hosts: {}"
    for host in inventory.hosts:
        yield f"    {_quoted(host.name)}:"
        yield f"      ansible_host: {_quoted(host.first_address(public=public) or '')}"
        for key, value in _host_document(host).items():
            if value is not None and key != "name":
                yield f"      provisioner_{key}: {_yaml(value)}"
    groups = _ansible_groups(inventory)
    yield "  children:" if groups else "  children: {}"
    for group, hosts in groups.items():
        yield f"    {group}:"
        yield "      hosts:"
        yield from (f"        {_quoted(host.name)}:" for host in hosts)


def _ansible_groups(inventory: Inventory) -> dict[str, list[Host]]:
    """Returns the hosts by the name of their group in Ansible.

    Raises UsageError where two groups would get one name: Ansible would merge them, and a playbook for one would reach
    the other.
    """
    members = [(group, host) for group, hosts in inventory.groups.items() for host in hosts]
    members += [(f"label_{key}_{host.labels[key]}", host) for host in inventory.hosts for key in sorted(host.labels)]
    groups: dict[str, list[Host]] = {}
    owners: dict[str, str] = {}
    for group, host in members:
        name = _NOT_PLAIN.sub("_", group)
        name = f"{name}_" if name in _RESERVED_BY_ANSIBLE else name
        _reserve(owners, name, group)
        groups.setdefault(name, []).append(host)
    return groups


def _reserve(owners: dict[str, str], name: str, owner: str) -> None:
    """Gives the name to its owner. Raises UsageError where another owner has it."""
    if owners.setdefault(name, owner) != owner:
        summary = f"{owners[name]!r} and {owner!r} would both be called {name}"
        hint = "rename one of the two, choose one with --selector, or use --format json, which keeps names as they are"
        raise UsageError(error("inventory-ambiguous", summary, hint=hint))


def _yaml(value: object) -> str:
    match value:
        case list():
            return f"[{', '.join(map(_yaml, value))}]"
        case dict():
            return f"{{{', '.join(f'{_quoted(key)}: {_yaml(value[key])}' for key in sorted(value))}}}"
        case str():
            # Ansible evaluates templates in the values of an inventory, and a label must never be executed.
            return f"!unsafe {_quoted(value)}" if _TEMPLATE.search(value) else _quoted(value)
        case _:
            return str(value)


def _quoted(text: str) -> str:
    """Returns a double-quoted scalar that every YAML reader reads as this text."""
    return '"' + "".join(map(_quoted_character, text)) + '"'


def _quoted_character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _ssh_config(inventory: Inventory, *, public: bool) -> Iterator[str]:
    yield _title(inventory)
    for host in inventory.hosts:
        yield f"Host {host.name}"
        yield f"  HostName {host.first_address(public=public)}"


def _hosts(inventory: Inventory, *, public: bool) -> Iterator[str]:
    """Yields the lines of an /etc/hosts file."""
    yield _title(inventory)
    for host in inventory.hosts:
        yield f"{host.first_address(public=public)}\t{host.name}\t# {escape(str(host.address))}"


def _env(inventory: Inventory, *, public: bool) -> Iterator[str]:
    """Yields assignments for a shell.

    Every name has a suffix for its content, so none can be a variable of the shell itself.
    """
    yield _title(inventory)
    owners: dict[str, str] = {}
    for owner, variable, value in _variables(inventory, public=public):
        prefix = _NOT_A_VARIABLE.sub("_", owner).strip("_").upper()
        name = f"_{prefix}_{variable}" if prefix[:1].isdigit() else f"{prefix}_{variable}"
        _reserve(owners, name, owner)
        yield f"{name}={shlex.quote(value)}"


def _variables(inventory: Inventory, *, public: bool) -> Iterator[tuple[str, str, str]]:
    """Yields the owner of each variable, the suffix for its content, and its value."""
    for host in inventory.hosts:
        owner = str(host.address)
        yield owner, "ID", host.id
        yield owner, "NAME", host.name
        yield owner, "ADDRESS", host.first_address(public=public) or ""
        yield owner, "PRIVATE_ADDRESSES", " ".join(host.private_addresses)
        yield owner, "PUBLIC_ADDRESSES", " ".join(host.public_addresses)
    for group, hosts in inventory.groups.items():
        yield group, "COUNT", str(len(hosts))
        yield group, "NAMES", " ".join(host.name for host in hosts)
        yield group, "ADDRESSES", " ".join(host.first_address(public=public) or "" for host in hosts)


def _title(inventory: Inventory) -> str:
    where = (
        inventory.stack if inventory.environment is None else f"{inventory.stack}, environment {inventory.environment}"
    )
    left_out = f", {len(inventory.left_out)} left out" if inventory.left_out else ""
    return f"# {escape(where)}: {pluralize(len(inventory.hosts), 'server')}{left_out}"


FORMATS = {"ansible": _ansible, "ssh-config": _ssh_config, "hosts": _hosts, "json": _json, "env": _env}
