"""Finds an error in the body of an answer whose status is a success, in any of the spellings that services and gateways
use.

It decides by structure: which fields there are and what kind of value they have. The content of a text matters only
where it says that there was no error. Every answer is checked, so nothing that the reference publishes as a success
(rows, lists, orders, tokens) may look like an error here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from provisioner.model.canonical import JsonObject, JsonValue

# Field names are compared without case and separators: `ErrorCode` and `error_code` are the same.
_CODES: Final = ("errorcode", "errcode", "retcode", "errno")
_PLAIN_CODES: Final = ("code", "statuscode", "resultcode")
"""These mean an error only beside a text or alone, because a service may use such a name for another field."""
_TEXTS: Final = ("errormsg", "errormessage", "errmsg")
_PLAIN_TEXTS: Final = ("message", "msg", "reason", "detail", "details", "description", "title")
_VERDICTS: Final = ("success", "issuccess", "succeeded", "ok")
_FAILURES: Final = ("failed", "isfailed", "haserror")
_STATUSES: Final = ("status", "state", "result")
_FAILED: Final = frozenset({"FAILED", "FAILURE", "FAIL", "ERROR", "DENIED", "REJECTED"})
_HTTP_ERROR_TEXT: Final = re.compile(r"[45]\d\d(?:\s+\D.*)?")
_NESTED: Final = ("error", "errors", "fault")
_ENVELOPES: Final = ("result", "data", "response", "body", "resp")
_COMPANIONS: Final = frozenset({"requestid", "timestamp", "path", "traceid"})
"""Fields that may accompany a code or status which counts as standing alone."""
_SUCCESS: Final = re.compile(
    r"0*|2\d\d|(?:[A-Z_]+\.)?0+|OK|SUCCESS(?:FUL(?:LY)?)?|SUCCEEDED|ACCEPTED|CREATED|NO_CONTENT|NONE|NULL|NO[ _]ERRORS?|FALSE|(?:操作|请求)?成功",
    re.IGNORECASE,
)
_HTTP_ERROR: Final = range(400, 600)


def find_error(body: JsonValue) -> str | None:
    """Return code and text of the error, as far as the body states them; None when it states no error."""
    if isinstance(body, Sequence) and not isinstance(body, str):
        errors = [find_error(item) for item in body]
        return errors[0] if None not in errors and errors else None
    if not isinstance(body, Mapping):
        return None
    fields = _normalize(body)
    if (found := _find_in_fields(fields)) is not None:
        return found
    is_row = isinstance(fields.get("id"), str) and not fields.keys().isdisjoint({"name", "status"})
    for name in _NESTED:
        found = _find_in_nested_row(fields.get(name)) if is_row else _find_in_nested(fields.get(name))
        if found is not None:
            return found
    envelopes = (fields.get(name) for name in _ENVELOPES)
    return next(
        (
            error
            for value in envelopes
            if isinstance(value, Mapping) and (error := _find_in_envelope(_normalize(value)))
        ),
        None,
    )


def _normalize(body: JsonObject) -> JsonObject:
    fields: dict[str, JsonValue] = {}
    for name, value in body.items():
        fields.setdefault(re.sub(r"[_-]", "", name).lower(), value)
    return fields


def _find_in_fields(fields: JsonObject) -> str | None:
    """Find an error of the answer.

    A row, which has an id, may describe a resource that failed: that is no error of the answer.
    """
    text = _first_text(fields, _TEXTS) or _first_text(fields, _PLAIN_TEXTS)
    for code in _failing_codes(fields, _CODES):
        return _join(code, text)
    if any(fields.get(name) is False or str(fields.get(name)).upper() in {"FALSE", "NO"} for name in _VERDICTS):
        return _join(*_failing_codes(fields, _PLAIN_CODES), text)
    return None if isinstance(fields.get("id"), str) else _find_in_answer(fields, text)


def _find_in_answer(fields: JsonObject, text: str | None) -> str | None:
    if any(fields.get(name) is True or str(fields.get(name)).upper() == "TRUE" for name in _FAILURES):
        return _join(*_failing_codes(fields, _PLAIN_CODES), text)
    for code in _failing_codes(fields, _PLAIN_CODES):
        if text or fields.keys() <= {*_PLAIN_CODES, *_COMPANIONS}:
            return _join(code, text)
    status = next((fields[name] for name in _STATUSES if _is_failed(fields.get(name))), None)
    if status is not None and (text or fields.keys() <= {*_STATUSES, *_COMPANIONS}):
        return _join(str(status), text)
    return None if _says_success(fields) else _first_text(fields, _TEXTS)


def _find_in_envelope(fields: JsonObject) -> str | None:
    """Find an error in an object that wraps the whole answer.

    Only a code with a text counts, because nothing else is unambiguous.
    """
    text = _first_text(fields, _TEXTS) or _first_text(fields, ("message", "msg"))
    if text is None or isinstance(fields.get("id"), str):
        return None
    return next((_join(code, text) for code in _failing_codes(fields, (*_CODES, "code"))), None)


def _find_in_nested(value: JsonValue) -> str | None:
    """Find an error in the value of a field named `error` or the like: any value that is not empty and does not say
    that there was none.
    """
    match value:
        case Mapping():
            fields = _normalize(value)
            codes = (*_failing_codes(fields, (*_CODES, *_PLAIN_CODES)),)
            text = _first_text(fields, _TEXTS) or _first_text(fields, _PLAIN_TEXTS)
            if not codes and (_says_success(fields) or _is_empty(fields)):
                return None
            return _join(*codes[:1], text) or "an error without a code"
        case str():
            return None if _is_no_error(value) else value
        case Sequence():
            return next((error for item in value if (error := _find_in_nested(item)) is not None), None)
        case True:
            return "an error without a code"
        case bool() | None:
            return None
        case int():
            return str(value) if _is_failing(value) else None
        case _:
            return None


def _find_in_nested_row(value: JsonValue) -> str | None:
    """A row uses `fault` or `error` to describe its resource.

    Only an object with an error code in it is an error of the answer.
    """
    if not isinstance(value, Mapping):
        return None
    fields = _normalize(value)
    text = _first_text(fields, _TEXTS) or _first_text(fields, _PLAIN_TEXTS)
    return next((_join(code, text) for code in _failing_codes(fields, _CODES)), None)


def _is_empty(value: JsonValue) -> bool:
    match value:
        case Mapping():
            return all(map(_is_empty, value.values()))
        case str():
            return _is_no_error(value)
        case Sequence():
            return all(map(_is_empty, value))
        case _:
            return value is None or value is False


def _says_success(fields: JsonObject) -> bool:
    return any(
        code not in {None, ""} and _SUCCESS.fullmatch(str(code)) is not None
        for code in (fields.get(name) for name in (*_CODES, *_PLAIN_CODES))
        if isinstance(code, str | int)
    )


def _failing_codes(fields: JsonObject, names: Sequence[str]) -> Iterator[str]:
    return (str(code) for name in names if _is_failing(code := fields.get(name)))


def _is_failing(code: JsonValue) -> bool:
    return isinstance(code, str | int) and not isinstance(code, bool) and not _SUCCESS.fullmatch(str(code).strip())


def _is_failed(status: JsonValue) -> bool:
    if isinstance(status, str):
        return status.upper() in _FAILED or _HTTP_ERROR_TEXT.fullmatch(status) is not None
    return isinstance(status, int) and not isinstance(status, bool) and status in _HTTP_ERROR


def _first_text(fields: JsonObject, names: Sequence[str]) -> str | None:
    texts = (fields.get(name) for name in names)
    return next((text for text in texts if isinstance(text, str) and not _is_no_error(text)), None)


def _is_no_error(text: str) -> bool:
    return _SUCCESS.fullmatch(text.strip().rstrip(".!。！")) is not None  # noqa: RUF001


def _join(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)
