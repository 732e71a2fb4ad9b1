"""Judges what one record, one live row or one name shows about an address whose state is rebuilt. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Effect
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.lookalikes import look_alike, quote_distinctly
from provisioner.model.proposal import Confidence, Row
from provisioner.model.resource import Desired, Live, Phase, Recorded
from provisioner.model.state import Intent


def recorded_row(recorded: Recorded, row: Live | None, kind: Kind, *, by_specs: bool) -> Row:
    """Returns the row of a record, confirmed by the server's live `row` as far as that goes."""
    confidence, reason = _confirmed(recorded, row, kind)
    candidates = () if row is None else (row,)
    return Row(recorded.address, confidence, reason, recorded.name, recorded, candidates=candidates, by_specs=by_specs)


def _confirmed(recorded: Recorded, row: Live | None, kind: Kind) -> tuple[Confidence, str]:
    what = f"{kind.noun} {recorded.id}" if recorded.id else f"order {recorded.order_id}"
    if row is None and recorded.id is None:
        return Confidence.RECORDED, f"{what} is recorded, and the cloud lists no {kind.noun} of it yet"
    if row is None:
        gone = "apply continues its release" if recorded.phase is Phase.DELETING else "a plan will say so"
        return Confidence.RECORDED, f"{what} is recorded, and the cloud does not list it; {gone}"
    if recorded.name not in {row.name, ""}:
        ours, shown = quote_distinctly(recorded.name, row.name)
        return Confidence.RECORDED, f"{what} is recorded as {ours}, and the cloud shows it as {shown}"
    return Confidence.CERTAIN, f"{what} is recorded, and the cloud shows it under its name"


def hypothetical_purchase(wanted: Desired, declared: JsonObject) -> Intent:
    """Returns a purchase with the current specs, at no particular time, for a kind to match servers against."""
    return Intent(
        id="",
        address=wanted.address,
        kind=wanted.kind,
        attempt=1,
        effect=Effect.PURCHASE,
        name=wanted.name,
        request={},
        declared=declared,
        sent_at=0,
        server_time=0,
        who="",
    )


def lookalike_row(wanted: Desired, free: Iterable[Live], claims: Mapping[str, str], catalogue: Catalogue) -> Row | None:
    """Returns a row for an address whose name no server has, with the servers whose names read the same and are others.
    By their names they are nobody's, and one of them may have been renamed. `claims` are servers of other states.
    """
    own = (row for row in free if row.kind == wanted.kind and row.id not in claims)
    rows = tuple(row for row in own if look_alike(row.name, wanted.name))
    if not rows:
        return None
    shown = " and ".join(ascii(row.name) for row in rows)
    reason = f"no {catalogue[wanted.kind].noun} is called {wanted.name!r}; listed under a name that looks the same but is another: {shown}"
    return Row(wanted.address, Confidence.ALIKE, reason, wanted.name, candidates=rows)
