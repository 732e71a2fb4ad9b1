"""Explains why a template cannot be read or evaluated: its line, the values in it, and what else it may be.

A script often holds what looks like a template and belongs to another language: `{{.x}}` of Go and Docker, `${#a[@]}` of
the shell. This module runs only after a failure. It knows syntax trees and values, neither files nor the budget.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jinja2 import Environment as JinjaEnvironment
from jinja2 import Template, TemplateSyntaxError, nodes

from provisioner.loading.misplacement import listed
from provisioner.loading.undefined_names import steps_of
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.model.secret_names import sounds_secret

AS_IT_IS: Final = (
    "to send the characters as they are, put {% raw %} before and {% endraw %} behind them, or put the text into a file and "
    "write {file: path} for it, which is sent without templates"
)
_GO: Final = re.compile(
    r"\{\{-?\s*(?:\.|\$\.|(?:range|with|end|if|else|json|index|len|printf|println|join)\b)[^}\n]*\}\}"
)
_UNKNOWN_TAG: Final = re.compile(r"unknown tag '(\w+)'")
_OPEN_BLOCK: Final = re.compile(r"block that needs to be closed is '(\w+)'")
_LONGEST_LINE: Final = 2000
_SHOWN: Final = 40
_MOST_VALUES: Final = 5
_TYPES: Final = {
    "str": "a text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a map",
    "NoneType": "null",
}
_OPERANDS: Final = re.compile(r"unsupported operand type\(s\) for (\S+?)(?: or \S+)?: '(\w+)' and '(\w+)'")
_ORDERED: Final = re.compile(r"'(\S+)' not supported between instances of '(\w+)' and '(\w+)'")
_CONCATENATED: Final = re.compile(r'can only concatenate (\w+) \(not "(\w+)"\) to \w+')


def syntax_error(reason: TemplateSyntaxError, source: str) -> UnplacedError:
    """Returns the error for a template that cannot be read. `source`: the text of the value or the file."""
    lines = source.splitlines() or [""]
    line = lines[min(reason.lineno, len(lines)) - 1]
    where = f" (line {reason.lineno})" if reason.lineno > 1 else ""
    if (found := _GO.search(line[:_LONGEST_LINE])) is not None:
        summary, hint = "a template of Go or Docker stands here, and this tool reads {{ as its own", AS_IT_IS
        near = found[0].strip("{}- ")
    else:
        summary, hint = _reworded(str(reason.message))
        near = line.strip().removeprefix("{{").removesuffix("}}").strip()
    mistake = UnplacedError("template-syntax", f"this template cannot be read{where}: {summary}", hint=hint, near=near)
    mistake.line = reason.lineno
    return mistake


def _reworded(message: str) -> tuple[str, str]:
    """Returns the parser's message in plain words, and what to do."""
    if "comment tag" in message:
        return "{# begins a comment, which #} has to end", AS_IT_IS
    if (tag := _UNKNOWN_TAG.search(message)) is not None:
        if tag[1].startswith("end") or tag[1] in {"else", "elif"}:
            return f"{{% {tag[1]} %}} has no beginning above it", "add the if or for that it belongs to, or take it out"
        return f"there is no statement {tag[1]}", f"the statements are if, for and set; {AS_IT_IS}"
    if (block := _OPEN_BLOCK.search(message)) is not None:
        return f"an {block[1]} is not closed" if block[1] == "if" else f"a {block[1]} is not closed", (
            f"write {{% end{block[1]} %}} where it ends"
        )
    return message, f"check the brackets, quotes and filters in it; {AS_IT_IS}"


def shell_length_line(environment: JinjaEnvironment, source: str) -> int | None:
    """Returns the line on which `${#` of the shell begins a comment of the template, so that text would be lost."""
    if "${#" not in source:
        return None
    text = ""
    try:
        for line, kind, piece in environment.lexer.tokeniter(source, None):
            if kind == "comment_begin" and text.endswith("$"):
                return line
            text = piece if kind == "data" else ""
    except TemplateSyntaxError:
        pass  # parsing reports it
    return None


def shell_length_error(line: int) -> UnplacedError:
    where = f" (line {line})" if line > 1 else ""
    summary = f"this template cannot be read{where}: in ${{#, {{# begins a comment, and what follows would be lost"
    mistake = UnplacedError("template-syntax", summary, hint=AS_IT_IS)
    mistake.line = line
    return mistake


def statement_error(text: str, mark: str) -> UnplacedError:
    """Returns the error for a statement or a comment in a value of a spec. `text` contains the mark."""
    at = text.index(mark)
    near = text[at - 1 if text[:at].endswith("$") else at : at + 8].partition("\n")[0]
    hint = (
        AS_IT_IS if mark == "{#" else f"if and for stand in template files only, as in {{template: path}}; {AS_IT_IS}"
    )
    summary = f"{mark} may not stand in a value; only {{{{ }}}} may"
    return UnplacedError("template-statement", summary, hint=hint, near=near)


def evaluation_error(reason: BaseException) -> UnplacedError:
    """Returns the error for what Python raised. Of its messages, only those of two types never quote a value."""
    detail, hint = "", "check the types of the values in it"
    text = str(reason)
    if found := _OPERANDS.search(text) or _ORDERED.search(text):
        detail = f": {found[1]} cannot take {_TYPES.get(found[2], found[2])} and {_TYPES.get(found[3], found[3])}"
        hint = "make both sides numbers with | int, or both texts with | string"
    elif found := _CONCATENATED.search(text):
        detail = f": + cannot take {_TYPES.get(found[1], found[1])} and {_TYPES.get(found[2], found[2])}"
        hint = "join texts with ~, or make both sides numbers with | int"
    elif isinstance(reason, ZeroDivisionError):
        detail, hint = ": division by zero", "divide only where the divisor is not 0: {{ a / b if b else 0 }}"
    elif isinstance(reason, NameError):
        detail, hint = ": a number in it is too large", "write a number with fewer digits"
    elif isinstance(reason, TypeError):
        detail = f": {reason}"
    return UnplacedError("template-error", f"this expression cannot be worked out{detail}", hint=hint)


def line_of(reason: BaseException, template: Template) -> int:
    """Returns the line of a template at which its evaluation failed."""
    line, trace = 1, reason.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__jinja_template__") is template:
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return line


def describe_values(tree: nodes.Node, scope: Mapping[str, Any], line: int) -> str:
    """Returns the values of the names on one line of a template, as a sentence; empty where it has none.

    The value of a name that may be a secret is left out.
    """
    found = dict[str, str]()
    for written, value in _values(tree, scope, line):
        if len(found) < _MOST_VALUES and (shown := _shown(written, value)):
            found.setdefault(written, shown)
    return listed([f"{written} is {shown}" for written, shown in found.items()]) if found else ""


def _values(tree: nodes.Node, scope: Mapping[str, Any], line: int) -> Iterator[tuple[str, Any]]:
    for node in tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem)):
        steps = steps_of(node) if node.lineno == line else None
        if steps is None:
            continue
        value: Any = scope
        for step in steps:
            if not isinstance(value, Mapping) or step not in value:
                break
            value = value[step]
        else:
            yield ".".join(steps), value


def _shown(written: str, value: Any) -> str:
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int() | float():
            return str(value)
        case str() if sounds_secret(written):
            return "a text"
        case str():
            return f"the text {value[:_SHOWN]!r}{'...' if len(value) > _SHOWN else ''}"
        case list():
            return f"a list of {len(value)}"
        case _:
            return ""
