"""Finds diagnostics that say the same of different servers, and the one command that is the way out for all of them.

Texts are compared without what names a server or its purchase: addresses, ids, names and the time of day. A date stays: paid terms
that end on different days are not the same. It knows no codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from provisioner.model.diagnostic import Diagnostic

FEWEST = 4
"""From so many on, diagnostics that differ only in their servers are shown as one."""

_SLOT = "\0"
_QUOTED = re.compile(r"'((?:module\.)?[A-Za-z_](?:[^'\s]|(?<=\\)'|'\\'')*)'")
"""A text in quotes that may be an address, as a command in a hint has it, or the name of a server."""
_MENTION = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r'|(?:[A-Za-z_][\w.-]*)?\[(?:\d+|"(?:[^"\\]|\\.)*")\](?:@deposed)?'
    r"|(?<=\d{4}-\d\d-\d\d )\d\d:\d\d(?::\d\d)?(?: UTC)?"
    r"|\bCS[0-9A-Z]*\d[0-9A-Z]*\b"
)
"""The id of a server, an address or the place of a row in an answer, a time of day behind a date, the id of an order."""

_COMMAND = re.compile(r"`[^`]*`")
_WORD = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*")
"""A word that may be the address or the name of one server."""

_REPEATABLE = re.compile(r"(--(?:replace|reinstall|target|exclude)) ('[^']*')")
_SEVERAL = re.compile(r"(state (?:rm|unprotect)) ('[^']*')")
_LISTED = re.compile(r"((?:moved|removed|imports): \[)(\{[^{}]*\})(\])")


@dataclass(slots=True)
class FoldedDiagnostic:
    """A diagnostic with those that say the same of other servers, in their order."""

    first: Diagnostic
    others: list[Diagnostic] = field(default_factory=list)

    @property
    def all(self) -> list[Diagnostic]:
        return [self.first, *self.others]


def fold(diagnostics: Iterable[Diagnostic], *, across_places: bool) -> list[FoldedDiagnostic]:
    """Returns the diagnostics in order, each fold in the place of its first. `across_places`: also those that are about
    different places in the specs, as a plan's are; a mistake in the specs has to be mended at each place.
    """
    folded: dict[tuple[object, ...], FoldedDiagnostic] = {}
    for diagnostic in diagnostics:
        key = _comparison_key(diagnostic, across_places=across_places)
        if (known := folded.get(key)) is None:
            folded[key] = FoldedDiagnostic(diagnostic)
        else:
            known.others.append(diagnostic)
    return [one for found in folded.values() for one in _split_small(found)]


def _split_small(found: FoldedDiagnostic) -> Iterable[FoldedDiagnostic]:
    if len(found.others) + 1 >= FEWEST or not found.others:
        return (found,)
    return map(FoldedDiagnostic, found.all)


def _comparison_key(diagnostic: Diagnostic, *, across_places: bool) -> tuple[object, ...]:
    """Returns a key that is equal for diagnostics which differ only in their servers."""
    source = None if across_places else diagnostic.source
    if diagnostic.address is None and diagnostic.source is not None:
        return (id(diagnostic),)
    texts = _skeletons(diagnostic)
    return (diagnostic.severity, diagnostic.code, diagnostic.address is None, source, *texts)


def hint_skeleton(diagnostic: Diagnostic) -> str:
    """Returns the hint without what names a server or its purchase."""
    *_, skeleton = _skeletons(diagnostic)
    return skeleton


def _skeletons(diagnostic: Diagnostic) -> Iterator[str]:
    """Yields summary, detail and hint without what names a server or its purchase."""
    texts = (diagnostic.summary, diagnostic.detail, diagnostic.hint)
    named = {
        found
        for text in texts
        if "'" in text
        for found in _QUOTED.findall(text)
        if "[" not in found and (_is_related(found, diagnostic) or _is_in_command(found, text))
    }
    if diagnostic.address is not None and diagnostic.address.key is None:
        named.add(str(diagnostic.address))
    for text in texts:
        skeleton = _MENTION.sub(_SLOT, text)
        yield _WORD.sub(lambda found: _SLOT if found[0] in named else found[0], skeleton) if named else skeleton


def _is_related(quoted: str, diagnostic: Diagnostic) -> bool:
    """Whether the quoted text may be the name of the server that the diagnostic is about, and no status or other value."""
    address = diagnostic.address
    return address is not None and (address.name in quoted or (isinstance(address.key, str) and address.key in quoted))


def _is_in_command(quoted: str, text: str) -> bool:
    return any(f"'{quoted}'" in command for command in _COMMAND.findall(text))


def joint_hint(diagnostics: Sequence[Diagnostic]) -> str | None:
    """Returns the hint of the first one with a command or an entry for all of them; None where no command takes several."""
    hint = diagnostics[0].hint
    for pattern in (_REPEATABLE, _SEVERAL):
        for found in dict.fromkeys(pattern.findall(hint)):
            word, _ = found
            values = [value for one in diagnostics for name, value in pattern.findall(one.hint) if name == word]
            if len(values) >= len(diagnostics):
                joined = " ".join(
                    (word, *dict.fromkeys(values))
                    if pattern is _SEVERAL
                    else (f"{word} {value}" for value in dict.fromkeys(values))
                )
                hint = hint.replace(" ".join(found), joined)
    entries = [found[2] for one in diagnostics if (found := _LISTED.search(one.hint))]
    if len(entries) == len(diagnostics):
        hint = _LISTED.sub(lambda found: f"{found[1]}{', '.join(entries)}{found[3]}", hint, count=1)
    return hint if hint != diagnostics[0].hint else None
