"""Checks everything that an apply needs, by means that change nothing: installation, specs, state, network, credentials and rights."""

from __future__ import annotations

from contextlib import AsyncExitStack

from provisioner.model.check import Check
from provisioner.workflow.check_runner import CheckRunner
from provisioner.workflow.credential_checks import CredentialExamination
from provisioner.workflow.installation_checks import check_extras, check_installation
from provisioner.workflow.permission_checks import check_permissions
from provisioner.workflow.stack_checks import StackExamination
from provisioner.workflow.workspace import Workspace


async def doctor(workspace: Workspace) -> tuple[Check, ...]:
    """Return every check with its result. Nothing is bought, recorded or created, and no failure is raised."""
    runner = CheckRunner(workspace.progress)
    await check_installation(runner, workspace.version)
    examined = StackExamination(workspace)
    await examined.check_specs(runner)
    await check_extras(runner, lambda: examined.scheme)
    await examined.check_state(runner)
    async with AsyncExitStack() as closing:
        credentials = CredentialExamination(workspace, examined, closing)
        await credentials.check(runner)
        await check_permissions(runner, credentials.cloud, workspace.catalogue, needs_orders=examined.needs_orders)
    workspace.progress.end()
    return runner.checks
