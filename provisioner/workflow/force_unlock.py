"""Explains who holds a lock and how to release it.

No lock is ever broken here, as its holder may be alive. The errors name the holder, the store's way to end it, and what
the next apply will do about open calls. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from provisioner.model.diagnostic import Diagnostic, LockHeld, StoreError, error, warning
from provisioner.model.flow import Effect
from provisioner.model.state import Intent
from provisioner.store import LockHolder, StateStore
from provisioner.workflow.workspace import Workspace


def force_unlock(workspace: Workspace, lock_id: str) -> NoReturn:
    """Always raises: StoreError for a lock that nobody holds or that has another id, LockHeld for one whose holder may
    be alive.

    Warnings about the open calls follow the error.
    """
    store = workspace.store(workspace.stack())
    holder = store.holder()
    if holder is None:
        raise StoreError(_not_held_error(store), *_open_calls(store, is_held=False))
    if holder.id != lock_id:
        raise StoreError(_unknown_lock_error(holder, lock_id), *_open_calls(store, is_held=True))
    raise LockHeld(_held_error(store, holder), *_open_calls(store, is_held=True))


def _not_held_error(store: StateStore) -> Diagnostic:
    return error(
        "lock-free",
        f"nobody holds the lock of {store.location}, so there is nothing to release",
        hint=f"{store.lock_free}: run the same command again; it first settles what that process left open",
    )


def _unknown_lock_error(holder: LockHolder, lock_id: str) -> Diagnostic:
    known = f"its id is {holder.id}" if holder.id else "it has no id, because an older version took it"
    return error(
        "lock-unknown",
        f"{lock_id!r} is not the lock that is held: {known}, and {holder.who} holds it: {holder.work}",
        hint="the run that you mean has ended, or another one has begun since; nothing was changed",
    )


def _held_error(store: StateStore, holder: LockHolder) -> Diagnostic:
    advice = store.unlock_advice(holder)
    return error("lock-live", advice.summary, hint=f"{advice.hint} Nothing was changed.")


def _open_calls(store: StateStore, *, is_held: bool) -> Iterator[Diagnostic]:
    """Yields a warning for each kind of open call. A lock that ends does not close them.

    A state that cannot be read yields its own diagnostics instead, so that the error about the lock is still shown.
    """
    try:
        state = store.load()
    except StoreError as damage:
        yield from damage.diagnostics
        return
    open_calls: dict[tuple[Effect, bool], list[Intent]] = {}
    for intent in state.in_doubt if state else ():
        open_calls.setdefault((intent.effect, bool(intent.members)), []).append(intent)
    for (effect, together), intents in open_calls.items():
        code, how = ("in-flight", "still open") if is_held else (_code(effect), "outcome not known")
        about = ", ".join(
            f"{each.address_list} ({each.target_id})" if each.target_id else each.address_list for each in intents
        )
        yield warning(code, f"{how}: {effect.noun} of {about}", hint=_next_step(effect, together=together))


def _code(effect: Effect) -> str:
    return "in-doubt" if effect is Effect.PURCHASE else "unsettled"


def _next_step(effect: Effect, *, together: bool) -> str:
    """Returns what the next apply will do about such a call if the lock's holder ends before it records an answer."""
    match effect:
        case Effect.PURCHASE if together:
            return (
                "nothing is bought there until `provisioner resolve` says which order it became, or that there is none"
            )
        case Effect.PURCHASE:
            return "the next apply looks for what was bought and adopts it; nothing is bought there until that is known"
        case Effect.PAYMENT:
            return "the next apply continues with these servers and reads from their orders what is paid; none is paid twice"
        case Effect.CANCELLATION:
            return "the orders show whether they are cancelled; `provisioner orders cancel` continues from there"
        case Effect.WIPE:
            return "these reinstallations count as carried out; none is sent again unless `provisioner apply --reinstall` names its address"
        case _:
            return "the next apply or destroy checks whether these servers are gone, and records the result"
