"""The sandbox: an emulator of ModelArts DevServers, their billing and their identity service, written from docs/api and
from nothing else. It shares no code with the client, so that it can prove the client wrong.

Importing this costs nothing to speak of: starlette, uvicorn, pydantic and SQLite are loaded by the functions that need them.
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
    """An ASGI application; it speaks for all three services, told apart by their paths, under any host name.

    `world` is a file that is made when missing and that several processes may share; None is a world in memory. Building a
    server takes `build_seconds` of `clock` and fails for the `failing_flavors`, beside those whose market says so. `accounts`,
    `market` and `faults` are files (docs/sandbox.md); without them there is the one public account, everything is for sale,
    and nothing goes wrong.

    Raises WorldError when the file is no usable world, and leaves it as it was; raises SettingsError for the other files.
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
    """Serves over HTTP on 127.0.0.1 until SIGINT or SIGTERM, then returns; port 0 is a free one.

    Calls `announce` once it listens. Raises what `create_app` does, and SandboxError when the port cannot be had or another
    process serves the same world.
    """
    from provisioner.sandbox.serving import bind, run

    with bind(port) as listener:  # first, so that a port that is taken leaves no new world behind
        sandbox = create_app(world, build_seconds=build_seconds, accounts=accounts, market=market, faults=faults)
        run(sandbox, world, listener=listener, announce=announce)


def read_ledger(world: Path) -> list[LedgerEntry]:
    """All rows, oldest first; none when the file does not exist. Raises WorldError when it is no world."""
    from provisioner.sandbox.world import read_entries

    return read_entries(world)
