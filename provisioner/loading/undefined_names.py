"""Explains which name of a template is undefined, as its author wrote it, and suggests the one that was probably meant.

It runs only after an evaluation failed, and walks the expression again to find the name that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import UndefinedError, nodes

from provisioner.loading.unplaced_error import UnplacedError, suggest, variable_subject

_NO_FIELD = re.compile(r"'(\w+) object' has no attribute '([^']*)'")
_OBJECTS = {
    "int": "a number",
    "float": "a number",
    "str": "a text",
    "list": "a list",
    "dict": "this map",
    "None": "null",
}
_OUT_OF_SCOPE = {
    "count": "count.index exists only in a resource that has count",
    "each": "each.key and each.value exist only in a resource that has for_each",
    "env": "this stack has no environments, so env has no value",
}


def explain(tree: nodes.Node, scope: Mapping[str, Any], reason: UndefinedError) -> UnplacedError:
    """Returns the error for the undefined name that made Jinja raise `reason`."""
    missing = list(_missing(tree, scope))
    # Several names of an expression may be undefined; Jinja's message quotes the one that failed.
    for written, name, known in sorted(missing, key=lambda found: repr(found[1]) not in str(reason)):
        return _error_for(written, name, known)
    message = str(reason.message)
    if found := _NO_FIELD.search(message):
        summary = f"this expression cannot be worked out: {_OBJECTS.get(found[1], 'a value')} has no field {found[2]}"
        return UnplacedError("template-error", summary, hint="check which value stands before the dot")
    return UnplacedError(
        "template-error", f"this expression cannot be worked out: {message}", hint="check the names in it"
    )


def _error_for(written: str, name: str, known: Mapping[str, Any] | None) -> UnplacedError:
    if written == "servers":
        hint = "write the value out, or share it by a variable"
        return UnplacedError("reference-unsupported", "references to other servers are not supported yet", hint=hint)
    if written in _OUT_OF_SCOPE:
        return UnplacedError("undefined-variable", _OUT_OF_SCOPE[written], hint=f"leave {written} out here")
    if written.startswith("var."):
        hint = suggest(name, known or (), title="declared are") or "declare it under variables: in stack.yaml"
        about = variable_subject(name)
        return UnplacedError("undefined-variable", f"{written} is not declared", hint=hint, about=about)
    return UnplacedError(
        "undefined-variable", f"{written} does not exist", hint=suggest(name, known or (), title="there is")
    )


def _missing(tree: nodes.Node, scope: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
    local = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    for node in tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem)):
        steps = steps_of(node)
        if steps is None or steps[0] in local:
            continue
        container: Any = scope
        for step in steps[:-1]:
            container = container.get(step) if isinstance(container, Mapping) else None
        if (container is scope or container is not None) and not (
            isinstance(container, Mapping) and steps[-1] in container
        ):
            yield ".".join(steps), steps[-1], container if isinstance(container, Mapping) else None


def steps_of(node: nodes.Node) -> list[str] | None:
    """Returns the names of `a.b["c"]`, or None for an expression that has other parts."""
    match node:
        case nodes.Name(name=name, ctx="load"):
            return None if name == "range" else [name]
        case nodes.Getattr(node=inner, attr=step) | nodes.Getitem(node=inner, arg=nodes.Const(value=str(step))):
            prefix = steps_of(inner)
            return None if prefix is None else [*prefix, step]
        case _:
            return None
