"""A TCP proxy that cuts, delays or swallows connections at an exact moment. It understands nothing of what passes through."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Self


class Cut(Enum):
    BEFORE = "what the client sends never arrives, and the connection ends"
    AFTER = "it arrives; when the answer comes, the connection ends instead"
    SILENT = "it arrives, and the answer never comes, though the connection stays open"


@dataclass
class _Rule:
    cut: Cut
    mark: bytes
    nth: int


class TcpProxy:
    """`upstream` is an address as `socket.connect` takes it. A rule hits the nth piece of the client's that holds a mark."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream = upstream
        self.is_blackhole = False
        self.pause = 0.0
        """Seconds before each piece of an answer is passed on, of at most 64 KB."""
        self.seen: list[bytes] = []
        self._rules: list[_Rule] = []
        self._work: list[tuple[bytes, Callable[[], object]]] = []
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut_all()

    def on(self, cut: Cut, mark: bytes, *, nth: int = 1) -> None:
        self._rules.append(_Rule(cut, mark, nth))

    def before(self, mark: bytes, work: Callable[[], object]) -> None:
        """Do something else before the next piece that holds `mark` is passed on."""
        self._work.append((mark, work))

    @property
    def has_rules(self) -> bool:
        """Whether a rule has not hit yet."""
        return bool(self._rules)

    def cut_all(self) -> None:
        for pair in self._pairs:
            _end(*pair)
        self._pairs.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self.upstream)
                except OSError:
                    client.close()
                    continue
                self._pairs.append((client, server))
                answers = threading.Event()
                answers.set()
                silent = threading.Event()
                for work in (self._send, self._answer):
                    threading.Thread(target=work, args=(client, server, answers, silent), daemon=True).start()

    def _send(self, client, server, answers, silent) -> None:
        with suppress(OSError):
            while piece := client.recv(1 << 16):
                self.seen.append(piece)
                self._do_before(piece)
                cut = self._cut_for(piece)
                if cut is Cut.BEFORE:
                    break
                if cut is Cut.AFTER:
                    answers.clear()
                if cut is Cut.SILENT:
                    silent.set()
                if not self.is_blackhole:
                    server.sendall(piece)
        _end(client, server)

    def _answer(self, client, server, answers, silent) -> None:
        with suppress(OSError):
            while piece := server.recv(1 << 16):
                if not answers.is_set():
                    break
                time.sleep(self.pause)
                if not self.is_blackhole and not silent.is_set():
                    client.sendall(piece)
        _end(client, server)

    def _do_before(self, piece: bytes) -> None:
        for one in [*self._work]:
            if one[0] in piece:
                self._work.remove(one)
                one[1]()

    def _cut_for(self, piece: bytes) -> Cut | None:
        for rule in [*self._rules]:
            if rule.mark in piece:
                rule.nth -= 1
                if rule.nth == 0:
                    self._rules.remove(rule)
                    return rule.cut
        return None


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
