"""Takes secrets out of texts that come from outside, in whatever disguise software repeats them.

A gateway echoes what was signed, a service a field that it dislikes, and each writes it in its own way: escaped for JSON, for a
page or an address, in Base64, in hex, or cut in half. What comes is cleaned before it is kept or shown (design, section 12).
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

from provisioner.model.canonical import JsonValue
from provisioner.model.disguises import INTRODUCERS, RUN, decode, squeeze, unescape
from provisioner.model.secret import HIDDEN, Secret

_SHORTEST = 6
"""Characters. To hide shorter ones would tear words apart and hide nothing."""
_SHORTEST_IN_HALVES = 12
_SHORTEST_SQUEEZED = 8
_DEEPEST = 3
"""Disguises within one another."""
_MOST_WORK = 20_000
"""Escapes and letters that are read one by one, for one text; what would take more is hidden as a whole."""
_MOST_FORMS = 60
_REMEMBERED = 50_000
_SHORT = 200
_PIECE = re.compile(r"[^\s\"]+")


class _TooMuchError(Exception):
    """Looking into a text would take too long."""


class Mask:
    """Of one run: it learns each secret as soon as somebody reveals it, and forgets none."""

    def __init__(self, *secrets: Secret) -> None:
        self._known: set[str] = set()
        self._disguises: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._sought: set[str] = set()
        self._clean: set[str] = set()
        """Short texts that were looked into and held none."""
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        value = secret.reveal()
        if value in self._known or len(value) < _SHORTEST:
            return
        self._known.add(value)
        parts = [value]
        if len(value) >= _SHORTEST_IN_HALVES:
            middle = len(value) // 2
            parts += [value[:middle], value[middle:]]
        for part in parts:
            self._disguises |= {each for each in _disguises(part) if len(each) >= _SHORTEST}
            if len(squeeze(part)) >= _SHORTEST_SQUEEZED:
                self._sought |= {each for each in _sought(part) if len(each) >= _SHORTEST}
        self._pattern = None
        self._clean.clear()

    def text(self, text: str) -> str:
        if len(text) < _SHORTEST or not self._disguises or text in self._clean:
            return text
        plain = self._without_plain(text)
        masked = self._without_composed(plain)
        if masked == text and len(text) <= _SHORT and len(self._clean) < _REMEMBERED:
            self._clean.add(text)
        return masked

    def _without_composed(self, text: str) -> str:
        """Disguises within others: what holds one is hidden from space to space, or as a whole where that does not help."""
        try:
            if not self._holds(text):
                return text
            pieces = _PIECE.sub(lambda found: HIDDEN if self._holds(found.group()) else found.group(), text)
            return HIDDEN if self._holds(pieces.replace(HIDDEN, "\0")) else pieces
        except _TooMuchError:
            return HIDDEN

    def _holds(self, text: str) -> bool:
        """Level by level: each text without one layer of escapes, and what the runs of letters in it stand for."""
        level, seen = {text}, {text}
        work = 0
        for depth in range(_DEEPEST + 1):
            further: set[str] = set()
            for form in level:
                plain = squeeze(form)
                if any(each in plain for each in self._sought):
                    return True
                if depth == _DEEPEST:
                    continue
                runs = {found.group() for found in RUN.finditer(form)} - self._clean
                work += sum(map(form.count, INTRODUCERS)) + sum(map(len, runs))
                if work > _MOST_WORK:
                    raise _TooMuchError
                further.update(unescape(form))
                for run in runs:
                    further.update(decode(run))
            level = further - seen
            seen |= level
            if len(level) > _MOST_FORMS * (1 + len(text) // _SHORT):
                raise _TooMuchError
        return False

    def _without_plain(self, text: str) -> str:
        if not any(each in text for each in self._disguises):
            return text
        # Compiled for what holds a secret only, because that takes longer than sending a request.
        if self._pattern is None:
            longest_first = sorted(self._disguises, key=lambda each: (-len(each), each))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub(HIDDEN, text)

    def clean(self, value: JsonValue) -> JsonValue:
        """Keys as well as values; what holds none stays as it is."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(key): self.clean(item) for key, item in value.items()}
            case list():
                return [self.clean(item) for item in value]
            case _:
                return value

    def may_occur_in(self, body: bytes) -> bool:  # noqa: ARG002 - whatever stands there may be a disguise
        return bool(self._disguises)


def _sought(value: str) -> Iterator[str]:
    """As it looks when it is squeezed, also without what looks like an escape in itself; and backwards."""
    level = {value}
    for _ in range(_DEEPEST):
        level |= {form for each in level for form in unescape(each)}
    for each in level:
        yield squeeze(each)
        yield squeeze(each)[::-1]


def _disguises(value: str) -> Iterator[str]:
    data = value.encode()
    yield value
    for escaped in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
    for each in (quote(value, safe=""), quote(value), quote_plus(value), "".join(f"%{byte:02X}" for byte in data)):
        yield each
        yield re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), each)
    for digits in ("{:04x}", "{:04X}"):
        yield "".join("\\u" + digits.format(ord(letter)) for letter in value)
    yield from _for_pages(value)
    yield from _in_base64(data)
    yield data.hex()
    yield data.hex().upper()


def _for_pages(value: str) -> Iterator[str]:
    for quoted in (True, False):
        escaped = html.escape(value, quote=quoted)
        yield escaped
        yield escaped.replace("&#x27;", "&#39;")
        yield escaped.replace("&#x27;", "&apos;")
    for form in ("&#{};", "&#x{:x};", "&#x{:X};"):
        yield "".join(form.format(ord(letter)) for letter in value)


def _in_base64(data: bytes) -> Iterator[str]:
    """As it looks wherever it stands in what is encoded: only the letters that its neighbours have no part in."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).rstrip(b"=").decode()
        first = -(-before * 8 // 6)
        whole = encoded[first : (before + len(data)) * 8 // 6]
        yield whole
        yield whole.replace("+", "-").replace("/", "_")
