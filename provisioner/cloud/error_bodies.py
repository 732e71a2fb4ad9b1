"""Whether the body of an answer with the status of a success tells of an error, in whichever spelling a service or a gateway has for it.

Decides by structure, and by no text: which fields stand there and what kind of value they have. It is asked of every answer, so that
what the reference publishes of a success (rows, lists, orders, tokens) must never look like an error here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from provisioner.model.canonical import JsonObject, JsonValue

_CODES: Final = (
    "error_code",
    "errorCode",
    "errorcode",
    "err_code",
    "errCode",
    "ret_code",
    "retCode",
    "errcode",
    "errno",
)
_PLAIN_CODES: Final = ("code", "status_code", "statusCode", "result_code", "resultCode")
"""Of an error only beside a text, or alone: a service may have a field of such a name."""
_TEXTS: Final = ("error_msg", "errorMsg", "errormsg", "error_message", "errorMessage", "err_msg", "errMsg", "errmsg")
_PLAIN_TEXTS: Final = ("message", "msg", "reason", "detail", "details", "description", "title")
_VERDICTS: Final = ("success", "is_success", "isSuccess", "succeeded", "ok")
_STATUSES: Final = ("status", "state", "result")
_FAILED: Final = frozenset({"FAILED", "FAILURE", "FAIL", "ERROR", "DENIED", "REJECTED"})
_NESTED: Final = ("error", "errors", "Error", "Errors", "fault")
_ENVELOPES: Final = ("result", "data", "response", "body", "Response", "resp")
_AROUND: Final = frozenset({"request_id", "requestId", "RequestId", "timestamp", "path", "trace_id", "traceId"})
"""What may stand beside a code that stands alone."""
_SUCCESS: Final = re.compile(
    r"0*|2\d\d|(?:[A-Z_]+\.)?0+|OK|SUCCESS(?:FUL)?|SUCCEEDED|ACCEPTED|CREATED|NO_CONTENT|NONE|NULL|NO_ERROR",
    re.IGNORECASE,
)
_HTTP_ERROR: Final = range(400, 600)


def error_told(body: JsonValue) -> str | None:
    """Code and text of the error, as far as they are told; None where the body tells of none."""
    if not isinstance(body, Mapping):
        return None
    if (told := _told(body)) is not None:
        return told
    for name in _NESTED:
        if (told := _nested(body.get(name))) is not None:
            return told
    inside = (body.get(name) for name in _ENVELOPES)
    return next((told for value in inside if isinstance(value, Mapping) and (told := _told_inside(value))), None)


def _told(body: JsonObject) -> str | None:
    """A row of the cloud, which has an id, may be of something that failed: of it only what is said of the answer counts."""
    text = _first_text(body, _TEXTS) or _first_text(body, _PLAIN_TEXTS)
    is_row = isinstance(body.get("id"), str)
    for code in _failing_codes(body, _CODES):
        return _joined(code, text)
    if any(body.get(name) is False or str(body.get(name)).upper() == "FALSE" for name in _VERDICTS):
        return _joined(*_failing_codes(body, _PLAIN_CODES), text)
    if is_row:
        return None
    for code in _failing_codes(body, _PLAIN_CODES):
        if text or body.keys() <= {*_PLAIN_CODES, *_AROUND}:
            return _joined(code, text)
    status = next((body[name] for name in _STATUSES if _is_failed(body.get(name))), None)
    if status is not None and (text or body.keys() <= {*_STATUSES, *_AROUND}):
        return _joined(str(status), text)
    return None if _says_success(body) else _first_text(body, _TEXTS)


def _told_inside(body: JsonObject) -> str | None:
    """Of an object that holds the whole answer: what cannot be anything else."""
    text = _first_text(body, _TEXTS) or _first_text(body, ("message", "msg"))
    if text is None or isinstance(body.get("id"), str):
        return None
    return next((_joined(code, text) for code in _failing_codes(body, (*_CODES, "code"))), None)


def _nested(value: JsonValue) -> str | None:
    """Of what stands under the name of an error: anything that is not empty."""
    match value:
        case Mapping() if value:
            codes = (*_failing_codes(value, (*_CODES, *_PLAIN_CODES)),)
            text = _first_text(value, _TEXTS) or _first_text(value, _PLAIN_TEXTS)
            return (
                None if not codes and _says_success(value) else _joined(*codes[:1], text) or "an error without a code"
            )
        case str():
            return value if value.strip() and not _SUCCESS.fullmatch(value.strip()) else None
        case Sequence():
            return next((told for item in value if (told := _nested(item)) is not None), None)
        case True:
            return "an error without a code"
        case bool() | None:
            return None
        case int():
            return str(value) if _is_failing(value) else None
        case _:
            return None


def _says_success(body: JsonObject) -> bool:
    return any(
        code not in {None, ""} and _SUCCESS.fullmatch(str(code)) is not None
        for code in (body.get(name) for name in (*_CODES, *_PLAIN_CODES))
        if isinstance(code, str | int)
    )


def _failing_codes(body: JsonObject, names: Sequence[str]) -> Iterator[str]:
    return (str(code) for name in names if _is_failing(code := body.get(name)))


def _is_failing(code: JsonValue) -> bool:
    return isinstance(code, str | int) and not isinstance(code, bool) and not _SUCCESS.fullmatch(str(code).strip())


def _is_failed(status: JsonValue) -> bool:
    if isinstance(status, str):
        return status.upper() in _FAILED or (status.isdecimal() and int(status[:4]) in _HTTP_ERROR)
    return isinstance(status, int) and not isinstance(status, bool) and status in _HTTP_ERROR


def _first_text(body: JsonObject, names: Sequence[str]) -> str | None:
    texts = (body.get(name) for name in names)
    return next((text for text in texts if isinstance(text, str) and text and not _SUCCESS.fullmatch(text)), None)


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)
