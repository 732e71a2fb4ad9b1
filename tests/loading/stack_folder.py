"""A stack on disk, written as its author would, and what loading says about it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.stack_text import DEFAULTS

from provisioner.kinds import CATALOGUE
from provisioner.loading import Loaded, VariableInputs, load
from provisioner.model.diagnostic import Diagnostic, ProvisionerError
from provisioner.model.resource import Desired

STACK = f"stack: demo\n{DEFAULTS}"


@dataclass(frozen=True)
class StackFolder:
    """Relative to the current directory, so that findings name files as a person sees them."""

    path: Path

    def write(self, name: str, text: str) -> StackFolder:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return self

    def variables(self, text: str) -> StackFolder:
        return self.write("stack.yaml", STACK + "variables:\n" + textwrap.indent(textwrap.dedent(text), "  "))

    def load(
        self,
        environment: str | None = None,
        *,
        files: tuple[Path, ...] = (),
        environ: Mapping[str, str] | None = None,
        assignments: tuple[str, ...] = (),
    ) -> Loaded:
        inputs = VariableInputs(files, environ or {}, assignments)
        return load(self.path, catalogue=CATALOGUE, environment=environment, inputs=inputs)

    def server(self, body: str, **options) -> Desired:
        """The one server `x` with this body."""
        self.write("servers.yaml", "servers:\n  x:\n" + textwrap.indent(textwrap.dedent(body), "    "))
        (desired,) = self.load(**options).desired
        return desired

    def mistakes(self, specs: str | None = None, **options) -> tuple[Diagnostic, ...]:
        if specs is not None:
            self.write("servers.yaml", specs)
        with pytest.raises(ProvisionerError) as caught:
            self.load(**options)
        return caught.value.diagnostics

    def mistake(self, specs: str | None = None, **options) -> Diagnostic:
        found = self.mistakes(specs, **options)
        assert len(found) == 1, found
        return found[0]
