"""Reads the other states at the same place without taking a lock, and only those that matter for a question.

Where the store keeps an index, it names the states that mention an id or a name (`mentions.py`), and these alone are
read. A state that it does not name holds nothing of what was asked, even one that cannot be read: what comes into a
state comes by an append that mentions it. A folder keeps no index. There, what a state mentions is known only by
reading it, so a state that cannot be read may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from provisioner.model.diagnostic import StoreError
from provisioner.model.state import JournalHead, State
from provisioner.store.contract import JOURNAL, LATE, START, NotInLog, Reader, Store
from provisioner.store.current import read_quickly
from provisioner.store.high_water_marks import HighWaterMarks
from provisioner.store.late_answers import read_late, with_late
from provisioner.store.mentions import INDEXED, id_tokens

_ID: Final = re.compile(rb'"(?:id|order_id)": ?"([^"]*)"')
_HEAD: Final = re.compile(rb'\n  "head": \{\n    "hash": "([0-9a-f]*)",\n    "sequence": (\d+)\n')
"""The head that a checkpoint states, in the form in which checkpoints are written. No text inside one looks like this,
because a text has no line breaks there.
"""


@dataclass(frozen=True, slots=True)
class Siblings:
    """The other states at the same place that were read, by label.

    `unread` holds why a state cannot be read; what it owns is unknown.
    """

    states: Mapping[str, State]
    unread: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SiblingReader:
    """Reads the states beside that of `store`."""

    store: Store
    marks: HighWaterMarks

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(label for label in self.store.names() if label != self.store.words.label)

    def read(self, labels: Iterable[str]) -> Siblings:
        states: dict[str, State] = {}
        unread: dict[str, str] = {}
        for label in labels:
            sibling = self.store.sibling(label)
            try:
                state = read_quickly(
                    sibling, sibling.words, requires_checkpoint=sibling.requires_checkpoint, marks=self.marks
                )
                late = [] if state is None else read_late(sibling)
            except StoreError as problem:
                unread[label] = problem.diagnostics[0].summary
            else:
                if state is None:
                    unread[label] = "only leftovers of it are there, such as a copy or names in other letters"
                else:
                    states[label] = with_late(state, late)
        return Siblings(states, unread)

    def mentioning(self, tokens: Collection[str]) -> tuple[str, ...]:
        """Return the labels of the states that mention one of `tokens`, as far as the index can tell: all states where
        there is none, and those that are not indexed.
        """
        found = self.store.mentions(frozenset({*tokens, INDEXED}))
        labels = self.labels  # after the index, so that a state that is new by now is read
        if found is None:
            return labels
        hit = {label for label, mentioned in found.items() if mentioned - {INDEXED}}
        return tuple(label for label in labels if label in hit or INDEXED not in found.get(label, ()))

    def recording(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Return the labels of the states that may record one of these servers or orders.

        Where checkpoints can be relied upon, the bytes of each state are searched, which takes a small part of the time
        of reading it. States that cannot be read may be left out.
        """
        if self.store.requires_checkpoint and not self.labels:
            return ()
        tokens = id_tokens(ids)
        labels = self.mentioning(tokens) if tokens else ()
        if not self.store.requires_checkpoint:
            return labels
        return tuple(label for label in labels if _may_record(self.store.sibling(label), tokens))


def _may_record(sibling: Reader, tokens: frozenset[str]) -> bool:
    """Return whether the id of a server or of an order in the bytes of a state is among `tokens`."""
    try:
        return any(not tokens.isdisjoint(_ids_in(piece)) for piece in _pieces(sibling))
    except (StoreError, ValueError):  # reading it properly finds out why
        return True


def _pieces(sibling: Reader) -> Iterator[bytes]:
    """Yield what the state is computed from: its checkpoint, the journal from there on, and the late answers."""
    newest = sibling.checkpoint()
    head = START
    if newest is not None:
        yield newest.data
        head = _head_in(newest.data)
    try:
        yield from sibling.log(JOURNAL).read(head)
    except NotInLog:
        yield from sibling.log(JOURNAL).read()
    yield from sibling.log(LATE).read()


def _head_in(checkpoint: bytes) -> JournalHead:
    if (found := _HEAD.search(checkpoint)) is None:
        return START
    return JournalHead(int(found[2]), found[1].decode())


def _ids_in(data: bytes) -> frozenset[str]:
    """Return the tokens of all ids in `data`. Raises ValueError for one that is written with an escape."""
    found = frozenset(_ID.findall(data))
    if any(b"\\" in one for one in found):
        raise ValueError("an id is written with an escape")
    return id_tokens(one.decode() for one in found)
