"""The text of content fields, such as userdata, as people may read it: without the lines that may hold a secret.

Records refer to content by its digest, which is what is compared. The text is kept beside it only for people: a plan that
wipes a system disk shows what changes in the userdata (docs/decisions/0035).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping

from provisioner.model.canonical import JsonObject, digest
from provisioner.model.readable_text import without_secrets
from provisioner.model.redaction import DIGEST, is_leaf
from provisioner.model.resource import FieldPath, Fields, FieldValue


def content_text(encoded: str) -> str | None:
    """Returns what people may read of the Base64 of a content field; None if it is not UTF-8 text, such as an archive."""
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return without_secrets(text)


def content_texts(fields: Fields, is_content: Callable[[FieldPath], bool]) -> Mapping[str, str]:
    """Returns the texts of all content in `fields`, by the digest that stands for it in a redacted body."""
    return dict(_texts(fields, is_content, ()))


def _texts(
    fields: Mapping[str, FieldValue], is_content: Callable[[FieldPath], bool], above: FieldPath
) -> Iterator[tuple[str, str]]:
    for key, value in fields.items():
        path = (*above, key)
        if isinstance(value, Mapping):
            yield from _texts(value, is_content, path)
        elif isinstance(value, str) and is_content(path) and (text := content_text(value)) is not None:
            yield digest(value), text


def referenced_texts(texts: Mapping[str, str], *bodies: JsonObject) -> Mapping[str, str]:
    """Returns those `texts` whose digests occur in one of the bodies."""
    if not texts:
        return texts
    found = set().union(*map(_digests, bodies))
    return {key: text for key, text in texts.items() if key in found}


def _digests(body: JsonObject) -> Iterator[str]:
    for value in body.values():
        if isinstance(value, Mapping):
            if is_leaf(value):
                yield str(value.get(DIGEST, ""))
            else:
                yield from _digests(value)
