"""Draws up the groups of a stack, and the order of the work on them, from the specs alone."""

from __future__ import annotations

from provisioner.model.stack_graph import StackGraph, groups_of, triggers_of
from provisioner.workflow.workspace import Workspace


def read_graph(workspace: Workspace) -> StackGraph:
    """Raises SpecError or UsageError for specs with mistakes."""
    loaded = workspace.load()
    stack, desired = loaded.stack, loaded.desired
    counted = workspace.catalogue.counted(len(desired), (one.kind for one in desired))
    groups = groups_of(desired, workspace.catalogue)
    return StackGraph(stack.name, stack.environment, counted, groups, triggers_of(desired))
