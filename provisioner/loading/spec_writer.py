"""Writes a spec file for existing resources, with the imports that adopt them. Loading it gives the same values again.

Fields that equal the stack's defaults are omitted. The values come from the cloud: everything but a plain word is quoted,
and texts that could contain a template are not written at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from provisioner.loading.merging import merge_defaults
from provisioner.model.address import Address
from provisioner.model.canonical import JsonValue
from provisioner.model.draft import Draft

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_AMBIGUOUS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))
_TEMPLATE_MARKS = ("{{", "{%", "{#")


@dataclass(frozen=True, slots=True)
class ExistingResource:
    """A resource of the cloud to write into the specs.

    `section` is its kind's. `draft` is None when the specs declare the address already. `is_imported`: their `imports:` name its
    id, too.
    """

    address: Address
    id: str
    section: str
    draft: Draft | None = None
    is_imported: bool = False


def render_spec(
    existing: Sequence[ExistingResource], *, defaults: Mapping[str, Mapping[str, JsonValue]], remarks: Sequence[str]
) -> str:
    """Returns the text of a spec file, which ends in a newline.

    `defaults`: the stack's defaults by section. `remarks`: the comment lines at the start of the file.
    """
    lines = [f"# {remark}" for remark in remarks]
    for section in dict.fromkeys(resource.section for resource in existing if resource.draft is not None):
        lines += ["", f"{section}:"]
        for resource in existing:
            if resource.draft is not None and resource.section == section:
                lines += _body(resource.address.name, resource.draft, defaults.get(section, {}))
    lines += ["", "imports:"]
    lines += [
        f"  - {{to: {quote_if_needed(str(resource.address))}, id: {quote_if_needed(resource.id)}}}"
        for resource in existing
        if not resource.is_imported
    ]
    return "\n".join(lines).lstrip("\n") + "\n"


def is_writable(draft: Draft) -> bool:
    """Returns whether no text of `draft` would be read as a template or contains unprintable characters."""
    texts = tuple(_strings(dict(draft.fields)))
    return all(map(str.isprintable, texts)) and not any(mark in text for text in texts for mark in _TEMPLATE_MARKS)


def unique_key(name: str, taken: frozenset[str], *, noun: str) -> str:
    """Returns a key close to `name` that is not in `taken`.

    `noun`: prefix for a name whose first character can't begin a key.
    """
    base = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    base = base if re.match("[A-Za-z_]", base) else f"{noun}-{base}"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}-{number}", number + 1
    return key


def _body(key: str, draft: Draft, defaults: Mapping[str, JsonValue]) -> Iterator[str]:
    own = _without_defaults(defaults, draft.fields)
    yield f"  {quote_if_needed(key)}:" + ("" if own else " {}")
    yield from (f"    {quote_if_needed(name)}: {_value(value)}" for name, value in own.items())
    yield from (f"    # {remark}" for remark in draft.remarks)


def _without_defaults(defaults: Mapping[str, JsonValue], fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Returns the part of `fields` that must be written, so that merging it over `defaults` gives `fields`."""
    own: dict[str, JsonValue] = {}
    for name, value in fields.items():
        default = defaults.get(name)
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            if merge_defaults(default, value, frozenset()) != default:
                own[name] = _without_defaults(default, value)
        elif value != default:
            own[name] = value
    return own


def _value(value: JsonValue) -> str:
    match value:
        case Mapping():
            return f"{{{', '.join(f'{quote_if_needed(name)}: {_value(item)}' for name, item in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case str():
            return quote_if_needed(value)
        case None | bool() | int() | float():
            return json.dumps(value)
        case _:
            raise TypeError(f"{type(value).__name__} is no value of a spec")


def quote_if_needed(text: str) -> str:
    """Returns the text as YAML that every reader takes for this text: in quotes unless it is a plain word."""
    plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _AMBIGUOUS
    return text if plain else json.dumps(text, ensure_ascii=False)


def _strings(value: JsonValue) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for item in value.values():
                yield from _strings(item)
        case list() | tuple():
            for item in value:
                yield from _strings(item)
        case _:
            return
