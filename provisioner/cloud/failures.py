"""Turns an exchange that did not succeed into a `Failure`: the outcome, the vendor's code and text, and a message for
the user.

It classifies by HTTP status first and error code second, never by text (docs/api/devserver-api.md section 5). It sends
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from provisioner.cloud.error_bodies import find_error
from provisioner.cloud.request import Request
from provisioner.model.canonical import JsonObject, JsonValue, parse_json
from provisioner.model.flow import CallFailed, Outcome
from provisioner.model.mask import Mask
from provisioner.web import HttpAnswer, NoAnswer

_MAX_TEXT: Final = 500
_CLOCK_TOLERANCE: Final = 600.0
"""Seconds of clock skew above which a message mentions it. The cloud refuses signatures at 900."""

_SHAPES: Final = (("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message"))
_OLD_SHAPE: Final = ("error_code", "error_message")
_LIMIT: Final = re.compile(
    r"limit:(?P<requests>\d{1,9}),\s*time:\s*(?P<count>[1-9]\d{0,3})?\s*(?P<unit>second|minute|hour|day)",
    re.ASCII | re.IGNORECASE,
)
_SECONDS: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_SLOWEST_PACE: Final = 60.0
"""Seconds for each request.

A limit that is slower is ignored: nobody would wait that long, so it is better to fail and say why.
"""
_REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate limit of a gateway: so many requests in so many seconds."""

    requests: int
    seconds: float


class Failure(CallFailed):
    """A call that failed.

    `transient`: another attempt may succeed. `retry_after`: the seconds to wait that the server asks for. `limit`: the
    exceeded rate limit, if the gateway named it. `renewed`: the request was refused for an expired token, and the next
    one will use a new token.
    """

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        server_time: int | None = None,
        transient: bool = False,
        retry_after: float | None = None,
        limit: Limit | None = None,
    ) -> None:
        super().__init__(outcome, message, status=status, code=code, request_id=request_id, server_time=server_time)
        self.transient = transient
        self.retry_after = retry_after
        self.limit = limit
        self.renewed = False

    @property
    def is_throttled(self) -> bool:
        return self.status == HTTPStatus.TOO_MANY_REQUESTS

    @property
    def is_unauthenticated(self) -> bool:
        return _is_unauthenticated(self.status, self.code)


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The content of an error body, whatever its shape."""

    code: str
    text: str
    request_id: str | None


def no_answer(request: Request, nothing: NoAnswer) -> Failure:
    """Return the failure of a request that got no answer: UNKNOWN if it may have been executed, else NOT_SENT."""
    if nothing.may_have_left:
        message = f"{request.origin} gave no answer to {request.line} ({nothing.reason})"
        return Failure(Outcome.UNKNOWN, message, transient=True)
    return Failure(Outcome.NOT_SENT, f"the request did not reach {request.origin} ({nothing.reason})", transient=True)


def unreadable_answer(request: Request, answer: HttpAnswer, fault: str, *, mask: Mask | None = None) -> Failure:
    """Return the failure of a request whose answer is a 2xx with an unusable body: it was executed with an unknown
    result.

    Without a `mask` only the request's own secrets can be echoed in the answer.
    """
    return Failure(
        Outcome.UNKNOWN,
        f"the answer to {request.line} cannot be used: {fault}",
        status=answer.status,
        code=str(answer.status),
        request_id=request_id_of(answer, mask or Mask(*request.secrets)),
        server_time=answer.server_time,
        transient=bool(answer.fault),
    )


def refusal(request: Request, answer: HttpAnswer, *, advice: str, now: float, mask: Mask) -> Failure:
    """Return the failure for an answer whose status is not 2xx.

    `advice` tells what to check when authentication was refused.
    """
    status, error_body = answer.status, error_body_of(answer, mask)
    message = _verdict(request, status, error_body)
    if _is_unauthenticated(status, error_body.code):
        message += f"; {advice}{_clock_skew(answer, now)}"
    return Failure(
        _outcome(status, error_body.code),
        message,
        status=status,
        code=error_body.code,
        request_id=request_id_of(answer, mask) or error_body.request_id,
        server_time=answer.server_time,
        transient=status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR,
        retry_after=_retry_after(answer, now),
        limit=_limit(error_body.text) if status == HTTPStatus.TOO_MANY_REQUESTS else None,
    )


_PROXY_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, 499})
"""Statuses by which a proxy answers a request that the service may have received."""


def _outcome(status: int, code: str) -> Outcome:
    """Classify by status and code. Only the gateway's own 429 guarantees that no service received the request."""
    if status == HTTPStatus.TOO_MANY_REQUESTS and code == "APIG.0308":
        return Outcome.THROTTLED
    return Outcome.REFUSED if _is_client_error(status) and status not in _PROXY_STATUSES else Outcome.UNKNOWN


def _limit(text: str) -> Limit | None:
    """Read the limit from a text like `over ratelimit,limit:100,time:1 minute` (docs/api/devserver-api.md section 5.2).

    It only sets the pace of requests; no outcome depends on it.
    """
    found = _LIMIT.search(text)
    if found is None:
        return None
    limit = Limit(int(found["requests"]), float(found["count"] or 1) * _SECONDS[found["unit"].lower()])
    return limit if limit.seconds <= _SLOWEST_PACE * limit.requests else None


def _verdict(request: Request, status: int, error_body: ErrorBody) -> str:
    if _is_redirect(status):
        return f"{request.line} was answered with a redirect, which is never followed ({status})"
    verdict = "was refused" if _is_client_error(status) else "failed"
    text = _shorten(error_body.text) or "no reason given"
    number = str(status) if error_body.code == str(status) else f"{status} {error_body.code}"
    return f"{request.line} {verdict}: {text} ({number})"


def as_not_sent(failure: Failure, advice: str = "") -> Failure:
    """Return the failure of a request that was not sent because signing in for it failed.

    `advice` is added to the message: what the user should check.
    """
    return Failure(
        Outcome.NOT_SENT,
        f"signing in failed: {failure.message}{advice and f'; {advice}'}",
        status=failure.status,
        code=failure.code,
        request_id=failure.request_id,
        server_time=failure.server_time,
    )


def request_id_of(answer: HttpAnswer, mask: Mask) -> str | None:
    return _printable(answer.headers.get("x-request-id"), mask)


def error_body_of(answer: HttpAnswer, mask: Mask) -> ErrorBody:
    """Read an error body in any of the shapes of docs/api/devserver-api.md section 5.1, in that order.

    Its texts are masked: the gateway echoes what was signed, including a security token, and a service may echo a field
    that it rejects.
    """
    try:
        body = parse_json(answer.body)
    except ValueError:
        body = None
    objects = list(_objects(body))
    tries = [(body, shape) for body in objects for shape in _SHAPES] + [(body, _OLD_SHAPE) for body in objects]
    for candidate, shape in tries:
        if all(candidate.get(name) is not None for name in shape):
            return _error_body(candidate, *shape, objects, mask)
    text = mask.text(answer.body.decode(errors="replace"))
    return ErrorBody(str(answer.status), text, _body_request_id(objects, mask))


def find_masked_error(body: JsonValue, mask: Mask) -> str | None:
    """Return the error, masked, in the body of an answer whose status is a success; None when there is none."""
    found = find_error(body)
    return None if found is None else mask.text(_shorten(found))


def _objects(body: JsonValue) -> Iterator[JsonObject]:
    """Yield the body, then the objects directly inside it (shape 4)."""
    if isinstance(body, Mapping):
        yield body
        yield from (value for value in body.values() if isinstance(value, Mapping))


def _error_body(
    body: JsonObject, code_name: str, text_name: str, objects: Sequence[JsonObject], mask: Mask
) -> ErrorBody:
    code = re.sub(r"^APIGW\.", "APIG.", mask.text(str(body[code_name])))
    return ErrorBody(_shorten(code), mask.text(str(body[text_name])), _body_request_id(objects, mask))


def _body_request_id(objects: Sequence[JsonObject], mask: Mask) -> str | None:
    found = (body.get(name) for body in objects for name in ("request_id", "requestId"))
    return next((request_id for value in found if (request_id := _printable(value, mask))), None)


def _printable(value: object, mask: Mask) -> str | None:
    return mask.text(value) if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else None


def _shorten(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _MAX_TEXT else f"{flat[: _MAX_TEXT - 1]}…"


def _clock_skew(answer: HttpAnswer, now: float) -> str:
    server = answer.server_time
    if server is None or abs(server / 1000 - now) <= _CLOCK_TOLERANCE:
        return ""
    theirs, ours = (f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC" for moment in (server / 1000, now))
    return f", and the clock: the server says {theirs}, this machine {ours} (a skew over 15 minutes is refused)"


def _retry_after(answer: HttpAnswer, now: float) -> float | None:
    """Return the seconds that the server asks to wait.

    A date is compared with the server's clock, so that a wrong clock here does no harm.
    """
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, moment - (answer.server_time / 1000 if answer.server_time else now))


def _is_unauthenticated(status: int | None, code: str | None) -> bool:
    """Billing reports a bad or expired token as CBC.0154 with status 401 or 403 (docs/api/devserver-api.md section 8)."""
    return status == HTTPStatus.UNAUTHORIZED or code == "CBC.0154"


def _is_client_error(status: int) -> bool:
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR


def _is_redirect(status: int) -> bool:
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
