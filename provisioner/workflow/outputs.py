"""output: what the specs declare as outputs, worked out from the state at this moment; where they declare none, what is recorded
of every server. No cloud is asked and no lock is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.loading import declares_outputs
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.output import OutputValue
from provisioner.model.resource import Phase, Recorded
from provisioner.workflow.state import outputs, read_state
from provisioner.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Asked:
    """Either the declared ones that were asked for, or `recorded`: of every server, of one, or one value of it."""

    declared: tuple[OutputValue, ...] = ()
    recorded: JsonValue = None


def read_outputs(workspace: Workspace, name: str | None = None) -> Asked:
    """Raises SpecError, StoreError for a damaged state, and UsageError for a name that is no output and no address."""
    loaded = workspace.load() if declares_outputs(workspace.directory, catalogue=workspace.catalogue) else None
    if loaded is None or not loaded.outputs.names or (name is not None and name not in loaded.outputs.names):
        return Asked(recorded=outputs(workspace, name))
    state = read_state(workspace).state
    resources: Mapping[Address, Recorded] = state.resources if state else {}
    facts = {wanted.address: _facts(workspace, resources.get(wanted.address)) for wanted in loaded.desired}
    return Asked(loaded.outputs.values(facts, loaded.outputs.names if name is None else (name,)))


def value_of(asked: Asked) -> JsonValue:
    """Of the one that was asked for by name. Raises UsageError while it is not known."""
    if not asked.declared:
        return asked.recorded
    (output,) = asked.declared
    if not output.known:
        summary = f"the output {output.name} is not known yet: a server that it is made of is not there"
        raise UsageError(
            error("output-not-known", summary, hint="apply first; `provisioner plan` shows what is missing")
        )
    return output.value


def _facts(workspace: Workspace, recorded: Recorded | None) -> JsonObject | None:
    """What an expression may ask of a server; None for one that is not there yet. Null is what the cloud never told."""
    if recorded is None or recorded.phase is not Phase.READY:
        return None
    told = workspace.catalogue[recorded.kind].facts(recorded.observed)
    private, public = (_texts(told.get(key)) for key in ("private_addresses", "public_addresses"))
    return {
        "id": recorded.id,
        "name": recorded.name,
        "order_id": recorded.order_id,
        "status": told.get("status"),
        "private_address": next(iter(private), None),
        "private_addresses": private,
        "public_address": next(iter(public), None),
        "public_addresses": public,
        "labels": dict(recorded.labels),
    }


def _texts(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
