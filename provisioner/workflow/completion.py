"""Reads what a shell may complete: addresses and labels of the state, environments, and plan files.

A shell asks at each press of a key, so this reads the files by the shortest way instead of by the readers of `loading` and
`store`, which take 0.3 s to import (docs/decisions/0037). Whatever is missing, damaged or not understood is no candidate, and
nothing is ever raised. The command that is completed reads everything properly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

_SETTING: Final = r"""^{}:[ \t]*["']?([A-Za-z0-9][A-Za-z0-9_-]*)"""
_ENVIRONMENTS_SECTION = re.compile(
    r"^environments:[ \t]*(?:#.*)?\n((?:[ \t]+.*\n|[ \t]*#.*\n|[ \t]*\n)*)", re.MULTILINE
)
_STATE_SETTING = re.compile(r"""^state:[ \t]+["']?([^"'\s#][^"'#\n]*)""", re.MULTILINE)
_STATE_OF_ENVIRONMENT = re.compile(r"[ \t{,]state:")
_UNKNOWN_PLACE: Final = "unknown://"
"""A place that is not a folder, as far as completion knows."""
_KEY = re.compile(r"^([ \t]+)([A-Za-z0-9][A-Za-z0-9_-]*):", re.MULTILINE)
_LARGEST: Final = 256 * 1024 * 1024
"""Bytes of the largest file that is read."""
_MOST_FILES: Final = 1000
"""How many files of a folder are looked at for plans."""
_HEAD_OF_PLAN: Final = (b"{", b'"approval"')


@dataclass(frozen=True, slots=True)
class StackPlace:
    """What the command line and the environment say about the stack. What they leave open is None."""

    directory: Path | None = None
    environment: str | None = None
    state_location: str | None = None


def environments(place: StackPlace) -> list[str]:
    """Returns the names of the environments."""
    directory = _directory(place)
    return _environments(directory, _read(directory / "stack.yaml"))


def addresses(place: StackPlace, *, groups: bool = False) -> list[str]:
    """Returns the addresses that are recorded or in doubt. `groups`: those of groups, without a key, as well."""
    state = _state(place)
    found = dict.fromkeys(_mapping(state.get("resources")))
    for intent in _mapping(state.get("intents")).values():
        members = _mapping(intent).get("members")
        named = [_mapping(one).get("address") for one in (intent, *(members if isinstance(members, list) else ()))]
        found |= dict.fromkeys(text for text in named if isinstance(text, str))
    if groups:
        found |= dict.fromkeys(address.partition("[")[0] for address in [*found] if address.endswith("]"))
    return sorted(found, key=_natural_order)


def labels(place: StackPlace) -> list[str]:
    """Returns the labels of recorded servers, each as `team=vision`."""
    recorded = _mapping(_state(place).get("resources")).values()
    pairs = {pair for one in recorded for pair in _mapping(_mapping(one).get("labels")).items()}
    return sorted(f"{name}={value}" for name, value in pairs)


def plan_files(folder: Path) -> list[str]:
    """Returns the names of the files in a folder that begin as a saved plan does."""
    try:
        files = sorted(folder.iterdir())[:_MOST_FILES]
    except OSError:
        return []
    return [path.name for path in files if _looks_like_plan(path)]


def _looks_like_plan(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as opened:
            head = opened.read(64)
    except OSError:
        return False
    begin, key = _HEAD_OF_PLAN
    return head.startswith(begin) and key in head


def _directory(place: StackPlace) -> Path:
    if place.directory is not None:
        return place.directory
    return Path() if Path("stack.yaml").exists() else Path("specs")


def _environments(directory: Path, stack_file: str) -> list[str]:
    """As loading/environments.py: there is one for each file in environments/, and one for each key of `environments:`."""
    found: list[str] = []
    with suppress(OSError):
        files = (path for path in (directory / "environments").iterdir() if path.suffix in {".yaml", ".yml"})
        found += (path.stem for path in files if not path.name.startswith((".", "_")))
    if (section := _ENVIRONMENTS_SECTION.search(stack_file)) is not None:
        keys = _KEY.findall(section[1])
        found += (name for indent, name in keys if indent == keys[0][0])
    return sorted(set(found))


def _state(place: StackPlace) -> Mapping[str, Any]:
    """Returns the checkpoint of the state of the stack, as it is written."""
    directory = _directory(place)
    stack_file = _read(directory / "stack.yaml")
    stack = _setting(stack_file, "stack")
    if stack is None:
        return {}
    label = stack
    if _environments(directory, stack_file):
        environment = place.environment or _setting(stack_file, "environment")
        if environment is None:
            return {}
        label = f"{stack}.{environment}"
    for folder in _state_folders(place, directory, stack_file):
        if text := _read(folder / f"{label}.json"):
            with suppress(ValueError, RecursionError):
                return _mapping(json.loads(text))
            return {}
    return {}


def _state_folders(place: StackPlace, directory: Path, stack_file: str) -> Iterator[Path]:
    """Yields where the state may be, the nearest place first, as store/folder/location.py looks for it."""
    named = place.state_location or _declared_place(stack_file)
    if named is not None:
        is_url = "://" in named
        if is_url and not named.lower().startswith("file:"):
            return  # a database is not asked while somebody types
        folder = Path(unquote(urlsplit(named).path) if is_url else named)
        if place.state_location is not None:
            yield folder
        elif not folder.is_absolute():
            yield directory / folder
        return
    with suppress(OSError):
        here = directory.resolve()
        yield from (above / "state" for above in (here, *here.parents))


def _declared_place(stack_file: str) -> str | None:
    """Returns where stack.yaml keeps the state. An environment's own place is not read here, and hides that of the stack."""
    if _STATE_OF_ENVIRONMENT.search(stack_file):
        return _UNKNOWN_PLACE
    found = _STATE_SETTING.search(stack_file)
    return found[1].strip() if found else None


def _setting(stack_file: str, name: str) -> str | None:
    found = re.search(_SETTING.format(name), stack_file, re.MULTILINE)
    return found[1] if found else None


def _read(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _natural_order(address: str) -> list[tuple[int, str]]:
    """Puts `trainer[2]` before `trainer[10]`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", address)]
