"""Keeps late answers: those that arrived when their run could no longer write to the journal.

They have a log of their own, which every run reads.

A run that has lost its lock may not touch the journal, which another run may be writing by then. But an unrecorded
answer would be a purchase whose server nobody knows. So the answer goes to the log `late`, with the intent that it
answers. Readers of the state apply it if that intent is still open. An answer to an intent that has ended otherwise is
reported to the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from shlex import quote
from typing import Final, TypeAlias

from provisioner.model.canonical import JsonObject
from provisioner.model.diagnostic import Diagnostic, StoreError, warning
from provisioner.model.document import Damaged
from provisioner.model.journal import Answered, Entry, Intended, Relocated, Settled
from provisioner.model.replay import replay
from provisioner.model.state import Intent, State
from provisioner.store.chain import Record, single_lines
from provisioner.store.clock import StoreClock
from provisioner.store.codec import entry_from_json, journal_lines
from provisioner.store.contract import JOURNAL, LATE, START, Conflict, Log, NotDone, Reader, Undecided
from provisioner.store.known_state import find_relocation
from provisioner.store.mentions import mentions_of
from provisioner.store.words import StoreWords

Answer: TypeAlias = Answered | Settled
_ATTEMPTS: Final = 10
_PAUSE: Final = 0.05
"""Seconds between two attempts, while another run that lost its lock writes to the same log."""


def find_answers(entries: Sequence[Entry], intents: Mapping[str, Intent]) -> list[tuple[Intent, Answer]]:
    """Return those `entries` that record the answer to one of `intents`, each with its intent.

    That a call was never sent counts too: only its run knows it, and without it the purchase would be in doubt.
    """
    answers = [
        entry
        for entry in entries
        if isinstance(entry, Answered) or (isinstance(entry, Settled) and entry.outcome in {"refused", "not_sent"})
    ]
    return [(intents[entry.intent], entry) for entry in answers if entry.intent in intents]


def write_late(
    open_log: Callable[[], Log],
    words: StoreWords,
    answers: Sequence[tuple[Intent, Answer]],
    *,
    lineage: str,
    batch: JsonObject,
    clock: StoreClock,
) -> bool:
    """Write `answers` and return whether they are kept.

    Never raises, because the failure of the journal is reported already.
    """
    entries = [entry for intent, answer in answers for entry in (Intended(intent), answer)]
    for _ in range(_ATTEMPTS):
        log = open_log()
        try:
            lines = [line for line in single_lines(b"".join(log.read())) if isinstance(line, Record)]
            head = lines[-1].head if lines else START
            appended, _ = journal_lines(
                words, entries, lineage=lineage, serial=0, head=head, time=clock.now(), batch=batch
            )
            log.append(head, appended, mentions=mentions_of(entries))
        except (Conflict, Undecided):
            clock.sleep(_PAUSE)
        except (NotDone, StoreError):
            return False
        else:
            return True
        finally:
            log.release()
    return False


class LateKeeper:
    """Keeps the late answers of one run, each once. `open_log` opens the log."""

    def __init__(self, open_log: Callable[[], Log], words: StoreWords, clock: StoreClock) -> None:
        self._open_log = open_log
        self._words = words
        self._clock = clock
        self._kept: set[str] = set()

    def keep(self, entries: Sequence[Entry], intents: Mapping[str, Intent], *, lineage: str, batch: JsonObject) -> bool:
        """Keep those `entries` that answer one of `intents`. Return whether the log holds all of these answers.

        False where there are none.
        """
        answers = find_answers(entries, intents)
        new = [(intent, answer) for intent, answer in answers if answer.intent not in self._kept]
        if new and write_late(self._open_log, self._words, new, lineage=lineage, batch=batch, clock=self._clock):
            self._kept |= {answer.intent for _, answer in new}
        return bool(answers) and self._kept.issuperset(answer.intent for _, answer in answers)


def with_late_hint(failure: StoreError, words: StoreWords) -> StoreError:
    """Return `failure` with the place where the answers are kept, and with hints that state it."""
    notice = f"What was answered is kept in {words.late}: the next run reads it there."
    found = (replace(one, hint=f"{one.hint} {notice}") for one in failure.diagnostics)
    return type(failure)(*found, kept_in=words.late)


def read_late(reader: Reader) -> list[tuple[Intent, Answer]]:
    """Return every readable answer with its intent. Raises StoreError when the log cannot be read."""
    return find_late(b"".join(reader.log(LATE).read()))


def find_late(lines: bytes) -> list[tuple[Intent, Answer]]:
    """Return every readable answer of a log of late answers with its intent."""
    found: list[tuple[Intent, Answer]] = []
    intents: dict[str, Intent] = {}
    for line in single_lines(lines):
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


def with_uncarried_hint(failure: StoreError, words: StoreWords, reader: Reader) -> StoreError:
    """Return the error for a state that was moved, with a hint about answers that came here after its move."""
    relocation = find_relocation(words, b"".join(reader.log(JOURNAL).read()))
    lines = single_lines(b"".join(reader.log(LATE).read()))
    if (
        relocation is None
        or not isinstance(relocation.entry, Relocated)
        or not any(isinstance(line, Record) and line.time >= relocation.time for line in lines)
    ):
        return failure
    again = f"`provisioner state migrate --state {quote(words.place)} --to {quote(relocation.entry.to)}`"
    notice = f"A run that had lost its lock was answered after the move, and {words.late} holds that: {again} carries it over."
    return StoreError(*(replace(one, hint=f"{one.hint} {notice}") for one in failure.diagnostics))


def with_late(state: State, late: Sequence[tuple[Intent, Answer]]) -> State:
    """Apply late answers to open intents. The next run journals the same answers."""
    answers = open_answers(state, late)
    return replay(state, answers) if answers else state


def open_answers(state: State, late: Sequence[tuple[Intent, Answer]]) -> tuple[Answer, ...]:
    """Return the answers that end intents which are open in `state`, one for each.

    An answer with a server that is recorded already is omitted, so that the server stays at its address.
    """
    recorded = {one.id for one in state.resources.values()} - {None}
    found = {answer.intent: answer for _, answer in late if answer.intent in state.intents}
    return tuple(one for one in found.values() if isinstance(one, Settled) or one.id not in recorded)


def unrecorded_purchases(
    words: StoreWords, state: State | None, late: Sequence[tuple[Intent, Answer]]
) -> Iterator[Diagnostic]:
    """Warn about purchases that no record contains, because their intent has ended otherwise."""
    for intent, answer in unrecorded_answers(state, late):
        import_hint = (
            f"; `provisioner import {intent.address.shell_quoted} {answer.id}` takes the server over"
            if answer.id
            else ""
        )
        what = " and ".join(
            f"{kind} {name}" for kind, name in (("server", answer.id), ("order", answer.order_id)) if name
        )
        yield warning(
            "late-answer",
            f"a purchase of {intent.address_list} was answered with {what} after its run had lost the lock, and neither is recorded",
            hint=f"look for it in the console{import_hint}. {words.clear_late}",
            address=intent.address,
        )


def unrecorded_answers(state: State | None, late: Sequence[tuple[Intent, Answer]]) -> Iterator[tuple[Intent, Answered]]:
    """Yield the answers to purchases whose server and order no record contains, each with its intent."""
    for intent, answer in late:
        if not isinstance(answer, Answered) or (state is not None and answer.intent in state.intents):
            continue
        ids = {name for name in (answer.id, answer.order_id) if name is not None}
        if ids and (state is None or ids.isdisjoint(_recorded_ids(state))):
            yield intent, answer


def _recorded_ids(state: State) -> Iterator[str]:
    yield from (name for one in state.resources.values() for name in (one.id, one.order_id) if name is not None)
    yield from state.released
