"""Changes an existing DevServer in place to what the specs declare: which steps, and in which order.

Each step has a file of its own. Every step reads the server first and does only what is left to do, so a change that a
crash interrupted goes on from there (docs/decisions/0001, 0012).
"""

from __future__ import annotations

from collections.abc import Generator

from provisioner.kinds.dev_server import addresses, refused_fields, reinstallation, renewals, rows, volumes
from provisioner.kinds.dev_server.names import rename
from provisioner.kinds.dev_server.power_steps import GaveUp, Power, set_power, wait_for_status, wanted_power
from provisioner.kinds.dev_server.refused_fields import PermanentRefusal
from provisioner.kinds.dev_server.reinstallation import SYSTEM
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Answer, Ended, Flow, Remember, Step
from provisioner.model.purchase_policy import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.resource import Desired, FieldPath, Fields, FieldValue, Live, Phase, Recorded

POST_BUILD_FIELDS = ("power", "volumes", "public_ips")
"""The fields that are set after the server is built: they are not part of its purchase."""


def update(
    desired: Desired, recorded: Recorded, changed: frozenset[FieldPath], policy: PurchasePolicy = DEFAULT_POLICY
) -> Flow:
    """Applies the `changed` fields. Without any, it completes what an earlier run has left half way."""
    try:
        return (yield from _update(desired, recorded, changed, policy))
    except GaveUp as given_up:
        return given_up.ended


def apply_post_build_fields(desired: Desired, identifier: str) -> Flow:
    """Sets the fields of a server that has just been built which no purchase can ask for."""
    fields = post_build_fields(desired)
    try:
        row = yield from wait_for_status(identifier, rows.STABLE)
        rest: Power | None = "stopped" if "power" in fields else None
        return (yield from _apply_fields(desired, {}, frozenset(fields), row, rest=rest))
    except GaveUp as given_up:
        return given_up.ended


def post_build_fields(desired: Desired) -> Fields:
    """Returns the declared fields that a new server does not have by itself: it runs, and has nothing attached."""
    declared = {key: desired.fields[key] for key in POST_BUILD_FIELDS if desired.fields.get(key)}
    return {key: value for key, value in declared.items() if value != "running"}


def fields_once_built(desired: Desired) -> Fields:
    """Returns the declared fields that a server has as soon as it is built."""
    later = post_build_fields(desired)
    return {key: value for key, value in desired.fields.items() if key not in later}


def _update(desired: Desired, recorded: Recorded, changed: frozenset[FieldPath], policy: PurchasePolicy) -> Flow:
    heads = frozenset(path[0] for path in changed)
    needs_server = recorded.phase is Phase.REINSTALLING or recorded.pending or heads & {*POST_BUILD_FIELDS, *SYSTEM}
    if "name" in heads:
        yield from rename(recorded.id or "", desired, phase=recorded.phase)
    if renewals.RENEWAL in changed:
        yield from renewals.switch(desired, recorded)
    if not ({("name",), renewals.RENEWAL} & changed or needs_server):
        yield Remember(recorded.phase)  # labels and protection are recorded with any facts
    if not needs_server:
        return Ended(recorded.phase)
    return (yield from _update_server(desired, recorded, heads, policy))


def _update_server(desired: Desired, recorded: Recorded, heads: frozenset[str], policy: PurchasePolicy) -> Flow:
    """Makes the changes that depend on what the server shows: another system, its power, and what is attached to it."""
    row = yield from _wait_until_at_rest(recorded)
    system = heads & set(SYSTEM)
    rest = wanted_power(desired) or _power_before(recorded, row, touched=bool(system))
    if row.status in reinstallation.UNDER_WAY:
        row = yield from reinstallation.follow(desired, recorded, system, row, policy)
    elif system and not reinstallation.is_current(desired, system, row):
        row = yield from reinstallation.reinstall(desired, recorded, system, row, rest=rest or "running", policy=policy)
    return (yield from _apply_fields(desired, recorded.declared, heads & {*POST_BUILD_FIELDS, *SYSTEM}, row, rest=rest))


def _wait_until_at_rest(recorded: Recorded) -> Generator[Step, Answer, Live]:
    """Waits until nothing is under way on the server, except a reinstallation by a call that is not known here."""
    if recorded.phase is Phase.REINSTALLING:
        return (yield from reinstallation.finish(recorded))
    return (yield from wait_for_status(recorded.id or "", rows.STABLE | reinstallation.UNDER_WAY))


def _power_before(recorded: Recorded, row: Live, *, touched: bool) -> Power | None:
    """Returns the power that the server had before a change touched it, or None where no change does."""
    if not (touched or recorded.pending):
        return None
    return "stopped" if recorded.pending.get("power", row.shown.get("power")) == "stopped" else "running"


def _apply_fields(
    desired: Desired, declared: JsonObject, heads: frozenset[str], row: Live, *, rest: Power | None
) -> Flow:
    """Attaches volumes and addresses, sets the power `rest`, and records the fields `heads`.

    Everything is attached while the server runs, as addresses need that, so a stop comes last. A list that the specs do
    not declare is not touched. A list that the cloud refuses for this server does not keep the rest from being done.
    """
    if rest == "running":
        row = yield from set_power(row, rest)
    facts: dict[str, FieldValue] = {head: desired.fields.get(head) for head in sorted(heads)}
    shown_addresses: JsonObject = {}
    refused: dict[str, JsonObject | None] = {}
    for head in ("volumes", "public_ips"):
        if head not in heads or head not in desired.fields:
            continue
        wanted, before = _ids(desired.fields[head]), _ids(declared.get(head))
        refused[head] = None
        try:
            if head == "volumes":
                row = yield from volumes.reconcile(row, wanted=wanted, declared=before)
            else:
                shown_addresses = yield from addresses.reconcile(row, wanted=wanted, declared=before)
        except PermanentRefusal as refusal:
            row, facts[head] = refusal.row, list(refusal.attached) or None
            refused[head] = refused_fields.to_record(wanted, refusal.failed)
    if rest == "stopped":
        row = yield from set_power(row, rest)
    if rest is not None and rest == wanted_power(desired):
        facts["power"] = desired.fields.get("power")
    observed: JsonObject = {**row.observed, **shown_addresses}
    yield Remember(Phase.READY, declared=facts or None, observed=observed, pending={}, refused=refused or None)
    refusals = {head: one for head, one in refused.items() if one is not None}
    return refused_fields.end_with_refusals(refusals) if refusals else Ended(Phase.READY)


def _ids(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
