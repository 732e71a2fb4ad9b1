"""Moves a state to another place, for `state migrate`, and pulls and pushes it as a document. It does not ask the cloud."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Final
from uuid import uuid4

from provisioner.loading import folder_in_specs
from provisioner.model.diagnostic import Diagnostic, StoreError, UsageError, error
from provisioner.model.journal import RunStarted
from provisioner.model.stack import Stack
from provisioner.model.state import State
from provisioner.model.state_setting import StateAuthor, StateSetting, explain, parse_location
from provisioner.model.state_url import InvalidStateUrlError
from provisioner.store import LockWaitListener, StateStore, is_place_of_state, open_store
from provisioner.store.migration import MigrationResult, migrate_state
from provisioner.store.pull_file import read_pull, write_pull
from provisioner.store.pulled_state import PulledState, read_pulled
from provisioner.store.push import push_state
from provisioner.workflow.state_edits import Edit
from provisioner.workflow.state_place import require_recorded
from provisioner.workflow.workspace import Workspace, who

_OPTION: Final = "--to"


@dataclass(frozen=True, slots=True)
class PushResult:
    state: State
    location: str


def pull(workspace: Workspace, path: Path | None = None) -> tuple[PulledState, tuple[Diagnostic, ...]]:
    """Reads the state with its journal, and writes it to `path` if there is one. Takes no lock.

    Returns it with the warnings about its place.
    """
    store = workspace.store(workspace.stack())
    found = store.pull()
    require_recorded(store, None if found is None else found.state)
    assert found is not None
    if path is not None:
        _require_place_for_pull(workspace, path)
        write_pull(path, found)
    return found, store.warnings


def push(workspace: Workspace, path: Path, edit: Edit, on_lock_wait: LockWaitListener) -> PushResult:
    """Puts a pulled state into the place of this stack's state, which must be empty.

    Raises UsageError for a file that cannot be read, and for a state of another account, project or region than the specs
    pin; StoreError for one that was altered, is older than what was seen, or is in use where it was pulled.
    """
    stack = workspace.stack()
    store = workspace.store(stack)
    document = read_pulled(read_pull(path), store.access.store.words, name=str(path))
    _require_identity(stack, document.state)
    _require_unused(document, store)
    run = _run(workspace, edit)
    state = push_state(document, store.access, run, name=str(path), timeout=edit.lock_timeout, on_wait=on_lock_wait)
    return PushResult(state, store.location)


def migrate(
    workspace: Workspace, to: str, edit: Edit, on_lock_wait: LockWaitListener, *, is_dry: bool = False
) -> MigrationResult:
    """Moves the state of the stack to the place `to`; with `is_dry` only checks whether that can be done.

    Raises UsageError where there is no state and for a place that is none, and StoreError for damage and for a place that
    is not empty.
    """
    stack = workspace.stack()
    store, target = workspace.store(stack), _store_at(workspace, stack, to)
    return migrate_state(
        store.access,
        target.access.store,
        _run(workspace, edit),
        timeout=edit.lock_timeout,
        on_wait=on_lock_wait,
        is_dry=is_dry,
    )


def place_in_specs(workspace: Workspace, place: str) -> str | None:
    """Returns a place as stack.yaml may name it; None for a folder that it may not name."""
    return place if "://" in place else folder_in_specs(workspace.directory, place)


def _store_at(workspace: Workspace, stack: Stack, location: str) -> StateStore:
    """Opens the state of the stack at a place that the command line names. Raises UsageError for one that is none."""
    try:
        setting = StateSetting(parse_location(location, StateAuthor.OPTION), StateAuthor.OPTION, name=_OPTION)
    except InvalidStateUrlError as fault:
        raise UsageError(explain(fault, _OPTION)) from None
    return replace(workspace, explicit_state=setting).store(stack)


def _run(workspace: Workspace, edit: Edit) -> RunStarted:
    return RunStarted(uuid4().hex, edit.command, who(), workspace.version, reason=edit.reason, caller=workspace.caller)


def _require_place_for_pull(workspace: Workspace, path: Path) -> None:
    target = path.parent.resolve() / path.name
    if any(is_place_of_state(location, target) for location in workspace.locations):
        summary = f"the state was not written to {path}: it would be taken for a part of a state there"
        raise UsageError(error("pull-not-written", summary, hint="Name a file elsewhere, such as demo.pull."))


def _require_identity(stack: Stack, state: State) -> None:
    """Raises UsageError if the state is of another account, project or region than the specs or a pin name by its id."""
    identity = state.identity
    wanted = [(pin.field.value, pin.value) for pin in stack.pins if not pin.is_by_name]
    if stack.region is not None:
        wanted.append(("region", stack.region))
    for field, value in wanted:
        found = getattr(identity, field)
        if found != value:
            summary = f"the pulled state is of {field} {found}, and the specs here are for {value}"
            hint = "nothing was changed; choose the environment of that state with -e, or the specs of its stack"
            raise UsageError(error("identity-mismatch", summary, hint=hint))


def _require_unused(document: PulledState, target: StateStore) -> None:
    """Raises StoreError if the place where the state was pulled still keeps it: two places would then buy the same.

    Only folders are looked at. A host that only a file names gets no connection.
    """
    origin, state = document.copied.origin, document.state
    if "://" in origin or origin == target.access.store.words.place or not Path(origin).is_dir():
        return
    try:
        kept = open_store(Path(origin), state.label).load()
    except StoreError:
        return
    if kept is not None and kept.lineage == state.lineage:
        summary = f"the state is still in use at {origin}, where it was pulled"
        hint = f"Nothing was changed. To move it: `provisioner state migrate --state {quote(origin)} --to {quote(target.access.store.words.place)}`"
        raise StoreError(error("state-in-use", summary, hint=hint))
