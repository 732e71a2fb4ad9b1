"""Reads where a state is kept, from stack.yaml and from the user's own configuration, and the hosts that the user trusts.

A repository is untrusted. A folder that it names has to be inside of it, because any other one is somebody else's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from provisioner.loading.document import display_path
from provisioner.loading.findings import Findings
from provisioner.loading.sources import Sources
from provisioner.loading.tree import Layer, locate
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.model.diagnostic import SourceRange
from provisioner.model.state_setting import StateAuthor, StateFolder, StateLocation, StateSetting, parse_location
from provisioner.model.state_url import Endpoint, InvalidStateUrlError
from provisioner.model.trusted_hosts import parse_trusted_host

_TEMPLATE: Final = re.compile(r"\{[{%#]")


def read_state_setting(layer: Layer, path: tuple[str, ...], text: str, sources: Sources) -> StateSetting | None:
    """Returns the place that stack.yaml names; None after a finding."""
    at = locate([layer], path)
    try:
        location = _parse(text, StateAuthor.REPOSITORY)
        if isinstance(location, StateFolder):
            location = _resolve_folder(sources.directory, text)
    except UnplacedError as mistake:
        sources.findings.add(mistake, at=at, path=path)
        return None
    return StateSetting(location, StateAuthor.REPOSITORY, at)


def read_trusted_state_setting(
    layer: Layer, path: tuple[str, ...], text: str | None, findings: Findings
) -> StateSetting | None:
    """Returns the place that the user's configuration names; None where it names none, and after a finding.

    A folder is absolute, begins with ~/, or is relative to the folder of that file.
    """
    if text is None:
        return None
    at = locate([layer], path)
    try:
        location = _parse(text, StateAuthor.CONFIGURATION)
    except UnplacedError as mistake:
        findings.add(mistake, at=at, path=path)
        return None
    if isinstance(location, StateFolder) and not location.path.startswith("~/"):
        location = StateFolder(str((Path(layer.document.label).parent / location.path).absolute()))
    return StateSetting(location, StateAuthor.CONFIGURATION, at)


def read_trusted_hosts(
    layer: Layer, hosts: Iterable[str], findings: Findings
) -> Iterator[tuple[Endpoint, SourceRange]]:
    """Yields the hosts of `state.hosts`, and where each is written."""
    for index, text in enumerate(hosts):
        at = locate([layer], ("state", "hosts", index))
        try:
            yield parse_trusted_host(text), at
        except InvalidStateUrlError:
            mistake = UnplacedError(
                "invalid-value", "this is no host", hint="write HOST or HOST:PORT, without a scheme"
            )
            findings.add(mistake, at=at)


def _parse(text: str, author: StateAuthor) -> StateLocation:
    if _TEMPLATE.search(text):
        summary = "the place of a state is read before there are variables, so it has no templates"
        raise UnplacedError("template-forbidden", summary, hint="write it out; each environment may have its own")
    try:
        return parse_location(text, author)
    except InvalidStateUrlError as fault:
        raise UnplacedError(fault.code, fault.summary, hint=fault.hint) from None


def _resolve_folder(directory: Path, text: str) -> StateFolder:
    """Returns the folder with all links followed. Raises UnplacedError `state-outside` where it is outside of the
    repository.
    """
    stack = directory.resolve()
    root = _root(stack)
    hint = f"write a path relative to {display_path(directory)} that stays below {root}; another folder is yours to name, with --state, PROVISIONER_STATE or in your own configuration"
    is_relative = not text.lower().startswith(("/", "~", "file:"))
    try:
        real = (stack / text).resolve()
    except (OSError, RuntimeError, ValueError):
        raise UnplacedError("state-outside", "the folder leads nowhere", hint=hint) from None
    if not is_relative or not real.is_relative_to(root):
        raise UnplacedError("state-outside", "the specs name a folder outside of their repository", hint=hint)
    if real.name.endswith((".tfstate", ".tfstate.backup")):
        raise UnplacedError("state-place-invalid", "this is a state of Terraform's, and no folder of states", hint=hint)
    return StateFolder(str(real))


def folder_in_specs(directory: Path, folder: str) -> str | None:
    """Returns how a stack.yaml in `directory` names a folder; None for one that it may not name."""
    stack, real = directory.resolve(), Path(folder).resolve()
    return os.path.relpath(real, stack) if real.is_relative_to(_root(stack)) else None


def _root(stack: Path) -> Path:
    """Returns the repository of a stack: the nearest folder with .git, which no repository can contain; without one, the
    folder that holds the stack's directory.
    """
    found = (folder for folder in (stack, *stack.parents) if (folder / ".git").exists())
    return next(found, stack.parent)
