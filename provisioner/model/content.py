"""The text of content fields, such as userdata, as people may read it: without the lines that may hold a secret.

Records refer to content by its digest, which is what is compared. The text is kept beside it only for people: a plan that
wipes a system disk shows what changes in the userdata (docs/decisions/0035).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from provisioner.model.canonical import JsonObject, digest
from provisioner.model.redaction import DIGEST, is_leaf
from provisioner.model.resource import FieldPath, Fields, FieldValue
from provisioner.model.secret import HIDDEN
from provisioner.model.secret_names import SECRET_NAME

_ASSIGNED: Final = re.compile(r"""[\w.-]*["']?\s*[=:]\s*""")
"""What follows a secret's name where its value comes next, as in `password = ` or `"token": `."""
_USER_INFO: Final = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_RANDOM: Final = re.compile(r"[A-Za-z0-9+]{20,}={0,2}")
_HEX: Final = re.compile(r"\b[0-9A-Fa-f]{32,}\b")
_KEY_BEGINS: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
_KEY_ENDS: Final = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY")
_HERE_DOCUMENT: Final = re.compile(r"<<-?\s*[\"']?(\w+)")
_OPENING: Final = (":", "|", "|-", "|+", ">", ">-", ">+", "=", "(", "{", "[", '"""')
"""Ends of lines whose value stands on the lines below."""


def content_text(encoded: str) -> str | None:
    """Returns what people may read of the Base64 of a content field; None if it is not UTF-8 text, such as an archive."""
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return without_secrets(text)


def content_texts(fields: Fields, is_content: Callable[[FieldPath], bool]) -> Mapping[str, str]:
    """Returns the texts of all content in `fields`, by the digest that stands for it in a redacted body."""
    return dict(_texts(fields, is_content, ()))


def _texts(
    fields: Mapping[str, FieldValue], is_content: Callable[[FieldPath], bool], above: FieldPath
) -> Iterator[tuple[str, str]]:
    for key, value in fields.items():
        path = (*above, key)
        if isinstance(value, Mapping):
            yield from _texts(value, is_content, path)
        elif isinstance(value, str) and is_content(path) and (text := content_text(value)) is not None:
            yield digest(value), text


def referenced_texts(texts: Mapping[str, str], *bodies: JsonObject) -> Mapping[str, str]:
    """Returns those `texts` whose digests occur in one of the bodies."""
    if not texts:
        return texts
    found = set().union(*map(_digests, bodies))
    return {key: text for key, text in texts.items() if key in found}


def _digests(body: JsonObject) -> Iterator[str]:
    for value in body.values():
        if isinstance(value, Mapping):
            if is_leaf(value):
                yield str(value.get(DIGEST, ""))
            else:
                yield from _digests(value)


def without_secrets(text: str) -> str:
    """Returns the text with everything hidden that may be a secret: private keys, values of names that sound like secrets,
    user and password in URLs, and long random words. What is hidden in vain costs a reader little.
    """
    return "\n".join(_readable_lines(text.split("\n")))


def _readable_lines(lines: Sequence[str]) -> Iterator[str]:
    index = 0
    while index < len(lines):
        line, last = lines[index], _last_hidden_line(lines, index)
        if (named := SECRET_NAME.search(line)) is not None and not _KEY_BEGINS.search(line):
            yield _without_value(line, named, is_alone=last == index)
        elif last > index or _KEY_BEGINS.search(line):
            yield _hidden(line)
        else:
            yield _RANDOM.sub(_hide_random, _HEX.sub(HIDDEN, _USER_INFO.sub(HIDDEN, line)))
        yield from map(_hidden, lines[index + 1 : last + 1])
        index = last + 1


def _last_hidden_line(lines: Sequence[str], index: int) -> int:
    """Returns the index of the last line that belongs to a secret beginning at `index`; `index` itself if there is no more."""
    line, rest = lines[index], range(index + 1, len(lines))
    if _KEY_BEGINS.search(line):
        return next((each for each in range(index, len(lines)) if _KEY_ENDS.search(lines[each])), len(lines) - 1)
    if SECRET_NAME.search(line) is None:
        return index
    if (marked := _HERE_DOCUMENT.search(line)) is not None:
        return next((each - 1 for each in rest if lines[each].strip() == marked[1]), len(lines) - 1)
    end = line.rstrip()
    if end.endswith("\\"):
        return next((each for each in rest if not lines[each].rstrip().endswith("\\")), len(lines) - 1)
    if not end.endswith(_OPENING):
        return index
    depth = _indentation(line)
    return next((each - 1 for each in rest if not _is_below(lines[each], depth)), len(lines) - 1)


def _is_below(line: str, depth: int) -> bool:
    """Whether the line belongs to a block that a line with this indentation has opened, as in YAML."""
    own = _indentation(line)
    return not line.strip() or own > depth or (own == depth and line.lstrip().startswith("- "))


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _hidden(line: str) -> str:
    return f"{line[: _indentation(line)]}{HIDDEN}" if line.strip() else line


def _without_value(line: str, name: re.Match[str], *, is_alone: bool) -> str:
    """Returns the line up to the value of the secret's name. If no value follows the name, the whole line is hidden, unless the
    value stands on the lines below.
    """
    assigned = _ASSIGNED.match(line, name.end())
    if assigned is None:
        return _hidden(line)
    has_value = bool(line[assigned.end() :].strip())
    return (
        f"{line[: assigned.end()]}{HIDDEN}"
        if has_value and (is_alone or not line.rstrip().endswith(_OPENING))
        else line
    )


def _hide_random(found: re.Match[str]) -> str:
    word = found[0]
    is_mixed = any(map(str.isdigit, word)) and any(map(str.islower, word)) and any(map(str.isupper, word))
    return HIDDEN if is_mixed else word
