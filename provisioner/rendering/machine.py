"""Builds versioned JSON documents of plans and diagnostics for pipelines: plain dicts, modelled on Terraform's.

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
from provisioner.model.due import Due, Payment
from provisioner.model.effects import Effects
from provisioner.model.output import OutputChange
from provisioner.model.plan import Basis, Plan
from provisioner.model.resource import FieldPath
from provisioner.model.secret import HIDDEN
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
        "due_now": [_due_document(due) for due in plan.due_now],
        "due_later": [_due_document(due) for due in plan.due_later],
        "terms_given_up": [*map(str, plan.terms_given_up)],
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
        "output_changes": {change.name: _output_change(change) for change in plan.output_changes},
        "findings": [diagnostic_document(finding) for finding in plan.findings],
        "refusals": [diagnostic_document(refusal) for refusal in plan.refusals],
        "allowed": [code.value for code in plan.allowed],
        "lifted": [diagnostic_document(finding) for finding in plan.lifted],
        **selection_document(plan),
        "approval": None if approval is None else str(approval),
    }


def _due_document(due: Due) -> Document:
    """Returns what is ordered prepaid under the same terms. The spec fields among them keep the names of the specs."""
    payment = due.terms.payment
    return {
        **due.terms.declared,
        "reason": due.reason.value,
        "count": due.count,
        "payment": payment.value,
        "auto_pay": payment in {Payment.AT_ONCE, Payment.CHECKED},
        "addresses": [str(address) for address in due.addresses],
    }


def _output_change(change: OutputChange) -> Document:
    """Returns a changed output in the manner of `terraform show -json PLAN`. A sensitive value is left out."""
    before = HIDDEN if change.sensitive and change.was_known else change.before
    after = HIDDEN if change.sensitive and change.is_known and not change.is_dropped else change.after
    action = "delete" if change.is_dropped else "update" if change.was_known else "create"
    return {
        "actions": [action],
        "before": before,
        "after": after,
        "after_unknown": not change.is_known and not change.is_dropped,
        "before_sensitive": change.sensitive,
        "after_sensitive": change.sensitive,
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
        **{name: True for name in ("deleted_alone", "vanished") if getattr(change, name)},
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
        **({} if field.text_before is None else {"text_before": field.text_before}),
        **({} if field.text_after is None else {"text_after": field.text_after}),
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
