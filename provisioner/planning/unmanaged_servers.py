"""Lists the live servers that no record of this state is about, and which of them can be imported.

Servers that an unsettled purchase may have made are left to those who settle it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from provisioner.model.address import Address
from provisioner.model.doubt import find_untracked, may_have_bought
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.lookalikes import look_alike, may_be_confusable
from provisioner.model.marker import is_marked
from provisioner.model.resource import Desired, Live, Phase
from provisioner.model.shared_orders import find_surplus
from provisioner.model.state import State
from provisioner.planning.progress import phase_reached


@dataclass(frozen=True, slots=True)
class UnmanagedServer:
    """A live server that no record is about. `problem` says why it cannot be imported; it is empty where it can."""

    row: Live
    problem: str = ""
    noun: str = "server"
    particulars: tuple[str, str] = ("", "")
    """What distinguishes it in a list, as its kind chooses."""


def find_unmanaged_servers(
    state: State | None, live: Mapping[str, Live], catalogue: Catalogue, *, claims: Mapping[str, str]
) -> tuple[UnmanagedServer, ...]:
    """Returns the unmanaged servers, sorted by name and id. `claims` are servers of other states: the reason by id, as
    the rest of a sentence.
    """
    names = Counter((row.kind, row.name) for row in live.values())
    free = find_untracked(live.values(), state.resources.values() if state else ())
    claimed = {row.id: f"it {claims[row.id]}" for row in free if row.id in claims}
    found = (_describe(row, claimed.get(row.id), state, names, catalogue[row.kind]) for row in free)
    return tuple(sorted(found, key=lambda one: (one.row.name, one.row.id)))


def _describe(
    row: Live, claim: str | None, state: State | None, names: Counter[tuple[str, str]], kind: Kind
) -> UnmanagedServer:
    return UnmanagedServer(row, claim or _problem(row, state, names, kind), kind.noun, kind.adoption.particulars(row))


def relevant_unmanaged_servers(
    desired: Iterable[Desired], state: State | None, live: Mapping[str, Live], catalogue: Catalogue
) -> tuple[Live, ...]:
    """Returns the servers without an address here about which a plan would say something, and would say something else
    if another state held them. It is empty where every listed server has its address or is a stranger's.
    """
    names = {(one.kind, one.name) for one in desired}
    confusable = {row.id for row in live.values() if may_be_confusable(row.name) and _reads_like_one_of(names, row)}
    if state is None:
        return tuple(row for row in live.values() if (row.kind, row.name) in names or row.id in confusable)
    records, purchases = tuple(state.resources.values()), (*state.purchases_in_doubt, *state.absent.values())
    names |= {(one.kind, one.name) for one in records}
    names |= {(one.kind, name) for one in purchases for name in (one.name, *one.names)}
    free = find_untracked(live.values(), records)
    found = {row.id: row for row in find_surplus(records, live.values())}
    found |= {
        row.id: row
        for row in free
        if (row.kind, row.name) in names
        or row.id in {*confusable, *state.released}
        or is_marked(row.name, lineage=state.lineage)
    }
    for intent in purchases:
        kind = catalogue[intent.kind]
        found |= {row.id: row for row in (*kind.match(intent, free), *kind.match_similar(intent, free))}
    return tuple(found.values())


def _reads_like_one_of(names: Iterable[tuple[str, str]], row: Live) -> bool:
    return any(kind == row.kind and look_alike(row.name, name) for kind, name in names)


def _problem(row: Live, state: State | None, names: Counter[tuple[str, str]], kind: Kind) -> str:
    for intent in state.purchases_in_doubt if state else ():
        if may_have_bought(intent, row, kind):
            return f"it may be the purchase in doubt of {intent.address_list}: `provisioner resolve {intent.address.shell_quoted} --adopt {row.id}`"
    if state is not None and is_marked(row.name, lineage=state.lineage):
        return "it was bought from this state; a plan says how to adopt it"
    if row.status in kind.statuses.releasing:
        return "it is being released"
    if phase_reached(kind, Desired(Address("x"), kind.name, {"name": row.name}), row) is Phase.CREATING:
        return "it is not built yet"
    if names[row.kind, row.name] > 1:
        return f"another {kind.noun} has its name; have one of the two renamed"
    return ""
