"""How a living DevServer becomes what the specs want without being bought anew: which steps, and in which order.

Each step has a file of its own. Every step asks the server first and does only what is left to do, so that a change which a
death left half way goes on from there (docs/decisions/0001, 0012).
"""

from __future__ import annotations

from collections.abc import Generator

from provisioner.kinds.dev_server import addresses, refused_fields, reinstallation, renewals, rows, volumes
from provisioner.kinds.dev_server.names import rename
from provisioner.kinds.dev_server.power_steps import GaveUp, Power, bring, until, wanted_power
from provisioner.kinds.dev_server.refused_fields import RefusedForGood
from provisioner.kinds.dev_server.reinstallation import SYSTEM
from provisioner.model.canonical import JsonObject
from provisioner.model.flow import Answer, Ended, Flow, Remember, Step
from provisioner.model.purchase_policy import DEFAULT_POLICY, PurchasePolicy
from provisioner.model.resource import Desired, FieldPath, Fields, FieldValue, Live, Phase, Recorded

FURNISHINGS = ("power", "volumes", "public_ips")
"""What a server is given after it is built: no part of its purchase."""


def update(
    desired: Desired, recorded: Recorded, changed: frozenset[FieldPath], policy: PurchasePolicy = DEFAULT_POLICY
) -> Flow:
    """With nothing changed, what an earlier run has left half way is brought to its end."""
    try:
        return (yield from _update(desired, recorded, changed, policy))
    except GaveUp as given_up:
        return given_up.ended


def furnish(desired: Desired, identifier: str) -> Flow:
    """What the specs want of a server that has just been built, and that no purchase can ask for."""
    beyond = beyond_purchase(desired)
    try:
        row = yield from until(identifier, rows.STABLE)
        rest: Power | None = "stopped" if "power" in beyond else None
        return (yield from _arrange(desired, {}, frozenset(beyond), row, rest=rest))
    except GaveUp as given_up:
        return given_up.ended


def beyond_purchase(desired: Desired) -> Fields:
    """The declared fields that a new server does not have by itself: it runs, and has nothing attached."""
    declared = {key: desired.fields[key] for key in FURNISHINGS if desired.fields.get(key)}
    return {key: value for key, value in declared.items() if value != "running"}


def bought(desired: Desired) -> Fields:
    """The declared fields that a server has once it is built."""
    beyond = beyond_purchase(desired)
    return {key: value for key, value in desired.fields.items() if key not in beyond}


def _update(desired: Desired, recorded: Recorded, changed: frozenset[FieldPath], policy: PurchasePolicy) -> Flow:
    heads = frozenset(path[0] for path in changed)
    goes_further = recorded.phase is Phase.REINSTALLING or recorded.pending or heads & {*FURNISHINGS, *SYSTEM}
    if "name" in heads:
        yield from rename(recorded.id or "", desired, phase=recorded.phase)
    if renewals.RENEWAL in changed:
        yield from renewals.switch(desired, recorded)
    if not ({("name",), renewals.RENEWAL} & changed or goes_further):
        yield Remember(recorded.phase)  # labels and protection are recorded with any facts
    if not goes_further:
        return Ended(recorded.phase)
    return (yield from _go_further(desired, recorded, heads, policy))


def _go_further(desired: Desired, recorded: Recorded, heads: frozenset[str], policy: PurchasePolicy) -> Flow:
    row = yield from _seen(recorded)
    system = heads & set(SYSTEM)
    rest = wanted_power(desired) or _before(recorded, row, touched=bool(system))
    if row.status in reinstallation.UNDER_WAY:
        row = yield from reinstallation.follow(desired, recorded, system, row, policy)
    elif system and not reinstallation.is_current(desired, system, row):
        row = yield from reinstallation.reinstall(desired, recorded, system, row, rest=rest or "running", policy=policy)
    return (yield from _arrange(desired, recorded.declared, heads & {*FURNISHINGS, *SYSTEM}, row, rest=rest))


def _seen(recorded: Recorded) -> Generator[Step, Answer, Live]:
    """The server with nothing under way on it, but for a system that is being put on it by a call which is not known here."""
    if recorded.phase is Phase.REINSTALLING:
        return (yield from reinstallation.finish(recorded))
    return (yield from until(recorded.id or "", rows.STABLE | reinstallation.UNDER_WAY))


def _before(recorded: Recorded, row: Live, *, touched: bool) -> Power | None:
    """The power that it had before a change touched it; None where none does."""
    if not (touched or recorded.pending):
        return None
    return "stopped" if recorded.pending.get("power", row.shown.get("power")) == "stopped" else "running"


def _arrange(desired: Desired, declared: JsonObject, heads: frozenset[str], row: Live, *, rest: Power | None) -> Flow:
    """Attaches while it runs, as addresses need that, and ends with its power. A list that is not in the specs is not touched; one
    that the cloud refuses for this server keeps nothing else from being done.
    """
    if rest == "running":
        row = yield from bring(row, rest)
    facts: dict[str, FieldValue] = {head: desired.fields.get(head) for head in sorted(heads)}
    beside: JsonObject = {}
    refused: dict[str, JsonObject | None] = {}
    for head in ("volumes", "public_ips"):
        if head not in heads or head not in desired.fields:
            continue
        wanted, before = _ids(desired.fields[head]), _ids(declared.get(head))
        refused[head] = None
        try:
            if head == "volumes":
                row = yield from volumes.arrange(row, wanted=wanted, declared=before)
            else:
                beside = yield from addresses.arrange(row, wanted=wanted, declared=before)
        except RefusedForGood as refusal:
            row, facts[head] = refusal.row, list(refusal.attached) or None
            refused[head] = refused_fields.entry(wanted, refusal.failed)
    if rest == "stopped":
        row = yield from bring(row, rest)
    if rest is not None and rest == wanted_power(desired):
        facts["power"] = desired.fields.get("power")
    observed: JsonObject = {**row.observed, **beside}
    yield Remember(Phase.READY, declared=facts or None, observed=observed, pending={}, refused=refused or None)
    refusals = {head: one for head, one in refused.items() if one is not None}
    return refused_fields.ended(refusals) if refusals else Ended(Phase.READY)


def _ids(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
