"""Says which filter converts the value of a template that is of another type than its field wants.

The template stands in quotes already, so the usual advice about quotes is wrong for it.
"""

from __future__ import annotations

from typing import Any, Final

from provisioner.loading.validation import Problem, dotted
from provisioner.model.secret_names import sounds_secret

_LONGEST: Final = 60
_FILTERS: Final = {"a text": "string", "a whole number": "int", "a number": "float"}


def advise_conversion(problem: Problem, body: Any) -> None:
    """Replaces the hint of a problem whose value a template gave. `body`: what is written at the root of its path."""
    written = body
    for step in problem.path:
        if isinstance(written, dict):
            written = written.get(step)
        elif isinstance(written, list) and isinstance(step, int) and step < len(written):
            written = written[step]
    if hint := conversion_hint(written, problem.expected, dotted(problem.path)):
        problem.mistake.hint = hint


def conversion_hint(written: Any, expected: str, name: str) -> str:
    """Returns how to make the value of a template `expected`, such as `a text`; empty if no filter does or none is written."""
    if not isinstance(written, str) or "{{" not in written or expected not in _FILTERS:
        return ""
    text, filter_ = written.strip(), _FILTERS[expected]
    is_whole = text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1
    expression = text[2:-2].strip() if is_whole and len(text) <= _LONGEST and not sounds_secret(name) else "..."
    if not expression.replace(".", "").replace("_", "").isalnum() and expression != "...":
        expression = f"({expression})"
    converted = f'write "{{{{ {expression} | {filter_} }}}}"'
    if is_whole:
        return f"the template gives another type, and quotes around it change nothing: {converted}"
    return f"a template with text around it gives a text: {converted}, with the whole value inside the braces"
