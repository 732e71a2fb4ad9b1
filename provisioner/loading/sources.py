"""Finds and reads the files of a stack, each as a tree or a finding, and defines the inputs from the command line.

This module knows the layout of a stack's directory and almost nothing about the contents of the files.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioner.loading.document import Document, display_path
from provisioner.loading.files import ByteAllowance, read_text, resolve_inside
from provisioner.loading.findings import Findings
from provisioner.loading.lookalike_syntax import hint_for_text
from provisioner.loading.stack_search import MISNAMED_STACK_FILE, STACK_FILE, nearby_hint
from provisioner.loading.tree import INVALID, Layer, MapNode
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.loading.yaml_reader import read_yaml
from provisioner.model.diagnostic import SourceRange, UsageError, error
from provisioner.model.kind import Catalogue
from provisioner.model.lookalikes import describe_non_ascii

OUTPUTS = "outputs"
"""The section of spec files that declares outputs."""
ENVIRONMENTS = "environments"
_SUFFIXES = frozenset((".yaml", ".yml"))
_MISNAMED = re.compile(r"\.(?:yaml|yml|yam|yaml?l|ymal|yalm|yamel|ylm)(?:\.txt)?$", re.IGNORECASE)
"""Endings that somebody typed for .yaml or .yml, or that an editor has added to."""
_OTHER_NAMES = frozenset((STACK_FILE, MISNAMED_STACK_FILE, ENVIRONMENTS, "templates"))
"""What stands beside the specs in a stack's directory and is no spec."""
_RESERVED_DIRECTORIES = frozenset(("modules", "policies"))
"""Directories that a later version will read."""


@dataclass(frozen=True, slots=True)
class VariableInputs:
    """Variables from outside the stack, in rising precedence: files, `environ` (text by name), `assignments` ("name=value"), and the
    `values` of a saved plan.
    """

    files: tuple[Path, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    assignments: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sources:
    """Reads the files of one stack. The values under `secret_keys` are never shown; `choices` is as in `Document`."""

    directory: Path
    findings: Findings
    secret_keys: frozenset[str] = frozenset()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    allowance: ByteAllowance = field(default_factory=ByteAllowance)
    unread: set[Path] = field(default_factory=set)
    """The files and folders that could not be read, or that stand beside a second one. A mistake was reported for each."""

    def read_stack_file(self) -> Layer | None:
        """Reads stack.yaml; None after a finding. Raises UsageError `stack-missing` when the file does not exist."""
        path = self.directory / STACK_FILE
        if not os.path.lexists(path):
            directory_exists = _is_directory(self.directory)
            missing = (
                f"{display_path(path)} does not exist"
                if directory_exists
                else f"there is no directory {display_path(self.directory)}"
            )
            raise UsageError(error("stack-missing", missing, hint=nearby_hint(self.directory)))
        other = self.directory / MISNAMED_STACK_FILE
        if os.path.lexists(other):
            self._report_double(path, other, "the settings of this stack")
        return self.read(path)

    def read_specs(self) -> Iterator[Layer]:
        """Yields every spec file below the stack's directory, by path. Links to directories and other non-files are reported."""
        for path in self._spec_files(self.directory):
            if self.allowance.exceeded:
                return
            if (layer := self.read(path)) is not None:
                yield layer

    def environments(self) -> dict[str, Path] | None:
        """Returns the files of the environments by name; None if the stack has no folder for them."""
        folder = self.directory / ENVIRONMENTS
        if not _is_directory(folder):
            return None
        files: dict[str, Path] = {}
        for path in self._entries(folder):
            if _is_private(path) or self._is_misnamed(path) or path.suffix not in _SUFFIXES:
                continue
            if (first := files.setdefault(path.stem, path)) != path:
                self._report_double(first, path, f"the variables of the environment {path.stem}")
        return files

    def read(self, path: Path, *, usage: bool = False) -> Layer | None:
        """Reads one file; None after a finding. `usage`: the command line named the file, so it may be outside the stack."""
        start = SourceRange(display_path(path), 1, 1)
        try:
            text = read_text(path if usage else resolve_inside(self.directory, path), allowance=self.allowance)
        except UnplacedError as mistake:
            self.findings.add(mistake, at=start, usage=usage)
            self.unread.add(path)
            return None
        document = Document(display_path(path), text, self.secret_keys, self.choices)
        layer = to_layer(document, self.findings)
        if layer is None:
            self.unread.add(path)
        return layer

    def _spec_files(self, directory: Path) -> Iterator[Path]:
        for entry in self._entries(directory):
            is_top = directory == self.directory
            if _is_private(entry) or (is_top and entry.name in _OTHER_NAMES):
                continue
            if is_top and entry.name in _RESERVED_DIRECTORIES:
                self._report("not-supported-yet", entry, "is not supported yet", "move it out of the stack for now")
            elif not _is_directory(entry):
                if entry.suffix in _SUFFIXES:
                    yield entry
                else:
                    self._is_misnamed(entry)
            elif entry.is_symlink():
                self._report("linked-directory", entry, "is a link to a directory", "put the directory itself here")
            else:
                yield from self._spec_files(entry)

    def _entries(self, directory: Path) -> list[Path]:
        try:
            return sorted(directory.iterdir())
        except OSError as reason:
            self._report("unreadable-file", directory, f"cannot be read: {reason.strerror}", "check its permissions")
            return []

    def _report_double(self, first: Path, second: Path, meaning: str) -> None:
        self.unread.add(first)
        what = f"and {display_path(first)} both give {meaning}"
        self._report(
            "duplicate-file",
            second,
            what,
            "move what is needed into one of the two, and remove the other",
        )

    def _is_misnamed(self, path: Path) -> bool:
        """Reports a file whose ending is nearly that of a spec: it would be passed over, and its servers be released."""
        if _MISNAMED.search(path.name) is None or path.suffix in _SUFFIXES or _is_directory(path):
            return False
        right = f"{path.name.partition('.')[0]}.yaml"
        hint = f"rename it to {right}, or let its name begin with _ if it is not to be read"
        self._report("misnamed-file", path, "is not read: the name of a spec ends in .yaml or .yml", hint)
        return True

    def _report(self, code: str, path: Path, what: str, hint: str) -> None:
        self.unread.add(path)
        self.findings.add(
            UnplacedError(code, f"{display_path(path)} {what}", hint=hint), at=SourceRange(display_path(path), 1, 1)
        )


def to_layer(document: Document, findings: Findings) -> Layer | None:
    """Parses a document, which has to be a map; None after a finding."""
    root = read_yaml(document, findings)
    if root is None:
        root = MapNode()
    if root is not INVALID and not isinstance(root, MapNode):
        findings.add(_root_error(root), at=SourceRange(document.label, 1, 1))
    return Layer(document, root) if isinstance(root, MapNode) else None


def _root_error(root: Any) -> UnplacedError:
    what = "a list" if isinstance(root, list) else "a single value"
    odd = describe_non_ascii(root) if isinstance(root, str) else ""
    hint = hint_for_text(root) if isinstance(root, str) else ""
    return UnplacedError(
        "wrong-type",
        f"a file is a map of keys and values, and this one is {what}{odd}",
        hint=hint or "write key: value",
    )


def declares_outputs(directory: Path, *, catalogue: Catalogue) -> bool:
    """Returns whether a spec file has an `outputs:` section, without resolving variables.

    A stack without outputs thus needs no values for its variables here. Raises SpecError for invalid YAML.
    """
    findings = Findings()
    sources = Sources(directory, findings, secret_keys(catalogue))
    with gc_paused():
        declared = [layer for layer in sources.read_specs() if OUTPUTS in layer.node]
    findings.raise_errors()
    return bool(declared)


def secret_keys(catalogue: Catalogue) -> frozenset[str]:
    """Returns the last keys of the paths of all secret fields."""
    return frozenset(rule.path[-1] for kind in catalogue.kinds for rule in kind.rules if rule.secret)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pauses the garbage collector: loading makes millions of objects and no cycles, and collecting takes most of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_private(path: Path) -> bool:
    return path.name.startswith((".", "_"))
