"""Refuses to buy for an address whose earlier purchase was answered with a server that lives and that no record contains.

A run that lost its lock keeps its answers beside the journal. Where the journal was replaced by an older copy since, the
intent of such an answer is unknown, and only the answer tells that the address has its server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from provisioner.model.change import CreateChange, ReplaceChange
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.journal import Answered
from provisioner.model.plan import Plan
from provisioner.model.resource import Live
from provisioner.model.state import Intent


def unrecorded_answer_refusals(
    plan: Plan, live: Mapping[str, Live], answers: Sequence[tuple[Intent, Answered]]
) -> Iterator[Diagnostic]:
    """Yields an error for each purchase of the plan at whose address such a server is among `live`, by its id or order."""
    if not answers:
        return
    by_order = {row.order_id: row for row in live.values() if row.order_id is not None}
    for change in plan.changes:
        if not isinstance(change, CreateChange | ReplaceChange):
            continue
        for intent, answer in answers:
            row = live.get(answer.id or "") or by_order.get(answer.order_id or "")
            if row is not None and change.address in intent.addresses:
                yield error(
                    "unrecorded-purchase",
                    f"{change.address} was bought already: the cloud answered with server {row.id} after the run had lost its lock, and no "
                    "record contains it",
                    hint=f"record it: `provisioner import {change.address.shell_quoted} {row.id}`; or release it in the console, if it is not "
                    "wanted",
                    address=change.address,
                )
