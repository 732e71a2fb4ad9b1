"""Proposes what a state should hold, from the readable records, the desired resources and the live ones. Pure.

An id that is recorded is ours, whatever its server looks like by now. A server that only has a wanted name is believed
to be ours when records are missing, all that the cloud shows of it fits, and no other server has that name; else it is
a stranger's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Effect
from provisioner.model.journal import Remembered
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.marker import is_marked, strip_marker
from provisioner.model.proposal import Confidence, Proposal, Row
from provisioner.model.redaction import FINGERPRINT, Fingerprint, find_secrets, value_at, with_value
from provisioner.model.resource import Desired, Live, Phase, Recorded
from provisioner.model.shared_orders import find_by_order
from provisioner.model.state import Intent
from provisioner.planning.progress import phase_reached
from provisioner.planning.state_rebuild_evidence import hypothetical_purchase, lookalike_row, recorded_row

_Record = TypeVar("_Record", Recorded, Intent)

_GUESSED = "unreadable "
"""The prefix of the id of an intent that stands for an unreadable purchase, so that another rebuild recognises it as a
guess.
"""


@dataclass(frozen=True, slots=True)
class SalvagedRecords:
    """The records that could still be read.

    `absent`: purchases presumed absent. `mentioned`: addresses that appear in what cannot be read. `complete`: nothing
    that was ever recorded is missing. `has_new_salt`: the lineage is lost, so that the recorded fingerprints can no
    longer be compared. `lineage`: that of the markers in names; a new one fits none. `claims`: servers of other states,
    the reason by id, as the rest of a sentence.
    """

    resources: Mapping[Address, Recorded]
    intents: Mapping[str, Intent]
    absent: Mapping[str, Intent]
    unplaced: tuple[Remembered, ...]
    mentioned: frozenset[Address]
    complete: bool
    has_new_salt: bool
    lineage: str
    claims: Mapping[str, str] = field(default_factory=dict)


def propose(
    salvaged: SalvagedRecords,
    desired: tuple[Desired, ...],
    live: Mapping[str, Live],
    *,
    catalogue: Catalogue,
    fingerprint: Fingerprint,
    now: int,
) -> Proposal:
    """Returns the proposal; the same inputs give the same one. `live` must be complete and read as the owner of the
    state. `now` is in milliseconds since the epoch.
    """
    rows = _RowBuilder(salvaged, desired, live, catalogue, fingerprint, now=now)
    made = tuple(sorted(rows.all(), key=lambda row: row.address))
    claimed = {one.id for row in made for one in (row.recorded, *row.candidates) if one is not None}
    orders = {row.recorded.order_id for row in made if row.recorded is not None} - {None}
    unclaimed = (row for row in live.values() if row.id not in claimed and row.order_id not in orders)
    return Proposal(made, tuple(sorted(unclaimed, key=lambda row: (row.name, row.id))), tuple(rows.absent()))


class _RowBuilder:
    """Builds the rows of a proposal. It holds the inputs that every row depends on."""

    def __init__(
        self,
        salvaged: SalvagedRecords,
        desired: tuple[Desired, ...],
        live: Mapping[str, Live],
        catalogue: Catalogue,
        fingerprint: Fingerprint,
        *,
        now: int,
    ) -> None:
        self._now = now
        self._salvaged = salvaged
        self._desired = {one.address: one for one in desired}
        self._live = live
        self._by_order = find_by_order(salvaged.resources.values(), live.values())
        self._catalogue = catalogue
        self._fingerprint = fingerprint

    def all(self) -> Iterator[Row]:
        recorded = [self._recorded_row(one) for one in self._salvaged.resources.values()]
        recorded += [self._unplaced_row(facts) for facts in self._salvaged.unplaced]
        yield from recorded
        doubtful = [row for intent in self._salvaged.intents.values() for row in self._doubt_rows(intent)]
        taken = {row.address for row in (*recorded, *doubtful)}
        bearers: dict[tuple[str, str], list[Live]] = {}
        for live in self._free_servers(recorded, doubtful):
            bearers.setdefault((live.kind, self._wanted_name(live)), []).append(live)
        wanted_names = {(one.kind, one.name) for one in self._desired.values()}
        others = [row for key, rows in bearers.items() if key not in wanted_names for row in rows]
        yield from (self._resolve_guess(row, bearers) for row in doubtful)
        for address, wanted in self._desired.items():
            if address in taken:
                continue
            if (wanted.kind, wanted.name) in bearers:
                yield self._match_wanted(wanted, tuple(bearers[wanted.kind, wanted.name]))
            elif address in self._salvaged.mentioned:
                yield self._possible_purchase(wanted)
            elif (row := lookalike_row(wanted, others, self._salvaged.claims, self._catalogue)) is not None:
                yield row

    def absent(self) -> Iterator[Intent]:
        return (self._with_new_fingerprints(intent)[0] for intent in self._salvaged.absent.values())

    def _recorded_row(self, recorded: Recorded) -> Row:
        recorded, by_specs = self._with_new_fingerprints(recorded)
        return recorded_row(recorded, self._live_row(recorded), self._catalogue[recorded.kind], by_specs=by_specs)

    def _unplaced_row(self, facts: Remembered) -> Row:
        """Returns the row of a server whose id the journal names while what was sent for it cannot be read any more."""
        wanted = self._desired.get(facts.address)
        row = self._live.get(facts.id or "") or self._only_one_of(facts.order_id)
        if wanted is None:
            what = f"the journal names {facts.id or facts.order_id} here, and neither the purchase nor a spec says what it is"
            return Row(facts.address, Confidence.UNKNOWN, what, candidates=() if row is None else (row,))
        recorded = replace(
            self._as_wanted(wanted, facts.phase, facts.id, facts.order_id),
            observed=facts.observed or {},
            protected=bool(wanted.lifecycle.prevent_destroy) if facts.protected is None else facts.protected,
        )
        found = recorded_row(recorded, row, self._catalogue[wanted.kind], by_specs=True)
        return replace(found, reason=f"{found.reason}; its request cannot be read, so the values of the specs are used")

    def _only_one_of(self, order_id: str | None) -> Live | None:
        """Returns the server of an order that bought only one; None where it bought several or none is listed."""
        rows = [row for row in self._live.values() if order_id is not None and row.order_id == order_id]
        return rows[0] if len(rows) == 1 else None

    def _doubt_rows(self, intent: Intent) -> Iterator[Row]:
        intent, by_specs = self._with_new_fingerprints(intent)
        reason = f"the outcome of a {intent.effect.value} call is not known; the next apply looks for it"
        if intent.members:
            several = f"{self._catalogue[intent.kind].noun}s"
            reason = f"the outcome of one purchase of several {several} is not known; a person has to settle it"
        for name, address in intent.names.items() if intent.members else ((intent.name, intent.address),):
            yield Row(address, Confidence.IN_DOUBT, reason, name, intent=intent, by_specs=by_specs)

    def _resolve_guess(self, row: Row, bearers: Mapping[tuple[str, str], list[Live]]) -> Row:
        """Replaces a guessed purchase by the server that has appeared with a marker of this state. A guess has no
        marker, so its server never matches it.
        """
        wanted = self._desired.get(row.address)
        guessed = row.intent is not None and row.intent.id.startswith(_GUESSED)
        if not guessed or wanted is None or (wanted.kind, wanted.name) not in bearers:
            return row
        found = self._match_wanted(wanted, tuple(bearers[wanted.kind, wanted.name]))
        return found if found.confidence is Confidence.CERTAIN else row

    def _possible_purchase(self, wanted: Desired) -> Row:
        """Returns a row in doubt for an address of which nothing is known and nothing is listed: a purchase may still
        appear, so it is not bought again.

        The intent is dated now, so that what is concluded after a quiet period is concluded late rather than early.
        """
        declared = self._catalogue[wanted.kind].redact(wanted.fields, self._fingerprint)
        intent = replace(
            hypothetical_purchase(wanted, declared),
            id=f"{_GUESSED}{wanted.address}",
            sent_at=self._now,
            server_time=self._now,
            who="a line that cannot be read",
            labels=wanted.labels,
            protected=bool(wanted.lifecycle.prevent_destroy),
        )
        reason = f"a line about it cannot be read, and no {self._catalogue[wanted.kind].noun} of its name is listed: a purchase may have been under way. The next apply looks for it; if you know better: resolve {wanted.address.shell_quoted} --absent"
        return Row(wanted.address, Confidence.IN_DOUBT, reason, wanted.name, intent=intent, by_specs=True)

    def _match_wanted(self, wanted: Desired, bearers: tuple[Live, ...]) -> Row:
        """Returns the row of an address without a record, where `bearers` have its name. Where no server has the name
        there is no row, and a plan creates it.
        """
        claims = [self._salvaged.claims[row.id] for row in bearers if row.id in self._salvaged.claims]
        kind = self._catalogue[wanted.kind]
        if claims:
            return self._unknown_row(wanted, bearers, f"a {kind.noun} of this name {claims[0]}")
        declared = kind.redact(wanted.fields, self._fingerprint)
        fitting = [
            row
            for row in bearers
            if kind.match(replace(hypothetical_purchase(wanted, declared), name=row.name), (row,))
        ]
        if self._salvaged.complete and not any(map(self._is_ours, bearers)):
            reason = f"the records are complete and have no such {kind.noun}: it belongs to somebody else, unless an older copy of them was "
            return self._unknown_row(wanted, bearers, f"{reason}put back (then: --force)")
        if not fitting:
            return self._unknown_row(wanted, bearers, "it differs from the specs in what the cloud shows")
        if len(bearers) > 1:
            return Row(
                wanted.address,
                Confidence.AMBIGUOUS,
                f"{len(bearers)} {kind.noun}s have this name, and no record says which of them it is",
                wanted.name,
                candidates=bearers,
            )
        return self._likely_row(wanted, kind, fitting[0])

    def _likely_row(self, wanted: Desired, kind: Kind, row: Live) -> Row:
        as_wanted = self._as_wanted(wanted, phase_reached(kind, wanted, row), row.id, row.order_id)
        recorded = replace(as_wanted, observed=row.observed)
        confidence = Confidence.LIKELY
        reason = f"there is no record of it, but it is the only {kind.noun} of this name and fits the specs"
        if self._is_ours(row):
            confidence = Confidence.CERTAIN
            reason = "its name still has the marker of a purchase from this state; the next apply renames it"
        return Row(wanted.address, confidence, reason, wanted.name, recorded, candidates=(row,), by_specs=True)

    def _is_ours(self, row: Live) -> bool:
        return is_marked(row.name, lineage=self._salvaged.lineage)

    def _wanted_name(self, row: Live) -> str:
        """Returns the name that a server should have in the end: its own, or the desired one that its marker belongs
        to.
        """
        base = strip_marker(row.name, lineage=self._salvaged.lineage)
        if base is None:
            return row.name
        names = (one.name for one in self._desired.values() if one.kind == row.kind)
        wanted = [name for name in names if name == base or name.startswith(base)]
        return base if base in wanted else next(iter(wanted), row.name)

    def _as_wanted(self, wanted: Desired, phase: Phase, identifier: str | None, order_id: str | None) -> Recorded:
        """Returns the record that a purchase with the current specs would have left."""
        return Recorded(
            address=wanted.address,
            kind=wanted.kind,
            phase=phase,
            declared=self._catalogue[wanted.kind].redact(wanted.fields, self._fingerprint),
            id=identifier,
            order_id=order_id,
            labels=wanted.labels,
            protected=bool(wanted.lifecycle.prevent_destroy),
        )

    def _unknown_row(self, wanted: Desired, bearers: tuple[Live, ...], reason: str) -> Row:
        return Row(wanted.address, Confidence.UNKNOWN, reason, wanted.name, candidates=bearers)

    def _free_servers(self, recorded: list[Row], doubtful: list[Row]) -> list[Live]:
        """Returns the live servers that no record names and that no purchase in doubt may have bought."""
        ours = {row.id for each in recorded for row in each.candidates}
        free = [row for row in self._live.values() if row.id not in ours]
        for each in doubtful:
            if each.intent is not None and each.intent.effect is Effect.PURCHASE:
                awaited = self._catalogue[each.intent.kind].match(each.intent, free)
                free = [row for row in free if row not in awaited]
        return free

    def _live_row(self, recorded: Recorded) -> Live | None:
        """Returns the server of the record: by its id, or, as the planner does, by its order while no row was seen."""
        return self._live.get(recorded.id or "") or self._by_order.get(recorded.address)

    def _with_new_fingerprints(self, record: _Record) -> tuple[_Record, bool]:
        """Returns the record with fingerprints under the new salt, and whether it had any to change."""
        wanted = self._desired.get(record.address)
        if wanted is None or not self._salvaged.has_new_salt or not any(find_secrets(wanted.fields)):
            return record, False
        return replace(record, declared=self._with_fingerprints(record.declared, wanted)), True

    def _with_fingerprints(self, declared: JsonObject, wanted: Desired) -> JsonObject:
        """Returns `declared` with the fingerprints of the current secrets. A recorded secret is taken to be the current
        one, because nothing is left to compare it with.
        """
        for path, reference in find_secrets(wanted.fields):
            if value_at(declared, path) is not None:
                declared = with_value(declared, path, {FINGERPRINT: self._fingerprint(reference)})
        return declared
