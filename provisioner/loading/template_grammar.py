"""Checks the syntax tree of a template against the list of allowed constructs, before it is compiled.

It also rewrites the few constructs for which Jinja offers no hook, so that they are charged as well. This module knows only
syntax.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from provisioner.loading.unplaced_error import UnplacedError, suggest

CONCATENATE, METER, LOOP, COMPARE, SLICE = "_concatenate", "_meter", "_loop", "_compare", "_slice"
"""Names of the filters that the rewritten tree uses. Authors can't use them: `check` rejects them."""

TESTS = frozenset(
    (
        *(
            "boolean",
            "defined",
            "even",
            "false",
            "float",
            "in",
            "integer",
            "iterable",
            "mapping",
            "none",
            "number",
            "odd",
        ),
        *("sequence", "string", "true", "undefined"),
        *("==", "eq", "!=", "ne", ">", "gt", ">=", "ge", "<", "lt", "<=", "le"),
    )
)
METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(("upper", "lower", "strip", "startswith", "endswith", "split", "replace")),
    dict: frozenset(("items", "keys", "values", "get")),
}
_METHOD_NAMES = frozenset().union(*METHODS.values())
_EXPRESSIONS: tuple[type[nodes.Node], ...] = (
    *(nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.Slice),
    *(nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test, nodes.Call, nodes.CondExpr, nodes.Compare, nodes.Operand),
    *(nodes.BinExpr, nodes.UnaryExpr, nodes.Concat),
)
_STATEMENTS: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign),
)


def size(tree: nodes.Node) -> int:
    """Returns the number of nodes, which is the minimum cost of running the tree once, in steps."""
    return sum(1 for _ in _walk(tree))


def check(tree: nodes.Node, filters: frozenset[str], *, statements: bool) -> None:
    """Raises UnplacedError for the first construct that is not allowed. `statements`: if, for and set are allowed."""
    allowed = (*_EXPRESSIONS, *_STATEMENTS) if statements else _EXPRESSIONS
    for node in _walk(tree):
        try:
            if not isinstance(node, allowed):
                hint = (
                    "templates have {{ }}, if, for and set; nothing else" if statements else "simplify the expression"
                )
                raise _forbidden(f"{_node_name(node)} is not allowed in templates", hint=hint)
            _check_node(node, filters)
        except UnplacedError as mistake:
            mistake.line = node.lineno
            raise


def _check_node(node: nodes.Node, filters: frozenset[str]) -> None:
    match node:
        case nodes.Name(name=str(name)) if name.startswith("_") or name == "self":
            raise _forbidden(f"the name {name} is not allowed in templates", hint="names begin with a letter")
        case nodes.Getattr(attr=str(name)) if name.startswith("_"):
            raise _forbidden(f"the attribute {name} is not allowed in templates", hint="names begin with a letter")
        case nodes.Filter(name=str(name)) if name not in filters:
            raise _forbidden(f"there is no filter {name}", hint=suggest(name, filters, title="the filters are"))
        case nodes.Test(name=str(name)) if name not in TESTS:
            words = (test for test in TESTS if test.isalpha())
            raise _forbidden(f"there is no test {name}", hint=suggest(name, words, title="the tests are"))
        case nodes.For(recursive=True):
            raise _forbidden("a recursive loop is not allowed in templates", hint="use a plain for")
        case nodes.Call():
            _check_call(node)
        case _:
            pass


def _check_call(node: nodes.Call) -> None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise _forbidden("arguments cannot be unpacked with * in templates", hint="write the arguments out")
    match node.node:
        case nodes.Name(name="range"):
            return
        case nodes.Getattr(attr=name) if name in _METHOD_NAMES:
            return
        case nodes.Name(name=name) | nodes.Getattr(attr=name):
            hint = suggest(name, (*_METHOD_NAMES, "range"), title="what can be called is")
            raise _forbidden(f"{name}() cannot be called in templates", hint=hint)
        case _:
            raise _forbidden("this cannot be called in templates", hint="use a filter: value | filter")


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(node.iter_child_nodes())


def _forbidden(summary: str, *, hint: str) -> UnplacedError:
    return UnplacedError("template-forbidden", summary, hint=hint)


def _node_name(node: nodes.Node) -> str:
    return {"AssignBlock": "a set block", "CallBlock": "a call block", "FilterBlock": "a filter block"}.get(
        type(node).__name__, type(node).__name__.lower()
    )


class MeteringTransformer(NodeTransformer):
    """Adds filters that charge for values and loops that would not pass through a hook of the environment."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's naming
        self.generic_visit(node)
        return _metered_filter(CONCATENATE, nodes.List(node.nodes, lineno=node.lineno))

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _metered_filter(METER, node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _metered_filter(METER, node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _metered_filter(METER, node) if node.ctx == "load" else node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        signs = nodes.Const(tuple(operand.op for operand in node.ops))
        return _metered_filter(COMPARE, nodes.List(sides, lineno=node.lineno), signs)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        bounds = (node.arg.start, node.arg.stop, node.arg.step)
        return _metered_filter(SLICE, node.node, *(bound or nodes.Const(None) for bound in bounds))

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        cost = size(node)
        self.generic_visit(node)
        node.iter = _metered_filter(LOOP, cast("nodes.Expr", node.iter), nodes.Const(cost))
        return node


def _metered_filter(name: str, node: nodes.Expr, *arguments: nodes.Expr) -> nodes.Filter:
    options: list[nodes.Pair] = []
    return nodes.Filter(node, name, [*arguments], options, None, None, lineno=node.lineno)
