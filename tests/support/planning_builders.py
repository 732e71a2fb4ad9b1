"""A fleet of servers in its three faces, agreeing with each other as they come, and what an apply would make of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.builders import IDENTITY, a_state, an_address

from provisioner.kinds import CATALOGUE
from provisioner.kinds.dev_server.reinstallation import SYSTEM
from provisioner.model.action import Action
from provisioner.model.change import Change
from provisioner.model.flow import Effect
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.redaction import merge_fields
from provisioner.model.replay import replay
from provisioner.model.resource import Desired, Live, Phase, Recorded
from provisioner.model.secret import SecretReference, SecretSource
from provisioner.model.state import JournalHead, State
from provisioner.planning import PlanInput, plan, statements, with_statements_applied

KIND = CATALOGUE["dev_server"]
BASIS = Basis("demo", "dev", IDENTITY, lineage=None, serial=0, head=JournalHead())
PASSWORD = SecretReference(SecretSource.ENVIRONMENT, "PASSWORD")
NETWORK = {
    "vpc_id": "05982b48-a70f-43a1-a2b0-1fe36a236172",
    "subnet_id": "38cf274a-98f9-4f6f-b622-5ed0e4a3db54",
    "security_group_id": "150a2c76-1334-45f6-b28f-419f9b1d1742",
}
IMAGE, OTHER_IMAGE = "c90fb553-2cdb-4b81-b56a-ef68812c6cf7", "7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7"
PREPAID = {
    "charging_mode": "PRE_PAID",
    "period_type": "MONTH",
    "period_num": 1,
    "is_auto_pay": True,
    "is_auto_renew": False,
}


def fingerprint(reference: SecretReference) -> str | None:
    return f"fingerprint of {reference.locator}"


def unknown_fingerprint(_reference: SecretReference) -> str | None:
    return None


def wanted(address: str = "gateway", **fields: Any) -> Desired:
    """A whole server; a field given as None is left out."""
    known: dict[str, Any] = {
        "name": an_address(address).name,
        "flavor": "Si2.large.4",
        "image_id": IMAGE,
        "key_pair_name": "ops",
        "network": dict(NETWORK),
    } | fields
    body = {key: value for key, value in known.items() if value is not None}
    return Desired(an_address(address), "dev_server", body)


def bought(desired: Desired, **facts: Any) -> Recorded:
    """What the state holds of a server that was bought as it is wanted."""
    charging = desired.fields.get("charging_info")
    known: dict[str, Any] = {
        "phase": Phase.READY,
        "declared": KIND.redact(desired.fields, fingerprint),
        "id": f"id-of-{desired.address}",
        "labels": dict(desired.labels),
        "protected": bool(desired.lifecycle.prevent_destroy),
        "observed": {"status": "RUNNING"} | ({"charging_mode": charging["charging_mode"]} if charging else {}),
    }
    return Recorded(desired.address, desired.kind, **(known | facts))


def shown(recorded: Recorded, status: str = "RUNNING", **differing: Any) -> Live:
    """The row of a recorded server, as it was declared but for what is named."""
    assert recorded.id is not None
    fields: dict[str, Any] = {}
    for rule in KIND.rules:
        if rule.shown:
            _copy(recorded.declared, fields, rule.path)
    fields |= differing
    return Live(
        "dev_server",
        recorded.id,
        fields.get("name", ""),
        status,
        recorded.order_id,
        shown=fields,
        observed=dict(recorded.observed) | {"status": status},
    )


def _copy(source: Any, target: dict[str, Any], path: tuple[str, ...]) -> None:
    for step in path[:-1]:
        source = source.get(step)
        if source is None:
            return
        target = target.setdefault(step, {})
    if source.get(path[-1]) is not None:
        target[path[-1]] = source[path[-1]]


def surveyed(*desired: Desired, state: State | None = None, live: tuple[Live, ...] = (), **rest: Any) -> PlanInput:
    return PlanInput(desired, state, {row.id: row for row in live}, **rest)


def settled(*desired: Desired, **rest: Any) -> PlanInput:
    """Everything wanted is there, as it is wanted."""
    records = [bought(one) for one in desired]
    return surveyed(*desired, state=a_state(*records), live=tuple(map(shown, records)), **rest)


def planned(survey: PlanInput, *, mode: Mode = Mode.APPLY, fingerprint: Any = fingerprint) -> Plan:
    return plan(survey, mode=mode, basis=BASIS, catalogue=CATALOGUE, fingerprint=fingerprint)


def refreshed(survey: PlanInput) -> Plan:
    return planned(survey, mode=Mode.REFRESH)


def the_change(survey: PlanInput, **rest: Any) -> Change:
    (change,) = planned(survey, **rest).changes
    return change


def codes(findings: Any) -> list[str]:
    return [finding.code for finding in findings]


def applied(plan: Plan, survey: PlanInput) -> PlanInput:
    """The survey after the plan was carried out without a mishap: purchases in doubt stay so, releases are settled."""
    resources = dict(replay(survey.state, statements(plan)).resources) if survey.state else {}
    plan = with_statements_applied(plan)
    live = dict(survey.live)
    for change in plan.work:
        recorded, desired = change.recorded, change.desired
        if change.action in {Action.DELETE, Action.FORGET, Action.REPLACE}:
            assert recorded is not None
            resources.pop(change.address)
            live.pop(recorded.id or "", None)
        if change.action in {Action.CREATE, Action.REPLACE}:
            assert desired is not None
            one = bought(desired, id=f"new-id-of-{change.address}")
        elif change.action is Action.REINSTALL:
            assert desired is not None
            assert recorded is not None
            system = {field: (change.after or {}).get(field) for field in SYSTEM}
            declared = merge_fields(recorded.declared, {**system, "name": desired.name})
            kept = {
                key: value for key, value in recorded.baseline.items() if declared.get(key) == recorded.declared[key]
            }
            facts = {"labels": desired.labels, "protected": bool(desired.lifecycle.prevent_destroy)}
            one = replace(recorded, phase=Phase.READY, declared=declared, baseline=kept, pending={}, **facts)
            live.pop(one.id or "", None)
        elif change.action is Action.UPDATE:
            assert desired is not None
            assert recorded is not None
            one = replace(
                recorded,
                declared={**recorded.declared, "name": desired.name},
                labels=desired.labels,
                protected=bool(desired.lifecycle.prevent_destroy),
            )
        elif change.action is Action.RECORD:
            assert recorded is not None
            resources[change.address] = replace(recorded, declared=change.after, observed=change.observed)
            continue
        elif change.action is Action.RESUME and recorded is not None:
            one = replace(recorded, phase=Phase.READY, id=recorded.id or f"new-id-of-{change.address}", pending={})
        else:
            continue
        resources[change.address] = one
        row = live.get(one.id or "")
        live[one.id or ""] = shown(one) if row is None else replace(row, status="RUNNING", **_renamed(change, row))
    intents = survey.state.intents if survey.state else {}
    open_ones = {key: intent for key, intent in intents.items() if intent.effect is Effect.PURCHASE}
    return PlanInput(survey.desired, a_state(*resources.values(), intents=open_ones), live)


def _renamed(change: Change, row: Live) -> dict[str, Any]:
    if change.action is not Action.UPDATE or ("name",) not in {item.path for item in change.fields}:
        return {}
    assert change.desired is not None
    return {"name": change.desired.name, "shown": {**row.shown, "name": change.desired.name}}
