"""Converts states and journal entries to JSON and back, following the annotations of the model's own dataclasses.

A field that a later version added is omitted when it is empty, so that files without it stay byte for byte as they
were. Reading is strict: an unknown key or a value of another type is refused, never dropped or converted. This module
does not know where the JSON is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import GenericAlias
from typing import Any, get_args

from pydantic import TypeAdapter

from provisioner import __version__
from provisioner.model.canonical import JsonObject
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.document import STRICT, Damaged, FromNewerVersion, from_json, seal, to_json
from provisioner.model.journal import (
    JOURNAL_FORMAT,
    Created,
    Entry,
    Forgotten,
    Imported,
    Intended,
    Listed,
    Moved,
    Remembered,
    RunStarted,
    Settled,
    Stated,
)
from provisioner.model.state import JournalHead, State
from provisioner.store.chain import link
from provisioner.store.words import StoreWords

_REMEMBERED = ("baseline", "refused", "sold", "unconfirmed", "paid")
"""Fields that later versions added to `Remembered`."""
_RECORDED = (*_REMEMBERED, "assumed", "bought_by", "term_given_up", "contents")
"""Fields that later versions added to records."""
_OMIT_IF_NONE: Mapping[type, tuple[str, ...]] = {
    Remembered: _REMEMBERED,
    Stated: ("unconfirmed",),
    Forgotten: ("leftovers",),
}
_OMIT_IF_EMPTY: Mapping[type, tuple[str, ...]] = {
    RunStarted: ("approval", "planned"),
    Listed: ("complete", "orders", "all_orders"),
    Settled: ("passed_over", "orders"),
    Moved: ("term_given_up",),
}
_ENTRY_TYPES = {entry.__dataclass_fields__["type"].default: entry for entry in get_args(Entry)}


def state_to_json(state: State) -> JsonObject:
    written: Any = to_json(_state_adapter(), state)
    for key in ("released", "listed", "all_listed", "listed_orders", "all_orders", "approvals"):
        if not written[key]:
            del written[key]
    for intent in (*written["intents"].values(), *written["absent"].values()):
        _omit_empty_intent_fields(intent)
    for recorded in written["resources"].values():
        _omit_empty_record_fields(recorded)
    return written  # type: ignore[no-any-return]


def encode_state(state: State) -> bytes:
    """Return a checkpoint."""
    return seal(state_to_json(state), tool=__version__)


def _omit_empty_record_fields(recorded: dict[str, Any]) -> None:
    for key in _RECORDED:
        if not recorded[key]:
            del recorded[key]


def _omit_empty_intent_fields(intent: dict[str, Any]) -> None:
    for key in (
        "listed",
        "all_listed",
        "listed_orders",
        "all_orders",
        "answered_id",
        "sender",
        "passed_over_orders",
        "approval",
        "contents",
    ):
        if not intent[key]:
            del intent[key]


def _without_empty(members: dict[str, Any]) -> dict[str, Any]:
    """Returns the members of an object that say something, at every depth."""
    said = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in members.items()}
    return {key: value for key, value in said.items() if value}


def state_from_json(content: JsonObject) -> State:
    """Read a state. Raises Damaged for JSON that is no state, and for a state that contradicts itself."""
    state = from_json(_state_adapter(), content)
    if problem := next(state.problems(), None):
        raise Damaged(f"contradicts itself: {problem}")
    return state


def entry_to_json(entry: Entry) -> JsonObject:
    """Write an entry.

    Raises ValueError or TypeError for values that JSON can't hold, such as a name that is not valid Unicode.
    """
    written: Any = to_json(_entry_adapter(entry.type), entry)
    for key in _OMIT_IF_NONE.get(type(entry), ()):
        if written[key] is None:
            del written[key]
    for key in _OMIT_IF_EMPTY.get(type(entry), ()):
        if not written[key]:
            del written[key]
    match entry:
        case Intended():
            _omit_empty_intent_fields(written["intent"])
        case Imported():
            _omit_empty_record_fields(written["recorded"])
        case RunStarted():
            if not (caller := _without_empty(written["caller"])):
                del written["caller"]
            else:
                written["caller"] = caller
        case _:
            pass
    return written  # type: ignore[no-any-return]


def journal_lines(
    words: StoreWords,
    entries: Sequence[Entry],
    *,
    lineage: str,
    serial: int,
    head: JournalHead,
    time: int,
    batch: JsonObject,
    closing: bool = False,
) -> tuple[bytes, JournalHead]:
    """Return the lines that follow `head` while the state has `serial`, and the new head. `closing`: they are the last ones.

    Raises StoreError `entry-unwritable`.
    """
    try:
        written = map(entry_to_json, entries)
        return link(written, lineage=lineage, serial=serial, head=head, time=time, batch=batch, closing=closing)
    except (TypeError, ValueError) as problem:
        raise StoreError(
            error(
                "entry-unwritable",
                f"an entry for {words.journal} is no JSON: {problem}",
                hint="Nothing was written. Look for text that is no Unicode, such as a --reason or a user's name.",
            )
        ) from problem


def created_entry(state: State) -> Created:
    """Return the first entry of the journal of `state`, which says what the journal is about."""
    return Created(state.stack, state.environment, state.identity)


def entry_from_json(content: JsonObject) -> Entry:
    """Read an entry. Raises Damaged, or FromNewerVersion for a type or a key that this version does not know."""
    match content.get("type"):
        case "created" if (number := content.get("format")) and isinstance(number, int) and number > JOURNAL_FORMAT:
            raise FromNewerVersion(f"begins a journal of format {number}; this version reads format {JOURNAL_FORMAT}")
        case str(name) if name in _ENTRY_TYPES:
            return from_json(_entry_adapter(name), content)
        case name:
            raise FromNewerVersion(
                f"holds an entry of the unknown type {name!r}, written by a newer version of this tool"
            )


# Each adapter is built when first needed, because building it takes longer than the tool needs to start. Each type is
# in a tuple, because a standard dataclass takes STRICT only from the type around it.


@cache
def _state_adapter() -> TypeAdapter[tuple[State]]:
    return TypeAdapter(tuple[State], config=STRICT)


@cache
def _entry_adapter(name: str) -> TypeAdapter[tuple[Entry]]:
    one: Any = GenericAlias(tuple, (_ENTRY_TYPES[name],))
    return TypeAdapter(one, config=STRICT)
