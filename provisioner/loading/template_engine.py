"""Evaluates the expressions and template files of specs over plain values, within limits.

The grammar decides what templates may contain, the environment what they can access, and the budget what they may cost.
This module knows neither files nor source positions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from jinja2 import Template, TemplateError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.parser import Parser

from provisioner.loading import template_grammar
from provisioner.loading.budget import (
    COMPILE_COST,
    COPY_COST,
    EXPLAIN_COST,
    FILE_LIMIT,
    PARSE_COST,
    STEP_COST,
    VALUE_LIMIT,
    Budget,
    over_limit,
)
from provisioner.loading.comparisons import Comparisons
from provisioner.loading.filters import Operations, to_text
from provisioner.loading.scalars import fits
from provisioner.loading.template_environment import Environment
from provisioner.loading.template_failures import (
    describe_values,
    evaluation_error,
    line_of,
    shell_length_error,
    shell_length_line,
    statement_error,
    syntax_error,
)
from provisioner.loading.tree import DEPTH_LIMIT
from provisioner.loading.undefined_names import explain
from provisioner.loading.unplaced_error import UnplacedError

Scope: TypeAlias = Mapping[str, Any]
_EVALUATION_ERRORS = (
    TemplateError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
    MemoryError,
    NameError,  # an infinite number, which the template's own code names `inf`
)
_PARSE_ERRORS = (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError)
_EXPRESSION_LIMIT = 5_000
_RESULT = "result"
_RAW, _END_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}"), re.compile(r"\{%-?\s*endraw\s*-?%\}")
"""What stands around a part of a value that is no template."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A template, of the text `source` as far as it is an expression."""

    tree: nodes.Node
    template: Template
    size: int
    source: str = ""


class Engine:
    """Evaluates templates and compiles each distinct expression and file once.

    Its methods raise UnplacedError for templates that are invalid, forbidden, too expensive or fail, and AlreadyReported for
    those that need an invalid value.
    """

    def __init__(self) -> None:
        self._budget = Budget()
        operations, comparisons = Operations(self._budget), Comparisons(self._budget)
        # In values, only {{ }} is a template. The other delimiters contain a character that no spec can contain.
        unused_delimiters = {
            f"{what}_{side}_string": f"\0{what}{side}" for what in ("block", "comment") for side in ("start", "end")
        }
        self._values = Environment(operations, comparisons, **unused_delimiters)
        self._files = Environment(operations, comparisons)
        self._expressions: dict[str, _Compiled] = {}
        self._segments: dict[str, tuple[str | _Compiled, ...]] = {}
        self._sources: dict[str, _Compiled] = {}

    def evaluate(self, text: str, scope: Scope) -> Any:
        """Evaluates a text. A text that is a single expression gives a value of any type; all others give a text."""
        segments = self._segments.get(text) or self._segments.setdefault(text, self._split(text))
        self._budget.begin_evaluation(STEP_COST * sum(1 if isinstance(part, str) else part.size for part in segments))
        with self._translate_evaluation_errors(scope) as evaluated:
            if len(segments) == 1 and isinstance(segments[0], _Compiled):
                result = self._plain_copy(_evaluate(segments[0], scope, evaluated), 0)
            else:
                result = "".join(
                    part if isinstance(part, str) else to_text(_evaluate(part, scope, evaluated)) for part in segments
                )
        if isinstance(result, str) and len(result) > VALUE_LIMIT:
            raise over_limit(f"it gives more than {VALUE_LIMIT:,} characters")
        return result

    def parse_expressions(self, text: str) -> tuple[nodes.Node, ...]:
        """Returns the syntax trees of the expressions in a text, after the check of what they may contain."""
        segments = self._segments.get(text) or self._segments.setdefault(text, self._split(text))
        return tuple(part.tree for part in segments if isinstance(part, _Compiled))

    def render_file(self, source: str, scope: Scope) -> str:
        """Renders the text of a template file, which may also contain if, for and set."""
        compiled = self._sources.get(source) or self._sources.setdefault(source, self._compile_file(source))
        self._budget.begin_evaluation(STEP_COST * compiled.size)
        pieces: list[str] = []
        remaining = FILE_LIMIT
        with self._translate_evaluation_errors(scope) as evaluated:
            evaluated.append(compiled)
            for piece in compiled.template.root_render_func(compiled.template.new_context(dict(scope))):
                remaining -= len(piece)
                if remaining < 0:
                    raise over_limit(f"it gives more than {FILE_LIMIT:,} characters")
                self._budget.charge(STEP_COST * 3 + len(piece))
                pieces.append(piece)
        return "".join(pieces)

    def charge_copies(self, values: int) -> None:
        """Charges for copying `values` values into a resource. Raises as `Budget.charge_run` does."""
        self._budget.charge_run(COPY_COST * values)

    def _split(self, text: str) -> tuple[str | _Compiled, ...]:
        if len(text) > VALUE_LIMIT:
            raise over_limit(f"a text with templates may have {VALUE_LIMIT:,} characters")
        self._budget.charge_run(PARSE_COST * len(text))
        segments: list[str | _Compiled] = []
        at = 0
        while (begin := _RAW.search(text, at)) and (end := _END_RAW.search(text, begin.end())):
            segments += (*self._segments_of(text[at : begin.start()]), text[begin.end() : end.start()])
            at = end.end()
        return (*segments, *self._segments_of(text[at:]))

    def _segments_of(self, text: str) -> list[str | _Compiled]:
        segments: list[str | _Compiled] = []
        inside: list[str] | None = None
        with _translate_parse_errors(text):
            for _, token, piece in self._values.lex(text):
                match token:
                    case "variable_begin":
                        inside = []
                    case "variable_end":
                        segments.append(self._expression("".join(inside or ()).strip()))
                        inside = None
                    case "data":
                        segments.append(_reject_statements(piece))
                    case _ if inside is not None:
                        inside.append(piece)
                    case _:
                        raise TemplateSyntaxError("}} without {{", 1)
            if inside is not None:
                raise TemplateSyntaxError("{{ without }}", 1)
        return segments

    def _expression(self, text: str) -> _Compiled:
        if found := self._expressions.get(text):
            return found
        if len(self._expressions) >= _EXPRESSION_LIMIT:
            raise over_limit(f"a stack may have {_EXPRESSION_LIMIT:,} different expressions")
        with _translate_parse_errors(f"{{{{{text}}}}}"):
            parser = Parser(self._values, text, state="variable")
            tree = parser.parse_expression()
            if not parser.stream.eos:
                raise TemplateSyntaxError("something stands behind the end of the expression", 1)
        template_grammar.check(tree, self._values.filter_names, statements=False)
        body: list[nodes.Node] = [nodes.Assign(nodes.Name(_RESULT, "store"), tree, lineno=1)]
        compiled = replace(self._compile(self._values, nodes.Template(body, lineno=1)), source=text)
        return self._expressions.setdefault(text, compiled)

    def _compile_file(self, source: str) -> _Compiled:
        self._budget.charge_run(PARSE_COST * len(source))
        if (line := shell_length_line(self._files, source)) is not None:
            raise shell_length_error(line)
        with _translate_parse_errors(source):
            tree = self._files.parse(source)
            template_grammar.check(tree, self._files.filter_names, statements=True)
            return self._compile(self._files, tree)

    def _compile(self, environment: Environment, tree: nodes.Template) -> _Compiled:
        size = template_grammar.size(tree)
        self._budget.charge_run(COMPILE_COST * size)
        metered_tree = template_grammar.MeteringTransformer().visit(tree)
        metered_tree.set_environment(environment)
        return _Compiled(metered_tree, environment.from_string(metered_tree), size)

    def _plain_copy(self, value: Any, depth: int) -> Any:
        """Copies a value as YAML's own types, so that resources share no mutable values."""
        self._budget.charge(STEP_COST)
        if depth > DEPTH_LIMIT:
            raise over_limit(f"its value nests more than {DEPTH_LIMIT} deep")
        if isinstance(value, dict):
            return {to_text(key): self._plain_copy(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._plain_copy(item, depth + 1) for item in value]
        if isinstance(value, int) and not fits(value):
            raise over_limit("its value does not fit into 64 bits")
        return None if value is None else value if isinstance(value, (bool, int, float)) else to_text(value)

    @contextmanager
    def _translate_evaluation_errors(self, scope: Scope) -> Iterator[list[_Compiled]]:
        """Translates the errors of an evaluation to UnplacedError.

        The body appends each template that it evaluates to the list, so that an error comes from the last one.
        """
        evaluated: list[_Compiled] = []
        try:
            yield evaluated
        except UndefinedError as reason:
            self._budget.charge_run(EXPLAIN_COST * evaluated[-1].size)
            raise self._placed(explain(evaluated[-1].tree, scope, reason), reason, evaluated) from None
        except RecursionError:
            raise over_limit("it nests too deeply") from None
        except UnplacedError as mistake:
            if mistake.code == "template-error":
                raise self._with_values(mistake, mistake, evaluated, scope) from None
            raise self._placed(mistake, mistake, evaluated) from None
        except _EVALUATION_ERRORS as reason:
            raise self._with_values(evaluation_error(reason), reason, evaluated, scope) from None

    def _with_values(
        self, mistake: UnplacedError, reason: BaseException, evaluated: list[_Compiled], scope: Scope
    ) -> UnplacedError:
        """Completes an error with its line, and with the values that stand on it."""
        placed = self._placed(mistake, reason, evaluated)
        if evaluated:
            self._budget.charge_run(EXPLAIN_COST * evaluated[-1].size)
            placed.detail = describe_values(evaluated[-1].tree, scope, placed.line)
        return placed

    def _placed(self, mistake: UnplacedError, reason: BaseException, evaluated: list[_Compiled]) -> UnplacedError:
        """Completes an error with the line of the template, or the expression of the value, in which it was raised."""
        if evaluated:
            mistake.line = line_of(reason, evaluated[-1].template)
            mistake.near = evaluated[-1].source
        return mistake


def _evaluate(compiled: _Compiled, scope: Scope, evaluated: list[_Compiled]) -> Any:
    evaluated.append(compiled)
    context = compiled.template.new_context(dict(scope))
    for _ in compiled.template.root_render_func(context):
        pass
    return context.vars[_RESULT]


def _reject_statements(text: str) -> str:
    for mark in ("{%", "{#"):
        if mark in text:
            raise statement_error(text, mark)
    return text


@contextmanager
def _translate_parse_errors(source: str) -> Iterator[None]:
    try:
        yield
    except TemplateSyntaxError as reason:
        raise syntax_error(reason, source) from None
    except _PARSE_ERRORS:
        raise UnplacedError(
            "template-syntax", "this template is too deeply nested to be read", hint="simplify it"
        ) from None
