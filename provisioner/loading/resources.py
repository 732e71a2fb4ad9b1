"""From one resource's body, as written, to what the specs want: rendered, judged by its kind, every mistake placed.

Never names a kind: what fields there are and which are secret or content is read from the kind it is handed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from provisioner.loading.contents import Contents
from provisioner.loading.defaults import Defaults
from provisioner.loading.expansion import Expansion, Instance, Refusal
from provisioner.loading.findings import Findings
from provisioner.loading.merging import empty_over, laid_under, without_nulls
from provisioner.loading.meta_arguments import AROUND, EXPANSION_KEYS, fields_of, read_meta_arguments
from provisioner.loading.rollout import wave_of
from provisioner.loading.secret_fields import in_clear, reference
from provisioner.loading.template_engine import Engine, Scope
from provisioner.loading.template_values import render
from provisioner.loading.tree import Layer, Path, find
from provisioner.loading.triggers import cycle, unknown
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError
from provisioner.loading.validation import Problem, dotted, problems
from provisioner.model.address import Address
from provisioner.model.capability import Advice
from provisioner.model.field_rule import FieldRule
from provisioner.model.kind import Kind
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.resource import Desired, FieldPath
from provisioner.model.secret import SecretReference

_TRIGGERS: Path = ("lifecycle", "replace_triggered_by")
_FAILURES = 100  # instances of one declaration after which the rest would tell nothing new


@dataclass(frozen=True, slots=True)
class _Declaration:
    kind: Kind
    body: dict[str, Any]
    layers: tuple[Layer, ...]


class Resources:
    """Reads one declaration after the other; names must be unique over all of a kind."""

    def __init__(
        self, directory: FilePath, defaults: Defaults, scope: Scope, findings: Findings, *, policy: PurchasePolicy
    ) -> None:
        self._policy = policy
        self._defaults = defaults
        self._findings = findings
        self._engine = Engine()
        self._expansion = Expansion(self._engine, scope)
        self._contents = Contents(directory, self._engine)
        self._names: dict[tuple[str, str], Address] = {}
        """By kind and name."""
        self._known: set[Address] = set()
        self._triggers: dict[Address, tuple[_Declaration, tuple[Address, ...]]] = {}

    def read(self, kind: Kind, name: str, own: Layer) -> Iterator[Desired]:
        self._known.add(Address(name))
        contents = frozenset(rule.path for rule in kind.rules if rule.content)
        defaults = self._defaults.of(kind)
        body = laid_under(defaults, own.node, contents)
        for path in empty_over(defaults, own.node):
            self._findings.warn(_empty_over(path), at=find((own,), path), address=Address(name), path=path)
        declaration = _Declaration(kind, _without_unset(body), (own, *self._defaults.layers(kind)))
        try:
            instances = self._expansion.instances(name, declaration.body)
        except Refusal as refusal:
            self._report(declaration, Address(name), Problem(refusal.path, refusal.mistake))
            return
        except AlreadyReported:
            return
        for key in EXPANSION_KEYS:
            declaration.body.pop(key, None)
        failed = 0
        for instance in instances:
            desired = self._desired(declaration, instance)
            if desired is not None:
                yield desired
                continue
            failed += 1
            if failed >= _FAILURES:
                break

    def _desired(self, declaration: _Declaration, instance: Instance) -> Desired | None:
        kind, address = declaration.kind, instance.address
        rendered = render(declaration.body, instance.scope, self._engine)
        withheld = {path for path, _ in rendered.failures}
        found = [Problem(path, mistake) for path, mistake in rendered.failures if mistake is not None]
        body = without_nulls(rendered.value)
        if ("name",) not in withheld:
            body.setdefault("name", instance.default_name)
        fields = fields_of(body)
        found += self._convert(declaration, fields, instance, withheld)
        about = read_meta_arguments(body, kind.schema, withheld)
        found += problems(kind.schema, fields, withheld, beside=(*EXPANSION_KEYS, *AROUND))
        found += about if isinstance(about, list) else ()
        for problem in found:
            self._report(declaration, address, problem)
        if found or withheld or isinstance(about, list):
            return None
        self._advise(declaration, address, fields, together=about.together)
        wave = self._wave(declaration, instance, about.rollout)
        self._claim(declaration, address, str(fields["name"]))
        self._known.add(address)
        if about.lifecycle.replace_triggered_by:
            self._triggers[address] = (declaration, about.lifecycle.replace_triggered_by)
        source = find(declaration.layers[:1], ())
        return Desired(
            address,
            kind.name,
            fields,
            about.labels,
            about.lifecycle,
            about.timeouts,
            source,
            together=about.together,
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
        """Once all is read: what a server is replaced with has to be there, and not to be replaced with it in turn."""
        for address, (declaration, named) in self._triggers.items():
            for index, trigger in enumerate(named):
                if (mistake := unknown(trigger, self._known)) is not None:
                    self._report(declaration, address, Problem((*_TRIGGERS, index), mistake))
        edges = {address: named for address, (_, named) in self._triggers.items()}
        chain = cycle(edges, sorted(self._known)) if edges else ()
        for address in chain:
            declaration, _ = self._triggers[address]
            led = " -> ".join(map(str, (*chain[chain.index(address) :], *chain[: chain.index(address)], address)))
            mistake = UnplacedError(
                "trigger-cycle", f"replace_triggered_by leads back to itself: {led}", hint="take one away"
            )
            self._report(declaration, address, Problem(_TRIGGERS, mistake))

    def _convert(
        self, declaration: _Declaration, fields: dict[str, Any], instance: Instance, withheld: set[Path]
    ) -> list[Problem]:
        """Puts Base64 and references in the place of what was written; what cannot be converted is withheld."""
        found = []
        for rule in declaration.kind.rules:
            holder = _holder(rule, fields)
            if holder is None:
                continue
            written = holder.pop(rule.path[-1])
            if any(path[: len(rule.path)] == rule.path for path in withheld):
                continue
            try:
                holder[rule.path[-1]] = self._converted(declaration, rule, written, instance)
            except UnplacedError as mistake:
                found.append(Problem(rule.path, mistake))
                withheld.add(rule.path)
            except AlreadyReported:
                withheld.add(rule.path)
        return found

    def _converted(self, declaration: _Declaration, rule: FieldRule, written: Any, instance: Instance) -> Any:
        if rule.secret:
            return self._secret(declaration, rule, written, instance.address)
        return self._contents.encoded(dotted(rule.path), written, instance.scope)

    def _secret(self, declaration: _Declaration, rule: FieldRule, written: Any, address: Address) -> SecretReference:
        name = dotted(rule.path)
        at = find(declaration.layers, rule.path)
        given = reference(name, written, at)
        if given.literal is not None:
            self._findings.hide(given.literal)
            self._findings.warn(in_clear(name), at=at, address=address)
            complaint = declaration.kind.check_secret(given.literal.reveal())
            if complaint is not None:
                raise UnplacedError("password-rule", f"{name}: {complaint}")
        return given

    def _advise(self, declaration: _Declaration, address: Address, fields: dict[str, Any], *, together: bool) -> None:
        kind = declaration.kind
        for advice in (*kind.advise(fields), *(self._advise_together(kind, address, fields) if together else ())):
            mistake = UnplacedError(advice.code, advice.message, hint=advice.hint)
            at = find(declaration.layers, advice.path)
            tell = self._findings.warn if advice.warning else self._findings.add
            tell(mistake, at=at, address=address, path=advice.path)

    def _advise_together(self, kind: Kind, address: Address, fields: dict[str, Any]) -> Iterator[Advice]:
        if address.key is None:
            hint = "add count or for_each, or leave order out"
            yield Advice(("order",), "order-together", f"order: together is for several, and {address} is one", hint)
        yield from kind.batch.advise(fields, self._policy)

    def _claim(self, declaration: _Declaration, address: Address, name: str) -> None:
        first = self._names.setdefault((declaration.kind.name, name), address)
        if first != address:
            hint = "use {{ count.index }} or {{ each.key }} in the name, or leave it out"
            mistake = UnplacedError("duplicate-name", f"{first} and {address} have the same name: {name}", hint=hint)
            self._report(declaration, address, Problem(("name",), mistake))

    def _report(self, declaration: _Declaration, address: Address, problem: Problem) -> None:
        at = find(declaration.layers, problem.path, key=problem.key, unknown=problem.unknown)
        self._findings.add(problem.mistake, at=at, address=address, path=problem.path)


def _empty_over(path: FieldPath) -> UnplacedError:
    section = dotted(path)
    return UnplacedError(
        "empty-section",
        f"{section} is empty and says nothing: what `defaults` gives stays",
        hint=f"take the line out; `{path[-1]}: null` takes away what `defaults` gives",
    )


def _without_unset(body: dict[str, Any]) -> dict[str, Any]:
    # An item of for_each may well be null: it is a key to expand by, not a field to leave out.
    return {
        key: value if key in EXPANSION_KEYS else without_nulls(value)
        for key, value in body.items()
        if value is not None
    }


def _holder(rule: FieldRule, fields: dict[str, Any]) -> dict[str, Any] | None:
    """The map in which the rule's field stands, if the field is one to convert and stands there."""
    if not (rule.content or rule.secret):
        return None
    holder: Any = fields
    for step in rule.path[:-1]:
        holder = holder.get(step) if isinstance(holder, dict) else None
    return holder if isinstance(holder, dict) and rule.path[-1] in holder else None
