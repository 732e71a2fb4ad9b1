"""Templates of specs: Jinja2's expressions in an immutable sandbox that also bounds memory and work.

Evaluates expressions and template files over plain values. Attributes of Python objects cannot be reached at all:
`a.b` looks into maps, and a short list of methods is granted by name. Knows neither files nor where values stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from jinja2 import (
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    Undefined,
    UndefinedError,
    nodes,
    pass_eval_context,
)
from jinja2 import tests as jinja_tests
from jinja2.nodes import EvalContext
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from provisioner.loading import grammar
from provisioner.loading.budget import FILE_LIMIT, VALUE_LIMIT, Budget, too_much
from provisioner.loading.filters import BINARY, Operations, text_of
from provisioner.loading.mistake import Mistake, Withheld
from provisioner.loading.scalars import fits
from provisioner.loading.tree import BROKEN, DEPTH_LIMIT
from provisioner.loading.undefined import explain

Scope: TypeAlias = Mapping[str, Any]
_LOOP = frozenset(("first", "index", "index0", "last", "length", "revindex", "revindex0"))
_UNWORKABLE = (
    TemplateError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
    MemoryError,
)
_UNREADABLE = (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError)
_EXPRESSIONS = 10_000
_RESULT = "result"


@pass_eval_context
def _finalize(_context: EvalContext, value: Any) -> str:
    # Asking for a context keeps Jinja from working out constant expressions while it compiles, unbounded.
    return text_of(value)


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = BINARY

    def __init__(self, operations: Operations, **delimiters: str) -> None:
        super().__init__(
            undefined=StrictUndefined,
            finalize=_finalize,
            optimized=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            **delimiters,
        )
        self.operations = operations
        self.globals = {"range": operations.span}
        self.tests = {name: jinja_tests.TESTS[name] for name in grammar.TESTS}
        self.filters = operations.filters()
        self.offered = frozenset(self.filters)
        self.filters |= {
            grammar.CONCATENATE: operations.concatenate,
            grammar.WEIGH: operations.weigh,
            grammar.STEPS: operations.steps,
        }

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return _whole(obj[attribute])
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        if attribute in grammar.METHODS.get(type(obj), ()):
            return _Method(obj, attribute)
        if isinstance(obj, Undefined):
            str(obj)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            str(obj)
        if isinstance(obj, (dict, list, tuple, str)):
            try:
                return _whole(obj[argument])
            except (LookupError, TypeError):
                pass
        return self.undefined(obj=obj, name=argument)

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - Jinja's hook
        if isinstance(called, _Method):
            return self.operations.method(called.owner, called.name, args)
        if called == self.operations.span:
            return self.operations.span(*args)
        raise Mistake("template-forbidden", "this cannot be called in templates", hint="use a filter: value | filter")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's hook
        return self.operations.binary(operator, left, right)


@dataclass(frozen=True, slots=True, eq=False)
class _Method:
    """A method that was named and not yet called: of no use but to be called."""

    owner: Any
    name: str


@dataclass(frozen=True, slots=True)
class _Compiled:
    tree: nodes.Node
    template: Template


class Engine:
    """Compiles each distinct expression and file once. Raises Mistake for whatever cannot or may not be worked out."""

    def __init__(self) -> None:
        self._budget = Budget()
        operations = Operations(self._budget)
        # In values only {{ }} is a template. The other delimiters are characters that no spec can contain.
        out_of_reach = {
            f"{what}_{side}_string": f"\0{what}{side}" for what in ("block", "comment") for side in ("start", "end")
        }
        self._values = _Environment(operations, **out_of_reach)
        self._files = _Environment(operations)
        self._expressions: dict[str, _Compiled] = {}
        self._segments: dict[str, tuple[str | _Compiled, ...]] = {}
        self._sources: dict[str, _Compiled] = {}

    def value(self, text: str, scope: Scope) -> Any:
        """A text that is one whole expression gives the expression's value with its type; any other gives a text."""
        segments = self._segments.get(text) or self._segments.setdefault(text, self._split(text))
        self._budget.begin()
        with _explained(scope) as watch:
            if len(segments) == 1 and isinstance(segments[0], _Compiled):
                result = self._plain(_evaluate(segments[0], scope, watch), 0)
            else:
                result = "".join(
                    part if isinstance(part, str) else text_of(_evaluate(part, scope, watch)) for part in segments
                )
        if isinstance(result, str) and len(result) > VALUE_LIMIT:
            raise too_much(f"it gives more than {VALUE_LIMIT:,} characters")
        return result

    def file(self, source: str, scope: Scope) -> str:
        """A whole template file, in which if, for and set may stand as well."""
        compiled = self._sources.get(source) or self._sources.setdefault(source, self._compile_file(source))
        self._budget.begin()
        pieces: list[str] = []
        room = FILE_LIMIT
        with _explained(scope) as watch:
            watch.append(compiled.tree)
            for piece in compiled.template.root_render_func(compiled.template.new_context(dict(scope))):
                room -= len(piece)
                if room < 0:
                    raise too_much(f"it gives more than {FILE_LIMIT:,} characters")
                pieces.append(piece)
        return "".join(pieces)

    def _split(self, text: str) -> tuple[str | _Compiled, ...]:
        if len(text) > VALUE_LIMIT:
            raise too_much(f"a text with templates may have {VALUE_LIMIT:,} characters")
        segments: list[str | _Compiled] = []
        inside: list[str] | None = None
        with _readable():
            for _, token, piece in self._values.lex(text):
                match token:
                    case "variable_begin":
                        inside = []
                    case "variable_end":
                        segments.append(self._expression("".join(inside or ()).strip()))
                        inside = None
                    case "data":
                        segments.append(_without_statements(piece))
                    case _ if inside is not None:
                        inside.append(piece)
                    case _:
                        raise TemplateSyntaxError("}} without {{", 1)
            if inside is not None:
                raise TemplateSyntaxError("{{ without }}", 1)
        return tuple(segments)

    def _expression(self, text: str) -> _Compiled:
        if found := self._expressions.get(text):
            return found
        if len(self._expressions) >= _EXPRESSIONS:
            raise too_much(f"a stack may have {_EXPRESSIONS:,} different expressions")
        parser = Parser(self._values, text, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateSyntaxError("something stands behind the end of the expression", 1)
        grammar.check(tree, self._values.offered, statements=False)
        body: list[nodes.Node] = [nodes.Assign(nodes.Name(_RESULT, "store"), tree, lineno=1)]
        compiled = self._compiled(self._values, nodes.Template(body, lineno=1))
        return self._expressions.setdefault(text, compiled)

    def _compile_file(self, source: str) -> _Compiled:
        with _readable():
            tree = self._files.parse(source)
            grammar.check(tree, self._files.offered, statements=True)
            return self._compiled(self._files, tree)

    def _compiled(self, environment: _Environment, tree: nodes.Template) -> _Compiled:
        bounded = grammar.Bounded().visit(tree)
        bounded.set_environment(environment)
        return _Compiled(bounded, environment.from_string(bounded))

    def _plain(self, value: Any, depth: int) -> Any:
        """A copy made of YAML's own types, so that what is done to one resource is not done to another."""
        self._budget.spend(1)
        if depth > DEPTH_LIMIT:
            raise too_much(f"its value nests more than {DEPTH_LIMIT} deep")
        if isinstance(value, dict):
            return {text_of(key): self._plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._plain(item, depth + 1) for item in value]
        if isinstance(value, int) and not fits(value):
            raise too_much("its value does not fit into 64 bits")
        return None if value is None else value if isinstance(value, (bool, int, float)) else text_of(value)


def _evaluate(compiled: _Compiled, scope: Scope, watch: list[nodes.Node]) -> Any:
    watch.append(compiled.tree)
    context = compiled.template.new_context(dict(scope))
    for _ in compiled.template.root_render_func(context):
        pass
    return context.vars[_RESULT]


def _whole(value: Any) -> Any:
    if value is BROKEN:
        raise Withheld
    return value


def _without_statements(text: str) -> str:
    for mark in ("{%", "{#"):
        if mark in text:
            hint = f"move it into a template file, or write {{{{ '{mark}' }}}} for the characters themselves"
            raise Mistake("template-statement", f"{mark} may not stand in a value; only {{{{ }}}} may", hint=hint)
    return text


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except TemplateSyntaxError as reason:
        where = f" (line {reason.lineno})" if reason.lineno > 1 else ""
        summary = f"this template cannot be read{where}: {reason.message}"
        raise Mistake("template-syntax", summary, hint="check the brackets, quotes and filters in it") from None
    except _UNREADABLE:
        raise Mistake("template-syntax", "this template is too deeply nested to be read", hint="simplify it") from None


@contextmanager
def _explained(scope: Scope) -> Iterator[list[nodes.Node]]:
    """Hands out a list for the trees that are being evaluated: the last one is where an error came from."""
    watch: list[nodes.Node] = []
    try:
        yield watch
    except UndefinedError as reason:
        raise explain(watch[-1], scope, reason) from None
    except RecursionError:
        raise too_much("it nests too deeply") from None
    except _UNWORKABLE as reason:
        raise Mistake("template-error", _said(reason), hint="check the types of the values in it") from None


def _said(reason: BaseException) -> str:
    # Of Python's messages only those of TypeError and ZeroDivisionError never quote a value, which may be a password.
    detail = f": {reason}" if isinstance(reason, (TypeError, ZeroDivisionError)) else ""
    return f"this expression cannot be worked out{detail}"
