"""Expands a declaration into its instances: one, `count` of them, or one for each item of `for_each`.

This module knows addresses and the template scope of each instance, but no other fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.loading.template_engine import Engine, Scope
from provisioner.loading.template_types import conversion_hint
from provisioner.loading.template_values import render
from provisioner.loading.tree import Path
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError
from provisioner.loading.validation import type_name
from provisioner.model.address import Address
from provisioner.model.lookalikes import describe_non_ascii
from provisioner.model.secret_names import named_secrets

RESOURCE_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Instance:
    """One resource of a declaration. `scope` holds the names that its templates can use."""

    address: Address
    scope: Scope
    default_name: str
    position: int = 0
    """Index among the instances of its declaration, from 0."""
    total: int = 1
    """Number of instances of its declaration."""


class ExpansionError(Exception):
    """A declaration can't be expanded. `path` leads from its body to the invalid field, or `between` to two of them."""

    def __init__(self, path: Path, mistake: UnplacedError, *, between: tuple[Path, ...] = ()) -> None:
        super().__init__(mistake.summary)
        self.path = path
        self.mistake = mistake
        self.between = between


class Expansion:
    """Expands the declarations of a stack and limits their total, so that a typo doesn't declare a million servers."""

    def __init__(self, engine: Engine, scope: Scope, sensitive_values: set[str]) -> None:
        """`sensitive_values` receives those that stand under names of secrets in `for_each`."""
        self._engine = engine
        self._sensitive_values = sensitive_values
        self._scope = scope
        self._total = 0

    def expand(self, name: str, body: Mapping[str, Any]) -> list[Instance]:
        """Returns the instances of one declaration.

        Raises ExpansionError, or AlreadyReported when the reason was reported elsewhere.
        """
        if "count" in body and "for_each" in body:
            mistake = UnplacedError("invalid-count", "count and for_each exclude each other")
            raise ExpansionError(("count",), mistake, between=(("count",), ("for_each",)))
        if "count" in body:
            return [*self._by_count(name, body["count"], self._render_field(body, "count"))]
        if "for_each" in body:
            return [*self._by_for_each(name, body["for_each"], self._render_field(body, "for_each"))]
        self._reserve(1, ())
        return [Instance(Address(name), self._scope, name)]

    def _by_count(self, name: str, written: Any, count: Any) -> Iterator[Instance]:
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            summary = (
                f"count must be a whole number from 0 and is {'negative' if _is_negative(count) else type_name(count)}"
                f"{describe_non_ascii(count) if isinstance(count, str) else ''}"
            )
            hint = conversion_hint(written, "a whole number", "count") if isinstance(count, str) else ""
            if isinstance(written, str) and "${" in written:
                hint = 'templates are written {{ }} here: count: "{{ var.nodes }}"'
            hint = hint or "write count: 3, or a template that gives a number"
            raise ExpansionError(
                ("count",),
                UnplacedError("invalid-count", summary, hint=hint),
            )
        self._reserve(count, ("count",))
        for index in range(count):
            scope = {**self._scope, "count": {"index": index}}
            yield Instance(Address(name, index), scope, f"{name}-{index}", index, count)

    def _by_for_each(self, name: str, written: Any, items: Any) -> Iterator[Instance]:
        if isinstance(items, list):
            if not all(isinstance(item, str) for item in items) or len(set(items)) < len(items):
                hint = "write each text once, in quotes if it looks like a number"
                raise ExpansionError(
                    ("for_each",),
                    UnplacedError("invalid-for-each", "a list in for_each must hold unique texts", hint=hint),
                )
            items = {item: item for item in items}
        if not isinstance(items, dict):
            summary = f"for_each must be a map or a list of texts and is {type_name(items)}"
            hint = "write for_each: [a, b] or a map"
            if isinstance(written, str) and "{{" in written:
                hint = "the template has to give a list or a map: give its variable type: list, or cut a text by .split(',')"
            raise ExpansionError(("for_each",), UnplacedError("invalid-for-each", summary, hint=hint))
        self._reserve(len(items), ("for_each",))
        self._sensitive_values.update(named_secrets(items))
        for position, (key, value) in enumerate(items.items()):
            scope = {**self._scope, "each": {"key": key, "value": value}}
            yield Instance(Address(name, key), scope, f"{name}-{key}", position, len(items))

    def _render_field(self, body: Mapping[str, Any], field: str) -> Any:
        rendered = render({field: body[field]}, self._scope, self._engine)
        for path, mistake in rendered.failures:
            raise AlreadyReported if mistake is None else ExpansionError(path, mistake)
        return rendered.value[field]

    def _reserve(self, number: int, path: Path) -> None:
        self._total += number
        if self._total > RESOURCE_LIMIT:
            self._total -= number
            summary = f"with this the stack declares more than {RESOURCE_LIMIT:,} resources"
            raise ExpansionError(
                path, UnplacedError("too-many-resources", summary, hint="lower the count, or split the stack")
            )


def _is_negative(count: Any) -> bool:
    return isinstance(count, int) and count < 0
