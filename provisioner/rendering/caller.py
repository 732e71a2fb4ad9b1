"""Renders who ran a command, and in which environment and account, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.caller import UNKNOWN_CALLER, Caller, PipelineRun
from provisioner.model.plan import Basis
from provisioner.rendering.style import escape


def target_text(basis: Basis) -> str:
    """Returns where a plan acts, for a sentence: its environment and account.

    Empty for the sandbox without environments, where there is nothing to mix up.
    """
    if basis.environment is None and not basis.caller.account:
        return ""
    environment = "" if basis.environment is None else f"environment {basis.environment}, "
    return escape(f"{environment}account {basis.caller.account_text or basis.identity.account}")


def caller_lines(caller: Caller) -> Iterator[str]:
    """Yields what is known of who made a run, a line for the cloud and one for the pipeline."""
    user = f", user {caller.user}" if caller.user else ""
    if caller.account:
        yield escape(f"account: {caller.account_text}{user}")
    if (pipeline := caller.pipeline) is not None:
        commit = (
            f"commit {pipeline.commit} of {pipeline.repository}" if pipeline.repository else f"commit {pipeline.commit}"
        )
        facts = (str(pipeline), commit if pipeline.commit else "", pipeline.url)
        yield escape(f"pipeline: {', '.join(filter(None, facts))}")


def caller_document(caller: Caller) -> dict[str, object] | None:
    """Returns who made a run; null when nothing is known. What is not known of it is null, too."""
    if caller == UNKNOWN_CALLER:
        return None
    return {
        "account": caller.account or None,
        "account_name": caller.account_name or None,
        "project_name": caller.project_name or None,
        "user": caller.user or None,
        "pipeline": None if caller.pipeline is None else _pipeline_document(caller.pipeline),
    }


def _pipeline_document(pipeline: PipelineRun) -> dict[str, str | None]:
    return {
        "system": pipeline.system,
        "actor": pipeline.actor or None,
        "run": pipeline.run or None,
        "commit": pipeline.commit or None,
        "repository": pipeline.repository or None,
        "url": pipeline.url or None,
    }
