"""Resolves plain YAML scalars to values, and rejects those that YAML readers interpret differently.

Types follow the core schema of YAML 1.2 where YAML 1.1 agrees; where the two differ, a scalar is rejected. Quoted scalars
are not handled here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class RejectedScalar:
    """Why a scalar is rejected. `reading` is the reason, as the end of a sentence; `hint` is what to write instead."""

    code: str
    reading: str
    hint: str


Scalar: TypeAlias = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+][0-9]+)?")
_MAY_BE_SPECIAL = frozenset("-+.0123456789~=<yYnNoOtTfF")

_QUOTE = "write it in quotes if it is a text"
_AMBIGUOUS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), reading, hint)
    for pattern, reading, hint in (
        (r"(?i:y|n|yes|no|on|off)", "some readers take it for true or false", f"{_QUOTE}, or write true or false"),
        (r"(?i:true|false|null)", "some readers take it for a text", f"{_QUOTE}, or write it in small letters"),
        (r"[-+]?0[0-9_]+", "some readers take it for an octal number", f"{_QUOTE}, or leave out the leading zero"),
        (
            r"[-+]?0[xXoObB][0-9a-fA-F_]+",
            "some readers take it for a number",
            f"{_QUOTE}, or write the number in decimal",
        ),
        (
            r"[-+]?[0-9][0-9_]*(?::[0-9]{1,2})+(?:\.[0-9_]*)?",
            "some readers take it for a number to the base of 60",
            _QUOTE,
        ),
        (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?", "some readers take it for a date", _QUOTE),
        (
            r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?",
            "some readers take it for a number and some for a text",
            f"{_QUOTE}, or write the number as 1000 or 0.5",
        ),
        (r"=|<<", "it is an operator of YAML 1.1", _QUOTE),
    )
)
_NOT_FINITE = re.compile(r"[-+]?\.(?i:inf)|\.(?i:nan)")
_DIGITS = 20
_LIMIT = 2**63


def resolve_scalar(text: str) -> Scalar | RejectedScalar:
    """Returns the value of a plain scalar, or why it is rejected."""
    if text and text[0] not in _MAY_BE_SPECIAL:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else _out_of_range("it is larger than any number here may be")
    if _NOT_FINITE.fullmatch(text):
        return _out_of_range("it is no finite number")
    return next(
        (RejectedScalar("ambiguous-value", why, hint) for form, why, hint in _AMBIGUOUS if form.fullmatch(text)), text
    )


def fits(number: int) -> bool:
    """Returns whether `number` is a signed 64-bit integer, the largest that every JSON reader involved can represent."""
    return -_LIMIT <= number < _LIMIT


def _integer(text: str) -> int | RejectedScalar:
    # The length is checked first: converting a million digits to a number takes minutes.
    if len(text) <= _DIGITS and fits(number := int(text)):
        return number
    return _out_of_range("it does not fit into 64 bits")


def _out_of_range(why: str) -> RejectedScalar:
    return RejectedScalar("number-out-of-range", why, _QUOTE)
