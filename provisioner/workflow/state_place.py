"""Finds the states beside the one in use that no stack and no environment near the specs names, and says where no state
is recorded.

Renaming a stack or an environment, or adding the first one, gives the state another name. What it held under the former
one is then unknown, and would be bought again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from provisioner.loading import find_stacks, state_labels
from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.identity import Identity
from provisioner.model.stack import Stack
from provisioner.model.state import State
from provisioner.model.state_place import StatePlace, UnnamedState
from provisioner.store import StateStore
from provisioner.workflow.workspace import Workspace

_SHOWN = 10


def state_place(
    workspace: Workspace, stack: Stack, store: StateStore, identity: Identity, state: State | None
) -> StatePlace:
    """Returns the place of the stack's state. States of other accounts than `identity` are not among the unnamed; where
    a `state` is recorded, only those of the same stack are, as others say nothing then.
    """
    found = _unnamed(workspace, stack, store, identity, is_recorded=state is not None)
    elsewhere = workspace.places.other_place(stack)
    return StatePlace(store.location, stack.label, tuple(found), elsewhere, store.replaced(state))


def require_recorded(store: StateStore, state: State | None) -> State:
    """Returns the state. Raises UsageError `no-state` where none was ever recorded."""
    if state is None:
        raise UsageError(_no_state_error(store))
    return state


def _no_state_error(store: StateStore) -> Diagnostic:
    labels = store.other_labels
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return error(
        "no-state",
        f"no state was ever recorded at {store.location}",
        detail=f"beside it there are: {', '.join(labels[:_SHOWN])}{more}" if labels else "",
        hint="check -e, --state and the current directory; the first apply records one",
    )


def _unnamed(
    workspace: Workspace, stack: Stack, store: StateStore, identity: Identity, *, is_recorded: bool
) -> Iterator[UnnamedState]:
    labels = store.other_labels
    if is_recorded:
        labels = tuple(label for label in labels if label.partition(".")[0] == stack.name)
    others = frozenset(labels) - state_labels(workspace.directory) if labels else frozenset()
    if not others:
        return
    # Another checkout of this stack names what the stack was called before: it vouches for no state.
    for directory in find_stacks(_root(workspace, stack, store)):
        others -= {label for label in state_labels(directory) if label.partition(".")[0] != stack.name}
        if not others:
            return
    siblings = store.siblings(labels=sorted(others))
    for label in sorted(others):
        is_same_stack = label.partition(".")[0] == stack.name
        if (why := siblings.unread.get(label)) is not None:
            yield UnnamedState(label, is_same_stack, unread=why)
        elif (state := siblings.states.get(label)) is not None and state.identity == identity:
            addresses = state.resources.keys() | state.doubts.keys()
            if addresses:
                yield UnnamedState(label, is_same_stack, frozenset(addresses))


def _root(workspace: Workspace, stack: Stack, store: StateStore) -> Path:
    """Returns the folder below which the stacks that share the place are looked for.

    A database may keep states of stacks that stand nowhere near. Their states count as unnamed here.
    """
    if workspace.explicit_state is not None or stack.state is not None:
        return workspace.directory.resolve().parent
    return Path(store.location).parent.parent
