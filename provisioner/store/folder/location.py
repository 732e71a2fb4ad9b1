"""Decides in which `state` folder a stack keeps its state when nobody names one.

The folder is looked for from the stack's directory upwards. A folder that holds nothing of the stack never hides one
above it that does: an empty folder beside the specs would otherwise make every server unknown, and buy it again
(docs/decisions/0031).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provisioner.disk import Disk, replace_file
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.store.folder.files import label_of

_FOLDER: Final = "state"
_IGNORE: Final = b"*\n!.gitignore\n"


@dataclass(frozen=True, slots=True)
class Location:
    """The folder of a state. `warnings` name other folders that a person may take for it."""

    folder: Path
    warnings: tuple[Diagnostic, ...] = ()


def locate(stack_directory: Path, label: str | None = None) -> Path:
    """Return the folder of the state `label`, or without a label the nearest state folder."""
    return find_location(stack_directory, label).folder


def find_location(stack_directory: Path, label: str | None) -> Location:
    """Return the nearest folder that holds the state `label`.

    If none does: the nearest one that holds any state of the stack, else the nearest one that exists, else the path of
    one to be created beside the stack's directory. A folder that cannot be read counts as one that holds the state,
    because nobody knows that it does not.
    """
    folders = state_folders(stack_directory)
    found = {folder: labels_in(folder) for folder in folders}
    stack = None if label is None else label.partition(".")[0]
    of_label = [folder for folder in folders if _holds(found[folder], label)]
    of_stack = [folder for folder in folders if _holds(found[folder], stack, any_environment=True)]
    folder = next(iter((*of_label, *of_stack, *folders)))
    return Location(folder, tuple(_warnings(folder, folders, of_label, label)))


def state_folders(stack_directory: Path) -> tuple[Path, ...]:
    """Return the existing state folders, the nearest first; else the path of one to be created."""
    directory = stack_directory.resolve()
    return tuple(_folders(directory)) or (directory.parent / _FOLDER,)


def labels_in(folder: Path) -> frozenset[str] | None:
    """Return the labels of the states of which any part is in `folder`, or None when it cannot be read."""
    try:
        return frozenset(label for path in folder.iterdir() if (label := label_of(path.name)))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError:
        return None


def make_state_folder(disk: Disk, folder: Path) -> None:
    """Make the folder where it is missing, and keep it out of git. Raises OSError."""
    disk.make_folder(folder)
    keep_out_of_git(disk, folder)


def keep_out_of_git(disk: Disk, folder: Path, *, lock: str = "") -> None:
    """Write a .gitignore into a folder that holds nothing yet but the file `lock`. Raises OSError.

    A state is private, and an old copy that git brings back is a danger.
    """
    if all(path.name == lock for path in folder.iterdir()):
        replace_file(disk, folder / ".gitignore", _IGNORE)


def _folders(directory: Path) -> Iterator[Path]:
    for place in (directory, *directory.parents):
        try:
            is_folder = (place / _FOLDER).is_dir()
        except OSError:  # nobody knows what is there, so it is not passed over
            is_folder = True
        if is_folder:
            yield place / _FOLDER


def _holds(labels: frozenset[str] | None, wanted: str | None, *, any_environment: bool = False) -> bool:
    """Whether one of the labels is `wanted`, in letters of any case, as some file systems do not tell them apart."""
    if labels is None or wanted is None:
        return labels is None
    names = ((one.partition(".")[0] if any_environment else one) for one in labels)
    return wanted.casefold() in {name.casefold() for name in names}


def _warnings(folder: Path, folders: tuple[Path, ...], of_label: list[Path], label: str | None) -> Iterator[Diagnostic]:
    nearer = folders[: folders.index(folder)]
    if nearer:
        yield warning(
            "state-folder-empty",
            f"the state {label} is kept in {folder}; {nearer[0]}, which is nearer, holds nothing of it and is not used",
            hint=f"remove {nearer[0]} if you do not need it; to use another state, name its folder with --state",
        )
    if others := [one for one in of_label if one != folder]:
        yield warning(
            "state-twice",
            f"the state {label} is kept in {folder}, and {others[0]} holds a state of the same name",
            hint=f"the nearer one is used; to use the other one: --state {others[0]}; if it is an old copy, move it away",
        )
