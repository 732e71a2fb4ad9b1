"""What a release needs of the specs, and what it does without.

`destroy` goes by the state. Of the specs it needs the settings of the stack, what `moved:` and `removed:` say, and which servers are
protected. It does without values that cannot be worked out here: variables without a value, templates that fail, secrets that
are not written as they have to be. A mistake in the structure of the specs could hide a protection or a removal, so it stays an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from provisioner.loading.template_engine import Engine, Scope
from provisioner.loading.template_values import render
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, warning

_VALUES: Final = frozenset(
    {
        "missing-variable",
        "undefined-variable",
        "reference-unsupported",
        "template-error",
        "template-forbidden",
        "template-limit",
        "template-statement",
        "template-syntax",
        "invalid-content",
        "invalid-secret",
        "password-rule",
        "secret-in-clear",
    }
)
"""Codes of mistakes in a value."""
_FILES: Final = frozenset({"unreadable-file", "not-a-regular-file", "outside-stack", "not-utf8", "control-character"})
"""Codes of mistakes in a file, which is a template where the mistake has an address, and else a file of the specs."""
_SHOWN: Final = 5


def is_for_creating_only(finding: Diagnostic) -> bool:
    """Returns whether a mistake is in a value that only creating or changing a server needs."""
    return finding.code in _VALUES or (finding.address is not None and finding.code in _FILES)


def unread_specs_warning(found: Sequence[Diagnostic]) -> Diagnostic:
    """Returns the one warning that stands for all mistakes that a release does without."""
    lines = [f"{one.source}: {one.summary}" if one.source else one.summary for one in found]
    more = f"\n... and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    mistakes = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    return warning(
        "specs-unread",
        f"the specs have {mistakes} in values that a release does not need",
        detail="\n".join(lines[:_SHOWN]) + more,
        hint="it goes by the state. What the state or the specs protect stays protected, also where the specs do not show "
        "whether they protect it",
    )


def assumed_protected(unread: Mapping[Address, Mapping[str, Any]], scope: Scope, engine: Engine) -> Iterator[Address]:
    """Yields the groups of `unread` that count as protected. `unread` maps them to their bodies as written, with the defaults.

    A group is protected when its body says so, and when nobody can tell what it says.
    """
    for address, body in unread.items():
        lifecycle = body.get("lifecycle")
        if lifecycle is None:
            continue
        if not isinstance(lifecycle, dict):
            yield address
            continue
        rendered = render({"value": lifecycle.get("prevent_destroy")}, scope, engine)
        value = rendered.value.get("value")
        if rendered.failures or not (value is None or value is False):
            yield address
