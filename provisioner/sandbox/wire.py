"""Applies wire faults: changes an answer, or what happens to its connection, after everything was committed.

Knows no operation and no world.
"""

import asyncio
from typing import Final, NoReturn, Protocol, assert_never

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from provisioner.sandbox.calls import Answer
from provisioner.sandbox.errors import ApiError, GatewayError, Service, throttled, throttled_by_gateway
from provisioner.sandbox.faults import Late, Oversize, Reset, Slow, Substitute, Throttle, Truncate, WireFault

LINE: Final = "provisioner.line"
"""The extension of an ASGI scope under which a server puts the Line of its request."""

_CHUNK: Final = b" " * 65_536
_DROPS_PER_SECOND: Final = 10


class Line(Protocol):
    """The connection of a request."""

    def reset(self) -> None:
        """Resets the connection. What is not sent yet is lost."""

    def hang_up(self) -> None:
        """Closes the connection after everything was sent."""

    def hold(self) -> None:
        """Notes that the request may wait for a long time, so that ending the server does not wait for it."""


def substitute(fault: WireFault | None, answer: Answer | None, service: Service, request_id: str) -> Answer:
    """Returns the answer to send. `answer` is the true one, or None if nothing was carried out."""
    match fault:
        case Substitute(status=status, code=None):
            return Answer(fault.body, status=status, headers=fault.headers)
        case Substitute(status=status, code=str(code)):
            kind = GatewayError if code.startswith("APIG") else ApiError
            refusal = kind(status, code, fault.message)
            return Answer(refusal.body(request_id), status=status, headers=fault.headers)
        case Throttle():
            by_gateway = fault.by == "gateway"
            refusal = throttled_by_gateway(fault.limit, fault.time) if by_gateway else throttled(service)
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return Answer(refusal.body(request_id), status=refusal.status, headers=headers)
        case _:
            return answer or Answer(None)


async def play(fault: WireFault | None, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    match fault:
        case None | Substitute() | Throttle():
            await response(scope, receive, send)
        case Reset() | Late():
            await _reset(scope, receive)
        case Truncate():
            await _send_half(response, scope, receive, send)
        case Oversize():
            await _send_padded(fault, response, send)
        case Slow():
            await _send_slowly(fault, response, scope, receive, send)
        case _:
            assert_never(fault)


async def _reset(scope: Scope, receive: Receive) -> None:
    if (line := _line(scope)) is None:
        _break_off()
    line.reset()
    await _disconnection(receive)


async def _send_half(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends half of the answer. An answer without a body is sent completely."""
    if len(response.body) == 0:
        await response(scope, receive, send)
        return
    await send(_head(response))
    await send(_part(response.body[: len(response.body) // 2], more=True))
    if (line := _line(scope)) is None:
        _break_off()
    line.hang_up()
    await _disconnection(receive)


async def _send_padded(fault: Oversize, response: Response, send: Send) -> None:
    """Sends the answer with white space behind it, which is not part of a JSON value. An answer without a body is not
    padded.
    """
    padding = fault.padding if response.body else 0
    if padding:
        response.headers["Content-Length"] = str(len(response.body) + padding)
    await send(_head(response))
    await send(_part(response.body, more=padding > 0))
    while padding > 0:
        chunk = _CHUNK[:padding]
        padding -= len(chunk)
        await send(_part(chunk, more=padding > 0))


async def _send_slowly(fault: Slow, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if (line := _line(scope)) is not None:
        line.hold()
    if not await _waits(fault.seconds, receive):
        return
    if fault.bytes_per_second is None:
        await response(scope, receive, send)
        return
    await send(_head(response))
    drop = max(1, fault.bytes_per_second // _DROPS_PER_SECOND)
    body = bytes(response.body)
    for start in range(0, len(body), drop):
        if not await _waits(drop / fault.bytes_per_second, receive):
            return
        await send(_part(body[start : start + drop], more=True))
    await send(_part(b"", more=False))


async def _waits(seconds: float, receive: Receive) -> bool:
    """Waits and returns whether the client is still connected; returns at once when it is not."""
    try:
        async with asyncio.timeout(seconds):
            await _disconnection(receive)
    except TimeoutError:
        return True
    return False


async def _disconnection(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _line(scope: Scope) -> Line | None:
    """Returns the connection; None inside a process, where there is none."""
    line: Line | None = scope.get("extensions", {}).get(LINE)
    return line


def _break_off() -> NoReturn:
    raise ConnectionResetError("the sandbox ends the connection here, as a fault asks it to")


def _head(response: Response) -> Message:
    return {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}


def _part(body: bytes | memoryview, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": bytes(body), "more_body": more}
