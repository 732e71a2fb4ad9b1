"""Renames a state, for `state rename`, after its stack or environment was renamed. It does not ask the cloud."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from provisioner.loading import state_labels
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.journal import Renamed, RunEnded, RunStarted
from provisioner.model.state_setting import StateSetting
from provisioner.store import LockWaitListener, locate
from provisioner.workflow.state_edits import Edit
from provisioner.workflow.workspace import Workspace, who

_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[A-Za-z0-9][A-Za-z0-9_-]{0,63})?")


@dataclass(frozen=True, slots=True)
class RenameResult:
    """The location of the renamed state. `is_named`: the specs here have a stack and environment of its new name."""

    location: str
    is_named: bool


def rename(workspace: Workspace, former: str, label: str, edit: Edit, on_lock_wait: LockWaitListener) -> RenameResult:
    """Renames a state.

    Both names are written as the files of the state are named, without `.json`: `demo.dev`, or `demo` without
    environments. Raises UsageError for a name that cannot be one and where no such state is recorded, and StoreError
    where a state of the new name exists.
    """
    for name in (former, label):
        if _LABEL.fullmatch(name) is None:
            hint = (
                "write it as its file is named, without .json: STACK.ENVIRONMENT, or STACK if there are no environments"
            )
            raise UsageError(error("state-name", f"{name!r} cannot be the name of a state", hint=hint))
    if former == label:
        hint = "give the state's name and its new name; nothing was changed"
        raise UsageError(error("state-name", f"the state is called {label} already", hint=hint))
    stack, _, environment = label.partition(".")
    run = uuid4().hex
    entries = (
        RunStarted(run, edit.command, who(), workspace.version, reason=edit.reason),
        Renamed(stack, environment or None, former),
        RunEnded(run, "ended"),
    )
    declared = _declared_place(workspace, former, label)
    store = workspace.store_of(former, declared)
    _refuse_hidden(workspace, label, Path(store.location).parent, declared)
    store.rename(
        label,
        entries,
        command=edit.command,
        who=who(),
        timeout=edit.lock_timeout,
        on_wait=on_lock_wait,
        reason=edit.reason,
    )
    return RenameResult(workspace.store_of(label, declared).location, label in state_labels(workspace.directory))


def _declared_place(workspace: Workspace, former: str, label: str) -> StateSetting | None:
    """Returns where the specs or the user's configuration keep the state of the new name, which are those that are there
    after the renaming. Raises UsageError where they keep the former one elsewhere, and the errors of reading specs.
    """
    if workspace.explicit_state is not None:
        return None
    known = state_labels(workspace.directory)
    if not known:
        return None
    places = {one: _place_of(workspace, one) for one in (label, former) if one in known}
    if not places:
        with suppress(UsageError):  # stack.yaml names neither, and no environment may be chosen
            return workspace.stack().state
        return None
    locations = {None if one is None else str(one.location) for one in places.values()}
    if len(locations) > 1:
        hint = "nothing was changed; a renaming stays in one place: name the place of both with --state"
        raise UsageError(error("state-elsewhere", f"{former} and {label} are kept in two places", hint=hint))
    return next(iter(places.values()))


def _place_of(workspace: Workspace, label: str) -> StateSetting | None:
    environment = label.partition(".")[2] or None
    return replace(workspace, environment=environment).stack().state


def _refuse_hidden(workspace: Workspace, label: str, folder: Path, declared: StateSetting | None) -> None:
    """Raises UsageError where another state of the new name is nearer, so that this one would not be found."""
    if workspace.explicit_state is not None or declared is not None:
        return
    nearest = locate(workspace.directory, label)
    if nearest != folder and workspace.store_of(label, None).load() is not None:
        hint = "nothing was changed; move one of the two away, or name the folder with --state"
        raise UsageError(error("state-exists", f"{nearest} holds a state of the name {label} already", hint=hint))
