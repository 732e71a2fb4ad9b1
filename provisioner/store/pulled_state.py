"""A state as one document: what `state pull` writes, and `state push` reads.

It holds the current state, the whole journal and the late answers, as the store keeps them, and no secret. The lines of
the journal are texts, byte for byte. The checksum covers the content and not the layout, so that a document that `jq .`
has printed is still one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioner import __version__
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.diagnostic import Diagnostic, StoreError, error
from provisioner.model.document import Damaged, FromNewerVersion, seal, unseal
from provisioner.model.state import State
from provisioner.store.arrival import CopiedState
from provisioner.store.chain import Record, single_lines
from provisioner.store.codec import state_from_json, state_to_json
from provisioner.store.contract import LATE, Reader
from provisioner.store.known_state import FOREIGN, KnownState, replay_tail
from provisioner.store.verification import verify
from provisioner.store.words import StoreWords

FORMAT: Final = 1
_FOREIGN_HINT: Final = "nothing was changed; choose its environment with -e, or the specs of its stack"


@dataclass(frozen=True, slots=True)
class PulledState:
    """A state with its journal and its late answers, and the place where it was pulled."""

    copied: CopiedState
    late: bytes

    @property
    def state(self) -> State:
        return self.copied.state

    def encode(self) -> bytes:
        state = self.state
        return seal(
            {
                "pull": FORMAT,
                "label": state.label,
                "place": self.copied.origin,
                "lineage": state.lineage,
                "serial": state.serial,
                "head": {"sequence": state.head.sequence, "hash": state.head.hash},
                "state": state_to_json(state),
                "journal": _texts(self.copied.journal),
                "late": _texts(self.late),
            },
            tool=__version__,
        )


def pulled(reader: Reader, words: StoreWords, known: KnownState, journal: bytes) -> PulledState:
    """Return what `reader` keeps, of which `known` and `journal` were read."""
    lines = b"".join(reader.log(LATE).read()).split(b"\n")
    late = b"".join(line + b"\n" for line in lines if _is_record(line))
    return PulledState(CopiedState.of(known, journal, words.place), late)


def read_pulled(data: bytes, words: StoreWords, *, name: str) -> PulledState:
    """Read a document, called `name` in messages, that is to be pushed to the state of `words`.

    Raises StoreError for one that is no pull, that was altered, whose journal does not lead to its state, or that is of
    another stack or environment.
    """
    try:
        content = unseal(data, any_layout=True)
        _require_format(content.get("pull"))
        state = state_from_json(_object(content.get("state")))
        place = str(content.get("place"))
        journal, late = _lines(content.get("journal")), _lines(content.get("late"))
    except FromNewerVersion as problem:
        hint = "Nothing was changed. Use that version, or a later one."
        raise StoreError(error("pull-format", f"{name} {problem}", hint=hint)) from problem
    except ValueError as problem:
        raise StoreError(_damaged(name, str(problem))) from problem
    if state.label != words.label:
        summary = f"{name} is a pull of {state.label}, and the specs here are of {words.label}"
        raise StoreError(error(FOREIGN, summary, hint=_FOREIGN_HINT))
    known = _verified(state, journal, words, name=name)
    return PulledState(CopiedState(state, journal, place, known.is_described), late)


def _verified(state: State, journal: bytes, words: StoreWords, *, name: str) -> KnownState:
    named = replace(
        words, state=name, journal=f"the journal in {name}", state_name="the state", journal_name="the journal"
    )
    try:
        known = replay_tail(named, state, journal)
        verify(named, known, journal)
    except StoreError as damage:
        finding = damage.diagnostics[0]
        if finding.code in {"state-arriving", "state-relocated"}:
            raise
        raise StoreError(_damaged(name, f"cannot be trusted: {finding.summary}")) from damage
    if known.state.head != state.head or known.journal_end != len(journal):
        raise StoreError(_damaged(name, "holds a journal that does not end with its state"))
    return known


def _require_format(found: JsonValue) -> None:
    if not isinstance(found, int) or isinstance(found, bool):
        raise Damaged("is not what `provisioner state pull` writes")
    if found > FORMAT:
        raise FromNewerVersion(f"has format {found} of pulled states; this version reads format {FORMAT}")


def _damaged(name: str, problem: str) -> Diagnostic:
    return error("pull-damaged", f"{name} {problem}", hint="Nothing was changed. Push another pull of this state.")


def _texts(lines: bytes) -> list[JsonValue]:
    return [*lines.decode().split("\n")[:-1]]


def _lines(value: JsonValue) -> bytes:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Damaged("lacks its journal or its late answers")
    if any(not isinstance(line, str) or "\n" in line for line in value):
        raise Damaged("has a line of its journal that is none")
    return "".join(f"{line}\n" for line in value).encode()


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise Damaged("holds no state")
    return value


def _is_record(line: bytes) -> bool:
    return isinstance(next(single_lines(line + b"\n"), None), Record) if line else False
