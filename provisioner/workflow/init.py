"""Writes the first specs of a stack. It writes only files that do not exist, and no spec that would cost money."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from provisioner.disk import Disk, describe_obstacle, place_file
from provisioner.loading import enclosing_stack, find_stacks
from provisioner.model.diagnostic import UsageError, error
from provisioner.store import labels_in, locate

_STACK = """\
# A stack is one directory of specs. This one runs against the built-in sandbox: no account, no money.
# For the real cloud write `cloud: huaweicloud`, and give credentials by HW_ACCESS_KEY and HW_SECRET_KEY.
stack: {name}
cloud: sandbox
region: cn-north-4

variables:
  nodes: {{type: integer, default: 1, minimum: 0, description: How many trainers there are}}

defaults:                 # laid under every server
  image_id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7
  key_pair_name: ops
  network:
    vpc_id: 05982b48-a70f-43a1-a2b0-1fe36a236172
    subnet_id: 38cf274a-98f9-4f6f-b622-5ed0e4a3db54
    security_group_id: 150a2c76-1334-45f6-b28f-419f9b1d1742
"""

_SERVERS = """\
servers:
  trainer:
    count: "{{ var.nodes }}"
    name: "{{ stack }}-trainer-{{ count.index }}"
    flavor: Si2.large.4
    root_volume: {type: SSD, size: 200}
"""

_IGNORE = "*\n!.gitignore\n"


@dataclass(frozen=True, slots=True)
class InitResult:
    """The files that were written, and the folder in which the state will be kept."""

    written: tuple[Path, ...]
    state_folder: Path


def init(directory: Path, name: str, *, state_location: str | None = None) -> InitResult:
    """Writes the missing files.

    A state folder is made beside the specs, unless one above holds states already or `state_location` names another
    place. Raises UsageError, before anything is written, where a stack or its state exists already, and when the folder
    cannot be written.
    """
    _refuse_near_stack(directory)
    state = directory.resolve().parent / "state"
    if state_location is None:
        state = _state_folder(directory, name)
    files = {
        directory / "stack.yaml": _STACK.format(name=name),
        directory / "servers.yaml": _SERVERS,
    }
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
        hint = "go on with: provisioner plan"
        summary = f"there is a stack in {directory} already; nothing was changed"
    elif around is not None:
        hint = f"go on with: provisioner plan --specs {os.path.relpath(around)}"
        summary = f"{directory} would be inside the stack in {around}; nothing was changed"
    elif below:
        hint = f"go on with: provisioner plan --specs {os.path.relpath(below[0])}; or name a directory beside it with --specs"
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
        hint = (
            "bring back the specs of that stack; or give the new one another name, by writing its stack.yaml yourself or by another "
            "directory; nothing was changed"
        )
        raise UsageError(error("state-exists", f"{found} {what}: it would be that of the new specs", hint=hint))
    return found if labels else directory.resolve().parent / "state"
