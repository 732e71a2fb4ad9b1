"""Reads the user's own configuration files: trusted pins of stacks, places of their states and hosts that keep
states, and profiles of credentials.

No repository can set what stands there, so a file is believed only if nobody else could have written it. The files
contain no secret: a profile says where credentials are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from provisioner.loading.document import Document, display_path
from provisioner.loading.environments import to_pins
from provisioner.loading.files import read_trusted_text
from provisioner.loading.findings import Findings
from provisioner.loading.sources import to_layer
from provisioner.loading.stack_sections import PinsSection, Slug
from provisioner.loading.state_setting import read_trusted_hosts, read_trusted_state_setting
from provisioner.loading.tree import Layer, locate, without_invalid
from provisioner.loading.unplaced_error import UnplacedError, suggest
from provisioner.loading.validation import validate
from provisioner.model.diagnostic import SourceRange, SpecError, UsageError
from provisioner.model.user_configuration import CredentialsProfile, FileSettings, TrustedSettings, UserConfiguration

_WAYS = ("hcloud", "file", "variables")
_VENDOR_VARIABLE = re.compile(r"(?:HW|OS|HUAWEICLOUD)_[A-Z0-9_]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def _check_vendor_variable(name: str) -> str:
    if _VENDOR_VARIABLE.fullmatch(name) is None:
        raise ValueError("name a variable of the vendor's, such as HW_ACCESS_KEY")
    return name


def _check_variable(name: str) -> str:
    """Checks the name of an environment variable. The message omits it, because it may be a secret by mistake."""
    if _VARIABLE.fullmatch(name) is None:
        raise ValueError("write the name of an environment variable, never a secret itself")
    return name


class _SettingsSection(PinsSection):
    credentials: Slug | None = None
    state: str | None = None


class _StackSection(_SettingsSection):
    environments: dict[Slug, _SettingsSection | None] | None = None


class _ProfileSection(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    hcloud: str | None = None
    file: str | None = None
    variables: (
        dict[Annotated[str, AfterValidator(_check_vendor_variable)], Annotated[str, AfterValidator(_check_variable)]]
        | None
    ) = None


class _StateSection(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    hosts: list[str] = []


class _ConfigurationFile(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    stacks: dict[Slug, _StackSection | None] | None = None
    profiles: dict[Slug, _ProfileSection | None] | None = None
    state: _StateSection | None = None


def read_user_configuration(paths: Iterable[Path], *, owners: Collection[int] | None = None) -> UserConfiguration:
    """Reads those of the files that exist; an earlier one takes precedence. `owners`: the users whose files are believed,
    by default this user and root.

    Raises UsageError with every mistake and its place, and for a file that somebody else could have written.
    """
    findings = Findings()
    layers = [layer for path in paths if (layer := _read_layer(path, owners, findings)) is not None]
    files = [(layer, _parse(layer, findings)) for layer in layers]
    profiles: dict[str, CredentialsProfile] = {}
    for layer, content in reversed(files):
        profiles |= _read_profiles(layer, content, findings)
    all_read = findings.has_no_errors
    settings = tuple(
        _SettingsReader(layer, profiles, findings, knows_all_profiles=all_read).read_file(content)
        for layer, content in files
    )
    hosts = tuple(
        host
        for layer, content in files
        for host in read_trusted_hosts(layer, (content.state or _StateSection()).hosts, findings)
    )
    try:
        findings.raise_errors()
    except SpecError as failure:  # no author of specs can mend it
        raise UsageError(*failure.diagnostics) from None
    return UserConfiguration(settings, hosts)


def _read_layer(path: Path, owners: Collection[int] | None, findings: Findings) -> Layer | None:
    try:
        text = read_trusted_text(path, owners=owners)
    except UnplacedError as mistake:
        findings.add(mistake, at=SourceRange(display_path(path), 1, 1))
        return None
    return None if text is None else to_layer(Document(display_path(path), text), findings)


def _parse(layer: Layer, findings: Findings) -> _ConfigurationFile:
    """Returns the content of a file. A part that is invalid is reported, and ends the run before anything is believed."""
    data, omitted = without_invalid(layer.node)
    found = validate(_ConfigurationFile, data, omitted)
    for problem in found:
        at = locate([layer], problem.path, key=problem.key, unknown=problem.unknown)
        findings.add(problem.mistake, at=at, path=problem.path)
    return _ConfigurationFile.model_validate({} if found or omitted else data)


def _read_profiles(layer: Layer, content: _ConfigurationFile, findings: Findings) -> dict[str, CredentialsProfile]:
    found = {}
    for name, section in (content.profiles or {}).items():
        path = ("profiles", name)
        at = locate([layer], path, key=True)
        if section is None or sum(getattr(section, way) is not None for way in _WAYS) != 1:
            hint = "write one of: hcloud: PROFILE, file: PATH, variables: {HW_ACCESS_KEY: NAME, HW_SECRET_KEY: NAME}"
            findings.add(UnplacedError("invalid-value", f"profile {name} has to name one place", hint=hint), at=at)
            continue
        variables = section.variables or {}
        sources = {key: locate([layer], (*path, "variables", key)) for key in variables}
        file = section.file
        if file is not None and not file.startswith("~/"):
            file = str(Path(layer.document.label).parent / file)
        found[name] = CredentialsProfile(name, at, section.hcloud, file, variables, sources)
    return found


class _SettingsReader:
    """Reads what one file says about stacks and environments."""

    def __init__(
        self,
        layer: Layer,
        profiles: Mapping[str, CredentialsProfile],
        findings: Findings,
        *,
        knows_all_profiles: bool,
    ) -> None:
        """`knows_all_profiles`: no mistake was reported, so a profile that is not among `profiles` does not exist."""
        self._knows_all_profiles = knows_all_profiles
        self._layer = layer
        self._profiles = profiles
        self._findings = findings

    def read_file(self, content: _ConfigurationFile) -> FileSettings:
        found: dict[tuple[str, str | None], TrustedSettings] = {}
        for name, section in (content.stacks or {}).items():
            stack = found[name, None] = self._read(section or _StackSection(), ("stacks", name))
            for environment, own in (section.environments or {} if section else {}).items():
                path = ("stacks", name, "environments", environment)
                found[name, environment] = self._read(own or _SettingsSection(), path).inherit(stack)
        return found

    def _read(self, section: _SettingsSection, path: tuple[str, ...]) -> TrustedSettings:
        return TrustedSettings(
            locate([self._layer], path, key=True),
            to_pins(section, self._layer, path, trusted=True),
            locate([self._layer], (*path, "protected")) if section.protected else None,
            self._profile(section.credentials, (*path, "credentials")),
            read_trusted_state_setting(self._layer, (*path, "state"), section.state, self._findings),
        )

    def _profile(self, name: str | None, path: tuple[str, ...]) -> CredentialsProfile | None:
        if name is not None and name not in self._profiles and self._knows_all_profiles:
            hint = suggest(name, self._profiles, title="there are") or "write it below profiles:"
            mistake = UnplacedError("unknown-profile", f"there is no profile {name} of credentials", hint=hint)
            self._findings.add(mistake, at=locate([self._layer], path))
        return self._profiles.get(name or "")
