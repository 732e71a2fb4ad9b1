"""A restricted version of Jinja2's sandbox: templates can access only values, and every operation is charged.

Templates can't access attributes of Python objects: `a.b` looks up a key of a map, and a short list of methods is allowed
by name. This module knows neither the templates nor their source positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, Undefined, pass_eval_context
from jinja2 import tests as jinja_tests
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from provisioner.loading import template_grammar
from provisioner.loading.comparisons import Comparisons
from provisioner.loading.filters import BINARY_OPERATORS, Operations, to_text
from provisioner.loading.tree import INVALID, PartialMap
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError

_LOOP = frozenset(("first", "index", "index0", "last", "length", "revindex", "revindex0"))


@pass_eval_context
def _finalize(_context: EvalContext, value: Any) -> str:
    # Requesting a context keeps Jinja from evaluating constant expressions during compilation, which is not charged.
    return to_text(value)


class Environment(ImmutableSandboxedEnvironment):
    """Jinja's environment for specs. `filter_names` are the filters that authors may use."""

    intercepted_binops = BINARY_OPERATORS

    def __init__(self, operations: Operations, comparisons: Comparisons, **delimiters: str) -> None:
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
        self.globals = {"range": operations.integer_range}
        self.tests = {name: jinja_tests.TESTS[name] for name in template_grammar.TESTS} | comparisons.tests()
        self.filters = operations.filters()
        self.filter_names = frozenset(self.filters)
        self.filters |= {
            template_grammar.CONCATENATE: operations.concatenate,
            template_grammar.METER: operations.metered,
            template_grammar.LOOP: operations.loop_items,
            template_grammar.COMPARE: comparisons.compare,
            template_grammar.SLICE: operations.slice_of,
        }

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return _require_valid(obj[attribute])
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        if attribute in template_grammar.METHODS.get(type(obj), ()):
            return _Method(obj, attribute)
        if isinstance(obj, Undefined):
            str(obj)
        if isinstance(obj, PartialMap):
            raise AlreadyReported
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            str(obj)
        container: Any = obj
        if isinstance(obj, (dict, list, tuple, str)) and isinstance(argument, (str, int)):
            try:
                return _require_valid(container[argument])
            except (LookupError, TypeError):
                pass
        if isinstance(argument, (list, tuple, dict)):
            raise UnplacedError(
                "template-error", "a list or a map cannot stand in [ ]", hint="write a key or a number there"
            )
        if isinstance(obj, PartialMap):
            raise AlreadyReported
        return self.undefined(obj=obj, name=argument)

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - Jinja's hook
        if isinstance(called, _Method):
            return self.operations.call_method(called.owner, called.name, args)
        if called == self.operations.integer_range:
            return self.operations.integer_range(*args)
        raise UnplacedError(
            "template-forbidden", "this cannot be called in templates", hint="use a filter: value | filter"
        )

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's hook
        return self.operations.apply_operator(operator, left, right)


@dataclass(frozen=True, slots=True, eq=False)
class _Method:
    """A method that was accessed but not called yet. Calling it is the only thing a template can do with it."""

    owner: Any
    name: str


def _require_valid(value: Any) -> Any:
    if value is INVALID:
        raise AlreadyReported
    return value
