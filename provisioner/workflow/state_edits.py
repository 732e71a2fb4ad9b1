"""Changes records by hand, for `state mv`, `state rm` and `state unprotect`. The cloud is not asked.

Each is journaled with who did it. An address whose last call has an unknown outcome is left alone: what is found of it later
must find its address, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from provisioner.loading import Loaded
from provisioner.model.address import Address
from provisioner.model.diagnostic import StoreError, UsageError, error
from provisioner.model.doubt import settle_hint_unread
from provisioner.model.flow import Effect
from provisioner.model.journal import Entry, Forgotten, Moved, Remembered
from provisioner.model.replay import replay
from provisioner.model.resource import Recorded
from provisioner.model.state import State
from provisioner.store import LockHolder, Session
from provisioner.workflow.journal_run import JournalRun
from provisioner.workflow.workspace import Workspace, who

Waiting = Callable[[LockHolder, float], None]


@dataclass(frozen=True, slots=True)
class Edit:
    command: str
    lock_timeout: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MoveResult:
    """`undeclared` are new addresses that the specs do not declare: the next apply would release their servers."""

    pairs: tuple[tuple[Address, Address], ...]
    undeclared: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class ForgottenRecords:
    """`declared`: addresses that the specs still want, so that a plan would buy them."""

    records: tuple[Recorded, ...]
    declared: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class UnprotectResult:
    """`still_wanted`: the specs protect these again at the next apply."""

    lifted: tuple[Address, ...]
    still_wanted: tuple[Address, ...]


def move(workspace: Workspace, origin: Address, address: Address, edit: Edit, waiting: Waiting) -> MoveResult:
    """Addresses without a key stand for a whole group where that is what is recorded."""
    loaded = workspace.load()
    with _session(workspace, loaded, edit, waiting) as session:
        state = _require_state(session, loaded, workspace)
        pairs = tuple(_pairs(state, origin, address))
        _write(session, workspace, edit, [Moved(*pair) for pair in pairs])
    wanted = {desired.address for desired in loaded.desired}
    return MoveResult(pairs, tuple(new for _, new in pairs if new not in wanted))


def remove(
    workspace: Workspace,
    addresses: Sequence[Address],
    edit: Edit,
    waiting: Waiting,
    *,
    approve: Callable[[ForgottenRecords], bool],
) -> ForgottenRecords | None:
    """None when it was not approved."""
    loaded = workspace.load()
    with _session(workspace, loaded, edit, waiting) as session:
        state = _require_state(session, loaded, workspace)
        records = _records_of(state, addresses)
        _require_settled(state, (one.address for one in records))
        wanted = {desired.address for desired in loaded.desired}
        forgotten = ForgottenRecords(records, tuple(one.address for one in records if one.address in wanted))
        if not approve(forgotten):
            return None
        reason = f"removed from the state by {who()}; nobody has released it"
        _write(session, workspace, edit, [Forgotten(one.address, reason, one.id) for one in records])
    return forgotten


def unprotect(workspace: Workspace, addresses: Sequence[Address], edit: Edit, waiting: Waiting) -> UnprotectResult:
    loaded = workspace.load()
    with _session(workspace, loaded, edit, waiting) as session:
        state = _require_state(session, loaded, workspace)
        lifted = [one for one in _records_of(state, addresses) if one.protected]
        if lifted:
            _write(session, workspace, edit, [Remembered(one.address, one.phase, protected=False) for one in lifted])
    wanted = {desired.address for desired in loaded.desired if desired.lifecycle.prevent_destroy}
    names = tuple(one.address for one in lifted)
    return UnprotectResult(names, tuple(address for address in names if address in wanted))


def _session(workspace: Workspace, loaded: Loaded, edit: Edit, waiting: Waiting) -> AbstractContextManager[Session]:
    store = workspace.store(loaded.stack)
    return store.write(command=edit.command, who=who(), timeout=edit.lock_timeout, on_wait=waiting)


def _require_state(session: Session, loaded: Loaded, workspace: Workspace) -> State:
    location = workspace.store(loaded.stack).location
    state = session.state
    if state is None:
        hint = "check --state and -e; provisioner import takes over what exists"
        raise UsageError(error("unknown-address", f"nothing is recorded yet at {location}", hint=hint))
    return state


def _write(session: Session, workspace: Workspace, edit: Edit, entries: Sequence[Entry]) -> None:
    """Nothing that no state could be read from afterwards: a journal is for ever."""
    assert session.state is not None  # it is what is edited
    try:
        problem = next(replay(session.state, entries).problems(), None)
    except ValueError as contradiction:
        problem = str(contradiction)
    if problem is not None:
        hint = "nothing was changed; please report this"
        raise StoreError(error("state-invalid", f"the state would contradict itself: {problem}", hint=hint))
    JournalRun(session, edit.command, workspace.version, edit.reason).append(entries)
    session.checkpoint()


def _records_of(state: State, addresses: Sequence[Address]) -> tuple[Recorded, ...]:
    """Each once, however often it was named."""
    return tuple({one.address: one for address in addresses for one in _members(state, address)}.values())


def _members(state: State, address: Address) -> tuple[Recorded, ...]:
    """The record of an address, or those of its group. Raises UsageError for none."""
    if (recorded := state.resources.get(address)) is not None:
        return (recorded,)
    found = [one for key, one in state.resources.items() if key.group == address]
    if not found:
        _require_settled(state, [address])
        hint = "provisioner state list shows those that are recorded; nothing was changed"
        raise UsageError(error("unknown-address", f"nothing is recorded under {address}", hint=hint))
    return tuple(sorted(found, key=lambda one: one.address))


def _pairs(state: State, origin: Address, address: Address) -> Iterable[tuple[Address, Address]]:
    records = _members(state, origin)
    is_group = records[0].address != origin
    if is_group and address.key is not None:
        hint = f"name a group, such as {address.group}, or one member of {origin}; nothing was changed"
        raise UsageError(
            error("address-taken", f"{origin} is a group, and {address} is one address of its own", hint=hint)
        )
    pairs = [(one.address, replace(address, key=one.address.key) if is_group else address) for one in records]
    for _, new in pairs:
        if new in state.resources:
            hint = "one address, one resource; nothing was changed"
            raise UsageError(error("address-taken", f"{new} holds one already", hint=hint, address=new))
    for pair in pairs:
        _require_no_replacement(state, *pair)
    _require_settled(state, (one for pair in pairs for one in pair))
    return pairs


def _require_no_replacement(state: State, origin: Address, address: Address) -> None:
    """What is deposed goes when its successor is done: it stays with that one, and nobody else becomes it."""
    if address.deposed:
        summary, hint = f"no spec can declare {address}", f"name another address, such as {address.successor}"
        raise UsageError(error("address-taken", summary, hint=f"{hint}; nothing was changed", address=address))
    for deposed in (origin.as_deposed, address.as_deposed):
        if deposed in state.resources and deposed != origin:
            summary = f"{deposed} holds one that is to go when {deposed.successor} is done"
            hint = f"apply releases it; to keep it: provisioner state mv {deposed.shell_quoted} ADDRESS. Nothing was changed"
            raise UsageError(error("address-taken", summary, hint=hint, address=address))


def _require_settled(state: State, addresses: Iterable[Address]) -> None:
    for address in addresses:
        if (intent := state.open_intent(address)) is not None:
            is_purchase = intent.effect is Effect.PURCHASE
            code = "address-in-doubt" if is_purchase else "address-unsettled"
            way = (
                f"run apply, or provisioner resolve {address.shell_quoted}, first"
                if is_purchase
                else f"first {settle_hint_unread(intent)}"
            )
            summary = f"the outcome of a {intent.effect.noun} for {address} is not known"
            raise UsageError(error(code, summary, hint=f"{way}; nothing was changed", address=address))
