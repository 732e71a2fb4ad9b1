"""Resolves variables: reads their declarations in stack.yaml and determines the value of each by precedence.

Values come from files and, as texts, from environment variables and the command line. Texts are parsed by the declared
type. This module knows nothing about templates, which use the result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from provisioner.loading.document import Document
from provisioner.loading.findings import Findings
from provisioner.loading.misplacement import find_misplaced, listed
from provisioner.loading.scalars import RejectedScalar, resolve_scalar
from provisioner.loading.tree import INVALID, Layer, MapNode, PartialMap, locate, without_invalid
from provisioner.loading.unplaced_error import UnplacedError, closest_match, suggest, variable_subject
from provisioner.loading.validation import type_name, validate
from provisioner.loading.yaml_reader import read_yaml
from provisioner.model.diagnostic import SourceRange
from provisioner.model.lookalikes import describe_non_ascii
from provisioner.model.secret_names import named_secrets

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "map": (dict,),
}


class Declaration(BaseModel):
    """The declaration of one variable in stack.yaml."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    type: Literal["string", "integer", "number", "boolean", "list", "map"]
    default: Any = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    allowed: list[Any] | None = None
    description: str = ""

    def violation(self, value: object) -> str | None:
        """Returns why `value` is not allowed for this variable, as the end of a sentence, or None if it is."""
        if not isinstance(value, _TYPES[self.type]) or (isinstance(value, bool) and self.type != "boolean"):
            return f"must be of type {self.type} and is {type_name(value)}"
        if isinstance(value, (int, float)) and self.minimum is not None and value < self.minimum:
            return f"must be at least {self.minimum}"
        if isinstance(value, (int, float)) and self.maximum is not None and value > self.maximum:
            return f"must be at most {self.maximum}"
        if self.allowed is not None and value not in self.allowed:
            return f"must be one of {', '.join(map(str, self.allowed))}"
        return None


@dataclass(frozen=True, slots=True)
class Assignment:
    """One value given to one variable. `usage`: on the command line or by an environment variable."""

    name: str
    value: Any
    at: SourceRange | None
    origin: str
    usage: bool = False


class Variables:
    """Collects the assignments of a stack's variables, which callers add in rising precedence."""

    def __init__(self, stack: Layer, findings: Findings, *, is_unclear: bool = False) -> None:
        """`is_unclear`: a mistake was reported that hides declarations, so any variable may be declared."""
        self._findings = findings
        self._is_unclear = is_unclear
        self._undeclared: set[str] = set()
        self._hides_values = False
        """Whether values of declared variables stand where they do not count."""
        self._stack = stack
        self._declared: dict[str, Declaration | None] = dict(self._declarations())
        self._values: dict[str, Any] = {}
        self._given: set[str] = set()
        for name, declaration in self._declared.items():
            if declaration is not None and declaration.default is not None:
                at = locate([stack], ("variables", name, "default"))
                self._set(Assignment(name, declaration.default, at, "its default"))

    def add_file(self, layer: Layer, *, outside: bool = False) -> None:
        """Adds the values of a variable file. Undeclared names are reported. `outside`: the file is no part of the stack."""
        for name in layer.node:
            at = locate([layer], (name,), key=True)
            if name not in self._declared:
                self._report_undeclared(name, layer.node[name], at)
            else:
                self._set(Assignment(name, layer.node[name], locate([layer], (name,)), layer.document.label))
                if outside:
                    self._given.add(name)

    def add_environ(self, environ: Mapping[str, str]) -> None:
        """Adds values from environment variables. Undeclared names are ignored: one environment may serve several stacks."""
        for name, text in environ.items():
            if name in self._declared:
                self._set_text(name, text, f"PROVISIONER_VAR_{name}")

    def add_assignment(self, assignment: str) -> None:
        """Adds the value of one --var option, "name=value". Undeclared names are reported."""
        name, equals, text = assignment.partition("=")
        name = name.strip()
        if not equals:
            self._findings.add(
                UnplacedError("invalid-assignment", "a --var option lacks its =", hint="write --var name=value"),
                usage=True,
            )
        elif name not in self._declared:
            self._report_undeclared(name)
        else:
            self._set_text(name, text, f"--var {name}")

    def add_values(self, values: Mapping[str, Any], origin: str) -> None:
        """Values that were read before, such as those of a saved plan."""
        for name, value in values.items():
            if name not in self._declared:
                self._report_undeclared(name)
            else:
                self._set(Assignment(name, value, None, origin, usage=True))
                self._given.add(name)

    @property
    def given(self) -> dict[str, Any]:
        """The values that came from outside the stack and may be written down; one that may be a secret by its name is not among them."""
        names = sorted(name for name in self._given if not self._stack.document.may_be_secret(name))
        return {name: self._values[name] for name in names if self._values.get(name) is not INVALID}

    @property
    def sensitive_values(self) -> frozenset[str]:
        """The texts and numbers in variables that may be secrets by their names, or by the names of the maps' keys above."""
        return frozenset(named_secrets(self._values, self._stack.document.may_be_secret))

    def values(self, *, complete: bool) -> dict[str, Any]:
        """Returns the value of each declared variable, INVALID where a mistake was reported.

        `complete`: all files could be read, so a variable without a value is reported as missing.
        """
        for name, declaration in self._declared.items():
            if declaration is None:
                self._values[name] = INVALID
            elif name not in self._values:
                self._values[name] = self._value_if_unset(name, declaration, complete=complete)
        return PartialMap(self._values) if self._is_unclear else self._values

    def _value_if_unset(self, name: str, declaration: Declaration, *, complete: bool) -> Any:
        if "default" in declaration.model_fields_set:
            return None
        if closest_match(name, self._undeclared) is not None or self._hides_values:
            return INVALID
        if complete:
            ways = f"environments/NAME.yaml, --var-file FILE, PROVISIONER_VAR_{name} or --var {name}=..."
            hint = f"give it a default in stack.yaml, or a value by {ways}"
            at = locate([self._stack], ("variables", name), key=True)
            self._findings.add(
                UnplacedError("missing-variable", f"the variable {name} has no value", hint=hint), at=at, usage=True
            )
        return INVALID

    def _declarations(self) -> Iterator[tuple[str, Declaration | None]]:
        raw = self._stack.node.get("variables")
        misplaced = (
            None
            if raw is None
            else find_misplaced(self._stack.child("variables"), Declaration.model_fields, "variable")
        )
        if misplaced is not None:
            self._findings.add(misplaced.mistake, at=misplaced.at)
            self._is_unclear = True
        for name, body in raw.items() if isinstance(raw, dict) else ():
            if misplaced is not None and misplaced.explains(name):
                continue
            yield name, self._declaration(name, body)

    def _declaration(self, name: str, body: Any) -> Declaration | None:
        if body is INVALID:
            return None

        def at(*path: str | int) -> SourceRange:
            return locate([self._stack], ("variables", name, *path), key=not path)

        if _NAME.fullmatch(name) is None:
            hint = "use letters, digits and _, and begin with no digit"
            self._findings.add(
                UnplacedError(
                    "invalid-name", f"{name} cannot be a variable's name{describe_non_ascii(name)}", hint=hint
                ),
                at=at(),
            )
            self._is_unclear = True
            return None
        if not isinstance(body, dict):
            mistake = UnplacedError(
                "wrong-type", f"the variable {name} must be a map", hint=_declaration_hint(name, body)
            )
            self._findings.add(mistake, at=at())
            return None
        data, omitted = without_invalid(body)
        found = validate(Declaration, data, omitted)
        for problem in found:
            where = locate([self._stack], ("variables", name, *problem.path), key=problem.key, unknown=problem.unknown)
            self._findings.add(problem.mistake, at=where, path=problem.path)
        if found or omitted:
            return None
        declaration = Declaration.model_validate(data)
        for bound in ("minimum", "maximum"):
            if getattr(declaration, bound) is not None and declaration.type not in {"integer", "number"}:
                hint = f"leave {bound} out, or use allowed: [...]"
                mistake = UnplacedError(
                    "invalid-value", f"{bound} goes with integer and number, not {declaration.type}", hint=hint
                )
                self._findings.add(mistake, at=at(bound))
        return declaration

    def _set_text(self, name: str, text: str, origin: str) -> None:
        declaration = self._declared[name]
        value: Any = INVALID
        if declaration is not None:
            value = self._read(declaration.type, text, origin)
        self._set(Assignment(name, value, None, origin, usage=True))
        self._given.add(name)

    def _read(self, type_: str, text: str, origin: str) -> Any:
        if type_ == "string":
            return text
        if type_ in {"list", "map"}:
            return read_yaml(Document(origin, text), self._findings)
        resolved = resolve_scalar(text.strip())
        return text if isinstance(resolved, RejectedScalar) else resolved

    def _set(self, assignment: Assignment) -> None:
        declaration = self._declared[assignment.name]
        value, invalid_paths = without_invalid(assignment.value)
        if declaration is None or assignment.value is INVALID or invalid_paths:
            self._values[assignment.name] = INVALID
            return
        self._values[assignment.name] = value
        violation = declaration.violation(value)
        if violation is not None:
            self._values[assignment.name] = INVALID
            self._report(assignment, violation)

    def _report(self, assignment: Assignment, violation: str) -> None:
        code = "wrong-type" if "of type" in violation else "invalid-value"
        summary = f"the variable {assignment.name} {violation}"
        hint = f"change the value given by {assignment.origin}"
        self._findings.add(UnplacedError(code, summary, hint=hint), at=assignment.at, usage=assignment.usage)

    def _report_undeclared(self, name: str, value: Any = None, at: SourceRange | None = None) -> None:
        """Reports that a value is given to a name that is not declared, from a file at `at` or else by the command."""
        if self._is_unclear or value is INVALID:
            return
        self._undeclared.add(name)
        hint = suggest(name, self._declared, title="declared are") or "declare it under variables: in stack.yaml"
        summary = f"the variable {name} is not declared"
        if isinstance(value, MapNode):
            inner = [key for key in value if key in self._declared]
            self._hides_values = self._hides_values or bool(inner)
            if inner:
                summary = f"{name} is no variable: this file gives values to variables directly"
                hint = f"take the line {name}: out, and write {listed(inner)} at the left margin"
            elif closest_match(name, self._declared) is None:
                hint = f"this file gives values to the variables of stack.yaml, and nothing else; {hint}"
        self._findings.add(
            UnplacedError("undeclared-variable", summary, hint=hint, about=variable_subject(name)),
            at=at,
            usage=at is None,
        )


def _declaration_hint(name: str, body: Any) -> str:
    """Returns how to declare a variable for which only a value is written."""
    type_ = next((type_ for type_, classes in _TYPES.items() if type(body) in classes), None)
    if body is None or type_ is None:
        return f"write {name}: {{type: string}}"
    return f"write {name}: {{type: {type_}, default: ...}}"
