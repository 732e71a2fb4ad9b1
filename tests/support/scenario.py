"""One scenario: a folder of specs, what is recorded and live, and what a plan and an apply make of them.

`state.json` and `live.json` are written by hand: a record says only what differs from the stack's defaults, a row only what
matters. `place.json` says where the state is kept, where that matters. `command.txt` holds the command where it is not a plain apply.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from support.builders import IDENTITY, a_state, an_address, an_intent
from support.event_loop import run
from support.simulation import CrashPlan, ManualClock, MemoryLedger

from provisioner.applying import CloudSnapshot, Interruption, RunContext, execute, recover
from provisioner.applying.cloud_reading import run_read
from provisioner.kinds import CATALOGUE
from provisioner.loading import Loaded, VariableInputs, load
from provisioner.model.canonical import canonical
from provisioner.model.flow import Call, CallFailed, Outcome, Reply
from provisioner.model.guards import Allowance
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.purchase_policy import MINUTE, PurchasePolicy
from provisioner.model.resource import Live, Phase, Recorded
from provisioner.model.secret import Secret, SecretReference
from provisioner.model.selection import Pattern, Selection
from provisioner.model.state import JournalHead, State
from provisioner.model.state_place import StatePlace, UnnamedState
from provisioner.planning import PlanInput, plan
from provisioner.rendering.plan import render_plan
from provisioner.rendering.style import Style

KIND = CATALOGUE["dev_server"]
SENT = 1_767_268_800_000
"""When purchases in doubt were sent: 2026-01-01 12:00:00 UTC in milliseconds."""

_BEGUN = {"stop": "STOPPING", "start": "STARTING", "changeos": "CHANGINGOS", "reinstallos": "REINSTALLINGOS"}
_ENDS = {"STOPPING": "STOPPED", "STARTING": "RUNNING", "CHANGINGOS": "RUNNING", "REINSTALLINGOS": "RUNNING"}


class ScenarioSecrets:
    """Every secret can be had, and its fingerprint is its place."""

    def reveal(self, reference: SecretReference) -> Secret:
        return Secret(f"the value of {reference}")

    def fingerprint(self, reference: SecretReference) -> str | None:
        return str(reference)


class ScenarioCloud:
    """The rows and orders of live.json. What is bought is built, and what is released gone, one list later."""

    def __init__(self, world: dict[str, Any]) -> None:
        self.rows = {row["id"]: {"status": "RUNNING", "charging_mode": "POST_PAID", **row} for row in world["servers"]}
        self.orders = world.get("orders", {})
        self.log: list[str] = []
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[ScenarioCloud]:
        yield self

    async def wait_for_budget(self, call: Call) -> None:
        """Always at once."""

    async def send(self, call: Call, _reveal: Any, _dispatch: Any = None) -> Reply:
        if call.method != "GET":
            body = "" if call.body is None else f" {canonical(_written(call.body)).decode()}"
            self.log.append(f"{call.method} {call.path}{body}")
        return Reply(200, self._answer(call), request_id="request-1", server_time=SENT)

    def _answer(self, call: Call) -> Any:
        body: Any = call.body or {}
        match call.method, call.path.split("/")[3:]:
            case "GET", ["dev-servers", "all"]:
                return self._page()
            case "POST", ["dev-servers"]:
                return self._buy(body)
            case "PUT", ["dev-servers", identifier]:
                self.rows[identifier]["name"] = body["name"]
                return self.rows[identifier]
            case _, ["dev-servers", identifier, *action] if action:
                return self._act(self.rows[identifier], call.method, action, body)
            case "DELETE", ["dev-servers", identifier]:
                self.rows[identifier]["status"] = "DELETING"
                return self.rows[identifier]
            case "GET", ["customer-orders", "details", order]:
                return {"order_info": {"status": self.orders[order]}}
            case "POST", ["suscriptions", "resources", "query"]:
                named = body.get("resource_ids") or [
                    one for one, row in self.rows.items() if row.get("order_id") == body["order_id"]
                ]
                prepaid = [one for one in named if self.rows[one]["charging_mode"] == "PRE_PAID"]
                return {"total_count": len(prepaid), "data": [{"resource_id": one} for one in prepaid]}
            case "POST", ["subscriptions", "resources", "unsubscribe"]:
                self.rows[body["resource_ids"][0]]["status"] = "DELETING"
                return {"fail_resource_infos": []}
            case _:
                raise CallFailed(Outcome.REFUSED, "not found", status=400, code="ModelArts.6404")

    def _act(self, row: dict[str, Any], method: str, action: list[str], body: Any) -> Any:
        """What the cloud would begin it has done by the next list."""
        match method, action:
            case _, ["stop" | "start" | "changeos" | "reinstallos" as verb]:
                row["status"] = _BEGUN[verb]
                row["image"] = {"image_id": body.get("image_id", row.get("image", {}).get("image_id"))}
                row["key_pair_name"] = body.get("key_pair_name", row.get("key_pair_name"))
            case "POST", ["attachvolume"]:
                row["volumes"] = [*row.get("volumes", []), {"type": "DATA", "evs_id": body["volume_id"]}]
                return {"operation_id": "op-1"}
            case "DELETE", ["detachvolume", volume]:
                row["volumes"] = [disk for disk in row["volumes"] if disk["evs_id"] != volume]
            case "POST", ["publicips"]:
                row["bound"] = [*row.get("bound", []), {"id": body["public_ip_id"]}]
            case "DELETE", ["publicips", address]:
                row["bound"] = [one for one in row["bound"] if one["id"] != address]
        return {"public_ips": row.get("bound", [])}

    def _page(self) -> dict[str, Any]:
        page = [dict(row) for row in self.rows.values()]
        self.rows = {key: self._next(row) for key, row in self.rows.items() if row["status"] != "DELETING"}
        return {"data": page, "total": len(page)}

    def _next(self, row: dict[str, Any]) -> dict[str, Any]:
        built = "CREATE_FAILED" if row.get("flavor") == "sandbox.fails" else "RUNNING"
        return {**row, "status": {"CREATING": built, **_ENDS}.get(row["status"], row["status"])}

    def _buy(self, body: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        mode = body.get("charging_info", {}).get("charging_mode", "POST_PAID")
        order = {"order_id": f"CS{number}"} if mode == "PRE_PAID" else {}
        first = {"id": f"new-{number}", "name": body["name"], "flavor": body.get("flavor"), "status": "CREATING"}
        for index in range(body.get("count", 1)):
            row = first if index == 0 else {**first, "id": f"new-{next(self._numbers)}"}
            self.rows[row["id"]] = {**row, "charging_mode": mode, **order}
        return self.rows[first["id"]]


@dataclass(frozen=True)
class Scenario:
    folder: Path

    @cached_property
    def _stack(self) -> dict[str, Any]:
        return yaml.load((self.folder / "specs" / "stack.yaml").read_text(), Loader=yaml.CSafeLoader)

    def _read(self, name: str, default: Any) -> Any:
        path = self.folder / name
        return json.loads(path.read_text()) if path.exists() else default

    @property
    def _command(self) -> tuple[Mode, dict[str, Any]]:
        """The verb, and what its options come to in a survey."""
        path = self.folder / "command.txt"
        verb, *rest = (path.read_text() if path.exists() else "apply").split()
        given = defaultdict(list)
        keeps_protected = "--keep-protected" in rest
        rest = [word for word in rest if word != "--keep-protected"]
        for option, value in zip(rest[::2], rest[1::2], strict=True):
            given[option].append(value)
        return Mode(verb), {
            "replace": frozenset(map(an_address, given["--replace"])),
            "allowed": frozenset(map(Allowance, given["--allow"])),
            "selection": Selection(
                tuple(map(Pattern.parse, given["--target"])),
                tuple(map(Pattern.parse, given["--exclude"])),
                keeps_protected=keeps_protected,
            ),
        }

    def outcome(self) -> tuple[str, str]:
        """plan.txt and calls.txt, as they are now. To be asked for in the scenario's own folder."""
        cloud = ScenarioCloud(self._read("live.json", {"servers": []}))
        state = self._state()
        live = {row.id: row for row in run(run_read(KIND.list(), cloud))}
        shown = render_plan(self._plan(state, live), Style(color=False))
        return shown, "".join(f"{line}\n" for line in self._applied(cloud, state, live))

    @property
    def _policy(self) -> PurchasePolicy:
        return self._loaded.stack.purchase

    @property
    def _loaded(self) -> Loaded:
        for_release = self._command[0] is Mode.DESTROY
        inputs = VariableInputs()
        return load(Path("specs"), catalogue=CATALOGUE, environment=None, inputs=inputs, for_release=for_release)

    def _plan(self, state: State | None, live: dict[str, Live]) -> Plan:
        loaded = self._loaded
        mode, options = self._command
        return plan(
            PlanInput(
                loaded.desired,
                state,
                live,
                policy=self._policy,
                limits=loaded.stack.guards,
                refactoring=loaded.refactoring,
                assumed_protected=loaded.assumed_protected,
                place=self._place,
                **options,
            ),
            mode=mode,
            basis=Basis(loaded.stack.name, loaded.stack.environment, IDENTITY, None, 0, JournalHead()),
            catalogue=CATALOGUE,
            fingerprint=ScenarioSecrets().fingerprint,
        )

    @property
    def _place(self) -> StatePlace | None:
        """place.json: where the state is kept, and the states beside it that nothing names. Without it nothing is said of that."""
        found = self._read("place.json", None)
        if found is None:
            return None
        unnamed = tuple(
            UnnamedState(
                one["label"],
                one["label"].partition(".")[0] == self._stack["stack"],
                frozenset(map(an_address, one.get("addresses", []))),
                one.get("unread", ""),
            )
            for one in found.get("unnamed", [])
        )
        return StatePlace(found["location"], self._stack["stack"], unnamed)

    def _applied(self, cloud: ScenarioCloud, state: State | None, live: dict[str, Live]) -> Iterator[str]:
        """What a run sends, then how each address ended."""
        ledger = MemoryLedger([], CrashPlan())
        if state is not None:
            snapshot = CloudSnapshot(live, SENT + MINUTE)
            state = recover(
                state, snapshot, catalogue=CATALOGUE, policy=self._policy, ledger=ledger, listen=lambda _event: None
            )
        made = self._plan(state, live)
        if made.refusals:
            yield "# refused, nothing is sent"
            return
        context = RunContext(
            plan=made,
            live=live,
            catalogue=CATALOGUE,
            cloud=cloud,
            ledger=ledger,
            secrets=ScenarioSecrets(),
            clock=ManualClock(),
            interruption=Interruption(),
            listen=lambda _event: None,
            who="ana@laptop",
            sender="ana",
            lineage="6f0c9b1e-0d7c-4bb9-9d3e-3f3a7d1f5a11",
            server_time=lambda: SENT,
            policy=self._policy,
            doubts=state.doubts if state else {},
            resolve_timeout=30.0,
            parallelism=1,
        )
        results = run(execute(context)).results
        yield from cloud.log
        for result in results:
            yield f"# {result.address} {result.action}: {result.type}{f' ({result.message})' if result.message else ''}"
        if not results:
            yield "# nothing is sent"

    def _state(self) -> State | None:
        if not (self.folder / "state.json").exists():
            return None
        held = self._read("state.json", {})
        intents = [
            an_intent(
                one["address"],
                name=one["name"],
                declared=self._declared(one),
                earlier_ids=(),
                sent_at=SENT,
                server_time=SENT,
            )
            for one in held.get("in_doubt", [])
        ]
        records = [self._recorded(one) for one in held.get("servers", [])]
        return a_state(*records, stack=self._stack["stack"], environment=None, intents={one.id: one for one in intents})

    def _declared(self, one: dict[str, Any]) -> dict[str, Any]:
        declared = self._stack.get("defaults", {}) | {"name": one["name"]} | one.get("declared", {})
        return {key: value for key, value in declared.items() if value is not None}

    def _recorded(self, one: dict[str, Any]) -> Recorded:
        kept = ("id", "order_id", "labels", "observed", "protected", "pending")
        facts = {key: one[key] for key in kept if key in one}
        phase = Phase(one.get("phase", "ready"))
        if phase is Phase.READY:
            facts = {"observed": {"status": "RUNNING"}} | facts  # what is ready was seen
        return Recorded(an_address(one["address"]), KIND.name, phase, self._declared(one), **facts)


def _written(value: Any) -> Any:
    match value:
        case SecretReference():
            return {"secret": str(value)}
        case dict():
            return {key: _written(item) for key, item in value.items()}
        case _:
            return value
