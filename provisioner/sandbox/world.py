"""The world: one SQLite file that several processes may use at once and that a killed process leaves whole. Opens and
checks it and gives each request one transaction; knows the tables' statements only as text, and no service.
"""

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from provisioner.sandbox import attachments, balances, ledger, lockouts, operations, orders, servers, tokens
from provisioner.sandbox.accounts import Accounts
from provisioner.sandbox.clock import Clock
from provisioner.sandbox.errors import ApiError, WorldError
from provisioner.sandbox.market import Market

SCHEMA_VERSION: Final = 2
APPLICATION_ID: Final = 0x44565342
"""Marks the file as a sandbox's world: "DVSB" in the header field that SQLite keeps for this."""

_BUSY_SECONDS: Final = 60
_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_SCHEMA: Final = f"""
BEGIN;
{servers.SCHEMA}
{orders.SCHEMA}
{operations.SCHEMA}
{attachments.SCHEMA}
{balances.SCHEMA}
{tokens.SCHEMA}
{lockouts.SCHEMA}
{ledger.SCHEMA}
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Rules:
    """How this sandbox behaves: how long building takes, what is on sale, and who may buy it."""

    build_milliseconds: int
    market: Market
    accounts: Accounts

    @property
    def step_milliseconds(self) -> int:
        """How long the short things take: completing an order, any action of a server but building."""
        return min(1_000, self.build_milliseconds)


@dataclass(frozen=True, slots=True)
class Transaction:
    """The world for the length of one request, at one moment (milliseconds)."""

    connection: sqlite3.Connection
    now: int
    rules: Rules


class World:
    """A connection to a world; `path` None is a world in memory that ends with this object.

    Raises WorldError when the file is not a usable world; it is then left as it was.
    """

    def __init__(self, path: Path | None, *, clock: Clock, rules: Rules) -> None:
        if path is not None and not path.exists():
            _create(path)
        self._connection = _connect_in_memory() if path is None else _connect(path)
        self._clock = clock
        self._rules = rules
        self._lock = threading.Lock()
        self.close = weakref.finalize(self, self._connection.close)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits before it returns, after a refusal too: its row in the ledger lasts, and services refuse before they write."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                transaction = Transaction(self._connection, self._clock.now(), self._rules)
                for table in (servers, orders, operations):
                    table.settle(self._connection, transaction.now)
                try:
                    yield transaction
                except ApiError:
                    self._connection.execute("COMMIT")
                    raise
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


def read_entries(path: Path) -> list[ledger.LedgerEntry]:
    """The ledger of a world that others may be using; a missing file has an empty one."""
    if not path.exists():
        return []
    with _reading(path) as connection:
        return ledger.entries(connection)


def _create(path: Path) -> None:
    """Builds the world under another name and links it, so that no one ever sees half a world or replaces a whole one."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        _make_private_folders(path.parent)
        draft.touch(mode=0o600, exist_ok=False)
        try:
            with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
                connection.executescript(_SCHEMA)
                connection.execute("PRAGMA journal_mode = WAL")
            path.hardlink_to(draft)
        finally:
            draft.unlink()
    except FileExistsError:
        return  # another process made this world first
    except (OSError, sqlite3.Error) as error:
        raise WorldError(
            f"cannot create the sandbox's world {path}: {error}. Choose a path that can be written"
        ) from error


def _make_private_folders(folder: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def _connect_in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(_SCHEMA)
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    with _reading(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A checked world, opened so that nothing can be written to it. Raises WorldError, for the caller's errors too."""
    _check_header(path)
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise _damaged(path, verdict)
            yield connection
    except sqlite3.Error as error:
        raise _damaged(path, error) from error


def _check_header(path: Path) -> None:
    """Judges the file by its first bytes, before SQLite may recover or checkpoint anything in it."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise WorldError(f"cannot read the sandbox's world {path}: {error.strerror}. Choose another path") from error
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise WorldError(
            f"{path} is not a sandbox's world (not an SQLite file). Choose another path, or move the file away"
        )
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise WorldError(f"{path} is an SQLite file of another program. Choose another path")
    if (version := int.from_bytes(header[60:64])) != SCHEMA_VERSION:
        raise WorldError(
            f"{path} is a sandbox's world of format {version}; this version reads format {SCHEMA_VERSION}. "
            "Use the version that made it, or move the file away to begin a new world"
        )


def _damaged(path: Path, reason: object) -> WorldError:
    return WorldError(
        f"the sandbox's world {path} is damaged or cannot be opened: {reason}. "
        "Restore it from a copy, or move it away (with its -wal and -shm files) to begin a new world"
    )
