"""The errors for a state that cannot be trusted, or is not here. Each says what to do about it."""

from __future__ import annotations

from shlex import quote
from typing import Final

from provisioner.model.diagnostic import LOCK_LOST, LockLost, SourceRange, StoreError, error
from provisioner.model.document import Damaged, FromNewerVersion
from provisioner.model.state import JournalHead
from provisioner.model.time_text import format_time
from provisioner.store.contract import Intrusion
from provisioner.store.high_water_marks import HighWaterMark
from provisioner.store.words import StoreWords

OR_REBUILD: Final = (
    "Or run `provisioner state rebuild`: it puts together what is still readable here and what the cloud lists, shows it, "
    "and asks before it writes."
)


RELOCATED: Final = "state-relocated"


def state_relocated(words: StoreWords, to: str, *, time: int) -> StoreError:
    """Return the error for a state that was moved to `to`, at `time` in milliseconds since the epoch."""
    # Specs may name only folders of their repository, and only relative to their own place.
    written = f"write `state: {to}` in stack.yaml" if "://" in to else "name its folder as `state:` in stack.yaml"
    return StoreError(
        error(
            RELOCATED,
            f"{words.state} was moved to {to} at {format_time(time)}, and nothing is ever recorded here again",
            hint=f"Nothing was changed. Use it where it is: {written}, or give --state {quote(to)}. "
            f"What was recorded here before is shown by `provisioner history --state {quote(words.place)}`.",
        )
    )


def state_arriving(words: StoreWords, origin: str) -> StoreError:
    """Return the error for a copy of the state at `origin` whose migration has not come to its end."""
    migrate = f"`provisioner state migrate --state {quote(origin)} --to {quote(words.place)}`"
    return StoreError(
        error(
            "state-arriving",
            f"{words.state} is a copy of the state at {origin}, and its migration from there is not complete",
            hint=f"Nothing was changed. Complete it where {origin} can be reached: {migrate}. If that place is lost for good, "
            "`provisioner state rebuild --force` takes over what is here.",
        )
    )


def state_missing(words: StoreWords, beside: str) -> StoreError:
    return StoreError(
        error(
            "state-missing",
            f"{words.state} is missing beside {beside}, which says that servers may be owned",
            hint=f"Nothing was changed. {words.restore_lost_state} {OR_REBUILD} {words.begin_anew}",
        )
    )


def journal_missing(words: StoreWords, head: JournalHead) -> StoreError:
    return StoreError(
        error(
            "journal-missing",
            f"{words.journal} is missing or empty, but the state was made of its first {head.sequence} records",
            hint=f"Nothing was changed. {words.restore_journal}: purchases may stand in it and nowhere else. {OR_REBUILD}",
        )
    )


def state_older(words: StoreWords, serial: int, newest: int) -> StoreError:
    return StoreError(
        error(
            "state-older",
            f"{words.state} has serial {serial}, and {words.journal_name} was written to beside serial {newest}: an older "
            "copy has been put in its place",
            hint=f"Nothing was changed. {words.restore_newest} {OR_REBUILD}",
        )
    )


def state_behind(words: StoreWords, serial: int, head: JournalHead, seen: HighWaterMark) -> StoreError:
    """Return the error for a state with `serial` and `head` that has been seen further on."""
    has, was = progress(serial, head), progress(seen.serial, seen.head)
    there = "it" if seen.location == words.state else seen.location
    return StoreError(
        error(
            "state-older",
            f"{words.state} is an older copy: it has {has}, and you have seen {there} with {was}",
            detail="what was bought or released since stands in neither of its files, so that it would be bought again",
            hint=f"Nothing was changed. {words.restore_both} {OR_REBUILD}",
        )
    )


def progress(serial: int, head: JournalHead) -> str:
    """Return how far a state has come, for messages."""
    return f"serial {serial} and {head.sequence} records"


def journal_damaged(words: StoreWords, problem: ValueError, *, line: int) -> StoreError:
    newer = isinstance(problem, FromNewerVersion)
    return StoreError(
        error(
            "journal-format" if newer else "journal-damaged",
            f"{words.journal}, line {line}: {problem}",
            hint="Nothing was changed. Use the version of this tool that wrote it, or a later one."
            if newer
            else f"Nothing was changed. {words.restore_journal}. Without one, compare the lines from there on "
            f"with the servers in the cloud before anything else is bought. {OR_REBUILD}",
            source=SourceRange(words.journal, max(line, 1), 1),
        )
    )


def journal_short(words: StoreWords, found: JournalHead, expected: JournalHead) -> StoreError:
    problem = Damaged(f"ends there, but {words.state_name} was made of its first {expected.sequence} records")
    return journal_damaged(words, problem, line=found.sequence)


def journal_closed(words: StoreWords, reason: str, *, has_lost_lock: bool) -> StoreError:
    """Return the error for a run that may not write to its journal any more."""
    return (LockLost if has_lost_lock else StoreError)(
        error(
            LOCK_LOST if has_lost_lock else "journal-not-durable",
            f"{words.journal} is closed for the rest of this run: {reason}",
            hint=f"Nothing more is bought in this run. {words.make_writable}, then run the same command again: it looks in the cloud for "
            "what was sent and could not be recorded.",
        )
    )


def journal_full(words: StoreWords, place: str, reason: str) -> StoreError:
    """Return the error for a write to `place` that found no room and left everything as it was."""
    hint = (
        "Nothing of this was written and nothing was sent for it; what is known already can still be recorded. "
        f"{words.make_room}, then run the same command again."
    )
    return StoreError(error("journal-full", f"cannot write {place}: {reason}", hint=hint))


def taken_over(words: StoreWords, reason: str) -> LockLost:
    """Return the error for a run whose journal another run has written to."""
    hint = (
        f"Nothing more is sent in this run. {words.end_other_writers}, then run the same command again: it looks in the cloud "
        "for what was sent and could not be recorded."
    )
    return LockLost(error(LOCK_LOST, f"cannot write {words.journal}: {reason}", hint=hint))


def lock_unreliable(words: StoreWords, intrusion: Intrusion) -> StoreError:
    return (LockLost if intrusion.code == LOCK_LOST else StoreError)(
        error(
            intrusion.code,
            f"cannot rely on {intrusion.place}: {intrusion.found}",
            hint=f"Nothing more is sent in this run. {words.end_other_writers}, then run the same command again: it looks in the cloud "
            "for what was sent and could not be recorded.",
        )
    )


def state_invalid(words: StoreWords, problem: str) -> StoreError:
    """Return the error for a state that a run would write and that contradicts itself."""
    return StoreError(
        error(
            "state-invalid",
            f"{words.state} was not written, because it would contradict itself: {problem}",
            hint=f"{words.journal} holds everything that was done in this run. Please report this.",
        )
    )
