"""Determines whether a server is prepaid and when its term ends: from billing where it was asked for this plan, else
from the record. Pure.
"""

from __future__ import annotations

from provisioner.model.kind import Kind
from provisioner.model.resource import Recorded
from provisioner.planning.plan_input import PlanInput


def is_prepaid(recorded: Recorded, inputs: PlanInput, kind: Kind) -> bool:
    """Whether the server is prepaid. Billing may be the only source that knows it."""
    return recorded.id in inputs.release_facts.subscribed or kind.billing.is_prepaid(
        recorded, inputs.live.get(recorded.id or "")
    )


def forfeits_term(recorded: Recorded, inputs: PlanInput, kind: Kind) -> bool:
    """Whether releasing the server gives up a paid term."""
    row, subscribed = inputs.live.get(recorded.id or ""), recorded.id in inputs.release_facts.subscribed
    return kind.billing.loses_paid_term(recorded, row, subscribed=subscribed)


def end_of_term(recorded: Recorded, inputs: PlanInput) -> int | None:
    """Returns the end of the term in milliseconds since the epoch; None where the term renews itself or its end is
    unknown.
    """
    term = recorded.term
    known = None if term is None or term.renews else term.expires_at
    return inputs.release_facts.paid_until.get(recorded.id or "", known)


def term_has_ended(recorded: Recorded, inputs: PlanInput, kind: Kind) -> bool:
    """Whether the term is over and the cloud still shows the server, in its grace period or its frozen period."""
    end, row = end_of_term(recorded, inputs), inputs.live.get(recorded.id or "")
    is_over = end is not None and inputs.server_time is not None and end <= inputs.server_time
    return is_over and row is not None and is_prepaid(recorded, inputs, kind)
