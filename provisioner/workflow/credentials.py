"""Reports which credentials are used, where they were found, and which account they belong to. It shows no secret."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from provisioner.model.event import Listener
from provisioner.model.flow import CallFailed, Service
from provisioner.model.identity import CallerIdentity
from provisioner.model.stack import CloudName
from provisioner.workflow.workspace import Workspace

if TYPE_CHECKING:
    from provisioner.cloud import Cloud


async def credentials(workspace: Workspace, listen: Listener) -> CallerIdentity:
    """Reports the credentials and the identity that the cloud confirms for them. Raises UsageError and CloudError."""
    stack = workspace.stack_if_any()
    if stack is not None and stack.cloud is CloudName.SANDBOX:
        cloud = workspace.sandbox_cloud(stack, listen)
        return await _introduce(cloud, source="the sandbox's own", method="access key", temporary=False)
    from provisioner.cloud import AccessKey, AssumedAgency, describe_credentials

    found = workspace.credentials(stack)
    agency = found.credentials.agency.name if isinstance(found.credentials, AssumedAgency) else None
    lasting = isinstance(found.credentials, AccessKey) and found.credentials.security_token is None
    cloud = workspace.vendor_cloud(found, stack.region if stack else None, listen)
    method = describe_credentials(found.credentials)
    return await _introduce(cloud, source=found.source, method=method, temporary=not lasting, agency=agency)


async def _introduce(
    connecting: AbstractAsyncContextManager[Cloud],
    *,
    source: str,
    method: str,
    temporary: bool,
    agency: str | None = None,
) -> CallerIdentity:
    from provisioner.cloud import read_names, translate

    async with connecting as cloud, cloud.channel() as channel:
        try:
            account, project = await read_names(channel.ask, cloud.identity)
        except CallFailed as failed:
            raise translate(failed, "signing in to the cloud") from failed
        return CallerIdentity(
            source=source,
            method=method,
            identity=cloud.identity,
            account_name=account,
            project_name=project,
            temporary=temporary,
            ends_at=cloud.credentials_end,
            endpoints={service.value: cloud.endpoints.url(service) for service in Service},
            agency=agency,
        )
