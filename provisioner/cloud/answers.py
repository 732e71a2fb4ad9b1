"""Reads the cloud's answers field by field: an absent field is None, a field of the wrong type raises an error.

This module knows JSON and how the vendor writes amounts and times in it. It does not know which fields an answer has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final, TypeAlias, TypeVar

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.flow import Call, CallFailed, Outcome, Reply

Ask: TypeAlias = Callable[[Call], Awaitable[Reply]]
"""Sends one query and returns its reply, as `Channel.ask` does. Raises CallFailed."""

Value = TypeVar("Value")
Known = TypeVar("Known", bound=IntEnum)
Number = TypeVar("Number", bound="int | None")

_WHOLE_UNITS: Final = 1


class Malformed(ValueError):  # noqa: N818 - named for what the answer is
    """A field is not as it should be.

    The message names the field and the fault, but never the value, which may be anything.
    """


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An object in an answer. `place` is its path, such as `order_infos[3].`; it is empty for the answer itself.

    The methods return None for a field that is absent or null, and for an empty text, which billing writes for "none".
    They raise Malformed for a value of another type. Unknown fields are ignored.
    """

    fields: JsonObject = field(repr=False)
    place: str = ""

    def text(self, name: str) -> str | None:
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise self._malformed(name, "is no text")
        return value or None

    def number(self, name: str) -> int | None:
        value = self.fields.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self._malformed(name, "is not a whole number")
        return value

    def flag(self, name: str) -> bool | None:
        """Return true or false, which may also be written as 1 or 0."""
        value = self.fields.get(name)
        if value is None or isinstance(value, bool):
            return value
        if value not in (0, 1):
            raise self._malformed(name, "is neither true nor false")
        return value == 1

    def amount(self, name: str) -> Decimal | None:
        """Return the amount in whole units of the currency, with the digits that the cloud wrote.

        It is also None when the row's `measure_id` states another unit, because the other units are not published.
        """
        value = self.fields.get(name)
        if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
            raise self._malformed(name, "is no number")
        is_readable = self.number("measure_id") in {None, _WHOLE_UNITS}
        return Decimal(str(value)) if value is not None and is_readable else None

    def moment(self, name: str) -> datetime | None:
        """Return an aware time in UTC.

        A time without a zone is in UTC already (docs/api/devserver-api.md section 1).
        """
        text = self.text(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise self._malformed(name, "is no time") from None

    def row(self, name: str) -> AnswerRow | None:
        value = self.fields.get(name)
        return None if value is None else self._row(value, name)

    def rows(self, name: str) -> tuple[AnswerRow, ...] | None:
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise self._malformed(name, "is no list")
        return tuple(self._row(entry, f"{name}[{index}]") for index, entry in enumerate(value))

    def required(self, read: Callable[[str], Value | None], name: str) -> Value:
        """Return what `read`, one of this row's own methods, returns for `name`. Raises Malformed when that is None."""
        value = read(name)
        if value is None:
            raise self._malformed(name, "is missing")
        return value

    def _row(self, value: JsonValue, name: str) -> AnswerRow:
        if not isinstance(value, Mapping):
            raise self._malformed(name, "is no object")
        return AnswerRow(value, f"{self.place}{name}.")

    def _malformed(self, name: str, fault: str) -> Malformed:
        return Malformed(f"{self.place}{name} {fault}")


def to_member(kind: type[Known], number: Number) -> Known | Number:
    """Return the member with that number.

    An unlisted number is returned as it is, because the vendor extends its lists.
    """
    return next((member for member in kind if member == number), number)


async def ask_for(ask: Ask, call: Call, read: Callable[[AnswerRow], Value]) -> Value:
    """Send `call` and return what `read` makes of the answer.

    Raises CallFailed, also for an answer that cannot be read.
    """
    return interpret(call, await ask(call), read)


def interpret(call: Call, reply: Reply, read: Callable[[AnswerRow], Value]) -> Value:
    """Return what `read` makes of the reply's body. Raises CallFailed when `read` raises Malformed."""
    if not isinstance(reply.body, Mapping):
        raise unreadable(call, reply, "it is not an object")
    try:
        return read(AnswerRow(reply.body))
    except Malformed as fault:
        raise unreadable(call, reply, str(fault)) from None


def unreadable(call: Call, reply: Reply, fault: str) -> CallFailed:
    """Return the failure of a call whose reply cannot be used. `fault` describes why."""
    return CallFailed(
        Outcome.UNKNOWN,
        f"the answer to {call.method} {call.path} cannot be used: {fault}",
        status=reply.status,
        code=str(reply.status),
        request_id=reply.request_id,
        server_time=reply.server_time,
    )
