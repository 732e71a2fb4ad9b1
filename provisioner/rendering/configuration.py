"""Renders the configuration that is in force, as a table and as a JSON document."""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.model.configured_value import ConfiguredValue, Scalar
from provisioner.rendering.machine import FORMAT_VERSION, Document
from provisioner.rendering.style import Style, escape
from provisioner.rendering.table import table_text


def render_configuration(values: Iterable[ConfiguredValue], style: Style, *, origin: bool) -> str:
    """Returns a line for each value; with `origin` also where it is from."""
    headings = ("NAME", "VALUE", *(("ORIGIN",) if origin else ()))
    rows = [
        (one.name, _text(one.value), *((str(one.origin),) if origin else ()))
        for one in values
        if origin or one.name != "configuration"
    ]
    return table_text(headings, [tuple(map(escape, row)) for row in rows], style)


def configuration_document(values: Iterable[ConfiguredValue]) -> Document:
    return {
        "format_version": FORMAT_VERSION,
        "values": [
            {
                "name": one.name,
                "value": one.value,
                "origin": {"type": one.origin.type.value, "place": one.origin.place or None},
            }
            for one in values
        ],
    }


def _text(value: Scalar) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
