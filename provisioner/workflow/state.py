"""Reads what is recorded, for `show`, `state list`, `state show` and `output`: without a lock and without the cloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.kind import Kind
from provisioner.model.resource import FieldPath, Recorded
from provisioner.model.state import Intent, State
from provisioner.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ShownState:
    """`state` is None before the first apply. `at_work`: another run holds the lock, so open intents are in flight."""

    state: State | None
    location: str
    is_locked: bool
    unverifiable: tuple[FieldPath, ...] = ()
    """Declared fields of any server that the API hides."""
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownResource:
    recorded: Recorded | None
    intent: Intent | None
    unverifiable: tuple[FieldPath, ...]
    is_locked: bool
    findings: tuple[Diagnostic, ...] = ()


def read_state(workspace: Workspace) -> ShownState:
    """Raises StoreError for a state that is damaged, or another stack's."""
    stack = workspace.stack()
    store = workspace.store(stack)
    state = store.load()
    resources = state.resources.values() if state else ()
    hidden = {path for recorded in resources for path in _hidden(workspace, recorded)}
    findings = tuple(finding for recorded in resources for finding in _unknown_status(workspace, recorded))
    return ShownState(state, store.location, store.holder() is not None, tuple(sorted(hidden)), findings)


def show_resource(workspace: Workspace, address: Address) -> ShownResource:
    """Raises UsageError for an address that the state does not hold."""
    shown = read_state(workspace)
    recorded = shown.state.resources.get(address) if shown.state else None
    intent = shown.state.open_intent(address) if shown.state else None
    if recorded is None and intent is None:
        hint = "`provisioner state list` shows what is recorded"
        raise UsageError(error("unknown-address", f"{address} is not in the state at {shown.location}", hint=hint))
    hidden = _hidden(workspace, recorded) if recorded else ()
    findings = tuple(finding for finding in shown.findings if finding.address == address)
    return ShownResource(recorded, intent, hidden, shown.is_locked, findings)


def _hidden(workspace: Workspace, recorded: Recorded) -> tuple[FieldPath, ...]:
    return workspace.catalogue[recorded.kind].unverifiable(recorded.declared)


def _unknown_status(workspace: Workspace, recorded: Recorded) -> Iterator[Diagnostic]:
    """As it was recorded last; of what was gone then the record says so itself."""
    status, kind = recorded.observed.get("status"), workspace.catalogue[recorded.kind]
    if isinstance(status, str) and status not in kind.statuses.known:
        from provisioner.planning import unknown_status_warnings

        yield from unknown_status_warnings(recorded.address, status, kind)


def recorded_outputs(workspace: Workspace, name: str | None = None) -> JsonValue:
    """What other tools need of every recorded server, by address; or one address's, or one value of it.

    Raises UsageError for a name that is neither.
    """
    state = read_state(workspace).state
    recorded = sorted(state.resources.values(), key=lambda item: item.address) if state else []
    everything = {str(item.address): _output(item, workspace.catalogue[item.kind]) for item in recorded}
    if name is None or name in everything:
        return everything if name is None else everything[name]
    address, _, field = name.rpartition(".")
    if field not in everything.get(address, {}):
        hint = "NAME is an address from `provisioner state list`, or an address and a field: gateway.id"
        raise UsageError(error("unknown-output", f"there is no output {name!r}", hint=hint))
    return everything[address][field]


def _output(recorded: Recorded, kind: Kind) -> JsonObject:
    """The facts of its kind, and what is paid for until when where that can be."""
    facts = kind.facts.collect(recorded)
    labels = facts.pop("labels")
    if kind.has_terms:
        facts["expires_at"] = recorded.term.end if recorded.term else None
        facts["renews"] = recorded.term.renews if recorded.term else None
    return {**facts, "labels": labels}
