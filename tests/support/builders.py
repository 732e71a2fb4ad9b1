"""Values that most tests need, valid as they come; a test names only what it is about."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.change import Change, ResolveChange
from provisioner.model.flow import Effect
from provisioner.model.identity import Identity
from provisioner.model.journal import Answered, Entry, Forgotten, Intended, Remembered, RunEnded, RunStarted
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.resource import Desired, Phase, Recorded
from provisioner.model.state import Intent, JournalHead, Member, State

IDENTITY = Identity(account="domain-1", project="project-1", region="cn-north-4")


def an_address(text: str = "trainer[0]") -> Address:
    return Address.parse(text)


def a_recorded(address: str = "trainer[0]", **facts: Any) -> Recorded:
    known: dict[str, Any] = {
        "kind": "dev_server",
        "phase": Phase.READY,
        "declared": {"name": address, "flavor": "Si2.large.4", "root_volume": {"type": "SSD", "size": 200}},
        "id": f"id-of-{address}",
        "labels": {"team": "vision"},
        "observed": {"status": "RUNNING", "endpoints": ["10.0.0.7"]},
    }
    return Recorded(address=an_address(address), **(known | facts))


def a_state(*recorded: Recorded, **facts: Any) -> State:
    known: dict[str, Any] = {
        "stack": "demo",
        "environment": "dev",
        "lineage": "6f0c9b1e-0d7c-4bb9-9d3e-3f3a7d1f5a11",
        "serial": 1,
        "identity": IDENTITY,
        "resources": {one.address: one for one in recorded},
    }
    return State(**(known | facts))


def an_intent(address: str = "trainer[0]", **facts: Any) -> Intent:
    known: dict[str, Any] = {
        "id": f"intent-for-{address}",
        "kind": "dev_server",
        "attempt": 1,
        "effect": Effect.PURCHASE,
        "name": address,
        "request": {"method": "POST", "body": {"name": address, "admin_pass": {"fingerprint": "f0"}}},
        "declared": {"name": address},
        "sent_at": 1_700_000_000_000,
        "server_time": 1_700_000_000_123,
        "who": "ana@laptop",
        "earlier_ids": ("id-of-an-older-one",),
    }
    return Intent(address=an_address(address), **(known | facts))


def a_purchase_of_several(*addresses: str, **facts: Any) -> Intent:
    """By one call, under the first one's name."""
    members = tuple(Member(an_address(text), text) for text in addresses)
    return an_intent(addresses[0], **({"members": members, "earlier_ids": ()} | facts))


def a_purchase(address: str = "trainer[0]") -> tuple[Entry, ...]:
    """A server bought and built: intended, answered, remembered."""
    intent = an_intent(address)
    return (
        Intended(intent),
        Answered(intent.id, 200, request_id="request-1", id=f"id-of-{address}", order_id="CS1"),
        Remembered(intent.address, Phase.READY, observed={"status": "RUNNING"}),
    )


def a_run(*entries: Entry, run: str = "run-1", plan: str | None = None) -> tuple[Entry, ...]:
    started = RunStarted(run, "apply", "ana@laptop", "0.1.0", plan=plan)
    return (started, *entries, RunEnded(run, "done"))


def a_release(address: str = "trainer[0]") -> Forgotten:
    return Forgotten(an_address(address), "released", id=f"id-of-{address}")


def a_desired(address: str = "trainer[0]", **facts: Any) -> Desired:
    known: dict[str, Any] = {
        "kind": "dev_server",
        "fields": {"name": address, "flavor": "Si2.large.4", "root_volume": {"type": "SSD", "size": 200}},
        "labels": {"team": "vision"},
    }
    return Desired(address=an_address(address), **(known | facts))


_VARIANTS = {variant.action: variant for variant in get_args(Change) if variant is not ResolveChange}


def change_of(address: Address, kind: str, action: Action, **facts: Any) -> Change:
    """A change of the variant that has this action, with a bare server where it needs one and none is given, and without what it has no
    place for.
    """
    doubt = action is Action.RESUME and facts.get("recorded") is None
    variant = ResolveChange if doubt else _VARIANTS[action]
    known = {each.name: each for each in dataclasses.fields(variant)}
    given = {name: value for name, value in facts.items() if name in known}
    bare = {
        "desired": Desired(address, kind, {"name": (facts.get("after") or {}).get("name", str(address))}),
        "recorded": a_recorded(str(address), kind=kind),
        "observed": {},
    }
    for name, value in bare.items():
        if name in known and known[name].default is dataclasses.MISSING and given.get(name) is None:
            given[name] = value
    return variant(address, kind, **given)


def a_change(address: str = "trainer[0]", **facts: Any) -> Change:
    known: dict[str, Any] = {"kind": "dev_server", "action": Action.CREATE, "desired": a_desired(address)}
    return change_of(an_address(address), **(known | facts))


def a_plan(*changes: Change, **facts: Any) -> Plan:
    basis = Basis("demo", "dev", IDENTITY, lineage=None, serial=0, head=JournalHead())
    return Plan(**({"mode": Mode.APPLY, "basis": basis, "changes": changes} | facts))
