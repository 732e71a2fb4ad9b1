"""Renders diagnostics as rustc and ruff do: what happened, where, the source line with a caret, and what to do.

It knows the layout and nothing about codes, files or exit codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provisioner.model.diagnostic import Diagnostic, Severity, SourceRange
from provisioner.rendering.folding import FoldedDiagnostic, fold, joint_hint
from provisioner.rendering.style import ELLIPSIS, Style, cells, cut, escape, wrap

_NARROWEST_EXCERPT = 20
_MAX_NAMES = 10
"""How many servers the fold of a diagnostic names, and a command for all of them."""


def render_diagnostics(
    diagnostics: Iterable[Diagnostic], style: Style, *, of_plan: bool = False, full: bool = False
) -> str:
    """Returns all diagnostics, separated by empty lines.

    Many that say the same of different servers are shown as one, in the place of the first, with the addresses of all
    and the command that is the way out for all. `of_plan`: wherever in the specs these servers are, and `--full` shows
    what is left out. `full`: each is shown, the first with the command for all.
    """
    folded = fold(diagnostics, across_places=of_plan)
    return "\n".join(_folded(found, style, of_plan=of_plan, full=full) for found in folded)


def render_diagnostic(diagnostic: Diagnostic, style: Style) -> str:
    """Returns one diagnostic as lines that each end in a newline."""
    return "".join(f"{line}\n" for line in _lines(diagnostic, style))


def _folded(found: FoldedDiagnostic, style: Style, *, of_plan: bool, full: bool) -> str:
    joint = joint_hint(found.all) if found.others else None
    if not found.others or full:
        first = replace(found.first, hint=joint) if joint else found.first
        return "\n".join(render_diagnostic(one, style) for one in (first, *found.others))
    most = _MAX_NAMES
    is_complete = len(found.others) <= most
    first = replace(found.first, hint=joint) if joint and is_complete else found.first
    names = [_name(one, found.first) for one in found.others if one.address is not None][:most]
    if rest := len(found.others) - len(names):
        names.append(f"and {rest} more" if names else f"{rest} more")
    lines = [*_lines(first, style), *_labelled("also:", ", ".join(names), style)]
    if of_plan and not is_complete:
        what = "writes one command for" if joint else "shows"
        lines += _labelled("for all:", f"--full {what} all {len(found.all)}", style)
    return "".join(f"{line}\n" for line in lines)


def _name(diagnostic: Diagnostic, first: Diagnostic) -> str:
    """Returns the address, with its place in the specs where that is another than that of the first."""
    place = diagnostic.source
    is_elsewhere = place is not None and (first.source is None or str(place) != str(first.source))
    return f"{diagnostic.address} ({place})" if is_elsewhere else str(diagnostic.address)


def _labelled(label: str, text: str, style: Style) -> Iterator[str]:
    first, *rest = wrap(text, style.width - len(label) - 3)
    yield f"  {style.cyan(label)} {first}"
    yield from (f"        {line}".rstrip() for line in rest)


def _paint_severity(text: str, style: Style, *, severity: Severity) -> str:
    return style.red(text) if severity is Severity.ERROR else style.yellow(text)


def _lines(diagnostic: Diagnostic, style: Style) -> Iterator[str]:
    """Yields the lines.

    Text that may have line breaks is indented deeper than our labels, so no foreign message can forge a label.
    """
    title = f"{diagnostic.severity.capitalize()}[{escape(diagnostic.code)}]"
    yield f"{_paint_severity(style.bold(title), style, severity=diagnostic.severity)}: {style.bold(escape(diagnostic.summary))}"
    if diagnostic.source is not None:
        yield from _place(diagnostic.source, style, severity=diagnostic.severity)
    if diagnostic.detail:
        yield from (f"    {line}".rstrip() for line in wrap(style.complete(diagnostic.detail), style.width - 4))
    if diagnostic.hint:
        yield from _labelled("help:", style.complete(diagnostic.hint), style)
    if diagnostic.address is not None:
        yield f"  {style.cyan('address:')} {escape(str(diagnostic.address))}"
    if diagnostic.request_id is not None:
        yield f"  {style.cyan('request id:')} {escape(diagnostic.request_id)}"


def _place(source: SourceRange, style: Style, *, severity: Severity) -> Iterator[str]:
    number = str(source.line)
    gutter = max(len(number), 2)
    arrow, bar = style.blue("-->"), style.blue("|")
    yield f"{' ' * gutter}{arrow} {escape(source.file)}:{source.line}:{source.column}"
    if not source.excerpt:
        return
    text, before, marked = _window(source, max(style.width - gutter - 3, _NARROWEST_EXCERPT))
    yield f"{' ' * gutter} {bar}"
    yield f"{style.blue(f'{number:>{gutter}}')} {bar} {text}"
    yield f"{' ' * gutter} {bar} {' ' * before}{_paint_severity('^' * marked, style, severity=severity)}"


def _window(source: SourceRange, width: int) -> tuple[str, int, int]:
    """Returns the part of the excerpt that fits, with the cells before the spot and those of the spot."""
    start = max(source.column - 1, 0)
    excerpt = source.excerpt.replace("\t", " ")
    before = escape(excerpt[:start])
    spot = escape(excerpt[start : start + max(source.length, 1)])
    after = escape(excerpt[start + max(source.length, 1) :])
    context = min(cells(after), width // 4)
    room = max(width - min(cells(spot), width // 2) - context, 1)
    if cells(before) > room:
        before = ELLIPSIS + _tail(before, room - 1)
    text = cut(before + spot + after, width)
    visible = max(min(cells(spot), width - cells(before)), 1)
    return text.rstrip(), cells(before), visible


def _tail(text: str, width: int) -> str:
    """Returns the last characters of `text` that fit into `width` cells."""
    return cut(text[::-1], width + 1).removesuffix(ELLIPSIS)[::-1] if cells(text) > width else text
