"""Reads the state for `show`, `state list`, `state show` and `output`. It takes no lock and asks no cloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.kind import Kind
from provisioner.model.resource import FieldPath, Recorded
from provisioner.model.state import Intent, State
from provisioner.workflow.state_place import require_recorded
from provisioner.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ShownState:
    """The state, for display. `is_locked`: another run holds the lock, so open calls are in flight."""

    state: State
    location: str
    is_locked: bool
    unverifiable: tuple[FieldPath, ...] = ()
    """The declared fields of any server that the API hides."""
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownResource:
    recorded: Recorded | None
    intent: Intent | None
    unverifiable: tuple[FieldPath, ...]
    is_locked: bool
    findings: tuple[Diagnostic, ...] = ()


def read_state(workspace: Workspace) -> ShownState:
    """Reads the state. Raises StoreError when it is damaged or of another stack, and UsageError when there is none."""
    stack = workspace.stack()
    store = workspace.store(stack)
    state = require_recorded(store, store.load())
    resources = state.resources.values()
    hidden = {path for recorded in resources for path in _hidden(workspace, recorded)}
    statuses = (finding for recorded in resources for finding in _unknown_status(workspace, recorded))
    findings = (*store.warnings, *statuses)
    return ShownState(state, store.location, store.holder() is not None, tuple(sorted(hidden)), findings)


def show_resource(workspace: Workspace, address: Address) -> ShownResource:
    """Reads what is recorded about an address. Raises UsageError when there is neither a record nor an open call."""
    shown = read_state(workspace)
    recorded = shown.state.resources.get(address)
    intent = shown.state.open_intent(address)
    if recorded is None and intent is None:
        hint = "`provisioner state list` shows what is recorded"
        raise UsageError(error("unknown-address", f"{address} is not in the state at {shown.location}", hint=hint))
    hidden = _hidden(workspace, recorded) if recorded else ()
    findings = tuple(finding for finding in shown.findings if finding.address == address)
    return ShownResource(recorded, intent, hidden, shown.is_locked, findings)


def _hidden(workspace: Workspace, recorded: Recorded) -> tuple[FieldPath, ...]:
    return workspace.catalogue[recorded.kind].unverifiable(recorded.declared)


def _unknown_status(workspace: Workspace, recorded: Recorded) -> Iterator[Diagnostic]:
    """Yields a finding when the last recorded status is not a documented one."""
    status, kind = recorded.observed.get("status"), workspace.catalogue[recorded.kind]
    if isinstance(status, str) and status not in kind.statuses.known:
        from provisioner.planning import unknown_status_warnings

        yield from unknown_status_warnings(recorded.address, status, kind)


def recorded_outputs(workspace: Workspace, name: str | None = None) -> JsonValue:
    """Returns the facts of every recorded server by address; or those of one address; or one value of them, as `name`
    selects.

    Raises UsageError for a name that is neither an address nor a value of one.
    """
    state = read_state(workspace).state
    recorded = sorted(state.resources.values(), key=lambda item: item.address)
    everything = {str(item.address): _output(item, workspace.catalogue[item.kind]) for item in recorded}
    if name is None or name in everything:
        return everything if name is None else everything[name]
    address, _, field = name.rpartition(".")
    if field not in everything.get(address, {}):
        hint = "NAME is an address from `provisioner state list`, or an address and a field: gateway.id"
        raise UsageError(error("unknown-output", f"there is no output {name!r}", hint=hint))
    return everything[address][field]


def _output(recorded: Recorded, kind: Kind) -> JsonObject:
    """Returns the facts of the record, for a kind with paid terms also the end of the term and whether it renews."""
    facts = kind.facts.collect(recorded)
    labels = facts.pop("labels")
    if kind.has_terms:
        facts["expires_at"] = recorded.term.end if recorded.term else None
        facts["renews"] = recorded.term.renews if recorded.term else None
    return {**facts, "labels": labels}
