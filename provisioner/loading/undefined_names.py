"""Explains which name of a template is undefined, as its author wrote it, and suggests the one that was probably meant.

It runs only after an evaluation failed, and walks the expression again to find the name that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import UndefinedError, nodes

from provisioner.loading.unplaced_error import UnplacedError, suggest, variable_subject

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
    return UnplacedError("template-error", f"this expression cannot be worked out: {reason.message}", hint="check it")


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
        steps = _steps(node)
        if steps is None or steps[0] in local:
            continue
        container: Any = scope
        for step in steps[:-1]:
            container = container.get(step) if isinstance(container, Mapping) else None
        if (container is scope or container is not None) and not (
            isinstance(container, Mapping) and steps[-1] in container
        ):
            yield ".".join(steps), steps[-1], container if isinstance(container, Mapping) else None


def _steps(node: nodes.Node) -> list[str] | None:
    """Returns the names of `a.b["c"]`, or None for an expression that has other parts."""
    match node:
        case nodes.Name(name=name, ctx="load"):
            return None if name == "range" else [name]
        case nodes.Getattr(node=inner, attr=step) | nodes.Getitem(node=inner, arg=nodes.Const(value=str(step))):
            prefix = _steps(inner)
            return None if prefix is None else [*prefix, step]
        case _:
            return None
