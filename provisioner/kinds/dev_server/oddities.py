"""Warns of what the API accepts and probably nobody means: empty sections, and terms that it never describes.

Source: docs/api/devserver-api.md section 3.1. Nothing says that the API refuses any of it, so these are warnings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provisioner.model.capability import Advice
from provisioner.model.resource import FieldPath, Fields, FieldValue

_DESCRIBED = ("MONTH", "YEAR")
"""The units of a term that the API's pages describe."""


def advise(fields: Fields) -> Iterator[Advice]:
    """Yields a warning for each empty section, and for a term in a unit that is not described."""
    for path in _empty_sections(fields):
        yield Advice(
            path,
            "empty-section",
            f"{'.'.join(path)} is empty and has no effect; the cloud chooses all of it",
            "remove the line, or fill it in; `null` removes a default",
            warning=True,
        )
    yield from _advise_of_term(fields.get("charging_info"))


def _empty_sections(value: FieldValue, path: FieldPath = ()) -> Iterator[FieldPath]:
    if isinstance(value, Mapping):
        if path and not any(member is not None for member in value.values()):
            yield path
        for key, member in value.items():
            yield from _empty_sections(member, (*path, key))
    elif isinstance(value, list | tuple):
        for place, member in enumerate(value):
            yield from _empty_sections(member, (*path, str(place)))


def _advise_of_term(charging: FieldValue) -> Iterator[Advice]:
    """Judges prepaid terms only: pay-per-use must declare a term, and has none."""
    if not isinstance(charging, Mapping) or charging.get("charging_mode") != "PRE_PAID":
        return
    period = charging.get("period_type")
    if isinstance(period, str) and period not in _DESCRIBED:
        renewal = ", and it cannot be renewed automatically" if charging.get("is_auto_renew") else ""
        yield Advice(
            ("charging_info", "period_type"),
            "unusual-period",
            f"a term of {period} is listed by the API, but only {' and '.join(_DESCRIBED)} are described{renewal}",
            "the cloud may refuse it, or sell another term; MONTH and YEAR are what is sold",
            warning=True,
        )
