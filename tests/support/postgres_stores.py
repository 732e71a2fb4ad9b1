"""Opens stores in a schema of their own on the server of the tests, and closes their connections after the test."""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from support.memory_backend import SHORT
from support.postgres_server import PostgresServer, required_server

from provisioner.model.state_setting import StateAuthor, parse_location
from provisioner.model.state_url import StateUrl
from provisioner.store.lease_record import LeaseTerms
from provisioner.store.shared_store import SharedStore

_ids = count(1)
_open: list[Any] = []


def new_url(server: PostgresServer) -> str:
    """Return the address of a schema that does not exist yet."""
    return f"{server.url()}?schema=states_{next(_ids)}"


def open_backend(url: str, **options: Any) -> Any:
    """Return a backend whose connections are closed by `close_backends`."""
    from provisioner.store.postgres import PostgresBackend

    backend = PostgresBackend(parsed(url), **options)
    _open.append(backend)
    return backend


def parsed(url: str) -> StateUrl:
    """Parse a URL as the user's own, which may hold a password."""
    found = parse_location(url, StateAuthor.VARIABLE)
    assert isinstance(found, StateUrl)
    return found


def close_backends() -> None:
    while _open:
        _open.pop().close()


def shared_store(backend: Any, label: str, *, terms: LeaseTerms = SHORT) -> SharedStore:
    """Return a store with the lease of a test. Every run writes a checkpoint."""
    return SharedStore(backend, label, terms=terms, checkpoint_after=0)


def postgres_opener(_folder: Path) -> partial[SharedStore]:
    """Return what opens the stores of a new place. Skips the test where there can be no server."""
    return partial(shared_store, open_backend(new_url(required_server())))
