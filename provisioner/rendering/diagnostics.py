"""Renders diagnostics as rustc and ruff do: what happened, where, the source line with a caret, and what to do.

It knows the layout and nothing about codes, files or exit codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from provisioner.model.diagnostic import Diagnostic, Severity, SourceRange
from provisioner.rendering.style import ELLIPSIS, Style, cells, cut, escape, wrap

_NARROWEST_EXCERPT = 20
_FEWEST_MERGED = 4
"""From so many on, warnings that differ only in their servers are shown as one."""
_MAX_NAMES = 10
_SERVER_MENTION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\[\d+\]")
"""The id of a server, or the place of a row in an answer."""


def render_diagnostics(diagnostics: Iterable[Diagnostic], style: Style) -> str:
    """Returns all diagnostics, separated by empty lines.

    Many warnings that say the same about different servers are shown as one, in the place of the first, with the
    addresses of all.
    """
    alike: dict[tuple[object, ...], list[Diagnostic]] = {}
    keyed = [(_comparison_key(diagnostic), diagnostic) for diagnostic in diagnostics]
    for key, diagnostic in keyed:
        alike.setdefault(key, []).append(diagnostic)
    blocks = []
    for key, diagnostic in keyed:
        same = alike[key]
        if len(same) < _FEWEST_MERGED:
            blocks.append(_block(diagnostic, style, alike=()))
        elif diagnostic is same[0]:
            blocks.append(_block(diagnostic, style, alike=same[1:]))
    return "\n".join(blocks)


def _comparison_key(diagnostic: Diagnostic) -> tuple[object, ...]:
    """Returns a key that is equal for warnings which differ only in their servers, and unique for other diagnostics."""
    address = diagnostic.address
    is_unique = diagnostic.source is not None or diagnostic.request_id is not None
    if diagnostic.severity is not Severity.WARNING or is_unique:
        return (id(diagnostic),)
    texts = [diagnostic.summary, diagnostic.detail, diagnostic.hint]
    if address is not None:
        texts = [text.replace(address.shell_quoted, "\0").replace(str(address), "\0") for text in texts]
    return diagnostic.code, address is None, *(_SERVER_MENTION.sub("\0", text) for text in texts)


def render_diagnostic(diagnostic: Diagnostic, style: Style) -> str:
    """Returns one diagnostic as lines that each end in a newline."""
    return _block(diagnostic, style, alike=())


def _block(diagnostic: Diagnostic, style: Style, *, alike: Sequence[Diagnostic]) -> str:
    lines = [*_lines(diagnostic, style)]
    if alike:
        named = [str(one.address) for one in alike if one.address is not None][:_MAX_NAMES]
        more = [f"{len(alike) - len(named)} more"] if len(alike) > len(named) else []
        first, *rest = wrap(", ".join((*named, *more)), style.width - len("  the same of: "))
        lines += [f"  {style.cyan('the same of:')} {first}", *(f"        {line}".rstrip() for line in rest)]
    return "".join(f"{line}\n" for line in lines)


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
