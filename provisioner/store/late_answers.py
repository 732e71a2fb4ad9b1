"""Answers that came when their run could not write to the journal any more: kept in a log of their own, and read by
each run.

A run that has lost its lock may not touch the journal, which is another's by then. But an answer that nobody writes
down is a purchase whose server nobody knows. So it goes to the log `late`, with the intent that it answers, and whoever
reads the state believes it where that intent is still open. What answers an intent that has ended otherwise is told to
a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeAlias

from provisioner.model.canonical import JsonObject
from provisioner.model.diagnostic import Diagnostic, StoreError, warning
from provisioner.model.document import Damaged
from provisioner.model.journal import Answered, Entry, Intended, Settled
from provisioner.model.state import Intent, State
from provisioner.store.chain import Record, single_lines
from provisioner.store.clock import StoreClock
from provisioner.store.codec import entry_from_json, journal_lines
from provisioner.store.contract import LATE, START, Conflict, Log, NotDone, Reader, StoreWords, Undecided

Answer: TypeAlias = Answered | Settled
_ATTEMPTS: Final = 10
_PAUSE: Final = 0.05
"""Seconds, while another run that was fenced off writes its own answers there."""


def find_answers(entries: Sequence[Entry], intents: Mapping[str, Intent]) -> list[tuple[Intent, Answer]]:
    """Those among `entries` that say how a call of one of `intents` was answered."""
    heard = [
        entry
        for entry in entries
        if isinstance(entry, Answered) or (isinstance(entry, Settled) and entry.outcome == "refused")
    ]
    return [(intents[entry.intent], entry) for entry in heard if entry.intent in intents]


def write_late(
    opened: Callable[[], Log],
    words: StoreWords,
    answers: Sequence[tuple[Intent, Answer]],
    *,
    lineage: str,
    batch: JsonObject,
    clock: StoreClock,
) -> bool:
    """Whether they are kept. Never raises: what they could not be written for is told already."""
    entries = [entry for intent, answer in answers for entry in (Intended(intent), answer)]
    for _ in range(_ATTEMPTS):
        log = opened()
        try:
            lines = [line for line in single_lines(b"".join(log.read())) if isinstance(line, Record)]
            head = lines[-1].head if lines else START
            appended, _ = journal_lines(
                words, entries, lineage=lineage, serial=0, head=head, time=clock.now(), batch=batch
            )
            log.append(head, appended)
        except (Conflict, Undecided):
            clock.sleep(_PAUSE)
        except (NotDone, StoreError):
            return False
        else:
            return True
        finally:
            log.release()
    return False


def with_late_hint(failure: StoreError, words: StoreWords) -> StoreError:
    """The same, and where the answers are kept."""
    where = f"What was answered is kept in {words.late}: the next run reads it there."
    return StoreError(*(replace(one, hint=f"{one.hint} {where}") for one in failure.diagnostics))


def read_late(reader: Reader) -> list[tuple[Intent, Answer]]:
    """Every answer that can be read, with its intent. Raises StoreError where the log cannot be."""
    found: list[tuple[Intent, Answer]] = []
    intents: dict[str, Intent] = {}
    for line in single_lines(b"".join(reader.log(LATE).read())):
        if not isinstance(line, Record):
            continue
        entry: Entry | None = None
        with suppress(Damaged):
            entry = entry_from_json(line.entry)
        if isinstance(entry, Intended):
            intents[entry.intent.id] = entry.intent
        elif isinstance(entry, Answered | Settled) and entry.intent in intents:
            found.append((intents[entry.intent], entry))
    return found


def open_answers(state: State, late: Sequence[tuple[Intent, Answer]]) -> tuple[Answer, ...]:
    """The answers that end an intent which is open in `state`: one each.

    A server that is recorded already stays where it is.
    """
    held = {one.id for one in state.resources.values()} - {None}
    found = {answer.intent: answer for _, answer in late if answer.intent in state.intents}
    return tuple(one for one in found.values() if isinstance(one, Settled) or one.id not in held)


def unrecorded_purchases(
    words: StoreWords, state: State | None, late: Sequence[tuple[Intent, Answer]]
) -> Iterator[Diagnostic]:
    """What was bought by an intent that has ended otherwise, and stands in no record."""
    for intent, answer in late:
        if not isinstance(answer, Answered) or (state is not None and answer.intent in state.intents):
            continue
        named = {name for name in (answer.id, answer.order_id) if name is not None}
        if state is not None and not named.isdisjoint(_known(state)):
            continue
        if named:
            taken = (
                f"; `provisioner import {intent.address.shell_quoted} {answer.id}` takes the server over"
                if answer.id
                else ""
            )
            what = " and ".join(
                f"{noun} {name}" for noun, name in (("server", answer.id), ("order", answer.order_id)) if name
            )
            yield warning(
                "late-answer",
                f"a purchase of {intent.address_list} was answered with {what} after its run had lost the lock, and neither is recorded",
                hint=f"look for it in the console{taken}. {words.clear_late}",
                address=intent.address,
            )


def _known(state: State) -> Iterator[str]:
    yield from (name for one in state.resources.values() for name in (one.id, one.order_id) if name is not None)
    yield from state.released
