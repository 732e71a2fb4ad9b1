"""Evaluates the outputs that the specs declare against the recorded state, for `output` and for the end of an apply.

When the specs declare none, `output` shows what is recorded of every server. It asks no cloud and takes no lock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.loading import declares_outputs
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.diagnostic import Diagnostic, SpecError, UsageError, error, warning
from provisioner.model.output import OutputValue
from provisioner.model.resource import Phase, Recorded
from provisioner.model.state import State
from provisioner.workflow.state import read_state, recorded_outputs
from provisioner.workflow.workspace import Workspace

if TYPE_CHECKING:
    from provisioner.loading import Loaded


@dataclass(frozen=True, slots=True)
class RequestedOutputs:
    """The requested values: outputs of the specs (`declared`), or else what is recorded of all servers or of one."""

    declared: tuple[OutputValue, ...] = ()
    recorded: JsonValue = None


def read_outputs(workspace: Workspace, name: str | None = None) -> RequestedOutputs:
    """Reads all outputs, or the one with `name`.

    Raises SpecError, StoreError for a damaged state, and UsageError for a name that is neither an output nor an
    address.
    """
    loaded = workspace.load() if declares_outputs(workspace.directory, catalogue=workspace.catalogue) else None
    if loaded is None or not loaded.outputs.names or (name is not None and name not in loaded.outputs.names):
        return RequestedOutputs(recorded=recorded_outputs(workspace, name))
    names = loaded.outputs.names if name is None else (name,)
    return RequestedOutputs(_evaluate(workspace, loaded, read_state(workspace).state, names))


@dataclass(frozen=True, slots=True)
class RunOutputs:
    """The outputs after a run. `notes` explain why there are no `values`; the run itself has succeeded all the same."""

    values: tuple[OutputValue, ...] = ()
    notes: tuple[Diagnostic, ...] = ()


def outputs_after_apply(workspace: Workspace, state: State | None, loaded: Loaded) -> RunOutputs:
    """Evaluates all outputs. What cannot be evaluated becomes a warning, as everything is recorded by then."""
    try:
        return RunOutputs(_evaluate(workspace, loaded, state, loaded.outputs.names))
    except (SpecError, UsageError) as failure:
        note = warning(
            "outputs-unknown",
            "the outputs cannot be computed",
            detail="\n".join(finding.summary for finding in failure.diagnostics),
            hint="everything is recorded; correct the outputs, then `provisioner output` shows them",
        )
        return RunOutputs(notes=(note,))


def _evaluate(
    workspace: Workspace, loaded: Loaded, state: State | None, names: Collection[str]
) -> tuple[OutputValue, ...]:
    if not names:
        return ()
    resources: Mapping[Address, Recorded] = state.resources if state else {}
    facts = {wanted.address: _facts(workspace, resources.get(wanted.address)) for wanted in loaded.desired}
    return loaded.outputs.values(facts, names)


def value_of(requested: RequestedOutputs) -> JsonValue:
    """Returns the value of the output that was requested by name, or the recorded values.

    Raises UsageError `output-not-known`.
    """
    if not requested.declared:
        return requested.recorded
    (output,) = requested.declared
    if not output.known:
        summary = f"the output {output.name} is not known yet, because something that it uses does not exist yet"
        raise UsageError(
            error("output-not-known", summary, hint="apply first; `provisioner plan` shows what is missing")
        )
    return output.value


def _facts(workspace: Workspace, recorded: Recorded | None) -> JsonObject | None:
    """Returns the facts of a server that expressions may use; None while it is not ready.

    A null is a value that the cloud never showed.
    """
    if recorded is None or recorded.phase is not Phase.READY:
        return None
    return workspace.catalogue[recorded.kind].facts.collect(recorded)
