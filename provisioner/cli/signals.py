"""Signals while servers are being bought: the first asks to stop, the second not even to wait for replies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.applying import Interruption

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible(tell: Callable[[str], None]) -> Iterator[Interruption]:
    """Needs a running event loop. The handlers that were there before come back at the end."""
    from provisioner.applying import Interruption

    interruption = Interruption()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        tell(
            "Not waiting for replies any more; what is still open is looked for by the next apply."
            if interruption.requested
            else "Stopping: nothing new is sent, replies in flight are recorded. Once more to stop waiting for them."
        )
        interruption.request()

    before = {number: signal.getsignal(number) for number in _STOPPING}
    for number in _STOPPING:
        loop.add_signal_handler(number, stop)
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
