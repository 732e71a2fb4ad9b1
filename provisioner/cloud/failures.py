"""What an answer that is no success means: the outcome class, the vendor's words, and the sentence for a person.

Classifies by HTTP status first and code second, by text never (docs/api/devserver-api.md section 5). Sends nothing.
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
"""Seconds. The cloud refuses signatures at 900; what is above this is worth a sentence."""

_SHAPES: Final = (("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message"))
_OLD_SHAPE: Final = ("error_code", "error_message")
_LIMIT: Final = re.compile(
    r"limit:(?P<requests>\d{1,9}),\s*time:\s*(?P<count>[1-9]\d{0,3})?\s*(?P<unit>second|minute|hour|day)",
    re.ASCII | re.IGNORECASE,
)
_SECONDS: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_SLOWEST_PACE: Final = 60.0
"""Seconds a request. Nobody would wait at a slower one: then it is better to fail and say why."""
_REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Limit:
    """What a gateway allows: so many requests in so many seconds."""

    requests: int
    seconds: float


class Failure(CallFailed):
    """`transient`: another try may go better. `retry_after`: seconds that the server asks for. `limit`: the one that was
    exceeded, where the gateway named it. `renewed`: it was refused for a stale token, and a fresh one will be used next.
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
    """An error body, whatever its shape."""

    code: str
    text: str
    request_id: str | None


def no_answer(request: Request, nothing: NoAnswer) -> Failure:
    if nothing.may_have_left:
        message = f"{request.origin} gave no answer to {request.line} ({nothing.reason})"
        return Failure(Outcome.UNKNOWN, message, transient=True)
    return Failure(Outcome.NOT_SENT, f"the request did not reach {request.origin} ({nothing.reason})", transient=True)


def unreadable_answer(request: Request, answer: HttpAnswer, fault: str, *, mask: Mask | None = None) -> Failure:
    """A 2xx whose body cannot be taken for a reply: it was executed, and what came of it is not known. Without a `mask` the request's
    own secrets are all that can be echoed.
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
    """Any status but 2xx. `advice` is what to check when it is for who we are."""
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
"""A proxy says these of a request that a service may have seen."""


def _outcome(status: int, code: str) -> Outcome:
    """The gateway's own 429 is the one refusal of which it is certain that no service has seen the request."""
    if status == HTTPStatus.TOO_MANY_REQUESTS and code == "APIG.0308":
        return Outcome.THROTTLED
    return Outcome.REFUSED if _is_client_error(status) and status not in _PROXY_STATUSES else Outcome.UNKNOWN


def _limit(text: str) -> Limit | None:
    """From a text like `over ratelimit,limit:100,time:1 minute` (docs/api/devserver-api.md section 5.2): sets a pace, decides nothing."""
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


def as_not_sent(failure: Failure) -> Failure:
    """What a failed exchange of credentials means for the request that they were for."""
    return Failure(
        Outcome.NOT_SENT,
        f"signing in failed: {failure.message}",
        status=failure.status,
        code=failure.code,
        request_id=failure.request_id,
        server_time=failure.server_time,
    )


def request_id_of(answer: HttpAnswer, mask: Mask) -> str | None:
    return _printable(answer.headers.get("x-request-id"), mask)


def error_body_of(answer: HttpAnswer, mask: Mask) -> ErrorBody:
    """The shapes of docs/api/devserver-api.md section 5.1, in its order. The gateway echoes what was signed, a security token included,
    and a service may echo a field that it dislikes.
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
    """What a body says of an error, although its status is a success; None where it says of none."""
    told = find_error(body)
    return None if told is None else mask.text(_shorten(told))


def _objects(body: JsonValue) -> Iterator[JsonObject]:
    """The body itself, then the objects right inside it (shape 4)."""
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
    """A date counts from the server's own clock, so that a skewed one here does no harm."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, moment - (answer.server_time / 1000 if answer.server_time else now))


def _is_unauthenticated(status: int | None, code: str | None) -> bool:
    """Billing says CBC.0154 for a bad or expired token with 401 or 403 (docs/api/devserver-api.md section 8)."""
    return status == HTTPStatus.UNAUTHORIZED or code == "CBC.0154"


def _is_client_error(status: int) -> bool:
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR


def _is_redirect(status: int) -> bool:
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
