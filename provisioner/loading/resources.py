"""Reads resources: merges defaults, expands instances, evaluates templates and validates the fields by the kind's schema.

This module names no kind. The kind that callers pass defines the fields, and which of them are secret or content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from provisioner.loading.contents import ContentEncoder
from provisioner.loading.declarations import Declarations
from provisioner.loading.defaults import Defaults
from provisioner.loading.exclusion import explain_exclusion
from provisioner.loading.expansion import Expansion, ExpansionError, Instance
from provisioner.loading.findings import Findings
from provisioner.loading.merging import empty_overrides, merge_defaults, without_nulls
from provisioner.loading.meta_arguments import (
    COMMON_FIELDS,
    EXPANSION_KEYS,
    kind_fields,
    read_meta_arguments,
    validate_meta_arguments,
)
from provisioner.loading.rollout import wave_of
from provisioner.loading.secret_fields import clear_text_error, parse_reference
from provisioner.loading.template_engine import Engine, Scope
from provisioner.loading.template_types import advise_conversion
from provisioner.loading.template_values import render
from provisioner.loading.tree import Layer, Path, locate
from provisioner.loading.triggers import find_cycle, unknown_trigger
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError
from provisioner.loading.validation import Problem, dotted, validate
from provisioner.model.address import Address
from provisioner.model.capability import Advice
from provisioner.model.field_rule import FieldRule
from provisioner.model.kind import Kind
from provisioner.model.resource import Desired, FieldPath
from provisioner.model.secret import SecretReference
from provisioner.model.stack import Stack

_TRIGGERS: Path = ("lifecycle", "replace_triggered_by")
_FAILURE_LIMIT = 100  # failed instances of one declaration after which more would show nothing new


@dataclass(frozen=True, slots=True)
class _Declaration:
    """A resource with its defaults merged in. `layers`: where its values may be written, the resource's own first."""

    kind: Kind
    body: dict[str, Any]
    layers: tuple[Layer, ...]


class ResourceReader:
    """Reads the declarations of a stack. The names of a kind's resources must be unique over all of them."""

    def __init__(
        self,
        directory: FilePath,
        defaults: Defaults,
        scope: Scope,
        findings: Findings,
        declarations: Declarations,
        stack: Stack,
    ) -> None:
        self._stack = stack
        self._defaults = defaults
        self._findings = findings
        self._engine = Engine()
        self.sensitive_values: set[str] = set()
        self._expansion = Expansion(self._engine, scope, self.sensitive_values)
        self._contents = ContentEncoder(directory, self._engine, self.sensitive_values)
        self._names: dict[tuple[str, str], Address] = {}
        """The first address with each name, by kind and name."""
        self._declarations = declarations
        self._triggers: dict[Address, tuple[_Declaration, tuple[Address, ...]]] = {}
        self.unread: dict[Address, Mapping[str, Any]] = {}
        """The bodies of the declarations of which an instance could not be read, with the defaults, by group."""

    def read(self, kind: Kind, name: str, own: Layer) -> Iterator[Desired]:
        """Yields the valid instances of one declaration and reports the mistakes in the others."""
        content_paths = frozenset(rule.path for rule in kind.rules if rule.content)
        defaults = self._defaults.for_kind(kind)
        body = merge_defaults(defaults, own.node, content_paths)
        for path in empty_overrides(defaults, own.node):
            self._findings.warn(_empty_override(path), at=locate((own,), path), address=Address(name), path=path)
        declaration = _Declaration(kind, _drop_nulls(body), (own, *self._defaults.layers(kind)))
        try:
            instances = self._expansion.expand(name, declaration.body)
        except (ExpansionError, AlreadyReported) as reason:
            if isinstance(reason, ExpansionError):
                self._report(declaration, Address(name), Problem(reason.path, reason.mistake, between=reason.between))
            self._report_unknown_fields(declaration, Address(name))
            self._declarations.mark_unclear(name)
            self.unread[Address(name)] = declaration.body
            return
        expansion = next((key for key in EXPANSION_KEYS if key in declaration.body), None)
        self._declarations.declare(kind.section, name, [one.address for one in instances], by=expansion)
        for key in EXPANSION_KEYS:
            declaration.body.pop(key, None)
        failed = 0
        for instance in instances:
            desired = self._desired(declaration, instance)
            if desired is not None:
                yield desired
                continue
            failed += 1
            self.unread[Address(name)] = declaration.body
            if failed >= _FAILURE_LIMIT:
                break

    def _report_unknown_fields(self, declaration: _Declaration, address: Address) -> None:
        """Reports the misspelt fields of a declaration without instances: they could hide a protection."""
        kind, body = declaration.kind, declaration.body
        found = validate(kind.schema, kind_fields(body), also_allowed=COMMON_FIELDS)
        for problem in (*found, *validate_meta_arguments(body)):
            if problem.mistake.code == "unknown-field":
                self._report(declaration, address, problem)

    def _desired(self, declaration: _Declaration, instance: Instance) -> Desired | None:
        kind, address = declaration.kind, instance.address
        rendered = render(declaration.body, instance.scope, self._engine)
        omitted = {path for path, _ in rendered.failures}
        found = [Problem(path, mistake) for path, mistake in rendered.failures if mistake is not None]
        body = without_nulls(rendered.value)
        if ("name",) not in omitted:
            body.setdefault("name", instance.default_name)
        fields = kind_fields(body)
        found += self._convert_fields(declaration, fields, instance, omitted)
        meta = read_meta_arguments(body, kind.schema, omitted)
        found += validate(kind.schema, fields, omitted, also_allowed=COMMON_FIELDS)
        found += meta if isinstance(meta, list) else ()
        if self._defaults.is_unclear:
            found = [problem for problem in found if problem.mistake.code != "missing-field"]
        for problem in found:
            advise_conversion(problem, declaration.body)
            self._report(declaration, address, problem)
        if found or omitted or isinstance(meta, list) or self._defaults.is_unclear:
            self._declarations.mark_unclear(address.name)
            return None
        self._advise(declaration, address, fields, together=meta.together)
        wave = self._wave(declaration, instance, meta.rollout)
        self._check_name(declaration, address, str(fields["name"]))
        if meta.lifecycle.replace_triggered_by:
            self._triggers[address] = (declaration, meta.lifecycle.replace_triggered_by)
        source = locate(declaration.layers[:1], ())
        return Desired(
            address,
            kind.name,
            fields,
            meta.labels,
            meta.lifecycle,
            meta.timeouts,
            source,
            together=meta.together,
            wave=wave,
        )

    def _wave(self, declaration: _Declaration, instance: Instance, sizes: tuple[int | str, ...] | None) -> int:
        if sizes is None:
            return 0
        try:
            return wave_of(instance, sizes)
        except UnplacedError as mistake:
            self._report(declaration, instance.address, Problem(("rollout",), mistake))
            return 0

    def check_triggers(self) -> None:
        """Checks `replace_triggered_by` after all declarations were read: its addresses exist and form no cycle."""
        for address, (declaration, named) in self._triggers.items():
            for index, trigger in enumerate(named):
                if (mistake := unknown_trigger(trigger, self._declarations)) is not None:
                    self._report(declaration, address, Problem((*_TRIGGERS, index), mistake))
        edges = {address: named for address, (_, named) in self._triggers.items()}
        chain = find_cycle(edges, sorted(self._declarations.addresses)) if edges else ()
        if chain:
            places = [locate(self._triggers[address][0].layers, _TRIGGERS) for address in chain]
            loop = " -> ".join(map(str, (*chain, chain[0])))
            mistake = UnplacedError(
                "trigger-cycle",
                f"replace_triggered_by leads back to itself: {loop}",
                hint="take one of these entries away",
                detail="\n".join(
                    f"{address} is triggered at {place}" for address, place in zip(chain, places, strict=True)
                ),
            )
            self._report(self._triggers[chain[0]][0], chain[0], Problem(_TRIGGERS, mistake))

    def _convert_fields(
        self, declaration: _Declaration, fields: dict[str, Any], instance: Instance, omitted: set[Path]
    ) -> list[Problem]:
        """Replaces content fields by Base64 and secret fields by references, in place.

        Fields that can't be converted are removed and added to `omitted`.
        """
        found = []
        for rule in declaration.kind.rules:
            parent = _parent_map(rule, fields)
            if parent is None:
                continue
            written = parent.pop(rule.path[-1])
            if any(path[: len(rule.path)] == rule.path for path in omitted):
                continue
            try:
                parent[rule.path[-1]] = self._convert(declaration, rule, written, instance)
            except UnplacedError as mistake:
                between = tuple((*rule.path, key) for key in mistake.keys)
                found.append(Problem(rule.path, mistake, between=between))
                omitted.add(rule.path)
            except AlreadyReported:
                omitted.add(rule.path)
        return found

    def _convert(self, declaration: _Declaration, rule: FieldRule, written: Any, instance: Instance) -> Any:
        if rule.secret:
            return self._secret(declaration, rule, written, instance.address)
        return self._contents.encode(dotted(rule.path), written, instance.scope)

    def _secret(self, declaration: _Declaration, rule: FieldRule, written: Any, address: Address) -> SecretReference:
        name = dotted(rule.path)
        at = locate(declaration.layers, rule.path)
        given = parse_reference(name, written, at)
        if given.literal is not None:
            self._findings.mask(given.literal)
            if self._stack.strict:
                raise clear_text_error(name, strict=True)
            self._findings.warn(clear_text_error(name), at=at, address=address)
            violation = declaration.kind.check_secret(given.literal.reveal())
            if violation is not None:
                raise UnplacedError("password-rule", f"{name}: {violation}")
        return given

    def _advise(self, declaration: _Declaration, address: Address, fields: dict[str, Any], *, together: bool) -> None:
        kind = declaration.kind
        for advice in (*kind.advise(fields), *(self._advise_together(kind, address, fields) if together else ())):
            mistake = UnplacedError(advice.code, advice.message, hint=advice.hint)
            if advice.warning:
                at = locate(declaration.layers, advice.path)
                self._findings.warn(mistake, at=at, address=address, path=advice.path)
            else:
                between = (advice.path, advice.other) if advice.other else ()
                self._report(declaration, address, Problem(advice.path, mistake, between=between))

    def _advise_together(self, kind: Kind, address: Address, fields: dict[str, Any]) -> Iterator[Advice]:
        if address.key is None:
            hint = "add count or for_each, or leave order out"
            yield Advice(("order",), "order-together", f"order: together is for several, and {address} is one", hint)
        yield from kind.batch.advise(fields, self._stack.purchase)

    def _check_name(self, declaration: _Declaration, address: Address, name: str) -> None:
        first = self._names.setdefault((declaration.kind.name, name), address)
        if first != address:
            hint = "use {{ count.index }} or {{ each.key }} in the name, or leave it out"
            mistake = UnplacedError("duplicate-name", f"{first} and {address} have the same name: {name}", hint=hint)
            self._report(declaration, address, Problem(("name",), mistake))

    def _report(self, declaration: _Declaration, address: Address, problem: Problem) -> None:
        self._declarations.mark_unclear(address.name)
        if problem.between:
            at = explain_exclusion(problem, declaration.layers, address)
        else:
            at = locate(
                declaration.layers,
                problem.path,
                key=problem.key,
                unknown=problem.unknown,
                near=problem.mistake.near,
            )
        self._findings.add(problem.mistake, at=at, address=address, path=problem.path)


def _empty_override(path: FieldPath) -> UnplacedError:
    section = dotted(path)
    return UnplacedError(
        "empty-section",
        f"{section} is empty and says nothing: what `defaults` gives stays",
        hint=f"take the line out; `{path[-1]}: null` takes away what `defaults` gives",
    )


def _drop_nulls(body: dict[str, Any]) -> dict[str, Any]:
    # An item of for_each may be null: it is a value to expand by, not a field to drop.
    return {
        key: value if key in EXPANSION_KEYS else without_nulls(value)
        for key, value in body.items()
        if value is not None
    }


def _parent_map(rule: FieldRule, fields: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the map that contains the rule's field; None if the field is absent or needs no conversion."""
    if not (rule.content or rule.secret):
        return None
    parent: Any = fields
    for step in rule.path[:-1]:
        parent = parent.get(step) if isinstance(parent, dict) else None
    return parent if isinstance(parent, dict) and rule.path[-1] in parent else None
