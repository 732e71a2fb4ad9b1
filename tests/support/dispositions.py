"""Makes tests, and the processes that they start, handle signals the same however the tests were started.

A program that is started with `nohup` ignores SIGHUP, one in the background of a script SIGINT and SIGQUIT, and passes that on
to every program it starts. A signal with a handler is passed on as the default one.
"""

from __future__ import annotations

import signal

_BY_PYTHON = {getattr(signal, name, None) for name in ("SIGPIPE", "SIGXFZ", "SIGXFSZ")}
"""Ignored by the interpreter itself; `subprocess` gives children the default."""


def restore_dispositions() -> None:
    """Restores ignored signals to their defaults. SIGHUP gets a handler that does nothing, so tests under `nohup` go on."""
    for number in signal.valid_signals() - _BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _replacement(number))
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def _replacement(number: int):
    if number == signal.SIGINT:
        return signal.default_int_handler
    return _outlive if number == signal.SIGHUP else signal.SIG_DFL


def _outlive(_number: int, _frame: object) -> None:
    """Does nothing: a signal with a handler is not passed on to children as ignored."""
