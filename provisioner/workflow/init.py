"""Writes the first specs of a stack, from one of the templates in init_templates/.

It writes only files that do not exist, and no spec that would cost money.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Final

from provisioner.disk import Disk, describe_obstacle, place_file
from provisioner.loading import enclosing_stack, find_stacks, quote_if_needed
from provisioner.model.diagnostic import UsageError, error
from provisioner.store import labels_in, locate

TEMPLATES: Final[Mapping[str, str]] = {
    "small": "one counted group, paid by the hour",
    "cluster": "a master and workers, with a first-boot script and a rollout in waves",
    "prepaid": "servers paid by the month: protected, and with limits on what one run may do",
    "team": "environments dev and prod with pins, and a README about who applies",
}
"""What stacks can begin with, and what each is for."""

_FOLDER: Final = Path(__file__).with_name("init_templates")
_STACK_NAME: Final = "STACK_NAME"
_BESIDE_THE_SPECS: Final = {"gitignore": ".gitignore"}
"""Files of a template that are written beside the directory of the specs, by the name that they get there."""
_IGNORE = "*\n!.gitignore\n"


@dataclass(frozen=True, slots=True)
class InitResult:
    """The files that were written, and the folder in which the state will be kept."""

    written: tuple[Path, ...]
    state_folder: Path


def init(directory: Path, name: str, *, template: str = "small", state_location: str | None = None) -> InitResult:
    """Writes the missing files of a template, which is one of TEMPLATES, for a stack of this name.

    A state folder is made beside the specs, unless one above holds states already or `state_location` names another
    place. Raises UsageError, before anything is written, where a stack or its state exists already, and when the folder
    cannot be written.
    """
    _refuse_near_stack(directory)
    state = directory.resolve().parent / "state"
    if state_location is None:
        state = _state_folder(directory, name)
    files = dict(_template_files(template, directory, name))
    makes_folder = state_location is None and not labels_in(state)
    if makes_folder:
        files[state / ".gitignore"] = _IGNORE
    written: list[Path] = []
    try:
        missing = {path: text for path, text in files.items() if not _is_there(path)}
        directory.mkdir(parents=True, exist_ok=True)
        if makes_folder:
            state.mkdir(mode=0o700, exist_ok=True)
        for path, text in missing.items():
            path.parent.mkdir(exist_ok=True)
            place_file(Disk(), path, text.encode(), is_shared=True)
            written.append(path)
    except OSError as failure:
        for path in written:
            Disk().remove(path)
        summary = f"cannot write {failure.filename}: {failure.strerror}"
        raise UsageError(
            error("init-failed", summary, hint="choose a folder that you may write: --specs DIR")
        ) from failure
    return InitResult(tuple(written), state)


def _template_files(template: str, directory: Path, name: str) -> Iterator[tuple[Path, str]]:
    """Yields the files by the paths that they get. The name of the stack is written so that YAML reads it as a text."""
    folder = _FOLDER / template
    for source in sorted(path for path in folder.rglob("*") if path.is_file()):
        beside = _BESIDE_THE_SPECS.get(source.name)
        path = directory / source.relative_to(folder) if beside is None else _place_beside(directory) / beside
        written = quote_if_needed(name) if source.suffix == ".yaml" else name
        yield path, source.read_text(encoding="utf-8").replace(_STACK_NAME, written)


def _place_beside(directory: Path) -> Path:
    """Returns the folder that holds the specs' directory; that directory itself where it is the current one."""
    return directory if directory.resolve() == Path.cwd() else directory.parent


def _is_there(path: Path) -> bool:
    """Raises OSError where something stands there that is no file: it is left as it is, and nothing is written beside it."""
    if what := describe_obstacle(path):
        raise FileExistsError(errno.EEXIST, f"{what} stands there", str(path))
    return path.exists()


def _refuse_near_stack(directory: Path) -> None:
    """Raises UsageError `stack-exists` in a stack, inside of one and above one.

    A second stack.yaml there would not be what anybody means, and its empty state would look like that of the first.
    """
    around, below = enclosing_stack(directory), [*find_stacks(directory)]
    if directory in below:
        hint = "go on with: `provisioner plan`"
        summary = f"there is a stack in {directory} already; nothing was changed"
    elif around is not None:
        hint = f"go on with: `provisioner plan --specs {quote(os.path.relpath(around))}`"
        summary = f"{directory} would be inside the stack in {around}; nothing was changed"
    elif below:
        hint = f"go on with: `provisioner plan --specs {quote(os.path.relpath(below[0]))}`; or name a directory beside it with --specs"
        summary = f"{directory} would be above the stack in {below[0]}; nothing was changed"
    else:
        return
    raise UsageError(error("stack-exists", summary, hint=hint))


def _state_folder(directory: Path, name: str) -> Path:
    """Returns the folder of the new stack's state. Raises UsageError where a state of that name exists already.

    The first plan from the new specs would release all that it holds.
    """
    found = locate(directory, name)
    labels = labels_in(found)
    if labels is None or any(label.partition(".")[0].casefold() == name.casefold() for label in labels):
        what = "cannot be read" if labels is None else f"holds a state of the stack {name} already"
        hint = "bring back the specs of that stack; or give the new stack another name: write its stack.yaml yourself, or use another directory; nothing was changed"
        raise UsageError(error("state-exists", f"{found} {what}: the new specs would use it", hint=hint))
    return found if labels else directory.resolve().parent / "state"
