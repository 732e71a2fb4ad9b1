"""What the specs declare, as far as they can be read: references to what is broken are not reported a second time.

A typo in a declaration must not make everything that names it a mistake. So this module tells three things apart: what is
declared, what is not, and what nobody can know until a mistake that was reported is mended.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from provisioner.loading.tree import INVALID
from provisioner.loading.unplaced_error import suggest
from provisioner.model.address import Address


class Declarations:
    """The resources of a stack by name. Readers add to it, and ask it only after all specs were read."""

    def __init__(self, *, is_complete: bool = True) -> None:
        self.addresses: set[Address] = set()
        """Every address that is certainly declared, and the name of its group, even one of count 0."""
        self._groups: dict[str, dict[str, Any]] = {}
        """By section and name: a single resource as INVALID, a list of them, or a map by key."""
        self._unclear: set[str] = set()
        self._is_complete = is_complete

    def declare(self, section: str, name: str, addresses: Collection[Address], *, by: str | None) -> None:
        """Adds a declaration whose instances are known. `by`: `count` or `for_each`, or None for a single resource."""
        self.addresses.add(Address(name))
        self.addresses.update(addresses)
        group: Any = INVALID
        if by == "count":
            group = [INVALID] * len(addresses)
        elif by is not None:
            group = {address.key: INVALID for address in addresses}
        self._groups.setdefault(section, {})[name] = group

    def mark_unclear(self, name: str) -> None:
        """Notes that a mistake in the declaration of `name` was reported, so that its instances are not known."""
        self._unclear.add(name)

    def mark_incomplete(self) -> None:
        """Notes that a part of the specs was reported and not read, so that it may declare any name."""
        self._is_complete = False

    def may_declare(self, name: str) -> bool:
        """Returns whether a name may be declared in a part of the specs that has a reported mistake."""
        return name in self._unclear or not self._is_complete

    def lacks(self, address: Address) -> bool:
        """Returns whether an address is certainly not declared."""
        if address in self.addresses or address.name in self._unclear:
            return False
        return self._is_complete or (not address.modules and address.group in self.addresses)

    def has_certain(self, address: Address) -> bool:
        """Returns whether an address is certainly declared."""
        return address in self.addresses and address.name not in self._unclear

    def is_group(self, address: Address) -> bool:
        """Returns whether an address stands for all instances of a declaration with `count` or `for_each`."""
        return address == address.group and isinstance(self._group(address.name), list | dict)

    def is_empty_group(self, address: Address) -> bool:
        return self.is_group(address) and not self._group(address.name)

    def _group(self, name: str) -> Any:
        return next((groups[name] for groups in self._groups.values() if name in groups), None)

    def groups(self, section: str) -> dict[str, Any]:
        """Returns the resources of a section by name, without those whose instances are not known."""
        return {name: group for name, group in self._groups.get(section, {}).items() if name not in self._unclear}

    def suggest(self, missing: Address) -> str:
        """Returns a hint with what is declared in place of an address that is not."""
        match group := self._group(missing.name):
            case list() if group:
                return f"there is {_enumerate(missing.name, len(group))}"
            case list():
                return f"the count of {missing.name} is 0, so it has no servers"
            case dict():
                members = (str(Address(missing.name, key)) for key in group)
                return suggest(str(missing), members, title="the specs declare")
            case None:
                names = (name for groups in self._groups.values() for name in groups)
                return suggest(missing.name, names, title="the specs declare") or "declare it, or mend the name"
            case _:
                return f"it has neither count nor for_each: write {missing.name}"

    def missing(self, address: Address) -> str:
        """Returns what is missing where an address is not declared: its name, or one instance of a name that is declared."""
        return resource_subject(address.name if address.group not in self.addresses else str(address))


def resource_subject(name: str) -> str:
    """Returns the `about` of errors that miss a resource, so that all references to it are reported together."""
    return f"resource {name}"


def _enumerate(name: str, count: int) -> str:
    return f"{name}[0]" if count == 1 else f"{name}[0] to {name}[{count - 1}]"
