"""The sandbox: an emulator of ModelArts DevServers, their billing and their identity service, written from docs/api
only.

It shares no code with the client, so that it can prove the client wrong. Importing it is cheap: starlette, uvicorn,
pydantic and SQLite are imported by the functions that need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provisioner.sandbox.clock import Clock, SystemClock
from provisioner.sandbox.credentials import PUBLIC, Credentials
from provisioner.sandbox.errors import SandboxError, SettingsError, WorldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from provisioner.sandbox.app import Sandbox
    from provisioner.sandbox.ledger import LedgerEntry
    from provisioner.sandbox.serving import Listening

__all__ = [
    "PUBLIC",
    "Clock",
    "Credentials",
    "SandboxError",
    "SettingsError",
    "WorldError",
    "create_app",
    "read_ledger",
    "serve",
]

DEFAULT_BUILD_SECONDS: Final = 2.0


def create_app(
    world: Path | None = None,
    *,
    build_seconds: float = DEFAULT_BUILD_SECONDS,
    clock: Clock | None = None,
    failing_flavors: Iterable[str] = (),
    accounts: Path | None = None,
    market: Path | None = None,
    faults: Path | None = None,
) -> Sandbox:
    """Returns an ASGI application for all three services. It tells them apart by their paths and accepts any host
    name.

    `world` is a file that is created if missing and that several processes may share; None is a world in memory.
    Building a server takes `build_seconds` of `clock` and fails for the `failing_flavors`, and for the flavors that
    the market names. `accounts`, `market` and `faults` are files (docs/sandbox.md). Without them there is one public
    account, everything is for sale, and nothing fails.

    Raises WorldError if the file is not a usable world, and leaves it unchanged. Raises SettingsError for the other
    files.
    """
    from provisioner.sandbox.accounts import PUBLIC_ACCOUNTS
    from provisioner.sandbox.app import Sandbox
    from provisioner.sandbox.fault_settings import read_faults
    from provisioner.sandbox.faults import Faults
    from provisioner.sandbox.market import PUBLIC_MARKET
    from provisioner.sandbox.settings import read_accounts, read_market
    from provisioner.sandbox.world import Rules, World

    armed = Faults(() if faults is None else read_faults(faults))
    on_sale = PUBLIC_MARKET if market is None else read_market(market)
    rules = Rules(
        build_milliseconds=round(build_seconds * 1000),
        market=on_sale.failing_to_build(frozenset(failing_flavors)),
        accounts=PUBLIC_ACCOUNTS if accounts is None else read_accounts(accounts),
    )
    return Sandbox(World(world, clock=clock or SystemClock(), rules=rules), armed)


def serve(
    world: Path | None,
    *,
    port: int = 0,
    build_seconds: float = DEFAULT_BUILD_SECONDS,
    accounts: Path | None = None,
    market: Path | None = None,
    faults: Path | None = None,
    announce: Callable[[Listening], None],
) -> None:
    """Serves over HTTP on 127.0.0.1 until SIGINT or SIGTERM. Port 0 picks a free one.

    Calls `announce` once it listens. Raises what `create_app` raises, and SandboxError if the port is not available
    or another process serves the same world.
    """
    from provisioner.sandbox.serving import bind, run

    with bind(port) as listener:  # first, so that a port that is taken leaves no new world behind
        sandbox = create_app(world, build_seconds=build_seconds, accounts=accounts, market=market, faults=faults)
        run(sandbox, world, listener=listener, announce=announce)


def read_ledger(world: Path) -> list[LedgerEntry]:
    """Returns all rows, oldest first; none if the file does not exist. Raises WorldError if it is not a world."""
    from provisioner.sandbox.world import read_entries

    return read_entries(world)
