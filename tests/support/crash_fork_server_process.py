"""The process behind `CrashForkServer`: imports the whole tool once, then forks a child for each requested run.

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
from importlib.util import find_spec
from typing import Any, get_args

from support.database_injection import shorten_silence
from support.fault_injection import limit_page_size, number_steps, shorten_timeouts
from support.simulated_time import skip_sleeps

CLOCK_OFFSET = [0.0]
"""By how many seconds a child's clocks are ahead of the real ones. A list, so that the patched functions see changes."""
_LAZY_IMPORTS = ("anyio._backends._asyncio", "concurrent.futures.thread", "deepdiff", "httpcore", "pwd", "resource")
"""Modules that the tool imports when it starts or finds a difference, or that its libraries import during a first request."""


def shift_clocks() -> None:
    """Makes `time.time` and `time.time_ns` add the clock offset. It has to run before the tool is imported, which keeps them."""
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + CLOCK_OFFSET[0]
    time.time_ns = lambda: nanoseconds() + round(CLOCK_OFFSET[0] * 1_000_000_000)


def import_everything() -> None:
    """Imports every module of the tool but the sandbox, and builds what it would build on first use."""
    import provisioner

    ours = (module.name for module in pkgutil.walk_packages(provisioner.__path__, "provisioner."))
    skipped = ("provisioner.__main__", "provisioner.sandbox.")
    if find_spec("psycopg") is None:
        skipped = (*skipped, "provisioner.store.postgres.driver")
    for name in (*(name for name in ours if not name.startswith(skipped)), *_LAZY_IMPORTS):
        importlib.import_module(name)
    _build_schemas()
    gc.freeze()  # a collection in a child would touch, and so copy, every page


def _build_schemas() -> None:
    """Builds the schemas that the tool builds on first use, so that not every child has to."""
    from provisioner.model.change import Change
    from provisioner.model.plan import Plan
    from provisioner.model.resource import Desired
    from provisioner.saved_plans import plan_json
    from provisioner.store import codec

    codec._state_adapter()
    for type_, separate in ((Plan, "changes"), (Desired, "fields"), *((each, "desired") for each in get_args(Change))):
        plan_json._adapter(type_, separate)
    for name in codec._ENTRY_TYPES:
        codec._entry_adapter(name)


def serve(descriptor: int) -> None:
    """Serves requests until the other side closes the socket.

    Each request is a line of JSON: a run, answered by its process id, or `{"wait": PID}`, answered by its exit code.
    """
    shift_clocks()
    import_everything()
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rw") as lines:
        for line in lines:
            request = json.loads(line)
            if "wait" in request:
                _, status = os.waitpid(request["wait"], 0)
                answer = os.waitstatus_to_exitcode(status)
            elif (answer := os.fork()) == 0:
                connection.close()
                _run_child(request)
            lines.write(f"{answer}\n")
            lines.flush()


def _run_child(request: dict[str, Any]) -> None:
    """Runs one command in the child and exits. Never returns, because nothing of the server may run in the child."""
    code = 70
    try:
        os.setsid()
        reset_signal_handlers()
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environ"])
        CLOCK_OFFSET[0] = request["clock_offset"]
        _open_streams(request["log"])
        number_steps({int(number): event for number, event in request["events"].items()}, f"{request['log']}.steps")
        skip_sleeps()
        if request["silence_timeout"] is not None:
            shorten_timeouts(request["silence_timeout"])
        if request["page_size"] is not None:
            limit_page_size(request["page_size"])
        if request["database_silence"] is not None:
            shorten_silence(request["database_silence"])
        code = run_tool(request["arguments"])
    except BaseException:  # noqa: BLE001 - whatever it was, this process must not become a second server
        import traceback

        traceback.print_exc()
    finally:
        os._exit(flush_streams(code))


def reset_signal_handlers() -> None:
    """Restores the default signal handlers, which a parent under `nohup` or in the background may have changed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _open_streams(log: str) -> None:
    for number, name in enumerate((os.devnull, f"{log}.out", f"{log}.err")):
        opened = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)


def run_tool(arguments: list[str]) -> int:
    """Runs the command line `provisioner ARGUMENTS` in this process and returns its exit code."""
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
    """Flushes stdout and stderr. Returns `code`, or 120 if that fails, as the interpreter exits then."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return 120
    return code


if __name__ == "__main__":
    serve(int(sys.argv[1]))
