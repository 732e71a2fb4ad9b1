"""The sandbox as an ASGI application: reads a request, finds its operation, answers it in one transaction, and sends
the answer.

Everything that an answer promises is committed before its first byte is sent, or is lost to a fault.
"""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from provisioner.sandbox import servers
from provisioner.sandbox.authentication import ANYONE, authenticate, authorize
from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.contract import ROUTES
from provisioner.sandbox.errors import ApiError, internal_error, no_such_route, request_error
from provisioner.sandbox.faults import Faults, WireFault
from provisioner.sandbox.performing import perform, settle
from provisioner.sandbox.printing import print_answer
from provisioner.sandbox.signature import SignedRequest
from provisioner.sandbox.wire import play, substitute
from provisioner.sandbox.world import Transaction, World

_BODY_LIMIT: Final = 12 * 1024 * 1024
_NAMED_IN_BODY: Final = frozenset({"CreateDevServer", "UpdateDevServer"})
_log = logging.getLogger(__name__)


class Sandbox:
    """The application. It answers on the event loop itself, because a transaction takes less time than handing it to
    a thread.
    """

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "the sandbox speaks only HTTP; run it without lifespan"
        request = Request(scope, receive)
        request_id = uuid4().hex
        fault: WireFault | None = None
        try:
            answer, fault = self._answer(request, await _read_body(request), request_id)
        except ApiError as refusal:
            answer = _printed(refusal, request_id)
        except ClientDisconnect:
            return
        await play(fault, print_answer(answer, request_id, self.world.now()), scope, receive, send)

    def _answer(self, request: Request, body: bytes, request_id: str) -> tuple[Answer, WireFault | None]:
        found = ROUTES.find(request.method, request.scope["path"])
        if found is None:
            raise no_such_route()
        operation, path = found
        try:
            with self.world.transaction() as transaction:
                settle(transaction)
                return self._perform(transaction, operation, path, request, body, request_id)
        except ApiError:
            raise
        except Exception as error:
            _log.exception("the sandbox failed to answer %s %s", request.method, operation.path)
            raise internal_error(operation.service) from error

    def _perform(
        self,
        transaction: Transaction,
        operation: Operation,
        path: dict[str, str],
        request: Request,
        body: bytes,
        request_id: str,
    ) -> tuple[Answer, WireFault | None]:
        caller = ANYONE
        signed = _signed_request(request, body)
        if not operation.anonymous:
            caller = authenticate(transaction, signed, by_any_token=operation.by_any_token)
            authorize(caller, operation.service, path, signed.headers)
        taken = self.faults.take(operation.name, lambda: _server_name(transaction, operation, path, body))
        call = Call(
            transaction=transaction,
            caller=caller,
            path=path,
            query=request.query_params,
            body=body,
            headers=signed.headers,
            faults=taken.world,
        )
        try:
            answer = perform(operation, call, taken.wire)
        except ApiError as refusal:
            if taken.wire is None:
                raise
            answer = _printed(refusal, request_id)
        return substitute(taken.wire, answer, operation.service, request_id), taken.wire


def _printed(refusal: ApiError, request_id: str) -> Answer:
    return Answer(refusal.body(request_id), status=refusal.status)


def _server_name(transaction: Transaction, operation: Operation, path: Mapping[str, str], body: bytes) -> str | None:
    """Returns the name of the server that a request is about: the name that it gives, or the name of the server in
    its path.
    """
    if operation.name in _NAMED_IN_BODY:
        with suppress(ValueError, RecursionError):
            document = json.loads(body)
            name = document.get("name") if isinstance(document, dict) else None
            return name if isinstance(name, str) else None
    server = servers.find(transaction.connection, path.get("id") or path.get("resource_id") or "")
    return None if server is None else server.name


async def _read_body(request: Request) -> bytes:
    """Reads the body. Raises GatewayError for more than the 12 MB that section 6.1 allows."""
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
