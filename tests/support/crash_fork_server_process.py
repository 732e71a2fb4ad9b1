"""The inside of the zygote: imports everything of the tool once, then forks a child for each run that is asked for.

A child is a real process: it has its own folder, environment, streams, lock and death, and costs a twentieth of a new
interpreter. This process has one thread and no event loop, because nothing else may be forked safely.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import time
from typing import Any, get_args

from support.fault_injection import limit_page_size, number_steps, shorten_timeouts, skip_sleeps

_AHEAD = [0.0]
"""Seconds by which a child's machine is before the real one."""
_IMPORTED_LATE = ("anyio._backends._asyncio", "concurrent.futures.thread", "deepdiff", "httpcore", "pwd", "resource")
"""By the tool when it starts or finds a difference, and by its libraries in the middle of a first request."""


def _move_time() -> None:
    """Before the tool is imported: its clocks keep the functions that they find."""
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + _AHEAD[0]
    time.time_ns = lambda: nanoseconds() + round(_AHEAD[0] * 1_000_000_000)


def import_everything() -> None:
    import provisioner

    ours = (module.name for module in pkgutil.walk_packages(provisioner.__path__, "provisioner."))
    skipped = ("provisioner.__main__", "provisioner.sandbox.")
    for name in (*(name for name in ours if not name.startswith(skipped)), *_IMPORTED_LATE):
        importlib.import_module(name)
    _build_schemas()
    gc.freeze()  # a collection in a child would touch, and so copy, every page


def _build_schemas() -> None:
    """The tool builds them when they are first needed; each child would anew."""
    from provisioner.model.change import Change
    from provisioner.model.plan import Plan
    from provisioner.model.resource import Desired
    from provisioner.saved_plans import plan_file
    from provisioner.store import codec

    codec._state_adapter()
    for noun, apart in ((Plan, "changes"), (Desired, "fields"), *((each, "desired") for each in get_args(Change))):
        plan_file._adapter(noun, apart)
    for name in codec._ENTRY_TYPES:
        codec._entry_adapter(name)


def serve(descriptor: int) -> None:
    """Until the other side closes. A line asks for a run, or for how one ended; each is answered by a line."""
    _move_time()
    import_everything()
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rw") as lines:
        for line in lines:
            request = json.loads(line)
            if "wait" in request:
                _, status = os.waitpid(request["wait"], 0)
                answer = os.waitstatus_to_exitcode(status)
            elif (answer := os.fork()) == 0:
                connection.close()
                _live(request)
            lines.write(f"{answer}\n")
            lines.flush()


def _live(request: dict[str, Any]) -> None:
    """A child's whole life. Never returns: nothing of the zygote's may run in it."""
    code = 70
    try:
        os.setsid()
        reset_signal_handlers()
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environ"])
        _AHEAD[0] = request["ahead"]
        _open_streams(request["log"])
        number_steps({int(number): event for number, event in request["events"].items()}, f"{request['log']}.steps")
        skip_sleeps()
        if request["patience"] is not None:
            shorten_timeouts(request["patience"])
        if request["page"] is not None:
            limit_page_size(request["page"])
        code = run_tool(request["arguments"])
    except BaseException:  # noqa: BLE001 - whatever it was, this process must not become a second zygote
        import traceback

        traceback.print_exc()
    finally:
        os._exit(flush_streams(code))


def reset_signal_handlers() -> None:
    """As a process has them that nobody has started with `nohup`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _open_streams(log: str) -> None:
    for number, name in enumerate((os.devnull, f"{log}.out", f"{log}.err")):
        opened = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)


def run_tool(arguments: list[str]) -> int:
    from provisioner.cli.main import main

    sys.argv = ["provisioner", *arguments]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:  # ends as the interpreter does
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return 0


def flush_streams(code: int) -> int:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return 120  # as the interpreter does
    return code


if __name__ == "__main__":
    serve(int(sys.argv[1]))
