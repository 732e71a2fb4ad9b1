"""The sandbox: an emulator of ModelArts DevServers, their billing and their identity service, written from docs/api and
from nothing else. It shares no code with the client, so that it can prove the client wrong.

Importing this costs nothing to speak of: starlette, uvicorn, pydantic and SQLite are loaded by the functions that need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provisioner.sandbox.clock import Clock, SystemClock
from provisioner.sandbox.credentials import PUBLIC, Credentials
from provisioner.sandbox.errors import SandboxError, WorldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from provisioner.sandbox.app import Sandbox
    from provisioner.sandbox.ledger import LedgerEntry

__all__ = ["PUBLIC", "Clock", "Credentials", "SandboxError", "WorldError", "create_app", "read_ledger", "serve"]

DEFAULT_BUILD_SECONDS: Final = 2.0


def create_app(
    world: Path | None = None,
    *,
    build_seconds: float = DEFAULT_BUILD_SECONDS,
    clock: Clock | None = None,
    failing_flavors: Iterable[str] = (),
) -> Sandbox:
    """An ASGI application; it speaks for all three services, told apart by their paths, under any host name.

    `world` is a file that is made when missing and that several processes may share; None is a world in memory. Building a
    server takes `build_seconds` of `clock` and fails for the `failing_flavors`. Raises WorldError when the file is no usable
    world, and leaves it as it was.
    """
    from provisioner.sandbox.accounts import PUBLIC_ACCOUNTS
    from provisioner.sandbox.app import Sandbox
    from provisioner.sandbox.market import PUBLIC_MARKET
    from provisioner.sandbox.world import Rules, World

    clock = clock or SystemClock()
    rules = Rules(
        build_milliseconds=round(build_seconds * 1000),
        market=PUBLIC_MARKET.failing_to_build(frozenset(failing_flavors)),
        accounts=PUBLIC_ACCOUNTS,
    )
    return Sandbox(World(world, clock=clock, rules=rules), clock)


def serve(
    world: Path | None,
    *,
    port: int = 0,
    build_seconds: float = DEFAULT_BUILD_SECONDS,
    announce: Callable[[str], None],
) -> None:
    """Serves over HTTP on 127.0.0.1 until SIGINT or SIGTERM, then returns; port 0 is a free one.

    Calls `announce` with the address, such as "http://127.0.0.1:8000", once it listens. Raises WorldError as `create_app`
    does, and SandboxError when the port cannot be had.
    """
    from provisioner.sandbox.serving import run

    run(create_app(world, build_seconds=build_seconds), SystemClock(), port=port, announce=announce)


def read_ledger(world: Path) -> list[LedgerEntry]:
    """All rows, oldest first; none when the file does not exist. Raises WorldError when it is no world."""
    from provisioner.sandbox.world import read_entries

    return read_entries(world)
