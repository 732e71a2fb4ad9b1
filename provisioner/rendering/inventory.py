"""Renders an inventory in the formats of other tools. Equal records give equal text, byte for byte.

Names and addresses can be written as they are; labels and statuses are foreign text and are quoted for the format.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from provisioner.model.canonical import readable
from provisioner.model.inventory import Host, Inventory
from provisioner.rendering.machine import FORMAT_VERSION, Document
from provisioner.rendering.style import escape, escape_json
from provisioner.rendering.wording import pluralize

_TEMPLATE = re.compile(r"\{[{%#]")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_]")
_NOT_A_VARIABLE = re.compile(r"[^A-Za-z0-9]+")
_RESERVED_BY_ANSIBLE = frozenset({"all", "ungrouped"})


@dataclass(frozen=True, slots=True)
class NameClash:
    """A name that several servers or groups would get in this format, and those of them that do not get it."""

    name: str
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RenderedInventory:
    """The inventory as text, ending in a newline, and what it lacks because its name would be another one's, too."""

    text: str
    clashes: tuple[NameClash, ...] = ()


@dataclass(frozen=True, slots=True)
class _Owner:
    """What has a name in the inventory: a server, a group, or a label with its value. `name` is what it would be called
    if the format took every character.
    """

    name: str
    what: str


@dataclass(slots=True)
class _Names:
    """Gives each name to one owner. An owner that has exactly this name keeps it; otherwise nobody gets it, because
    what is meant for one would reach the other.
    """

    _wanted: dict[str, dict[_Owner, None]] = field(default_factory=dict)

    def want(self, name: str, owner: _Owner) -> None:
        self._wanted.setdefault(name, {})[owner] = None

    def gets(self, name: str, owner: _Owner) -> bool:
        owners = self._wanted[name]
        return len(owners) == 1 or [one for one in owners if one.name == name] == [owner]

    @property
    def clashes(self) -> tuple[NameClash, ...]:
        found = {
            name: tuple(one.what for one in owners if not self.gets(name, one)) for name, owners in self._wanted.items()
        }
        return tuple(NameClash(name, skipped) for name, skipped in found.items() if skipped)


def render_inventory(inventory: Inventory, *, form: str, public: bool = False) -> RenderedInventory:
    """Returns the inventory. `form` is one of FORMATS; `public`: hosts are reached at their public addresses."""
    names = _Names()
    text = "".join(f"{line}\n" for line in FORMATS[form](inventory, names, public=public))
    return RenderedInventory(text, names.clashes)


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


def _json(inventory: Inventory, _names: _Names, *, public: bool) -> Iterator[str]:  # noqa: ARG001 - a document has all addresses
    yield escape_json(readable(inventory_document(inventory)).decode()).rstrip("\n")


def _ansible(inventory: Inventory, names: _Names, *, public: bool) -> Iterator[str]:
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
    groups = _ansible_groups(inventory, names)
    yield "  children:" if groups else "  children: {}"
    for group, hosts in groups.items():
        yield f"    {group}:"
        yield "      hosts:"
        yield from (f"        {_quoted(host.name)}:" for host in hosts)


def _ansible_groups(inventory: Inventory, names: _Names) -> dict[str, list[Host]]:
    """Returns the hosts by the name of their group in Ansible, without groups whose name would be another one's, too:
    Ansible would merge them, and a playbook for one would reach the other.
    """
    members = [(_Owner(group, f"group {group}"), host) for group, hosts in inventory.groups.items() for host in hosts]
    members += [
        (_Owner(f"label_{key}_{host.labels[key]}", f"label {key}={host.labels[key]}"), host)
        for host in inventory.hosts
        for key in sorted(host.labels)
    ]
    named = [(_ansible_name(owner.name), owner, host) for owner, host in members]
    for name, owner, _ in named:
        names.want(name, owner)
    groups: dict[str, list[Host]] = {}
    for name, owner, host in named:
        if names.gets(name, owner):
            groups.setdefault(name, []).append(host)
    return groups


def _ansible_name(group: str) -> str:
    name = _NOT_PLAIN.sub("_", group)
    return f"{name}_" if name in _RESERVED_BY_ANSIBLE else name


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


def _ssh_config(inventory: Inventory, _names: _Names, *, public: bool) -> Iterator[str]:
    yield _title(inventory)
    for host in inventory.hosts:
        yield f"Host {host.name}"
        yield f"  HostName {host.first_address(public=public)}"


def _hosts(inventory: Inventory, _names: _Names, *, public: bool) -> Iterator[str]:
    """Yields the lines of an /etc/hosts file."""
    yield _title(inventory)
    for host in inventory.hosts:
        yield f"{host.first_address(public=public)}\t{host.name}\t# {escape(str(host.address))}"


def _env(inventory: Inventory, names: _Names, *, public: bool) -> Iterator[str]:
    """Yields assignments for a shell.

    Every name has a suffix for its content, so none can be a variable of the shell itself.
    """
    yield _title(inventory)
    assigned = [(_prefix(owner.name), owner, values) for owner, values in _variables(inventory, public=public)]
    for prefix, owner, values in assigned:
        for variable in values:
            names.want(f"{prefix}_{variable}", owner)
    for prefix, owner, values in assigned:
        if all(names.gets(f"{prefix}_{variable}", owner) for variable in values):
            yield from (f"{prefix}_{variable}={shlex.quote(value)}" for variable, value in values.items())


def _prefix(owner: str) -> str:
    prefix = _NOT_A_VARIABLE.sub("_", owner).strip("_").upper()
    return f"_{prefix}" if prefix[:1].isdigit() else prefix


def _variables(inventory: Inventory, *, public: bool) -> Iterator[tuple[_Owner, dict[str, str]]]:
    """Yields who has variables, and these by the suffix for their content."""
    for host in inventory.hosts:
        yield (
            _Owner(str(host.address), f"server {host.address}"),
            {
                "ID": host.id,
                "NAME": host.name,
                "ADDRESS": host.first_address(public=public) or "",
                "PRIVATE_ADDRESSES": " ".join(host.private_addresses),
                "PUBLIC_ADDRESSES": " ".join(host.public_addresses),
            },
        )
    for group, hosts in inventory.groups.items():
        yield (
            _Owner(group, f"group {group}"),
            {
                "COUNT": str(len(hosts)),
                "NAMES": " ".join(host.name for host in hosts),
                "ADDRESSES": " ".join(host.first_address(public=public) or "" for host in hosts),
            },
        )


def _title(inventory: Inventory) -> str:
    where = (
        inventory.stack if inventory.environment is None else f"{inventory.stack}, environment {inventory.environment}"
    )
    left_out = f", {len(inventory.left_out)} left out" if inventory.left_out else ""
    return f"# {escape(where)}: {pluralize(len(inventory.hosts), 'server')}{left_out}"


FORMATS = {"ansible": _ansible, "ssh-config": _ssh_config, "hosts": _hosts, "json": _json, "env": _env}
