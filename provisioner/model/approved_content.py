"""Builds the content that an approval covers, as JSON: where and how the plan was made, and each change that does
something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from provisioner.model.action import FieldChange
from provisioner.model.approval import ApprovedChange
from provisioner.model.canonical import JsonObject, JsonValue, digest
from provisioner.model.change import Change
from provisioner.model.plan import Basis, Plan
from provisioner.model.redaction import FINGERPRINT
from provisioner.model.resource import Desired, FieldValue
from provisioner.model.secret import SecretReference
from provisioner.model.state import JournalHead

CONTENT_VERSION: Final = 1

_HEAD_DIGITS: Final = 12
_SCOPE: Final = ("stack", "environment", "account", "project", "region", "options", "variables", "settings")


@dataclass(frozen=True, slots=True)
class ApprovalScope:
    """The part of an approval that the plan itself does not have: the options, the variables from outside, and the
    location of the state. `place` counts only until the state has a lineage.
    """

    replace: tuple[str, ...] = ()
    reinstall: tuple[str, ...] = ()
    variables: JsonObject = field(default_factory=dict)
    place: str = ""


def approved_content(plan: Plan, scope: ApprovalScope) -> JsonObject:
    """Returns all that an approval's hash covers, as JSON: where, how, and each change that does something. Fingerprints, sources, findings,
    what was there before, time-outs and prices of single servers are not covered.
    """
    basis, selection = plan.basis, plan.selection
    return {
        "version": CONTENT_VERSION,
        **_account(basis),
        "state": {"lineage": basis.lineage} if basis.head.sequence else {"place": scope.place},
        "options": {
            "mode": plan.mode.value,
            "replace": sorted(scope.replace),
            "reinstall": sorted(scope.reinstall),
            "allow": sorted(code.value for code in plan.allowed),
            "target": [*map(str, selection.targets)],
            "exclude": [*map(str, selection.excludes)],
            "selector": [[label, value] for label, value in selection.labels],
            **({"keep_protected": [*map(str, selection.kept)]} if selection.keeps_protected else {}),
        },
        "variables": scope.variables,
        "settings": _settings(basis),
        "order": [
            {"addresses": [*map(str, dependency.addresses)], "after": [*map(str, dependency.after)]}
            for dependency in plan.dependencies
        ],
        "together": [[str(address) for address in call] for call in plan.together],
        "changes": {str(change.address): change_content(change) for change in plan.work},
    }


def change_content(change: Change) -> JsonObject:
    """Returns what is approved of one change. What was there before it is not."""
    recorded = change.recorded
    return {
        "action": change.action.value,
        "kind": change.kind,
        "reason": None if change.reason is None else change.reason.value,
        "moved_from": None if change.moved_from is None else str(change.moved_from),
        "id": None if recorded is None else recorded.id,
        "order_id": None if recorded is None else recorded.order_id,
        "create_first": change.create_first,
        "let_go": change.let_go,
        "deleted_alone": change.deleted_alone,
        "charging": [[*field.path, _without_fingerprints(field.after)] for field in change.charging],
        "fields": [_field_content(field) for field in change.fields],
        "shown": _without_fingerprints(change.after),
        "wanted": None if change.desired is None else _wanted(change.desired),
    }


def approved_changes(plan: Plan) -> tuple[ApprovedChange, ...]:
    """Returns what the approval of `plan` allows, in the order of its work."""
    return tuple(
        ApprovedChange(
            change.address,
            change.action,
            identifier_of(change),
            body_digest(change.desired),
            change.moved_from,
            "create-first" if change.create_first else "let-go" if change.let_go else "",
        )
        for change in plan.work
    )


def scope_digest(content: JsonObject) -> str:
    """Returns the digest of what every run of an approval has in common: where it is, and its options, variables and settings."""
    return digest(without_changes(content))


def without_changes(content: JsonObject) -> JsonObject:
    """Returns the part of the content that `scope_digest` covers."""
    return {key: content[key] for key in _SCOPE}


def identifier_of(change: Change) -> str | None:
    """Returns the id of what is recorded at the address, or its order's where it has none yet."""
    return None if change.recorded is None else change.recorded.id or change.recorded.order_id


def body_digest(desired: Desired | None) -> str:
    """Returns the digest of what is wanted of one address; empty where nothing is."""
    return "" if desired is None else digest(_wanted(desired))


def head_text(head: JournalHead) -> str:
    return f"{head.sequence}-{head.hash[:_HEAD_DIGITS]}" if head.sequence else "0"


def _account(basis: Basis) -> dict[str, JsonValue]:
    return {
        "stack": basis.stack,
        "environment": basis.environment,
        "account": basis.identity.account,
        "project": basis.identity.project,
        "region": basis.identity.region,
    }


def _settings(basis: Basis) -> JsonObject:
    policy, limits = basis.policy, basis.limits
    return {
        "quiet_period": policy.quiet_period,
        "marker": policy.marker.value,
        "prepaid": policy.prepaid.value,
        "charging_default": policy.charging_default.value,
        "userdata_field": policy.userdata_field.value,
        "mass_change_percent": limits.mass_change_percent,
        "mass_change_from": limits.mass_change_from,
        "max_servers": limits.max_servers,
    }


def _field_content(field_change: FieldChange) -> JsonObject:
    return {
        "path": list(field_change.path),
        "after": None if field_change.sensitive else _without_fingerprints(field_change.after),
        "forces_replacement": field_change.forces_replacement,
        "reinstalls": field_change.reinstalls,
    }


def _wanted(desired: Desired) -> JsonObject:
    return {
        "fields": {key: _written(value) for key, value in desired.fields.items()},
        "labels": dict(desired.labels),
        "prevent_destroy": desired.lifecycle.prevent_destroy,
        "together": desired.together,
    }


def _written(value: FieldValue) -> JsonValue:
    match value:
        case SecretReference():
            return {"secret": str(value)}
        case Mapping():
            return {key: _written(item) for key, item in value.items()}
        case list() | tuple():
            return [_written(item) for item in value]
        case _:
            return value


def _without_fingerprints(value: JsonValue) -> JsonValue:
    """Removes fingerprints. They depend on the lineage, which a plan before the first apply does not know yet."""
    match value:
        case Mapping() if value.keys() == {FINGERPRINT}:
            return {FINGERPRINT: None}
        case Mapping():
            return {key: _without_fingerprints(item) for key, item in value.items()}
        case str():
            return value
        case Sequence():
            return [_without_fingerprints(item) for item in value]
        case _:
            return value
