"""The world: one SQLite file that several processes may use at once and that a killed process leaves intact.

Opens, checks and copies it, and gives each request one transaction. Knows no service.
"""

import errno
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from provisioner.sandbox import (
    attachments,
    balances,
    late,
    ledger,
    lockouts,
    operations,
    orders,
    servers,
    time_shift,
    tokens,
)
from provisioner.sandbox.accounts import Accounts
from provisioner.sandbox.clock import Clock
from provisioner.sandbox.errors import ApiError, WorldError, WorldWriteError
from provisioner.sandbox.market import Market

SCHEMA_VERSION: Final = 3
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
{late.SCHEMA}
{time_shift.SCHEMA}
{ledger.SCHEMA}
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of this sandbox: how long building takes, what is for sale, and who may buy."""

    build_milliseconds: int
    market: Market
    accounts: Accounts

    @property
    def step_milliseconds(self) -> int:
        """How long short steps take: completing an order, and every action of a server except building."""
        return min(1_000, self.build_milliseconds)


@dataclass(frozen=True, slots=True)
class Transaction:
    """The world during one request, at one moment in milliseconds. `machine_now` is that moment by the machine's
    clock.
    """

    connection: sqlite3.Connection
    now: int
    machine_now: int
    rules: Rules


class World:
    """A connection to a world. `path` None is a world in memory. Raises WorldError for an unusable file, and leaves
    it unchanged.
    """

    def __init__(self, path: Path | None, *, clock: Clock, rules: Rules) -> None:
        if path is not None and not path.exists():
            _create(path)
        self._connection = _connect_in_memory() if path is None else _connect(path)
        self._clock = clock
        self._rules = rules
        self._lock = threading.Lock()
        self._ahead = time_shift.ahead(self._connection)
        self.close = weakref.finalize(self, self._connection.close)

    def now(self) -> int:
        """The present time by the difference of the last transaction. The world is itself a Clock."""
        return self._clock.now() + self._ahead

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Runs a transaction and commits it, also after a refusal."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._ahead = time_shift.ahead(self._connection)
                machine_now = self._clock.now()
                try:
                    yield Transaction(self._connection, machine_now + self._ahead, machine_now, self._rules)
                except ApiError:
                    self._connection.execute("COMMIT")
                    raise
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def copy_to(self, path: Path) -> None:
        """Writes the present world into a new file, which can be opened as a world."""
        with self._lock:
            self._connection.execute("VACUUM INTO ?", (str(path),))
        with closing(sqlite3.connect(path, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode = WAL")

    def become(self, path: Path, rehearse: Callable[[Transaction], None]) -> None:
        """Replaces the content by that of another world's file, if a copy of it passes `rehearse`.

        Raises WorldError if the file is not such a world, and WorldWriteError if this world cannot be written.
        """
        with closing(_connect_in_memory()) as copy:
            with _reading(path) as source:
                if _layout(source) != _expected_layout():
                    raise _foreign(path)
                source.backup(copy)
            self._try_out(copy, path, rehearse)
            self._replace(copy)

    def reset(self) -> None:
        """Empties the world and sets its clock to the machine's time. Raises WorldWriteError."""
        with closing(_connect_in_memory()) as empty:
            self._replace(empty)

    def _try_out(self, copy: sqlite3.Connection, path: Path, rehearse: Callable[[Transaction], None]) -> None:
        """Tests the copy without changing it."""
        copy.execute("BEGIN")
        try:
            machine_now = self._clock.now()
            rehearse(Transaction(copy, machine_now + time_shift.ahead(copy), machine_now, self._rules))
        except Exception as error:
            raise _unlivable(path, error) from error
        finally:
            copy.execute("ROLLBACK")

    def _replace(self, source: sqlite3.Connection) -> None:
        # The backup interface writes all pages in one transaction, which other connections see whole or not at all.
        with self._lock:
            try:
                source.backup(self._connection, progress=_wait_once)
            except sqlite3.Error as failure:
                advice = "Make room for it, or let whoever holds it finish"
                message = f"the sandbox's world cannot be written: {failure}; nothing was changed. {advice}"
                raise WorldWriteError(message) from failure
            self._ahead = time_shift.ahead(self._connection)


def _wait_once(status: int, _remaining: int, _total: int) -> None:
    """Stops a backup from waiting repeatedly, because SQLite has already waited for others."""
    if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        raise sqlite3.OperationalError("another process is using it")


def read_entries(path: Path) -> list[ledger.LedgerEntry]:
    """Returns the ledger of a world that others may be using; empty if the file is missing."""
    if not path.exists():
        return []
    with _reading(path) as connection:
        return ledger.entries(connection)


def _create(path: Path) -> None:
    """Builds the world under another name and links it, so that nobody sees half a world or replaces a whole one."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        _make_private_folders(path.parent)
        _require_no_companions(path)
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
        message = f"cannot create the sandbox's world {path}: {error}. Choose a path that can be written"
        raise WorldError(message, reason="not to be created") from error


def _require_no_companions(path: Path) -> None:
    """Raises OSError if there are files that SQLite would take for this world's."""
    found = [ending for ending in ("-wal", "-shm", "-journal") if os.path.lexists(f"{path}{ending}")]
    if found and not path.exists():
        raise OSError(errno.ENOTEMPTY, f"{path.name}{found[0]} stands there without it")


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
        connection.execute("PRAGMA secure_delete = ON")  # a late request may hold a password
        return connection


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens a checked world read-only. Raises WorldError, also for errors of the caller."""
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
    """Checks the first bytes of the file, before SQLite can recover or checkpoint anything in it."""
    if path.exists() and not (path.is_file() or path.is_dir()):  # opening a pipe would wait for its writer
        raise WorldError(f"{path} is not a regular file. Choose another path", reason="not a regular file")
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        message = f"cannot read the sandbox's world {path}: {error.strerror}. Choose another path"
        raise WorldError(message, reason="not to be read") from error
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        reason = "not an SQLite file"
        message = f"{path} is not a sandbox's world ({reason}). Choose another path, or move the file away"
        raise WorldError(message, reason=reason)
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise _foreign(path)
    if (version := int.from_bytes(header[60:64])) != SCHEMA_VERSION:
        reason = f"a sandbox's world of format {version}; this version reads format {SCHEMA_VERSION}"
        advice = "Use the version that made it, or move the file away to begin a new world"
        raise WorldError(f"{path} is {reason}. {advice}", reason=reason)


def _layout(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Returns the tables and the page size of the world."""
    tables = "SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name"
    return [connection.execute("PRAGMA page_size").fetchone(), *connection.execute(tables).fetchall()]


def _expected_layout() -> list[tuple[object, ...]]:
    with closing(_connect_in_memory()) as empty:
        return _layout(empty)


def _foreign(path: Path) -> WorldError:
    reason = "an SQLite file of another program"
    return WorldError(f"{path} is {reason}. Choose another path", reason=reason)


def _unlivable(path: Path, cause: Exception) -> WorldError:
    reason = f"a world that cannot go on from where it is: {type(cause).__name__}: {cause}"
    return WorldError(f"{path} is {reason}. Take another copy", reason=reason)


def _damaged(path: Path, cause: object) -> WorldError:
    reason = f"damaged or cannot be opened: {cause}"
    advice = "Restore it from a copy, or move it away (with its -wal and -shm files) to begin a new world"
    return WorldError(f"the sandbox's world {path} is {reason}. {advice}", reason=reason)
