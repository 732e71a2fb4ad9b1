"""Checks of the credentials: which were found, whether the cloud accepts them, whose they are, and until when they last.

Signing in sends what every command sends: it lists projects, or has a token or temporary keys issued.
"""

from __future__ import annotations

import tempfile
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from provisioner.disk import may_exist
from provisioner.model.check import CheckResult, doubtful, passed, result_of, skipped
from provisioner.model.event import Event
from provisioner.model.flow import CallFailed, Service
from provisioner.model.stack import CloudName, Stack
from provisioner.workflow.check_runner import CheckRunner
from provisioner.workflow.cloud_snapshot import check_identity
from provisioner.workflow.network_checks import NetworkExamination, endpoint_check
from provisioner.workflow.pins import choose_region, require_pins, require_region
from provisioner.workflow.stack_checks import STACK, StackExamination
from provisioner.workflow.vendor_endpoints import vendor_endpoints
from provisioner.workflow.workspace import Workspace

if TYPE_CHECKING:
    from provisioner.cloud import Cloud, FoundCredentials

_TOPIC: Final = "credentials"
SIGN_IN: Final = f"{_TOPIC}/sign-in"
_SOON: Final = timedelta(hours=1)


@dataclass
class CredentialExamination:
    """The connection to the cloud, from the sign-in on. `closing` ends it."""

    workspace: Workspace
    examined: StackExamination
    closing: AsyncExitStack
    cloud: Cloud | None = None
    _found: FoundCredentials | None = None
    _region: str = ""

    async def check(self, runner: CheckRunner) -> None:
        if self._uses_sandbox:
            await self._check_sandbox(runner)
        else:
            await self._check_vendor(runner)
        await runner.run(_TOPIC, "names", self._examine_names, needs=(SIGN_IN,), stops=False)
        await runner.run(_TOPIC, "pins", self._examine_pins, needs=(SIGN_IN, STACK))
        await runner.run(_TOPIC, "state", self._examine_state, needs=(SIGN_IN, "state/state"))
        await runner.run(_TOPIC, "expiry", self._examine_expiry, needs=(SIGN_IN,))

    @property
    def _stack(self) -> Stack | None:
        return self.examined.stack

    @property
    def _uses_sandbox(self) -> bool:
        return self._stack is not None and self._stack.cloud is CloudName.SANDBOX

    async def _check_sandbox(self, runner: CheckRunner) -> None:
        if self.workspace.settings.endpoints:
            await self._check_endpoints(runner, (self._stack and self._stack.region) or self.workspace.emulator.region)
        else:
            runner.skip("connection", "endpoints", "the sandbox runs inside the command, without a network")
        await runner.run_blocking(_TOPIC, "source", lambda: passed("the sandbox's own (access key)"))
        await runner.run(_TOPIC, "sign-in", self._sign_in)

    async def _check_vendor(self, runner: CheckRunner) -> None:
        # Without a stack nobody knows that credentials are needed: a stack of the sandbox needs none.
        stops = not self.examined.has_none
        await runner.run_blocking(_TOPIC, "source", self._examine_source, stops=stops)
        await runner.run_blocking(_TOPIC, "region", self._examine_region, stops=stops)
        if self._region:
            await self._check_endpoints(runner, self._region)
        else:
            runner.skip("connection", "endpoints", "because it is not known which region's they are")
        needs = (f"{_TOPIC}/source", f"{_TOPIC}/region", endpoint_check(Service.MODELARTS))
        await runner.run(_TOPIC, "sign-in", self._sign_in, needs=needs, stops=stops)

    async def _check_endpoints(self, runner: CheckRunner, region: str) -> None:
        endpoints = None

        def examine() -> CheckResult:
            nonlocal endpoints
            endpoints = vendor_endpoints(region, self.workspace.settings, self.workspace.environ)
            return passed(", ".join(endpoints.url(service) for service in Service))

        await runner.run_blocking("connection", "endpoints", examine)
        if endpoints is not None:
            await NetworkExamination(self.workspace, region).check(runner, endpoints)

    def _examine_source(self) -> CheckResult:
        from provisioner.cloud import describe_credentials

        self._found = found = self.workspace.credentials(self._stack)
        if found.warnings:
            return result_of(found.warnings[0], more=len(found.warnings) - 1)
        return passed(f"{found.source} ({describe_credentials(found.credentials)})")

    def _examine_region(self) -> CheckResult:
        region = choose_region(self._stack.region if self._stack else None, self._found.region if self._found else None)
        self._region = region
        return passed(region)

    async def _sign_in(self) -> CheckResult:
        from provisioner.cloud import user_named_by

        self.cloud = cloud = await self.closing.enter_async_context(self._connection())
        user = None if self._found is None else user_named_by(self._found.credentials)
        cloud.caller = self.workspace.caller
        if user is not None:
            cloud.caller = replace(cloud.caller, account=cloud.identity.account, user=user)
        return passed(f"{cloud.identity}")

    def _connection(self) -> AbstractAsyncContextManager[Cloud]:
        if self._uses_sandbox:
            assert self._stack is not None
            return self.workspace.sandbox_cloud(self._stack, _ignore, world=self._temporary_world(self._stack))
        assert self._found is not None
        return self.workspace.vendor_cloud(self._found, self._stack.region if self._stack else None, _ignore)

    def _temporary_world(self, stack: Stack) -> Path | None:
        """Return a world of its own for a sandbox that has none yet, so that nothing is made in the state folder."""
        if self.workspace.settings.endpoints or may_exist(self.workspace.world(stack)):
            return None
        folder = self.closing.enter_context(tempfile.TemporaryDirectory(prefix="provisioner-doctor-"))
        return Path(folder) / "world.db"

    async def _examine_names(self) -> CheckResult:
        from provisioner.cloud import read_names, translate

        assert self.cloud is not None
        try:
            async with self.cloud.channel() as channel:
                account, project = await read_names(channel.ask, self.cloud.identity)
        except CallFailed as problem:
            raise translate(problem, "reading the names of account and project") from problem
        self.cloud.add_names(account=account, project=project)
        if account is None or project is None:
            lacking = " and ".join(what for what, name in (("account", account), ("project", project)) if name is None)
            hint = "Grant iam:projects:listProjects, or pin accounts and projects by id: names can't be compared."
            return doubtful("pin-unverified", f"the name of the {lacking} may not be read", hint=hint)
        return passed(f"account {account}, project {project}")

    async def _examine_pins(self) -> CheckResult:
        stack, found = self._stack, self._found
        if stack is None or self.cloud is None:
            return skipped("because there is no stack")
        require_region(stack, found.region if found else None)
        require_region(stack, stack.region)
        await require_pins(stack, self.cloud, account_is_given=found is not None and found.domain_id is not None)
        if warnings := tuple(self.workspace.configuration().warnings(stack)):
            return result_of(warnings[0], more=len(warnings) - 1)
        pins = ", ".join(f"{pin.field.value} {pin.value}" for pin in stack.pins)
        return passed(f"they match: {pins}" if pins else "nothing is pinned")

    async def _examine_state(self) -> CheckResult:
        if self.examined.store is None or self.cloud is None:
            return skipped("because no state is known")
        state = self.examined.store.load()
        check_identity(state, self.cloud.identity)
        return passed("the state is of this account, project and region" if state else "nothing is recorded yet")

    async def _examine_expiry(self) -> CheckResult:
        from provisioner.cloud import AccessKey

        assert self.cloud is not None
        credentials, end = self._found and self._found.credentials, self.cloud.credentials_end
        if credentials is None or (isinstance(credentials, AccessKey) and credentials.security_token is None):
            return passed("permanent keys do not expire")
        if not isinstance(credentials, AccessKey):
            return passed(
                f"renewed by the tool; the present ones last until {end:%Y-%m-%d %H:%M} UTC"
                if end
                else "renewed by the tool"
            )
        if end is not None and end - datetime.now(UTC) > _SOON:
            return passed(f"they last until {end:%Y-%m-%d %H:%M} UTC")
        until = (
            f"end at {end:%H:%M} UTC" if end is not None else "end at a time that nobody tells, within a day at most"
        )
        return doubtful(
            "credentials-expiring",
            f"these temporary keys {until}",
            hint="Get new ones before a long apply. If they end during it, run the same command again with new ones.",
        )


def _ignore(_event: Event) -> None:
    """Each check says by itself what these events tell."""
