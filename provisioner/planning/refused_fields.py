"""Keeps fields that the cloud refused for a server from being sent again while the specs want the same value; every
plan reports them.

A changed value is sent again, and so is the same one when a person allows `refused-before` for one run. A new server
has no refused fields. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.guards import Allowance
from provisioner.model.journal import Remembered
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Mode, Plan
from provisioner.model.redaction import value_at
from provisioner.planning.plan_input import PlanInput

_CODE = Allowance.REFUSED_BEFORE.value
_STAYS = frozenset({Action.NO_OP, Action.MOVE, Action.UPDATE, Action.REINSTALL, Action.RESUME})
_SENDING_ACTIONS = frozenset({Action.UPDATE, Action.REINSTALL, Action.ADOPT})
"""Changes that send fields to an existing server, whose row shows what it is."""


def is_refused_before(item: FieldChange, change: Change, inputs: PlanInput) -> bool:
    """Whether the field is only reported, and not sent."""
    head = item.path[0]
    return Allowance.REFUSED_BEFORE not in inputs.allowed and head in _standing_refusals(change)


def refused_field_warnings(changes: Iterable[Change], inputs: PlanInput) -> Iterator[Diagnostic]:
    for change in changes:
        if (
            change.action not in _STAYS
            or change.reason is Reason.VANISHED
            or Allowance.REFUSED_BEFORE in inputs.allowed
        ):
            continue
        for head, refusal in sorted(_standing_refusals(change).items()):
            code = value_at(refusal, ("code",))
            yield warning(
                _CODE,
                f"{change.address}: the cloud has refused {head} for it{f' ({code})' if code else ''}, and it is not asked again",
                detail=str(value_at(refusal, ("message",)) or ""),
                hint=f"remove {head} from the specs, or write another value. --allow {_CODE} asks once more. To get another machine, use another flavor or `provisioner apply --replace {change.address.shell_quoted}`",
                source=change.desired.source if change.desired else None,
                address=change.address,
            )


def clear_stale_refusals(plan: Plan) -> Iterator[Remembered]:
    """Yields entries that drop the recorded refusals whose values the specs no longer want."""
    for change in plan.changes if plan.mode is Mode.APPLY else ():
        recorded = change.recorded
        if recorded is None or not recorded.refused or change.after is None or change.reason is Reason.LEFT_OUT:
            continue
        kept = _standing_refusals(change)
        if kept.keys() != recorded.refused.keys():
            yield Remembered(change.moved_from or change.address, recorded.phase, refused=dict(kept))


def row_advice_warnings(changes: Iterable[Change], inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Warns about fields that a change would send, judged by what the server's row shows."""
    for change in changes:
        row = inputs.live.get(change.recorded.id or "") if change.recorded else None
        if row is None or change.desired is None or change.action not in _SENDING_ACTIONS:
            continue
        given = {item.path[0] for item in change.fields}
        for advice in catalogue[change.kind].advise_by_row(change.desired.fields, row.observed):
            if advice.path[0] in given:
                yield warning(
                    advice.code,
                    f"{change.address}: {advice.message}",
                    hint=advice.hint,
                    source=change.desired.source,
                    address=change.address,
                )


def _standing_refusals(change: Change) -> dict[str, JsonObject]:
    """Returns the recorded refusals whose values are still wanted, by field."""
    recorded, after = change.recorded, change.after
    if recorded is None or after is None:
        return {}
    return {
        head: refusal
        for head, refusal in recorded.refused.items()
        if isinstance(refusal, Mapping) and _is_same_value(refusal.get("value"), after.get(head))
    }


def _is_same_value(refused: JsonValue, wanted: JsonValue) -> bool:
    """Whether both values are the same. The order of a list does not count, because attached ids have none."""
    if isinstance(refused, list | tuple) and isinstance(wanted, list | tuple):
        return sorted(map(str, refused)) == sorted(map(str, wanted))
    return refused == wanted
