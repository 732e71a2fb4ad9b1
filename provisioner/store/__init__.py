"""Where state, journal and lock live. Behind `open_store` stands one protocol; today a folder answers it.

This room knows nothing of specs, plans being made or the cloud: it keeps what it is given, and gives it back unaltered or
not at all.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from provisioner.model.diagnostic import UsageError, error
from provisioner.store.local import LocalStore
from provisioner.store.protocol import LockHolder, Part, Repair, Salvaged, Session, Store, Waiting
from provisioner.store.witness import Witness, witness_folder

__all__ = [
    "LockHolder",
    "Part",
    "Repair",
    "Salvaged",
    "Session",
    "Store",
    "Waiting",
    "locate",
    "open_store",
    "witness_folder",
]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def open_store(location: str | Path, label: str, *, witnesses: Path | None = None) -> Store:
    """The state named `label` in a folder, given as a path or a file:// URL. Touches nothing yet. `witnesses` is where this user
    keeps what was seen of states.
    """
    return LocalStore(_folder(location), label, witness=Witness(witnesses))


def locate(stack_directory: Path) -> Path:
    """The nearest `state` folder, from the stack's own directory upwards; else the one to be created beside the stack."""
    directory = stack_directory.resolve()
    for place in (directory, *directory.parents):
        if (place / "state").is_dir():
            return place / "state"
    return directory.parent / "state"


def _folder(location: str | Path) -> Path:
    if isinstance(location, Path) or not _URL.match(location):
        return Path(location)
    url = urlsplit(location)
    if url.scheme != "file" or url.netloc not in {"", "localhost"}:
        raise UsageError(
            error(
                "store-unsupported",
                f"{url.scheme}://{url.hostname or ''} is no place where this version can keep a state",
                hint="Give a folder, as a path or as file:///absolute/path.",
            )
        )
    return Path(unquote(url.path))
