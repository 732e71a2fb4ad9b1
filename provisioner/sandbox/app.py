"""The sandbox as an ASGI application: reads a request, finds its operation, lets one transaction answer it, prints the
answer. Everything the services promise is committed before the first byte of an answer leaves.
"""

import json
import logging
from typing import Final
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from provisioner.sandbox.authentication import ANYONE, authenticate, authorize
from provisioner.sandbox.calls import Answer, Call, Operation, Routes
from provisioner.sandbox.clock import Clock, http_date
from provisioner.sandbox.errors import (
    ApiError,
    InvalidParameterError,
    internal_error,
    no_such_route,
    parameter_error,
    request_error,
)
from provisioner.sandbox.services import (
    attaching,
    billing,
    catalogue,
    dev_servers,
    identity,
    ratings,
    subscriptions,
    supernodes,
    terms,
)
from provisioner.sandbox.signature import SignedRequest
from provisioner.sandbox.world import Transaction, World

OPERATIONS: Final = (
    *catalogue.OPERATIONS,
    *supernodes.OPERATIONS,
    *dev_servers.OPERATIONS,
    *attaching.OPERATIONS,
    *billing.OPERATIONS,
    *subscriptions.OPERATIONS,
    *ratings.OPERATIONS,
    *identity.OPERATIONS,
)
_ROUTES: Final = Routes(OPERATIONS)
_BODY_LIMIT: Final = 12 * 1024 * 1024
_log = logging.getLogger(__name__)


class Sandbox:
    """Answers on the event loop itself: a transaction takes less than handing it to a thread would."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "the sandbox speaks only HTTP; run it without lifespan"
        request = Request(scope, receive)
        request_id = uuid4().hex
        try:
            answer = self._answer(request, await _read_body(request))
        except ApiError as refusal:
            answer = Answer(refusal.body(request_id), status=refusal.status)
        except ClientDisconnect:
            return
        await print_answer(answer, request_id, self._clock.now())(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Answer:
        found = _ROUTES.find(request.method, request.scope["path"])
        if found is None:
            raise no_such_route()
        operation, path = found
        try:
            with self._world.transaction() as transaction:
                terms.settle(transaction)
                return _perform(transaction, operation, path, request, body)
        except ApiError:
            raise
        except Exception as error:
            _log.exception("the sandbox failed to answer %s %s", request.method, operation.path)
            raise internal_error(operation.service) from error


def print_answer(answer: Answer, request_id: str, now: int) -> Response:
    """The date is that of the sandbox's clock: a client that compares it with `create_at` must find one time."""
    headers = {"X-Request-Id": request_id, "Date": http_date(now), **answer.headers}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    content = json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(content, status_code=answer.status, headers=headers, media_type="application/json")


def _perform(
    transaction: Transaction, operation: Operation, path: dict[str, str], request: Request, body: bytes
) -> Answer:
    caller = ANYONE
    if not operation.anonymous:
        signed = _signed_request(request, body)
        caller = authenticate(transaction, signed)
        authorize(caller, operation.service, path, signed.headers)
    call = Call(transaction=transaction, caller=caller, path=path, query=request.query_params, body=body)
    try:
        return _ask(operation, call)
    except ApiError as refusal:
        if operation.spends:
            call.record("refusal", server_id=path.get("id"), detail=str(refusal))
        raise


def _ask(operation: Operation, call: Call) -> Answer:
    try:
        return operation.answer(call)
    except InvalidParameterError as error:
        raise parameter_error(operation.service, str(error)) from None


async def _read_body(request: Request) -> bytes:
    """Raises GatewayError for a body beyond the 12 MB that section 6.1 allows."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT:
            raise request_error("the body is larger than 12 MB")
    return bytes(body)


def _signed_request(request: Request, body: bytes) -> SignedRequest:
    return SignedRequest(
        method=request.method,
        raw_path=request.scope["raw_path"],
        raw_query=request.scope["query_string"],
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )
