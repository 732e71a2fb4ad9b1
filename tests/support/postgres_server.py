"""A PostgreSQL server of a test, made from the programs of Debian's package in a temporary folder.

It runs as an unprivileged user, because PostgreSQL refuses to run as root, and ends with the process that started it.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

ASKED = "TEST_POSTGRES"
"""The environment variable with which servers are started. With `required`, as in .ci/run, a run fails rather than skips."""
PASSWORD = "a secret of the tests"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "40",
    "shared_buffers": "16MB",
    "fsync": "off",
    "password_encryption": "md5",  # every connection would cost milliseconds of both sides with the better one
    "autovacuum": "off",
    "logging_collector": "off",
    "max_wal_size": "256MB",
}
_PATIENCE = 30.0
_PDEATHSIG = 1
_ids = count(1)


@cache
def programs() -> Path | None:
    """Return the folder of the newest installed server, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    path = shutil.which("initdb")
    return found[-1].parent if found else Path(path).resolve().parent if path else None


def missing() -> str:
    """Return why no server is to be started; empty when one is."""
    if not os.environ.get(ASKED):
        return "PostgreSQL is tried by `make postgres`"
    return absent()


def absent() -> str:
    """Return why no server can be started; empty when one can."""
    if programs() is None:
        return "no PostgreSQL server is installed: apt-get install postgresql"
    if find_spec("psycopg") is None:
        return "psycopg is not installed: pip install -r locks/postgres.lock"
    return ""


def skip_or_fail(reason: str) -> None:
    if os.environ.get(ASKED) == "required":
        pytest.fail(f"{reason}; {ASKED} is required, so this is not skipped")
    pytest.skip(reason)


def unprivileged() -> dict[str, object]:
    """Return the arguments of Popen that let a program run as somebody who is not root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    skip_or_fail("there is no unprivileged user to run PostgreSQL as")
    raise AssertionError


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def die_with_parent() -> None:
    """Runs in the child, so that a killed pytest leaves no server behind."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGQUIT)


class Daemon:
    """A program in a folder of its own that belongs to the user it runs as."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="provisioner-test-", dir="/tmp"))
        self.process: subprocess.Popen[bytes] | None = None
        self.as_user = unprivileged()
        if self.as_user:
            os.chown(self.folder, self.as_user["user"], self.as_user["group"])

    def run(self, *command: object) -> None:
        done = subprocess.run(
            [str(part) for part in command],
            **self.as_user,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=_environment(),
        )
        assert done.returncode == 0, done.stderr.decode()

    def spawn(self, *command: object) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                **self.as_user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=_environment(),
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls one function of libc
            )

    def end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(_PATIENCE)
            self.process = None

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgresServer(Daemon):
    """A server with a superuser `owner`, who logs in with PASSWORD over TCP."""

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.data = self.folder / "data"

    def create(self, **settings: str) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        folder = programs()
        self.run(
            folder / "initdb", "-D", self.data, "-U", "owner", "--pwfile", secret, "-A", "md5", "-E", "UTF8",
            "--locale", "C", "--no-sync",
        )  # fmt: skip
        lines = {**_SETTINGS, "port": str(self.port), "unix_socket_directories": str(self.folder), **settings}
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.writelines(f"{name} = '{value}'\n" for name, value in lines.items())

    def start(self) -> None:
        self.spawn(programs() / "postgres", "-D", self.data)
        self.await_ready()

    def await_ready(self) -> None:
        import psycopg

        until = time.monotonic() + _PATIENCE
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert time.monotonic() < until, self.log
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends all connections and shuts down; SIGQUIT does so without writing anything, as a crash does."""
        self.end(how)

    @contextmanager
    def suspended(self):
        """Stop every process of the server. The kernel still acknowledges what is sent to it."""
        processes = [self.process.pid, *_children(self.process.pid)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def url(self, database: str = "postgres", *, user: str = "owner", port: int | None = None) -> str:
        return f"postgres://{user}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port or self.port}/{database}"

    def configure(self, name: str, value: str) -> None:
        """Change a setting of the running server, and wait until it is used."""
        self.execute(f"ALTER SYSTEM SET {name} = '{value}'", waits=False)
        self.execute("SELECT pg_reload_conf()", waits=False)
        until = time.monotonic() + _PATIENCE
        while self.execute(f"SHOW {name}", waits=False) != [(value,)]:
            assert time.monotonic() < until
            time.sleep(0.01)

    def execute(self, statement: str, *, database: str = "postgres", waits: bool = True) -> list[tuple]:
        """Execute a statement as the superuser. Without `waits`, its commit waits for no standby."""
        import psycopg

        options = "" if waits else "-c synchronous_commit=local"
        with psycopg.connect(self.url(database), autocommit=True, options=options) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def new_database(self) -> str:
        name = f"test_{next(_ids)}"
        self.execute(f"CREATE DATABASE {name} STRATEGY wal_log")
        return name

    def new_role(self, attributes: str = "") -> str:
        name = f"role_{next(_ids)}"
        self.execute(f"CREATE ROLE {name} LOGIN {attributes} PASSWORD '{PASSWORD}'")
        return name

    def end_connections(self, database: str) -> None:
        """End every connection of others to a database, and wait until they have ended."""
        others = f"datname = '{database}' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        self.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}")  # noqa: S608 - of a test

    def copy_data(self) -> Path:
        """Return a copy of the data of the stopped server."""
        copy = self.folder / f"data-{next(_ids)}"
        self.run("cp", "-a", self.data, copy)
        return copy

    def restore_data(self, copy: Path) -> None:
        """Put a copy in the place of the data of the stopped server."""
        shutil.rmtree(self.data)
        self.run("cp", "-a", copy, self.data)


class PgBouncer(Daemon):
    """A pooler in transaction mode in front of a server."""

    def __init__(self, server: PostgresServer) -> None:
        super().__init__()
        self.port = free_port()
        users = self.folder / "users"
        users.write_text(f'"owner" "{PASSWORD}"\n')
        lines = [
            "[databases]",
            f"* = host=127.0.0.1 port={server.port}",
            "[pgbouncer]",
            f"listen_port = {self.port}",
            "listen_addr = 127.0.0.1",
            "unix_socket_dir =",
            "auth_type = md5",
            f"auth_file = {users}",
            "pool_mode = transaction",
            "default_pool_size = 4",
        ]
        configuration = self.folder / "pgbouncer.ini"
        configuration.write_text("\n".join(lines) + "\n")
        for path in (users, configuration):
            path.chmod(0o644)
        self.spawn(bouncer_program(), configuration)
        _await_port(self.port)

    def stop(self) -> None:
        self.end(signal.SIGQUIT)
        self.remove()


def bouncer_program() -> str | None:
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


def _await_port(port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.02)
        else:
            return


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}


@cache
def shared_server() -> PostgresServer:
    """Return the server of this process, which is started once."""
    server = PostgresServer()
    server.create()
    server.start()
    return server


def end_shared_server() -> None:
    """End the server of this process, if one was started."""
    if shared_server.cache_info().currsize:
        server = shared_server()
        server.stop(signal.SIGQUIT)
        server.remove()


def required_server() -> PostgresServer:
    """Return the server of this process. Skips the test where there can be none."""
    if reason := missing():
        skip_or_fail(reason)
    return shared_server()
