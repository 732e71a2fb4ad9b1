"""What the specs declare for one address, as people may read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.model.canonical import JsonObject
from provisioner.model.resource import Desired, FieldPath


@dataclass(frozen=True, slots=True)
class DeclaredResource:
    """`body` is redacted; `contents` are the texts of its contents by digest, without secrets. `sensitive` are the paths of
    secrets.
    """

    desired: Desired
    body: JsonObject
    contents: Mapping[str, str]
    sensitive: tuple[FieldPath, ...]
