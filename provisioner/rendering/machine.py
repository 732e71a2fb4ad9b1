"""Builds versioned JSON documents of plans, diagnostics and states for pipelines: plain dicts, modelled on Terraform's.

Within one major `format_version` members are only added. No document contains a secret or its fingerprint. Nothing is
cut or escaped here; that is up to the JSON writer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from provisioner.model.action import Action, FieldChange
from provisioner.model.approval import Approval
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, Severity
from provisioner.model.effects import Effects
from provisioner.model.flow import Effect
from provisioner.model.plan import Basis, Plan
from provisioner.model.resource import FieldPath, Recorded
from provisioner.model.state import Intent, State
from provisioner.model.term import Term
from provisioner.rendering.caller import caller_document
from provisioner.rendering.change import body_of
from provisioner.rendering.values import masked, sensitive_mask

FORMAT_VERSION = "2.0"

Document = dict[str, Any]

_ACTIONS = {
    Action.NO_OP: ["no-op"],
    Action.CREATE: ["create"],
    Action.UPDATE: ["update"],
    Action.REINSTALL: ["reinstall"],
    Action.REPLACE: ["delete", "create"],
    Action.DELETE: ["delete"],
    Action.ADOPT: ["adopt"],
    Action.MOVE: ["move"],
    Action.FORGET: ["forget"],
    Action.RESUME: ["resume"],
    Action.RECORD: ["record"],
    Action.PAY: ["pay"],
    Action.CANCEL: ["cancel"],
}


def plan_document(plan: Plan, *, approval: Approval | None = None) -> Document:
    """Returns the plan in the manner of `terraform show -json PLAN`. `approval` allows exactly this plan."""
    count = Counter(change.action for change in plan.changes)
    summary = plan.summary
    return {
        "format_version": FORMAT_VERSION,
        "mode": plan.mode.value,
        "basis": basis_document(plan.basis),
        "applyable": bool(plan.work) and not plan.refusals,
        "summary": {
            "add": summary.add,
            "change": summary.change,
            "destroy": summary.destroy,
            "reinstall": count[Action.REINSTALL],
            "resume": count[Action.RESUME],
            "forget": count[Action.FORGET],
            "adopt": count[Action.ADOPT],
            "move": sum(change.moved_from is not None for change in plan.changes),
            "record": count[Action.RECORD],
        },
        "effects": asdict(Effects.of(plan)),
        "bought_together": [[str(address) for address in call] for call in plan.together],
        "dependencies": [
            {
                "description": dependency.description,
                "addresses": [*map(str, dependency.addresses)],
                "after": [*map(str, dependency.after)],
            }
            for dependency in plan.dependencies
        ],
        "resource_changes": [_resource_change(change) for change in plan.changes],
        "findings": [diagnostic_document(finding) for finding in plan.findings],
        "refusals": [diagnostic_document(refusal) for refusal in plan.refusals],
        "allowed": [code.value for code in plan.allowed],
        "lifted": [diagnostic_document(finding) for finding in plan.lifted],
        **selection_document(plan),
        "approval": None if approval is None else str(approval),
    }


def selection_document(plan: Plan) -> Document:
    """Returns what the plan was restricted to, and the changes that it leaves out because of that."""
    return {
        "selection": {
            "target": [str(pattern) for pattern in plan.selection.targets],
            "exclude": [str(pattern) for pattern in plan.selection.excludes],
            "selector": [f"{label}={value}" for label, value in plan.selection.labels],
            "keep_protected": [str(address) for address in plan.selection.kept],
        },
        "left_out": [{"address": str(each.address), "actions": _ACTIONS[each.action]} for each in plan.left_out],
    }


def basis_document(basis: Basis) -> Document:
    return {
        "stack": basis.stack,
        "environment": basis.environment,
        "account": basis.identity.account,
        "project": basis.identity.project,
        "region": basis.identity.region,
        "lineage": basis.lineage,
        "serial": basis.serial,
        "journal": {"sequence": basis.head.sequence, "hash": basis.head.hash},
        "purchase": {
            "quiet_period_seconds": basis.policy.quiet_period // 1000,
            "marker": basis.policy.marker.value,
            "prepaid": basis.policy.prepaid.value,
            "charging_default": basis.policy.charging_default.value,
            "userdata_field": basis.policy.userdata_field.value,
        },
        "guards": {
            "mass_change_percent": basis.limits.mass_change_percent,
            "mass_change_from": basis.limits.mass_change_from,
            "max_servers": basis.limits.max_servers,
        },
        "caller": caller_document(basis.caller),
    }


def _resource_change(change: Change) -> Document:
    hidden = {*change.sensitive, *(field.path for field in change.fields if field.sensitive)}
    recorded, created = change.recorded, change.action in {Action.CREATE, Action.REPLACE}
    labels = {"labels": dict(recorded.labels)} if recorded is not None and recorded.labels else {}
    before = None if recorded is None else {**recorded.declared, **labels}
    after = None if change.after is None else body_of(change)
    return {
        "address": str(change.address),
        "kind": change.kind,
        "id": None if recorded is None else recorded.id,
        "order_id": None if recorded is None else recorded.order_id,
        "change": {
            "actions": ["create", "delete"] if change.create_first else _ACTIONS[change.action],
            "before": masked(before, hidden),
            "after": masked(after, hidden),
            "after_unknown": dict.fromkeys(change.computed, True) if created else {},
            "before_sensitive": sensitive_mask(before, hidden),
            "after_sensitive": sensitive_mask(after, hidden),
        },
        "previous_address": None if change.moved_from is None else str(change.moved_from),
        "action_reason": None if change.reason is None else change.reason.value,
        "fields": [field_document(field, hidden) for field in change.fields],
        "charging": [field_document(field, hidden) for field in change.charging],
        "unverifiable": [list(path) for path in change.unverifiable],
        **({"assumed": [list(path) for path in change.assumed]} if change.assumed else {}),
        **({"held": [list(path) for path in change.held]} if change.held else {}),
        **({"live_name": change.live_name} if change.live_name else {}),
        **({"deleted_alone": True} if change.deleted_alone else {}),
        "leftovers": [{"what": leftover.what, "id": leftover.id} for leftover in change.leftovers],
    }


def field_document(field: FieldChange, hidden: Collection[FieldPath]) -> Document:
    return {
        "path": list(field.path),
        "before": masked(field.before, hidden, path=field.path),
        "after": masked(field.after, hidden, path=field.path),
        "forces_replacement": field.forces_replacement,
        "reinstalls": field.reinstalls,
        "sensitive": field.sensitive,
        "drift": field.drift,
    }


def diagnostic_document(diagnostic: Diagnostic) -> Document:
    source = diagnostic.source
    document: Document = {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "hint": diagnostic.hint,
        "address": None if diagnostic.address is None else str(diagnostic.address),
        "request_id": diagnostic.request_id,
        "range": None,
    }
    if source is not None:
        end = source.column + source.length
        document["range"] = {
            "filename": source.file,
            "start": {"line": source.line, "column": source.column},
            "end": {"line": source.line, "column": end},
        }
        document["snippet"] = {"code": source.excerpt, "start_line": source.line} if source.excerpt else None
    return document


def validate_document(diagnostics: Iterable[Diagnostic]) -> Document:
    """Returns the diagnostics in the manner of `terraform validate -json`."""
    found = tuple(diagnostics)
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in found)
    return {
        "format_version": FORMAT_VERSION,
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": len(found) - errors,
        "diagnostics": [diagnostic_document(diagnostic) for diagnostic in found],
    }


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
        "resources": [_recorded(state.resources[address]) for address in sorted(state.resources)],
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
        "resource": None if recorded is None else _recorded(recorded),
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


def _recorded(recorded: Recorded) -> Document:
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
