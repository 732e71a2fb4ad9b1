"""The identity of a server in its stack: `gateway`, `trainer[0]`, `pool["a"]`, `module.vision.trainer[0]`. A server
whose successor is bought before it is released has an address such as `trainer[0]@deposed`.

An address names neither the file that declares the server nor the id that the cloud gave it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Any

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_INDEX = r"(?:0|[1-9][0-9]{0,8})"
_ADDRESS = re.compile(
    rf'(?P<modules>(?:module\.{_NAME}\.)*)(?P<name>{_NAME})(?:\[(?P<key>{_INDEX}|"(?:[^"\\]|\\.)*")\])?(?P<deposed>@deposed)?'
)
NAME_PATTERN = re.compile(_NAME)
_LOST_QUOTES = re.compile(
    rf"(?P<name>{_NAME})[\[(](?P<key>\\?[\"'\u2018-\u201d]?(?P<text>[^\[\]\"'\\\u2018-\u201d]+)\\?[\"'\u2018-\u201d]?)[\])](?P<deposed>@deposed)?"
)
"""An address whose key lost its double quotes, to a shell or by another kind of quotes."""

Key = int | str | None


@total_ordering
@dataclass(frozen=True, slots=True)
class Address:
    """The address of one server. `key` is the index of a `count`, the key of a `for_each`, or None for a single server.
    Specs can't declare a `deposed` address (docs/decisions/0016).
    """

    name: str
    key: Key = None
    modules: tuple[str, ...] = ()
    deposed: bool = False

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parses an address. Raises ValueError, which quotes the text, when it is not an address."""
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not an address{_what_to_write(text)}")
        modules = tuple(found["modules"].split(".")[1::2])
        raw = found["key"]
        try:
            key = None if raw is None else json.loads(raw)
            return cls(found["name"], key, modules, deposed=found["deposed"] is not None)
        except json.JSONDecodeError as reason:
            raise ValueError(f"{text!r} is not an address: its key is not a JSON text ({reason.msg})") from None

    def __str__(self) -> str:
        prefix, suffix = "".join(f"module.{module}." for module in self.modules), "@deposed" if self.deposed else ""
        match self.key:
            case None:
                return f"{prefix}{self.name}{suffix}"
            case int(index):
                return f"{prefix}{self.name}[{index}]{suffix}"
            case str(text):
                return f"{prefix}{self.name}[{json.dumps(text, ensure_ascii=False)}]{suffix}"

    @property
    def shell_quoted(self) -> str:
        """The address in single quotes, ready to be pasted into a shell."""
        return "'" + str(self).replace("'", r"'\''") + "'"

    @property
    def group(self) -> Address:
        """The address without its key, which stands for every instance of the declaration."""
        return Address(self.name, None, self.modules)

    @property
    def as_deposed(self) -> Address:
        """The address that the server has while its successor is bought."""
        return Address(self.name, self.key, self.modules, deposed=True)

    @property
    def successor(self) -> Address:
        """The address that a deposed server had before, which its successor holds; for any other address, itself."""
        return Address(self.name, self.key, self.modules)

    @property
    def _order(self) -> tuple[tuple[str, ...], str, int, int, str, bool]:
        match self.key:
            case None:
                return (self.modules, self.name, 0, 0, "", self.deposed)
            case int(index):
                return (self.modules, self.name, 1, index, "", self.deposed)
            case str(text):
                return (self.modules, self.name, 2, 0, text, self.deposed)

    def __lt__(self, other: Address) -> bool:
        if self.name == other.name and type(self.key) is type(other.key) is int and self.modules == other.modules:
            # The fast path for two members of a counted group: sorting 10,000 addresses took 8 % of a plan.
            return (self.key, self.deposed) < (other.key, other.deposed)
        return self._order < other._order

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        """Makes files hold an address as its text. Imported late, so that addresses do not load pydantic."""
        from pydantic_core import core_schema

        def read(value: Any) -> Address:
            return value if isinstance(value, Address) else cls.parse(value)

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="always")
        )


def lost_quotes(text: str) -> Address | None:
    """Returns the address that was probably meant by one whose key is not in double quotes, such as `pool[a]`."""
    found = _LOST_QUOTES.fullmatch(text)
    return None if found is None else Address(found["name"], found["text"], deposed=found["deposed"] is not None)


def _what_to_write(text: str) -> str:
    if (meant := lost_quotes(text)) is not None:
        return f": its key is not in double quotes; write {meant}, and on a command line {meant.shell_quoted}"
    prefix, _, name = text.partition(".")
    if NAME_PATTERN.fullmatch(prefix) and prefix != "module" and _ADDRESS.fullmatch(name):
        group = f", or {Address(prefix, name)} for a key of {prefix}" if NAME_PATTERN.fullmatch(name) else ""
        return f"; an address has no section or type before the name: write {name}{group}"
    return '; write one like gateway, trainer[0] or pool["a"]'
