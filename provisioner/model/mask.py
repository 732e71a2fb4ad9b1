"""Masks secrets in texts from outside, in whatever encoding software repeats them.

A gateway echoes what was signed, and a service a field that it refuses, each in its own form: escaped for JSON, HTML or
a URL, in Base64, in hex, or cut in half. Such texts are masked before they are stored or shown (design, section 12).
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

from provisioner.model.canonical import JsonValue
from provisioner.model.disguises import INTRODUCERS, RUN, decode, squeeze, unescape
from provisioner.model.secret import HIDDEN, Secret

_SHORTEST = 6
"""Characters. Masking shorter secrets would garble ordinary words and protect nothing."""
_SHORTEST_IN_HALVES = 12
_SHORTEST_SQUEEZED = 8
_DEEPEST = 3
"""How many nested encodings are decoded."""
_MOST_WORK = 20_000
"""How many escapes and letters are decoded for one text. A text that would need more is masked as a whole."""
_MOST_FORMS = 60
_REMEMBERED = 50_000
_SHORT = 200
_PIECE = re.compile(r"[^\s\"]+")


class _TooMuchError(Exception):
    """Decoding a text would take too long."""


class Mask:
    """The mask of one run. It learns each secret as soon as it is revealed, and forgets none."""

    def __init__(self, *secrets: Secret) -> None:
        self._known: set[str] = set()
        self._encodings: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._search_forms: set[str] = set()
        self._clean: set[str] = set()
        """Short texts that were searched and contain no secret."""
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Makes the mask hide this secret from now on; ignored if it is too short to be masked."""
        value = secret.reveal()
        if value in self._known or len(value) < _SHORTEST:
            return
        self._known.add(value)
        parts = [value]
        if len(value) >= _SHORTEST_IN_HALVES:
            middle = len(value) // 2
            parts += [value[:middle], value[middle:]]
        for part in parts:
            self._encodings |= {each for each in _encodings(part) if len(each) >= _SHORTEST}
            if len(squeeze(part)) >= _SHORTEST_SQUEEZED:
                self._search_forms |= {each for each in _search_forms(part) if len(each) >= _SHORTEST}
        self._pattern = None
        self._clean.clear()

    def text(self, text: str) -> str:
        """Returns the text with every known secret replaced by a placeholder."""
        if len(text) < _SHORTEST or not self._encodings or text in self._clean:
            return text
        plain = self._mask_plain(text)
        masked = self._mask_nested(plain)
        if masked == text and len(text) <= _SHORT and len(self._clean) < _REMEMBERED:
            self._clean.add(text)
        return masked

    def lines(self, text: str) -> str:
        """Returns a text of several lines with every known secret replaced, each line with its own limit of work. It is masked
        as a whole only if a secret extends over several lines in some encoding.
        """
        if not self._encodings:
            return text
        masked = "\n".join(map(self.text, self._mask_plain(text).split("\n")))
        try:
            return HIDDEN if self._contains_secret(masked.replace(HIDDEN, "\0")) else masked
        except _TooMuchError:
            return masked

    def _mask_nested(self, text: str) -> str:
        """Masks nested encodings: each word that contains a secret, or the whole text if that is not enough."""
        try:
            if not self._contains_secret(text):
                return text
            pieces = _PIECE.sub(lambda found: HIDDEN if self._contains_secret(found.group()) else found.group(), text)
            return HIDDEN if self._contains_secret(pieces.replace(HIDDEN, "\0")) else pieces
        except _TooMuchError:
            return HIDDEN

    def _contains_secret(self, text: str) -> bool:
        """Searches level by level: each level removes one layer of escapes and decodes the runs of letters.

        Raises _TooMuchError if that would take too long.
        """
        level, seen = {text}, {text}
        work = 0
        for depth in range(_DEEPEST + 1):
            further: set[str] = set()
            for form in level:
                plain = squeeze(form)
                if any(each in plain for each in self._search_forms):
                    return True
                if depth == _DEEPEST:
                    continue
                runs = {found.group() for found in RUN.finditer(form)} - self._clean
                work += sum(map(form.count, INTRODUCERS)) + sum(map(len, runs))
                if work > _MOST_WORK:
                    raise _TooMuchError
                further.update(unescape(form))
                for run in runs:
                    further.update(_decoded(run) if len(run) <= _SHORT else decode(run))
            level = further - seen
            seen |= level
            if len(level) > _MOST_FORMS * (1 + len(text) // _SHORT):
                raise _TooMuchError
        return False

    def _mask_plain(self, text: str) -> str:
        if not any(each in text for each in self._encodings):
            return text
        # Compiled only once a text contains a secret, because compiling takes longer than sending a request.
        if self._pattern is None:
            longest_first = sorted(self._encodings, key=lambda each: (-len(each), each))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub(HIDDEN, text)

    def clean(self, value: JsonValue) -> JsonValue:
        """Returns a JSON value with the secrets in its keys and values masked."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(key): self.clean(item) for key, item in value.items()}
            case list():
                return [self.clean(item) for item in value]
            case _:
                return value

    def may_occur_in(self, body: bytes) -> bool:  # noqa: ARG002 - any body may contain an encoded secret
        """Returns whether a body may contain a secret: always, once there are any."""
        return bool(self._encodings)


@lru_cache(maxsize=4096)
def _decoded(run: str) -> frozenset[str]:
    """Returns what the run of letters may encode. It is kept, because the userdata of many servers has the same words."""
    return frozenset(decode(run))


def _search_forms(value: str) -> Iterator[str]:
    """Yields the squeezed forms of a value, also with its apparent escapes resolved, each forwards and backwards."""
    level = {value}
    for _ in range(_DEEPEST):
        level |= {form for each in level for form in unescape(each)}
    for each in level:
        yield squeeze(each)
        yield squeeze(each)[::-1]


def _encodings(value: str) -> Iterator[str]:
    """Yields a value in every encoding that is found without decoding the text."""
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
    """Yields the Base64 of the data at each alignment, without the letters that depend on the neighbouring bytes."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).rstrip(b"=").decode()
        first = -(-before * 8 // 6)
        whole = encoded[first : (before + len(data)) * 8 // 6]
        yield whole
        yield whole.replace("+", "-").replace("/", "_")
