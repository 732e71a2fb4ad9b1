"""Adds to the changes of content fields, such as userdata, what people may read of the contents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from provisioner.model.action import FieldChange
from provisioner.model.canonical import JsonValue, digest
from provisioner.model.kind import Kind
from provisioner.model.redaction import DIGEST
from provisioner.model.resource import Desired, Recorded


def with_texts(
    changes: Iterable[FieldChange], kind: Kind, desired: Desired, recorded: Recorded, hide: Callable[[str], str]
) -> Iterator[FieldChange]:
    """Yields the changes, those of content with the recorded text and the wanted one. `hide` removes the secrets that are
    known. A field that is left out has no lines. A text that was never recorded stays None.
    """
    for change in changes:
        yield _with_texts(change, kind, desired, recorded, hide) if kind.rule(change.path).content else change


def _with_texts(
    change: FieldChange, kind: Kind, desired: Desired, recorded: Recorded, hide: Callable[[str], str]
) -> FieldChange:
    texts = {digest(""): "", **recorded.contents, **kind.content_texts(desired.fields, hide)}

    def text_of(value: JsonValue) -> str | None:
        if value is None:
            return ""
        return texts.get(str(value.get(DIGEST))) if isinstance(value, Mapping) else None

    return replace(change, text_before=text_of(change.before), text_after=text_of(change.after))
