"""Undoes the encodings in which a text may hide: escapes are resolved, and runs of Base64, Base32 and hex are decoded.

Encodings can be nested, so each step yields texts that the next step can decode further. Nothing here knows what the
caller searches for.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_PERCENT: Final = r"%u[0-9a-f]{4}|(?:%[0-9a-f]{2})+"
_BACKSLASH: Final = (
    r"\\u\{[0-9a-f]{1,6}\}|(?-i:\\U)[0-9a-f]{8}|\\u[0-9a-f]{4}|(?:\\x[0-9a-f]{2})+|\\x\{[0-9a-f]{1,6}\}"
    r"|(?:\\[0-7]{3})+|\\[0-7]{1,2}(?![0-7])|\\."
)
_ENTITY: Final = r"&\#0*[0-9]{1,7};?|&\#x0*[0-9a-f]{1,6};?|&[a-z][a-z0-9]{1,31};"
_FAMILIES: Final = {
    introducer: re.compile(pattern, re.IGNORECASE)
    for introducer, pattern in {"%": _PERCENT, "\\": _BACKSLASH, "&": _ENTITY}.items()
}
_ESCAPE: Final = re.compile(f"{_PERCENT}|{_BACKSLASH}|{_ENTITY}", re.IGNORECASE)
_SOFT: Final = r"=\r?\n|(?:=[0-9a-f]{2})+"
_QUOTED_PRINTABLE: Final = tuple(re.compile(each, re.IGNORECASE) for each in (_SOFT, f"{_SOFT}|{_ESCAPE.pattern}"))
_HAS_QUOTED_PRINTABLE: Final = re.compile(r"=(?:\r?\n|[0-9a-fA-F]{2})")
INTRODUCERS: Final = "%\\&="
_HEX_TEXT: Final = re.compile(r"[0-9a-fA-F]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_BASE32: Final = re.compile(r"[A-Z2-7]{10,}|[a-z2-7]{10,}")
_HEX: Final = re.compile(r"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[\s:,.;_-]{0,2}){6,}")
RUN: Final = re.compile(rf"{_BASE64.pattern}|{_HEX.pattern}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WRAPPED: Final = re.compile(r"(?<=[A-Za-z0-9+/=]{4})\r?\n[ \t]*(?=[A-Za-z0-9+/=]{4})")
_MOSTLY: Final = 0.8
_CONTROLS: Final = bytes((*range(32), 127))
_NO_LETTERS: Final = bytes((*range(32), *range(127, 0xC2)))
_INVISIBLE: Final = re.compile("[\\s+\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+")


def unescape(text: str) -> Iterator[str]:
    """Yields the text with one layer of escapes removed: all kinds at once, and each kind alone. Text that may be
    quoted-printable is yielded decoded as well as undecoded.
    """
    families = [family for introducer, family in _FAMILIES.items() if introducer in text]
    if families:
        yield _ESCAPE.sub(_resolve_escape, text)
    for family in families if len(families) > 1 else ():
        yield family.sub(_resolve_escape, text)
    if "=" in text and _HAS_QUOTED_PRINTABLE.search(text):
        for pattern in _QUOTED_PRINTABLE if families else _QUOTED_PRINTABLE[:1]:
            yield pattern.sub(_resolve_escape, text)
    if "\n" in text and _WRAPPED.search(text):
        yield _WRAPPED.sub("", text)


def decode(run: str) -> Iterator[str]:
    """Yields each text that a run of letters can decode to, in every encoding and from every possible offset."""
    seen: set[str] = set()
    for data in _bytes_of(run):
        for text in _texts_of(data):
            if text not in seen:
                seen.add(text)
                yield text


def squeeze(text: str) -> str:
    """Returns the text without invisible characters and spaces, in one letter case and one character width."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _INVISIBLE.sub("", plain).casefold()


def _resolve_escape(found: re.Match[str]) -> str:
    escape = found.group()
    first, kind = escape[0], escape[1:2]
    try:
        if first == "&":
            return html.unescape(escape if escape.endswith(";") else f"{escape};")
        if first == "=":
            return _utf8(bytes.fromhex(escape.replace("=", ""))) if kind not in "\r\n" else ""
        if first == "%":
            return _character(escape) if kind in "uU" else _utf8(bytes.fromhex(escape.replace("%", "")))
        if len(escape) > 2 and kind in "uUx":  # noqa: PLR2004 - a backslash and its letter
            is_bytes = kind == "x" and "{" not in escape
            if is_bytes:
                return _utf8(bytes.fromhex(escape.replace("\\x", "").replace("\\X", "")))
            return _character(escape)
        if kind.isdigit() and kind < "8":
            return _utf8(bytes(int(digits, 8) & 0xFF for digits in escape.split("\\")[1:]))
    except (ValueError, OverflowError):
        return escape
    return {"n": "\n", "r": "\r", "t": "\t"}.get(kind, kind)


def _character(escape: str) -> str:
    return chr(int(escape[2:].strip("{}"), 16))


def _bytes_of(run: str) -> Iterator[bytes]:
    digits = re.sub(r"0[xX]|\\x|[\s:,.;_-]", "", run)
    if _HEX_TEXT.fullmatch(digits):
        for start in (0, 1):
            part = digits[start:]
            yield bytes.fromhex(part[: len(part) // 2 * 2])
        if _UUID.fullmatch(run):
            return
    plain = run.replace("-", "+").replace("_", "/")
    if _BASE64.fullmatch(run):
        for start in range(4):
            part = plain[start:]
            yield _base64(part)
    for found in _BASE32.finditer(run):
        for start in range(8):
            part = found.group().upper()[start:]
            yield _base32(part)


def _base64(part: str) -> bytes:
    whole = part[: len(part) - 1] if len(part) % 4 == 1 else part
    return binascii.a2b_base64(whole + "=" * (-len(whole) % 4))


def _base32(part: str) -> bytes:
    whole = part[: len(part) // 8 * 8]
    rest = part[len(whole) :]
    rest = rest[: max(size for size in (0, 2, 4, 5, 7) if size <= len(rest))]
    try:
        return base64.b32decode(whole + rest + "=" * (-len(rest) % 8))
    except binascii.Error:
        return b""


def _texts_of(data: bytes) -> Iterator[str]:
    """Yields the texts that bytes may hold, and none for bytes that are mostly not text, as those hide no text. UTF-16
    leaves zeros between the letters.
    """
    bare = data.replace(b"\0", b"")
    text = _utf8(bare)
    strange = _NO_LETTERS if len(text) == len(bare) else _CONTROLS
    if bare and len(bare.translate(None, strange)) >= _MOSTLY * len(bare):
        yield text
        if len(bare) < len(data):
            for encoding in ("utf-16-le", "utf-16-be"):
                yield data[: len(data) // 2 * 2].decode(encoding, errors="ignore")


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
