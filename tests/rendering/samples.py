"""Plans and records that the rendering tests share: one kind of server, small enough to write its text by hand."""

from __future__ import annotations

from support.builders import change_of

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.flow import Effect
from provisioner.model.identity import Identity
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.resource import Phase, Recorded
from provisioner.model.state import Intent, JournalHead, State
from provisioner.rendering.style import Style

PLAIN = Style(color=False)
COLORED = Style(color=True)
IDENTITY = Identity("account-1", "project-1", "cn-north-4")
BASIS = Basis("demo", "dev", IDENTITY, "lineage-1", 3, JournalHead(7, "f00d"))
FINGERPRINT = "scrypt:5ec2e7f1n9e2"


def body(name: str, **fields):
    return {
        "name": name,
        "flavor": "Si2.large.4",
        "admin_pass": {"fingerprint": FINGERPRINT},
        "userdata": {"sha256": "1a2b3c4d5e6f7081"},
        "root_volume": {"type": "SSD", "size": 200},
        **fields,
    }


def create(address: str, name: str | None = None, **fields) -> Change:
    return change_of(
        Address.parse(address),
        "dev_server",
        Action.CREATE,
        after=body(name or address.replace("[", "-").strip("]"), **fields),
        computed=("id", "private_address"),
    )


def recorded(
    address: str = "gateway", *, phase: Phase = Phase.READY, charging_mode: str | None = "PRE_PAID"
) -> Recorded:
    return Recorded(
        Address.parse(address),
        "dev_server",
        phase,
        body(address),
        id="62383738-e52a-450a-9f84-f9e705402be8",
        order_id="CS2311",
        labels={"team": "vision"},
        observed={} if charging_mode is None else {"charging_mode": charging_mode, "status": "RUNNING"},
    )


def plan(*changes: Change, mode: Mode = Mode.APPLY, findings=(), refusals=()) -> Plan:
    return Plan(mode, BASIS, changes, tuple(findings), tuple(refusals))


def intent(address: str = "trainer[2]") -> Intent:
    return Intent(
        id="intent-1",
        address=Address.parse(address),
        kind="dev_server",
        attempt=1,
        effect=Effect.PURCHASE,
        name="trainer-2",
        request={"admin_pass": {"fingerprint": FINGERPRINT}},
        declared=body("trainer-2"),
        sent_at=1_700_000_000_000,
        server_time=1_700_000_000_000,
        who="ann@build-1",
    )


def state(*records: Recorded, intents: tuple[Intent, ...] = ()) -> State:
    return State(
        "demo",
        "dev",
        "lineage-1",
        3,
        IDENTITY,
        {record.address: record for record in records},
        {one.id: one for one in intents},
        JournalHead(7, "f00d"),
    )
