"""plan: what would happen, without a lock and without writing anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provisioner import planning
from provisioner.applying import Sight
from provisioner.loading import Loaded
from provisioner.model.address import Address
from provisioner.model.change import Mode, Plan
from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.event import Listener
from provisioner.model.identity import Identity
from provisioner.model.state import State
from provisioner.planning import Survey
from provisioner.workflow.looking import basis_of, check_owner, look
from provisioner.workflow.terms import Seen, with_renewals
from provisioner.workflow.vault import Vault
from provisioner.workflow.workspace import Workspace

if TYPE_CHECKING:
    from provisioner.cloud import Cloud

_SHOWN_ADDRESSES = 10


@dataclass(frozen=True, slots=True)
class PlanRequest:
    mode: Mode = Mode.APPLY
    replace: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class Planned:
    plan: Plan = field(repr=False)
    """Not in the repr: asyncio formats the main task's result when it ends, and 10,000 servers took longer than planning."""
    warnings: tuple[Diagnostic, ...]
    requests: int
    """HTTP requests that it took."""


async def plan(workspace: Workspace, request: PlanRequest, listen: Listener) -> Planned:
    """Raises ProvisionerError for specs, state, credentials or a cloud that cannot be planned with."""
    loaded = workspace.load()
    store = workspace.store(loaded.stack)
    state = store.load()
    at_work = store.holder() is not None
    notes = Vault(workspace.secrets(), None).check(loaded.desired, workspace.catalogue, all_needed=False)
    async with workspace.cloud(loaded.stack, listen) as cloud:
        check_owner(state, loaded.stack, cloud.identity, location=store.location)
        sight = await look(cloud, state, workspace.catalogue, history=store.history)
        seen = await look_closer(workspace, request, loaded, cloud=cloud, state=state, sight=sight)
        made = make(workspace, request, loaded, state=state, sight=seen.sight, identity=cloud.identity, at_work=at_work)
        return Planned(made, (*store.warnings, *loaded.warnings, *notes, *seen.notes), cloud.requests)


async def look_closer(
    workspace: Workspace, request: PlanRequest, loaded: Loaded, *, cloud: Cloud, state: State | None, sight: Sight
) -> Seen:
    """With what only billing shows; of what is to be released nobody needs to know."""
    if request.mode is Mode.DESTROY:
        return Seen(sight)
    return await with_renewals(cloud, sight, desired=loaded.desired, state=state, catalogue=workspace.catalogue)


def make(
    workspace: Workspace,
    request: PlanRequest,
    loaded: Loaded,
    *,
    state: State | None,
    sight: Sight,
    identity: Identity,
    at_work: bool = False,
) -> Plan:
    """The same for plan and apply, so that apply can do nothing that plan would not have shown."""
    vault = Vault(workspace.secrets(), state.lineage if state else None)
    _check_addresses(request, loaded)
    return planning.plan(
        Survey(
            loaded.desired,
            state,
            sight.live,
            at_work,
            request.replace,
            policy=loaded.stack.purchase,
            traces=sight.traces,
        ),
        mode=request.mode,
        basis=basis_of(loaded.stack, state, identity),
        catalogue=workspace.catalogue,
        fingerprint=vault.fingerprint,
    )


def _check_addresses(request: PlanRequest, loaded: Loaded) -> None:
    """An address named for replacement that is not wanted is a slip of the pen, and slips cost money."""
    declared = {desired.address for desired in loaded.desired}
    if unknown := sorted(request.replace - declared):
        known = ", ".join(map(str, sorted(declared)[:_SHOWN_ADDRESSES])) + (
            " ..." if len(declared) > _SHOWN_ADDRESSES else ""
        )
        hint = f"the specs declare: {known}" if declared else "the specs declare no server"
        raise UsageError(
            *(
                error("unknown-address", f"--replace names {address}, which the specs do not declare", hint=hint)
                for address in unknown
            )
        )
