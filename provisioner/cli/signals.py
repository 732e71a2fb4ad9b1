"""Handles signals during a prompt and during a run.

In a run, the first signal requests a stop, and the second ends waiting for replies.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.applying import Interruption

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible(announce: Callable[[str], None]) -> Iterator[Interruption]:
    """Yields an interruption that signals request.

    It needs a running event loop, and restores the previous handlers at the end. A signal that the parent process has
    ignored stays ignored: a command under `nohup` must outlive its terminal.
    """
    import asyncio

    from provisioner.applying import Interruption

    interruption = Interruption()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        announce(
            "Not waiting for replies any more; what is still open is looked for by the next apply."
            if interruption.requested
            else "Stopping: nothing new is sent, replies in flight are recorded. Interrupt it again to stop waiting for them."
        )
        interruption.request()

    handlers = {number: signal.getsignal(number) for number in _STOPPING}
    before = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}
    for number in before:
        loop.add_signal_handler(number, stop)
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


@contextmanager
def interruptible_prompt() -> Iterator[None]:
    """Lets Ctrl-C end a prompt at once, where the event loop would only record it until the prompt returns."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
