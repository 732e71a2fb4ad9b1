"""Findings as rustc and ruff show them: what happened, where, the line itself with a caret under the spot, what to do next.

It knows the layout and nothing of codes, files or exit codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioner.model.diagnostic import Diagnostic, Severity, SourceRange
from provisioner.rendering.style import ELLIPSIS, Style, cells, cut, escape, wrap

_NARROWEST_EXCERPT = 20


def render_diagnostics(diagnostics: Iterable[Diagnostic], style: Style) -> str:
    """All of them, an empty line between two."""
    return "\n".join(render_diagnostic(diagnostic, style) for diagnostic in diagnostics)


def render_diagnostic(diagnostic: Diagnostic, style: Style) -> str:
    """Lines that each end in a newline."""
    return "".join(f"{line}\n" for line in _lines(diagnostic, style))


def _severe(text: str, style: Style, *, severity: Severity) -> str:
    return style.red(text) if severity is Severity.ERROR else style.yellow(text)


def _lines(diagnostic: Diagnostic, style: Style) -> Iterator[str]:
    """What may hold line breaks stands deeper than our labels, so that no message from elsewhere can forge one."""
    title = f"{diagnostic.severity.capitalize()}[{escape(diagnostic.code)}]"
    yield f"{_severe(style.bold(title), style, severity=diagnostic.severity)}: {style.bold(escape(diagnostic.summary))}"
    if diagnostic.source is not None:
        yield from _place(diagnostic.source, style, severity=diagnostic.severity)
    if diagnostic.detail:
        yield from (f"    {line}".rstrip() for line in wrap(diagnostic.detail, style.width - 4))
    if diagnostic.hint:
        yield from _help(diagnostic.hint, style)
    if diagnostic.address is not None:
        yield f"  {style.cyan('address:')} {escape(str(diagnostic.address))}"
    if diagnostic.request_id is not None:
        yield f"  {style.cyan('request id:')} {escape(diagnostic.request_id)}"


def _help(hint: str, style: Style) -> Iterator[str]:
    first, *rest = wrap(hint, style.width - len("  help: "))
    yield f"  {style.cyan('help:')} {first}"
    yield from (f"        {line}".rstrip() for line in rest)


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
    yield f"{' ' * gutter} {bar} {' ' * before}{_severe('^' * marked, style, severity=severity)}"


def _window(source: SourceRange, width: int) -> tuple[str, int, int]:
    """The part of the excerpt that fits and holds the spot, the cells before the spot, and the cells of the spot."""
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
    """The last characters of `text` that fit into `width` cells."""
    return cut(text[::-1], width + 1).removesuffix(ELLIPSIS)[::-1] if cells(text) > width else text
