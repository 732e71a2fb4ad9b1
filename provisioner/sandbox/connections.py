"""The connection of the served sandbox: uvicorn's own, with methods to reset it and to hang up. Knows no fault."""

import asyncio
import socket
import struct
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from provisioner.sandbox.wire import LINE

_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""A linger time of zero: closing the socket resets the connection."""


class Connection(H11Protocol):
    """The Line (wire.py) of every request that comes by it."""

    _held = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in H11Protocol itself
        super().connection_made(transport)
        # asyncio leaves this out for a listener that it was handed; head and body are two writes, and the second would wait
        # for the first one's acknowledgement, 40 ms on loopback.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app = self.app

        async def with_line(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "extensions": {LINE: self}}, receive, send)

        self.app = with_line

    def shutdown(self) -> None:
        super().shutdown()
        if self._held:
            self.transport.abort()

    def reset(self) -> None:
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()

    def hang_up(self) -> None:
        self.transport.close()

    def hold(self) -> None:
        self._held = True
