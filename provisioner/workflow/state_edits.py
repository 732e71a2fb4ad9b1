"""Changes records by hand, for `state mv`, `state rm` and `state unprotect`. It does not ask the cloud.

Each edit is journaled with the name of its author. It refuses an address with a call of unknown outcome: a later
recovery must still find the address when it finds the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from provisioner.model.address import Address
from provisioner.model.diagnostic import SpecError, StoreError, UsageError, error
from provisioner.model.doubt import settle_hint_without_cloud
from provisioner.model.flow import Effect
from provisioner.model.journal import Entry, Forgotten, Moved, Remembered
from provisioner.model.replay import replay
from provisioner.model.resource import Desired, Recorded
from provisioner.model.stack import Stack
from provisioner.model.state import State
from provisioner.store import LockWaitListener, Session
from provisioner.workflow.journal_run import JournalRun
from provisioner.workflow.workspace import Workspace, who


@dataclass(frozen=True, slots=True)
class Edit:
    command: str
    lock_timeout: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MoveResult:
    """The moved addresses, old and new.

    `undeclared` are new ones that the specs lack: the next apply would release their servers.
    """

    pairs: tuple[tuple[Address, Address], ...]
    undeclared: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class ForgottenRecords:
    """The records to forget.

    `declared` are their addresses that the specs still declare, so that a plan would buy them again.
    """

    records: tuple[Recorded, ...]
    declared: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class UnprotectResult:
    """The addresses whose protection was `lifted`.

    The specs will protect those in `still_wanted` again at the next apply.
    """

    lifted: tuple[Address, ...]
    still_wanted: tuple[Address, ...]


def move(
    workspace: Workspace, origin: Address, address: Address, edit: Edit, on_lock_wait: LockWaitListener
) -> MoveResult:
    """Moves a record to another address. An address without a key moves a whole group when one is recorded under it."""
    loaded = workspace.load()
    with _session(workspace, loaded.stack, edit, on_lock_wait) as session:
        state = _require_state(session, loaded.stack, workspace)
        pairs = tuple(_pairs(state, origin, address))
        _write(session, workspace, edit, [Moved(*pair) for pair in pairs])
    wanted = {desired.address for desired in loaded.desired}
    return MoveResult(pairs, tuple(new for _, new in pairs if new not in wanted))


def remove(
    workspace: Workspace,
    addresses: Sequence[Address],
    edit: Edit,
    on_lock_wait: LockWaitListener,
    *,
    approve: Callable[[ForgottenRecords], bool],
) -> ForgottenRecords | None:
    """Forgets records without releasing their servers. Returns None when that was not approved."""
    loaded = workspace.load()
    with _session(workspace, loaded.stack, edit, on_lock_wait) as session:
        state = _require_state(session, loaded.stack, workspace)
        records = _records_of(state, addresses)
        _require_settled(state, (one.address for one in records))
        wanted = {desired.address for desired in loaded.desired}
        forgotten = ForgottenRecords(records, tuple(one.address for one in records if one.address in wanted))
        if not approve(forgotten):
            return None
        reason = f"removed from the state by {who()}; nobody has released it"
        _write(session, workspace, edit, [Forgotten(one.address, reason, one.id) for one in records])
    return forgotten


def unprotect(
    workspace: Workspace, addresses: Sequence[Address], edit: Edit, on_lock_wait: LockWaitListener
) -> UnprotectResult:
    """Lifts the protection of the records at these addresses, of which a group has several."""
    stack, desired = _load_if_possible(workspace)
    with _session(workspace, stack, edit, on_lock_wait) as session:
        state = _require_state(session, stack, workspace)
        lifted = [one for one in _records_of(state, addresses) if one.protected]
        if lifted:
            _write(session, workspace, edit, [Remembered(one.address, one.phase, protected=False) for one in lifted])
    wanted = {one.address for one in desired if one.lifecycle.prevent_destroy}
    names = tuple(one.address for one in lifted)
    return UnprotectResult(names, tuple(address for address in names if address in wanted))


def _load_if_possible(workspace: Workspace) -> tuple[Stack, tuple[Desired, ...]]:
    """Loads the specs, of which only stack.yaml is needed here: a server that is to go may have no values for them any more."""
    try:
        loaded = workspace.load()
    except (SpecError, UsageError):
        return workspace.stack(), ()
    return loaded.stack, loaded.desired


def _session(
    workspace: Workspace, stack: Stack, edit: Edit, on_lock_wait: LockWaitListener
) -> AbstractContextManager[Session]:
    store = workspace.store(stack)
    return store.write(
        command=edit.command, who=who(), timeout=edit.lock_timeout, on_wait=on_lock_wait, reason=edit.reason
    )


def _require_state(session: Session, stack: Stack, workspace: Workspace) -> State:
    location = workspace.store(stack).location
    state = session.state
    if state is None:
        hint = "check --state and -e; `provisioner import` takes over existing servers"
        raise UsageError(error("unknown-address", f"nothing is recorded yet at {location}", hint=hint))
    return state


def _write(session: Session, workspace: Workspace, edit: Edit, entries: Sequence[Entry]) -> None:
    """Appends the entries.

    Raises StoreError when their replay would give an invalid state, as a journal can't be undone.
    """
    assert session.state is not None  # _require_state has checked it
    try:
        problem = next(replay(session.state, entries).problems(), None)
    except ValueError as contradiction:
        problem = str(contradiction)
    if problem is not None:
        hint = "nothing was changed; please report this"
        raise StoreError(error("state-invalid", f"the state would contradict itself: {problem}", hint=hint))
    JournalRun(session, edit.command, workspace.version, edit.reason, caller=workspace.caller).append(entries)
    session.checkpoint()


def _records_of(state: State, addresses: Sequence[Address]) -> tuple[Recorded, ...]:
    """Returns the records of addresses and groups, each once."""
    return tuple({one.address: one for address in addresses for one in _members(state, address)}.values())


def _members(state: State, address: Address) -> tuple[Recorded, ...]:
    """Returns the record of an address, or those of a group. Raises UsageError when there are none."""
    if (recorded := state.resources.get(address)) is not None:
        return (recorded,)
    found = [one for key, one in state.resources.items() if key.group == address]
    if not found:
        _require_settled(state, [address])
        hint = "`provisioner state list` shows the recorded addresses; nothing was changed"
        raise UsageError(error("unknown-address", f"nothing is recorded under {address}", hint=hint))
    return tuple(sorted(found, key=lambda one: one.address))


def _pairs(state: State, origin: Address, address: Address) -> Iterable[tuple[Address, Address]]:
    records = _members(state, origin)
    is_group = records[0].address != origin
    if is_group and address.key is not None:
        hint = f"name a group, such as {address.group}, or one member of {origin}; nothing was changed"
        raise UsageError(error("address-taken", f"{origin} is a group, and {address} is a single address", hint=hint))
    pairs = [(one.address, replace(address, key=one.address.key) if is_group else address) for one in records]
    for _, new in pairs:
        if new in state.resources:
            hint = "an address has one resource; nothing was changed"
            raise UsageError(error("address-taken", f"{new} holds a resource already", hint=hint, address=new))
    for pair in pairs:
        _refuse_deposed(state, *pair)
    _require_settled(state, (one for pair in pairs for one in pair))
    return pairs


def _refuse_deposed(state: State, origin: Address, address: Address) -> None:
    """Refuses moves that involve a deposed record, which must stay with its successor until that one is ready and
    releases it.

    Only a deposed record itself can be moved, to an address of its own. No record can be moved to a deposed address.
    """
    if address.deposed:
        summary, hint = f"no spec can declare {address}", f"name another address, such as {address.successor}"
        raise UsageError(error("address-taken", summary, hint=f"{hint}; nothing was changed", address=address))
    for deposed in (origin.as_deposed, address.as_deposed):
        if deposed in state.resources and deposed != origin:
            summary = f"{deposed} holds a server that is released when {deposed.successor} is done"
            hint = f"apply releases it; to keep it, first move it to an address of its own: `provisioner state mv {deposed.shell_quoted}` takes that address after it. Nothing was changed"
            raise UsageError(error("address-taken", summary, hint=hint, address=address))


def _require_settled(state: State, addresses: Iterable[Address]) -> None:
    for address in addresses:
        if (intent := state.open_intent(address)) is not None:
            is_purchase = intent.effect is Effect.PURCHASE
            code = "address-in-doubt" if is_purchase else "address-unsettled"
            way = (
                f"run `provisioner apply`, or `provisioner resolve {address.shell_quoted}`, first"
                if is_purchase
                else f"first {settle_hint_without_cloud(intent)}"
            )
            summary = f"the outcome of a {intent.effect.noun} for {address} is not known"
            raise UsageError(error(code, summary, hint=f"{way}; nothing was changed", address=address))
