"""Whether a server is paid for in advance, and until when, as far as billing told for this plan, and else as it is recorded. Pure."""

from __future__ import annotations

from provisioner.model.kind import Kind
from provisioner.model.resource import Recorded
from provisioner.planning.plan_input import PlanInput


def is_prepaid(recorded: Recorded, inputs: PlanInput, kind: Kind) -> bool:
    """Billing may be the only one that says so."""
    return recorded.id in inputs.release_facts.subscribed or kind.billing.is_prepaid(
        recorded, inputs.live.get(recorded.id or "")
    )


def forfeits_term(recorded: Recorded, inputs: PlanInput, kind: Kind) -> bool:
    """By its release."""
    row, subscribed = inputs.live.get(recorded.id or ""), recorded.id in inputs.release_facts.subscribed
    return kind.billing.gives_up_a_term(recorded, row, subscribed=subscribed)


def end_of_term(recorded: Recorded, inputs: PlanInput) -> int | None:
    """In milliseconds since the epoch; None where it goes on, as far as is known."""
    term = recorded.term
    known = None if term is None or term.renews else term.expires_at
    return inputs.release_facts.paid_until.get(recorded.id or "", known)


def term_has_ended(recorded: Recorded, inputs: PlanInput, kind: Kind) -> bool:
    """Of one that the cloud still shows: it is in its grace or frozen period."""
    end, row = end_of_term(recorded, inputs), inputs.live.get(recorded.id or "")
    is_over = end is not None and inputs.server_time is not None and end <= inputs.server_time
    return is_over and row is not None and is_prepaid(recorded, inputs, kind)
