"""The process behind `ForkServer`: imports the whole tool once, then forks a process for each request.

It has one thread and no event loop, because nothing else can be forked safely. It ends when the tests close its socket.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from support.crash_fork_server_process import (
    CLOCK_OFFSET,
    flush_streams,
    import_everything,
    reset_signal_handlers,
    run_tool,
    shift_clocks,
)

_FOR_STDOUT_STDERR_CODE = 3
_MORE_THAN_ARE_OPEN = 256


def serve(descriptor: int) -> None:
    shift_clocks()
    import_everything()
    children: dict[int, int] = {}  # where each one's exit code is awaited
    readable, _waker = _child_signal_pipe()
    with socket.socket(fileno=descriptor) as connection, selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        selector.register(readable, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is readable:
                    readable.recv(4096)
                elif not _fork_one(connection, children):
                    return
            _send_exit_codes(children)


def _child_signal_pipe() -> tuple[socket.socket, socket.socket]:
    """Returns two sockets, of which the first becomes readable when a child has ended. Both have to be kept."""
    readable, waker = socket.socketpair()
    for end in (readable, waker):
        end.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return readable, waker


def _fork_one(connection: socket.socket, children: dict[int, int]) -> bool:
    """Forks a child for the next request. Returns False when the other side has closed the socket."""
    head, descriptors, _, _ = socket.recv_fds(connection, 4, _FOR_STDOUT_STDERR_CODE)
    if not head:
        return False
    size = int.from_bytes(head, "big")
    request = json.loads(connection.recv(size, socket.MSG_WAITALL))
    out, err, code = descriptors
    if (child := os.fork()) == 0:
        _run_child(request, out, err)
    os.close(out)
    os.close(err)
    children[child] = code
    connection.sendall(f"{child}\n".encode())
    return True


def serve_commands(descriptor: int) -> None:
    """Serves support/forked_command.py, until a signal ends it.

    A client sends its three streams with the request, and gets the child's process id and later its exit code.
    """
    import_everything()
    children: dict[int, socket.socket] = {}
    readable, _waker = _child_signal_pipe()
    with socket.socket(fileno=descriptor) as listener, selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(readable, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is readable:
                    readable.recv(4096)
                else:
                    client, _ = listener.accept()
                    child = _fork_with_streams(client)
                    children[child] = client
                    client.sendall(f"{child}\n".encode())
            for child, code in _reap():
                with children.pop(child) as client, suppress(BrokenPipeError):
                    client.sendall(f"{code}\n".encode())


def _fork_with_streams(client: socket.socket) -> int:
    head, descriptors, _, _ = socket.recv_fds(client, 4, 3)
    request = json.loads(client.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
    stdin, out, err = descriptors
    if (child := os.fork()) == 0:
        os.dup2(stdin, 0)
        _run_child(request, out, err)
    for each in descriptors:
        os.close(each)
    return child


def _reap() -> Iterator[tuple[int, int]]:
    """Yields the process id and the exit code of each child that has ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended[0], os.waitstatus_to_exitcode(ended[1])


def _send_exit_codes(children: dict[int, int]) -> None:
    for child, code in _reap():
        pipe = children.pop(child)
        with suppress(BrokenPipeError):
            os.write(pipe, str(code).encode())
        os.close(pipe)


def _shorten_lease() -> None:
    from support.short_lease import shorten_lease  # it imports the tool, which keeps the clocks that it finds

    shorten_lease()


def _run_child(request: dict[str, Any], out: int, err: int) -> None:
    """Runs one command in the child and exits. Never returns, because nothing of the server may run in the child."""
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        reset_signal_handlers()
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, _MORE_THAN_ARE_OPEN)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environ"])
        if request.get("short_lease"):
            _shorten_lease()
        CLOCK_OFFSET[0] = request.get("clock_ahead", 0.0)
        code = run_tool(request["arguments"])
    except BaseException:  # noqa: BLE001 - whatever it was, this process must not become a second server
        import traceback

        traceback.print_exc()
    finally:
        os._exit(flush_streams(code))


if __name__ == "__main__":
    (serve_commands if sys.argv[2:] else serve)(int(sys.argv[1]))
