"""Suggests a move where a server would be released and an equal one bought: most likely it is the same server under
another address.

It is only a suggestion, and decides nothing: two servers may well be alike. Servers are paired by what they agree in, never
by their order: a wrong pair would have a healthy server renamed to what another one is. Where several could be meant, the
finding names them all and pairs none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, digest
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.redaction import with_value
from provisioner.model.resource import Phase
from provisioner.planning import comparison
from provisioner.planning.address_list import list_addresses
from provisioner.planning.plan_input import PlanInput

_NAME = ("name",)
_MOST_NAMES = 6


@dataclass(frozen=True, slots=True)
class _Server:
    """One side of a pair. `likeness` is a digest of all that distinguishes two servers except names and secrets: another
    password does not make another server.
    """

    change: Change
    name: str
    likeness: str

    @property
    def address(self) -> Address:
        return self.change.address


_Pair: TypeAlias = tuple[_Server, _Server]
_Agreement: TypeAlias = Callable[[_Server], Hashable]
_AGREEMENTS: tuple[_Agreement, ...] = (
    lambda one: (one.change.kind, one.name),
    lambda one: (one.likeness, one.address.name, one.address.key),
    lambda one: (one.likeness, one.address.group),
    lambda one: (one.likeness, one.address.key) if isinstance(one.address.key, str) else id(one),
)
"""What servers are paired by, the surest first: the name, then beside an equal body the address in another module, the group,
and the key of a `for_each`.
"""


def likely_moves(changes: Sequence[Change], inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Yields one finding for each pair of groups, however many servers they have, and one for each set of servers of
    which several could be meant.
    """
    released = [
        _released_server(change, catalogue[change.kind]) for change in changes if _may_be_released_by_mistake(change)
    ]
    if not released:  # most plans release nothing, and need not digest what they buy
        return
    created = [
        _created_server(change, catalogue[change.kind])
        for change in changes
        if change.action is Action.CREATE and change.after is not None
    ]
    pairing = _Pairing(released, created)
    pairing.run()
    by_groups: defaultdict[tuple[Address, Address], list[_Pair]] = defaultdict(list)
    for pair in pairing.pairs:
        by_groups[pair[0].address.group, pair[1].address.group].append(pair)
    for groups, pairs in by_groups.items():
        yield _suggestion(groups, pairs, changes, inputs, catalogue[pairs[0][0].change.kind])
    for released, created in pairing.unclear():
        yield _unclear(released, created, catalogue[created[0].change.kind])


def _may_be_released_by_mistake(change: Change) -> bool:
    """Whether the server would be released only because its address is gone. One that failed, or is on its way out, is
    worth no move.
    """
    return (
        change.action is Action.DELETE
        and change.reason is Reason.NOT_IN_SPECS
        and change.recorded is not None
        and change.recorded.phase not in {Phase.FAILED, Phase.DELETING}
        and not change.address.deposed
    )


def _released_server(change: Change, kind: Kind) -> _Server:
    assert change.recorded is not None  # _may_be_released_by_mistake has checked it
    return _Server(change, change.recorded.name, _likeness(kind, change.recorded.declared))


def _created_server(change: Change, kind: Kind) -> _Server:
    assert change.after is not None and change.desired is not None  # noqa: PT018 - one fact: a purchase has both
    return _Server(change, change.desired.name, _likeness(kind, change.after))


def _likeness(kind: Kind, declared: JsonObject) -> str:
    declared = kind.lasting_fields(declared)
    for path in (_NAME, *kind.sensitive()):
        declared = with_value(declared, path, None)
    return f"{kind.name} {digest(declared)}"


class _Pairing:
    """Pairs releases with purchases, each server once, and only where exactly one on each side agrees in something."""

    def __init__(self, released: Iterable[_Server], created: Iterable[_Server]) -> None:
        self._released = {one.address: one for one in released}
        self._created = {one.address: one for one in created}
        self.pairs: list[_Pair] = []

    def run(self) -> None:
        for agreement in _AGREEMENTS:
            self._pair_by(agreement)
        self._pair_by_index()
        self._pair_by(lambda one: one.likeness)
        self.pairs.sort(key=lambda pair: pair[1].address)

    def unclear(self) -> Iterator[tuple[list[_Server], list[_Server]]]:
        """Yields the alike servers that are left on both sides."""
        for released, created in self._agreeing(lambda one: one.likeness):
            if released and created:
                yield released, created

    def _agreeing(self, agreement: _Agreement) -> list[tuple[list[_Server], list[_Server]]]:
        found: defaultdict[Hashable, tuple[list[_Server], list[_Server]]] = defaultdict(lambda: ([], []))
        for side, servers in enumerate((self._released, self._created)):
            for one in servers.values():
                found[agreement(one)][side].append(one)
        return list(found.values())

    def _pair_by(self, agreement: _Agreement) -> None:
        for released, created in self._agreeing(agreement):
            if len(released) == len(created) == 1:
                self._take(released[0], created[0])

    def _pair_by_index(self) -> None:
        """Pairs the members of counted groups. An index means something only within its group, so this takes a group that
        can have become one other only.
        """
        found: list[_Pair] = []
        partners: defaultdict[tuple[int, Address], set[Address]] = defaultdict(set)
        for released, created in self._agreeing(lambda one: (one.likeness, one.address.key)):
            if not created or not released or released[0].address.key is None:
                continue
            for side, (servers, others) in enumerate(((released, created), (created, released))):
                for one in servers:
                    partners[side, one.address.group] |= {other.address.group for other in others[:2]}
            if len(released) == len(created) == 1:
                found.append((released[0], created[0]))
        for one, other in found:
            if len(partners[0, one.address.group]) == len(partners[1, other.address.group]) == 1:
                self._take(one, other)

    def _take(self, released: _Server, created: _Server) -> None:
        del self._released[released.address], self._created[created.address]
        self.pairs.append((released, created))


def _suggestion(
    groups: tuple[Address, Address], pairs: Sequence[_Pair], changes: Sequence[Change], inputs: PlanInput, kind: Kind
) -> Diagnostic:
    origin, address = groups
    (first, created), many = pairs[0], len(pairs) > 1
    is_group = many and _moves_as_a_group(origin, address, pairs, changes)
    moves = [groups] if is_group else [(one.address, other.address) for one, other in pairs]
    what = f"{len(pairs)} {kind.noun}s of {origin}" if many else str(first.address)
    other = f"the same number of {address}" if many else str(created.address)
    alike = all(one.likeness == other.likeness for one, other in pairs)
    names = all(one.name == other.name for one, other in pairs)
    same = " and ".join([*(["name"] if names else []), *(["fields"] if alike else [])]) or "name or fields"
    if len(moves) == 1:
        (one_from, one_to), keep = moves[0], f"keep the {kind.noun}{'s' if many else ''}"
        how = f"{keep}: `provisioner state mv {one_from.shell_quoted} {one_to.shell_quoted}`, or {_moved(moves)} in the specs"
    else:
        how = f"keep them by writing in the specs:\n{_moved(moves)}"
    return warning(
        "likely-move",
        f"{what} would be released and {other} bought, with the same {same}",
        detail=_losses_of_the_move(pairs, inputs, kind),
        hint=f"if only the address changed, {how}",
        source=created.change.desired.source if created.change.desired else None,
        address=created.address,
    )


def _moves_as_a_group(origin: Address, address: Address, pairs: Sequence[_Pair], changes: Sequence[Change]) -> bool:
    """Whether moving the group moves these servers and no other: a member that stays would lose its address, and be
    released or bought anew.
    """
    moving = {one.address for one, other in pairs if replace(one.address, key=None) == origin}
    recorded = {change.address for change in changes if change.recorded is not None}
    return (
        all(one.address.key == other.address.key is not None for one, other in pairs)
        and {held for held in recorded if held.group == origin} == moving
        and not any(held.group == address for held in recorded)
    )


def _moved(moves: Sequence[tuple[Address, Address]]) -> str:
    entries = [f"{{from: {_in_yaml(origin)}, to: {_in_yaml(address)}}}" for origin, address in moves]
    return f"moved: [{entries[0]}]" if len(entries) == 1 else "\n".join(["moved:", *(f"  - {one}" for one in entries)])


def _in_yaml(address: Address) -> str:
    return "'" + str(address).replace("'", "''") + "'"


def _losses_of_the_move(pairs: Sequence[_Pair], inputs: PlanInput, kind: Kind) -> str:
    """Returns what the next plan would wipe or replace, once the servers are moved: who follows the advice blindly must
    know of it before.
    """
    fields = [item for pair in pairs for item in _fields_to_change(*pair, inputs, kind)]
    replacing = {".".join(item.path) for item in fields if item.forces_replacement}
    wiping = {".".join(item.path) for item in fields if item.reinstalls}
    if replacing:
        return f"the specs want another {', '.join(sorted(replacing))} for it: undo that, or the plan after the move releases it to buy another one"
    if wiping:
        return f"the specs want another {', '.join(sorted(wiping))} for it: undo that, or the plan after the move wipes its system disk"
    return ""


def _fields_to_change(released: _Server, created: _Server, inputs: PlanInput, kind: Kind) -> Iterator[FieldChange]:
    recorded, desired, after = released.change.recorded, created.change.desired, created.change.after
    assert recorded is not None and desired is not None and after is not None  # noqa: PT018 - as their makers have checked
    after = comparison.with_known_fingerprints(kind, after, recorded.declared)
    found = comparison.compare(kind, recorded, inputs.live.get(recorded.id or ""), after)
    for item in comparison.field_changes(kind, desired, after, found, has_marker=False):
        if not comparison.is_removed_from_specs(kind, item):
            yield item


def _unclear(released: Sequence[_Server], created: Sequence[_Server], kind: Kind) -> Diagnostic:
    going, coming = (list_addresses([one.address for one in side], most=_MOST_NAMES) for side in (released, created))
    first = created[0].change
    return warning(
        "likely-move",
        f"{going} would be released and {coming} bought, with the same fields; it is not clear which of them is which",
        hint=f"if only the addresses changed, decide which {kind.noun} is which, and write an entry under moved: in the specs for each of them "
        f"before you apply. A {kind.noun} without an entry is released",
        source=first.desired.source if first.desired else None,
        address=first.address,
    )
