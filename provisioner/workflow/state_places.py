"""Finds the place of a state, and opens it there, unless only a repository leads to that host.

The place that is named last wins: the option, the environment variable, the user's own configuration, the specs, and else the
nearest state folder (docs/decisions/0038).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from provisioner.model.diagnostic import Diagnostic, UsageError, error, warning
from provisioner.model.postgres_url import without_weaker_encryption
from provisioner.model.stack import Stack
from provisioner.model.state_setting import (
    StateAuthor,
    StateFolder,
    StateSetting,
    explain,
    parse_location,
)
from provisioner.model.state_url import Endpoint, InvalidStateUrlError, StateUrl
from provisioner.model.trusted_hosts import TrustedHosts, parse_libpq_hosts, parse_trusted_host
from provisioner.model.user_configuration import UserConfiguration
from provisioner.settings import Settings
from provisioner.store import StateStore, find_location, high_water_mark_folder, labels_in, locate, open_store

_OPTION: Final = "--state"
_VARIABLE: Final = "PROVISIONER_STATE"
_HOSTS_VARIABLE: Final = "PROVISIONER_STATE_HOSTS"


def read_explicit_state(option: str | None, variable: str | None) -> StateSetting | None:
    """Returns the place that the command line names, or else the environment; None if neither does. Raises UsageError."""
    if option is not None:
        return _read(option, StateAuthor.OPTION, _OPTION)
    return None if variable is None else _read(variable, StateAuthor.VARIABLE, _VARIABLE)


def _read(text: str, author: StateAuthor, name: str) -> StateSetting:
    try:
        return StateSetting(parse_location(text, author), author, name=name)
    except InvalidStateUrlError as fault:
        raise UsageError(explain(fault, name)) from None


@dataclass(frozen=True, slots=True)
class StatePlaces:
    """Where the states of one stack's directory are. Nothing is connected to before the hosts are found to be trusted."""

    directory: Path
    explicit: StateSetting | None
    settings: Settings
    environ: Mapping[str, str]
    home: Path
    configuration: Callable[[], UserConfiguration]
    configuration_files: tuple[Path, ...]

    def open(
        self, label: str, declared: StateSetting | None, *, owner: tuple[str, str | None] | None = None
    ) -> StateStore:
        """Opens the state `label`. Raises UsageError."""
        setting = self.explicit or declared
        marks = high_water_mark_folder(self.environ, self.home)
        if setting is None:
            found = find_location(self.directory, label)
            return open_store(found.folder, label, owner=owner, mark_folder=marks, warnings=found.warnings)
        warnings = tuple(self._elsewhere_warnings(declared))
        location = self._require_trusted(setting)
        try:
            return open_store(location, label, owner=owner, mark_folder=marks, warnings=warnings)
        except UsageError as failure:
            raise UsageError(
                *(replace(finding, source=finding.source or setting.source) for finding in failure.diagnostics)
            ) from None

    def name(self, stack: Stack) -> str:
        """Returns the name of the place of a stack's state: the same on every machine that shares it, and in two checkouts
        of one repository.
        """
        setting = self.explicit or stack.state
        if setting is None:
            return os.path.relpath(locate(self.directory, stack.label), self.directory)
        if setting.author is StateAuthor.REPOSITORY and isinstance(setting.location, StateFolder):
            return os.path.relpath(setting.location.path, self.directory.resolve())
        return str(setting.location)

    def other_place(self, stack: Stack) -> str:
        """Returns where the state of the stack is, or should be, by another word than that which is in force; empty where
        there is no such place.

        It matters where the place in use holds no state: everything would be bought again.
        """
        declared = stack.state
        used = self.explicit or declared
        if used is None or declared is None:
            return ""
        for one in (declared, declared.instead_of):
            if one is not None and not self._is_same(used, one):
                return str(one.location)
        folder = locate(self.directory, stack.label)
        labels = labels_in(folder)
        holds = labels is None or stack.label in labels
        return str(folder) if holds and self._comparable(used) != folder else ""

    def _elsewhere_warnings(self, declared: StateSetting | None) -> Iterator[Diagnostic]:
        if self.explicit is None or declared is None or self._is_same(self.explicit, declared):
            return
        yield warning(
            "state-elsewhere",
            f"{self.explicit.name} names {self.explicit.location} as the place of the state, and {declared.origin} names {declared.location}",
            hint=f"this run uses {self.explicit.location}; leave {self.explicit.name} out to use the other one",
            source=declared.source,
        )

    def _is_same(self, one: StateSetting, other: StateSetting) -> bool:
        return self._comparable(one) == self._comparable(other)

    def path_or_url(self, setting: StateSetting) -> Path | StateUrl:
        """Returns a location as the store takes it. Only the user's configuration may name a folder with a ~."""
        location = setting.location
        if not isinstance(location, StateFolder):
            return location
        is_in_home = location.path.startswith("~/") and setting.author is StateAuthor.CONFIGURATION
        return self.home / location.path[2:] if is_in_home else Path(location.path)

    def _comparable(self, setting: StateSetting) -> Path | str:
        found = self.path_or_url(setting)
        return found.resolve() if isinstance(found, Path) else found.shown

    def _require_trusted(self, setting: StateSetting) -> Path | StateUrl:
        """Returns the location to open. Raises UsageError `state-host-untrusted` for a host that only specs name."""
        location = setting.location
        if isinstance(location, StateFolder) or setting.author.is_trusted:
            return self.path_or_url(setting)
        untrusted = tuple(TrustedHosts(frozenset(self._trusted())).untrusted(location))
        if untrusted:
            raise UsageError(self._untrusted_error(untrusted, setting))
        return without_weaker_encryption(location, self.environ)

    def _trusted(self) -> Iterator[Endpoint]:
        """Yields the hosts that the user names."""
        yield from (host for host, _ in self.configuration().state_hosts)
        for text in self.settings.state_hosts:
            yield _read_host(text)
        if self.settings.state is not None:
            variable = _read(self.settings.state, StateAuthor.VARIABLE, _VARIABLE).location
            yield from variable.endpoints if isinstance(variable, StateUrl) else ()
        yield from parse_libpq_hosts(self.environ.get("PGHOST", ""))

    def _untrusted_error(self, untrusted: tuple[Endpoint, ...], setting: StateSetting) -> Diagnostic:
        hosts = ", ".join(map(str, untrusted))
        added = ",".join(dict.fromkeys((*self.settings.state_hosts, *map(str, untrusted))))
        quoted = ", ".join(f'"{one}"' for one in untrusted)
        file = next(iter(self.configuration_files), Path("config.yaml"))
        return error(
            "state-host-untrusted",
            f"only the specs name {hosts} as a host that keeps the state, so nothing was sent there",
            detail="whoever writes the specs could otherwise lead your credentials to a host of their own",
            hint=f"if it is your team's, write in {file}: `state: {{hosts: [{quoted}]}}`; or for this shell: `export {_HOSTS_VARIABLE}='{added}'`",
            source=setting.source,
        )


def _read_host(text: str) -> Endpoint:
    try:
        return parse_trusted_host(text)
    except InvalidStateUrlError:
        hint = "write HOST or HOST:PORT, without a scheme, with commas between several"
        summary = f"{_HOSTS_VARIABLE} has an entry that is no host"
        raise UsageError(error("state-place-invalid", summary, hint=hint)) from None
