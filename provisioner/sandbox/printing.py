"""Prints an answer as HTTP."""

import json

from starlette.responses import Response

from provisioner.sandbox.calls import Answer
from provisioner.sandbox.clock import http_date


def print_answer(answer: Answer, request_id: str, now: int) -> Response:
    """Prints the answer. Its `Date` is by the sandbox's clock, so that clients can compare it with `create_at`."""
    headers = {"X-Request-Id": request_id, "Date": http_date(now), **answer.headers}
    if not headers["Date"]:  # a fault has taken it away
        del headers["Date"]
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    content = json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(content, status_code=answer.status, headers=headers, media_type="application/json")
