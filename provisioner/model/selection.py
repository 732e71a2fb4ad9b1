"""Which servers a run works on, selected by address, group, module or label.

A selection affects neither guards nor doubts: guards also see what is not selected, and doubts about it are still
resolved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.model.address import NAME_PATTERN, Address, Key

_MODULES = re.compile(rf"module\.{NAME_PATTERN.pattern}(?:\.module\.{NAME_PATTERN.pattern})*")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A target: `trainer[0]` is a server, `trainer` a server or a whole group, `module.vision` all in the module."""

    modules: tuple[str, ...]
    name: str | None = None
    key: Key = None

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Parses a target. Raises ValueError, which quotes the text, if it is none."""
        if _MODULES.fullmatch(text):
            return cls(tuple(text.split(".")[1::2]))
        address = Address.parse(text)
        return cls(address.modules, address.name, address.key)

    def __str__(self) -> str:
        if self.name is None:
            return ".".join(f"module.{module}" for module in self.modules)
        return str(Address(self.name, self.key, self.modules))

    def matches(self, address: Address) -> bool:
        if self.name is None:
            return address.modules[: len(self.modules)] == self.modules
        is_same = (address.modules, address.name) == (self.modules, self.name)
        return is_same and (self.key is None or address.key == self.key)


@dataclass(frozen=True, slots=True)
class Selection:
    """Selects what matches a target, if any is given, has every label, matches no exclusion, and is not kept."""

    targets: tuple[Pattern, ...] = ()
    excludes: tuple[Pattern, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    keeps_protected: bool = False
    """Whether a destroy leaves alone what is protected."""
    kept: tuple[Address, ...] = ()
    """The addresses that it leaves alone for that reason. Planning fills them in."""

    @property
    def is_everything(self) -> bool:
        return not (self.targets or self.excludes or self.labels or self.keeps_protected)

    def matches(self, address: Address, labels: Mapping[str, str]) -> bool:
        return (
            (not self.targets or any(target.matches(address) for target in self.targets))
            and all(labels.get(label) == value for label, value in self.labels)
            and not any(excluded.matches(address) for excluded in self.excludes)
            and address not in self.kept
        )

    def __str__(self) -> str:
        """Returns the selection as command-line options."""
        return " ".join(
            (
                *(f"--target '{target}'" for target in self.targets),
                *(f"--exclude '{excluded}'" for excluded in self.excludes),
                *(f"--selector '{label}={value}'" for label, value in self.labels),
                *(("--keep-protected",) if self.keeps_protected else ()),
            )
        )


EVERYTHING = Selection()
