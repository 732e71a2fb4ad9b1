"""Builds versioned JSON documents of states: all that is recorded, or one record with its open call.

Within one major `format_version` members are only added. No document contains a secret or its fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.model.flow import Effect
from provisioner.model.resource import FieldPath, Recorded
from provisioner.model.state import Intent, State
from provisioner.model.term import Term
from provisioner.rendering.machine import FORMAT_VERSION, Document
from provisioner.rendering.values import masked, sensitive_mask


def state_document(
    state: State, *, location: str | None = None, unverifiable: Iterable[FieldPath] = (), in_flight: bool = False
) -> Document:
    """Returns what `show --json` prints, which is not the format in which a state is stored.

    `unverifiable`: declared fields that the cloud never shows. `in_flight`: the run that sent the open intents is alive.
    """
    return {
        "format_version": FORMAT_VERSION,
        "stack": state.stack,
        "environment": state.environment,
        "account": state.identity.account,
        "project": state.identity.project,
        "region": state.identity.region,
        "lineage": state.lineage,
        "serial": state.serial,
        "resources": [_record(state.resources[address]) for address in sorted(state.resources)],
        "unverifiable": [list(path) for path in sorted(unverifiable)],
        "in_doubt": [] if in_flight else list(map(_intent, state.purchases_in_doubt)),
        "unsettled": [] if in_flight else list(map(_intent, state.unsettled)),
        "in_flight": list(map(_intent, state.in_doubt)) if in_flight else [],
        "location": location,
    }


def resource_document(
    recorded: Recorded | None,
    intent: Intent | None,
    *,
    unverifiable: Iterable[FieldPath] = (),
    in_flight: bool = False,
) -> Document:
    """Returns what `state show --json` prints for one address: its record, its open intent, or both."""
    return {
        "format_version": FORMAT_VERSION,
        "resource": None if recorded is None else _record(recorded),
        "unverifiable": [list(path) for path in sorted(unverifiable)],
        **_open_call(intent, in_flight=in_flight),
    }


def _open_call(intent: Intent | None, *, in_flight: bool) -> Document:
    """Returns the open intent under its key: a purchase is in doubt, and any other call is unsettled."""
    document = None if intent is None else _intent(intent)
    if in_flight:
        return {"in_flight": document}
    is_purchase = intent is None or intent.effect is Effect.PURCHASE
    return {"in_doubt": document if is_purchase else None, "unsettled": None if is_purchase else document}


def _record(recorded: Recorded) -> Document:
    return {
        "address": str(recorded.address),
        "kind": recorded.kind,
        "name": recorded.name,
        "phase": recorded.phase.value,
        "id": recorded.id,
        "order_id": recorded.order_id,
        "protected": recorded.protected,
        "labels": dict(recorded.labels),
        "declared": masked(recorded.declared),
        "sensitive": sensitive_mask(recorded.declared),
        "observed": masked(recorded.observed),
        "term": None if recorded.term is None else _term(recorded.term),
        "pending": dict(recorded.pending),
        **({"baseline": dict(recorded.baseline)} if recorded.baseline else {}),
        **({"refused": dict(recorded.refused)} if recorded.refused else {}),
        **({"sold": recorded.sold} if recorded.sold else {}),
        **({"paid": True} if recorded.paid else {}),
        **({"assumed": dict(recorded.assumed)} if recorded.assumed else {}),
        **({"unconfirmed": masked(recorded.unconfirmed)} if recorded.unconfirmed else {}),
        **({"term_given_up": True} if recorded.term_given_up else {}),
        **({"contents": dict(recorded.contents)} if recorded.contents else {}),
    }


def _term(term: Term) -> Document:
    return {"expires_at": term.end, "renews": term.renews, "seen_at": term.seen_at}


def _intent(intent: Intent) -> Document:
    return {
        "id": intent.id,
        "address": str(intent.address),
        "addresses": [str(address) for address in intent.addresses],
        "kind": intent.kind,
        "name": intent.name,
        "effect": intent.effect.value,
        "attempt": intent.attempt,
        "target_id": intent.target_id,
        "sent_at": intent.sent_at,
        "server_time": intent.server_time,
        "who": intent.who,
    }
