"""Renders a tree: returns a plain copy in which all templates are evaluated, and the failures.

This module recognises the texts that are templates. The engine evaluates them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.loading.template_engine import Engine, Scope
from provisioner.loading.tree import INVALID, Path
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError


@dataclass(slots=True)
class Rendered:
    """The result of `render`.

    `failures`: the paths that are absent from `value`, each with its mistake, or None if that was reported elsewhere. `value` is
    an empty map when the whole tree failed.
    """

    value: Any = None
    failures: list[tuple[Path, UnplacedError | None]] = field(default_factory=list)


def render(tree: Any, scope: Scope, engine: Engine) -> Rendered:
    """Evaluates all templates in `tree`."""
    rendered = Rendered()
    value = _Renderer(scope, engine, rendered.failures).value(tree, ())
    rendered.value = {} if value is INVALID else value
    return rendered


@dataclass(frozen=True, slots=True)
class _Renderer:
    scope: Scope
    engine: Engine
    failures: list[tuple[Path, UnplacedError | None]]

    def value(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return self._text(value, path) if "{" in value else value
        if isinstance(value, dict):
            return dict(self._valid_entries(value, path)) if self._charge_copies(value, path) else INVALID
        if isinstance(value, list):
            if not self._charge_copies(value, path):
                return INVALID
            # A failed item becomes None, so that the items after it keep their indexes.
            items = (self.value(item, (*path, index)) for index, item in enumerate(value))
            return [None if item is INVALID else item for item in items]
        if value is INVALID:
            self.failures.append((path, None))
        return value

    def _valid_entries(self, entries: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Any]]:
        for key, value in entries.items():
            result = self.value(value, (*path, key))
            if result is not INVALID:
                yield key, result

    def _charge_copies(self, values: Collection[Any], path: Path) -> bool:
        try:
            self.engine.charge_copies(len(values))
        except UnplacedError as mistake:
            self.failures.append((path, mistake))
        except AlreadyReported:
            self.failures.append((path, None))
        else:
            return True
        return False

    def _text(self, text: str, path: Path) -> Any:
        if not any(mark in text for mark in ("{{", "{%", "{#")):
            return text
        try:
            return self.engine.evaluate(text, self.scope)
        except UnplacedError as mistake:
            self.failures.append((path, mistake))
        except AlreadyReported:
            self.failures.append((path, None))
        return INVALID
