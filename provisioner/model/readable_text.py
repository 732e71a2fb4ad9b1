"""Hides what may be a secret in scripts and YAML that the tool does not understand. What is hidden in vain costs a reader
little, so the rules err on that side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from provisioner.model.lookalikes import is_invisible
from provisioner.model.secret import HIDDEN
from provisioner.model.secret_extent import Extents, indentation, opens_block
from provisioner.model.secret_forms import option_value, without_secret_forms
from provisioner.model.secret_names import SECRET_NAME

_NAME: Final = re.compile(
    rf"{SECRET_NAME.pattern}|mot.?de.?passe|securestring|cookie|community|\.netrc|net user|base64 +-{{1,2}}d"
    r"""|(?<![a-z])(?:key|licen[cs]e)(?=["']? ?[=:])""",
    re.IGNORECASE,
)
"""Also names that mean a secret in a script, but not in specs."""
_ASSIGNED: Final = re.compile(r"""[\w.-]*["']?\s*[=:]\s*""")
"""What follows a secret's name where its value comes next, as in `password = ` or `"token": `."""
_KEY_BEGINS: Final = re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File")
_KEY_ENDS: Final = re.compile(r"-{4,5} ?END [A-Z0-9 ]*PRIVATE KEY|Private-MAC")
_CONTINUED: Final = ("\\", "|", "&&", "|&")
_YAML_BLOCK: Final = re.compile(r"\s*(?:-\s+)*(?:[\"']?[\w./-]+[\"']?\s*:\s*)?(?:[&!]\S*+\s++)*+\|")
_OTHER_COMMAND: Final = re.compile(r"\s*+\S.*?(?:[;|#]|&&)")
"""What a line begins with if the value may stand before the secret's name, as in `echo X | login --password=-`."""
_FIELD: Final = re.compile(r"\s*(?:- +)*[\"']?([\w.-]+)[\"']?\s*:\s+(.*)")


def without_secrets(text: str) -> str:
    """Returns the text with everything hidden that may be a secret: private keys, values of names that sound like secrets,
    user and password in URLs, and long random words.
    """
    return "\n".join(_readable_lines(text.split("\n")))


def _readable_lines(lines: Sequence[str]) -> Iterator[str]:
    extents = Extents(lines)
    whole = {*_private_keys(lines), *_commands(lines, extents), *_items(lines)}
    end = -1
    for index, line in enumerate(lines):
        if not line.strip():
            yield line
            continue
        named = None if index <= end else _name_in(line)
        if index <= end:
            yield _hidden(line)
        elif named is None:
            yield _hidden(line) if index in whole or _is_disguised(line) else without_secret_forms(line)
        else:
            assigned = _ASSIGNED.match(line, named.end())
            end = extents.of_statement(index) if assigned is None else extents.of_value(index, assigned.end())
            if assigned is None or index in whole or _OTHER_COMMAND.match(line, 0, named.start()):
                yield _hidden(line)
            elif opens_block(line[assigned.end() :]):
                yield without_secret_forms(line)
            else:
                yield f"{without_secret_forms(line[: assigned.end()])}{HIDDEN}"


def _private_keys(lines: Sequence[str]) -> Iterator[int]:
    """Yields the lines of private keys."""
    is_inside = False
    for index, line in enumerate(lines):
        is_inside = is_inside or _KEY_BEGINS.search(line) is not None
        if is_inside:
            yield index
            is_inside = _KEY_ENDS.search(line) is None


def _commands(lines: Sequence[str], extents: Extents) -> Iterator[int]:
    """Yields the lines of all commands of several lines that contain a secret's name, as its value may stand before it."""
    index = 0
    while index < len(lines):
        end = index
        while end < len(lines) - 1 and _is_continued(lines[end], lines[end + 1]):
            here = extents.of_here_documents(end)
            end = min(here + (2 if here > end else 1), len(lines) - 1)
        if end > index:
            command = "\n".join(lines[index : end + 1]).replace("\\\n", "")
            if _name_in(command) is not None or option_value(command.replace("\n", " ")) is not None:
                end = extents.of_here_documents(end)
                yield from range(index, end + 1)
        index = end + 1


def _is_continued(line: str, below: str) -> bool:
    """Whether a command goes on below, behind the end mark of a here document if one begins on its line."""
    end = line.rstrip()
    if below.lstrip().startswith(("|", "&&")):
        return True
    return end.endswith(_CONTINUED) and _YAML_BLOCK.fullmatch(end) is None


def _items(lines: Sequence[str]) -> Iterator[int]:
    """Yields the lines of all items of YAML lists that say in another field that a value is secret, as in `path: /root/.token`."""
    reach = 0
    for first, end in sorted(_secret_items(lines)):
        yield from range(max(first, reach), end)
        reach = max(reach, end)


def _secret_items(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yields the first line of each of these items and the one behind it."""
    above: list[tuple[int, int, bool]] = []
    """The items that are open: indentation, first line, and whether the item is one of a secret."""
    for index, line in enumerate((*lines, "end")):
        if not line.strip():
            continue
        depth = indentation(line)
        while above and depth <= above[-1][0]:
            _, first, is_secret = above.pop()
            if is_secret:
                yield first, index
        if line.lstrip().startswith("- ") and index < len(lines):
            above.append((depth, index, False))
        if not above or index == len(lines):
            continue
        field = _FIELD.fullmatch(line)
        own, first, _ = above[-1]
        if field is not None and (index == first or depth == _depth_of_fields(lines[first])) and _tells(field):
            above[-1] = (own, first, True)


def _depth_of_fields(line: str) -> int:
    """Returns the indentation of the other fields of an item that begins on this line."""
    return indentation(line) + len(line.lstrip()) - len(line.lstrip(" \t-"))


def _tells(field: re.Match[str]) -> bool:
    name, value = field[1], field[2].replace("NOPASSWD", "")
    return _name_in(value) is not None or (name == "encoding" and "64" in value)


@lru_cache(maxsize=1024)
def _name_in(line: str) -> re.Match[str] | None:
    return _NAME.search(line if line.isascii() else "".join(map(_compatible, line)))


def _compatible(letter: str) -> str:
    """Returns the letter that a full-width or otherwise decorated one stands for."""
    plain = unicodedata.normalize("NFKC", letter)
    return plain if len(plain) == 1 else letter


def _is_disguised(line: str) -> bool:
    """Returns whether invisible characters stand within a secret's name."""
    return not line.isascii() and _name_in("".join(each for each in line if not is_invisible(each))) is not None


def _hidden(line: str) -> str:
    return f"{line[: len(line) - len(line.lstrip())]}{HIDDEN}"
