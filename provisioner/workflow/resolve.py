"""resolve: a person settles what the tool cannot know: which server a purchase in doubt became, or that it became none.

The decision is journaled with who made it. It sends nothing; what it allows happens at the next apply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from provisioner.model.address import Address
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.flow import Effect
from provisioner.model.journal import Adopted, Entry, Settled
from provisioner.model.resource import Live
from provisioner.model.state import Intent, State
from provisioner.workflow.looking import check_owner, look
from provisioner.workflow.workspace import Workspace, who


@dataclass(frozen=True, slots=True)
class Decision:
    """`adopt` is the id of the server that it became; None says that it became none."""

    address: Address
    adopt: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    intent: Intent
    outcome: Literal["adopted", "absent"]


async def resolve(workspace: Workspace, decision: Decision) -> Resolved:
    """Raises UsageError, and changes nothing, for an address that is not in doubt or a server that cannot be its own."""
    stack = workspace.stack()
    store = workspace.store(stack)
    with store.write(command="resolve", who=who(), timeout=0) as session:
        async with workspace.cloud(stack) as cloud:
            check_owner(session.state, stack, cloud.identity, location=store.location)
            live = await look(cloud, session.state, workspace.catalogue)
        intent = _intent(session.state, decision.address)
        entry = _decided(intent, decision, session.state, live)
        session.append([entry])
        session.checkpoint()
    return Resolved(intent, "absent" if decision.adopt is None else "adopted")


def _intent(state: State | None, address: Address) -> Intent:
    intent = state.open_intent(address) if state else None
    if intent is None or intent.effect is not Effect.PURCHASE:
        in_doubt = [str(each.address) for each in state.in_doubt if each.effect is Effect.PURCHASE] if state else []
        hint = f"in doubt: {', '.join(in_doubt)}" if in_doubt else "no purchase is in doubt"
        raise UsageError(error("not-in-doubt", f"{address} has no purchase in doubt", hint=hint, address=address))
    return intent


def _decided(intent: Intent, decision: Decision, state: State | None, live: dict[str, Live]) -> Entry:
    evidence = f"decided by {who()}" + (f": {decision.reason}" if decision.reason else "")
    if decision.adopt is None:
        return Settled(intent.id, "absent", evidence)
    row = live.get(decision.adopt)
    if row is None:
        summary, hint = (
            f"the cloud lists no server {decision.adopt}",
            "check the id in the console; nothing was changed",
        )
        raise UsageError(error("unknown-server", summary, hint=hint, address=intent.address))
    recorded = state.resources.values() if state else ()
    if (owner := next((each.address for each in recorded if each.id == row.id), None)) is not None:
        summary, hint = f"server {row.id} is that of {owner}", "one server, one address; nothing was changed"
        raise UsageError(error("server-owned", summary, hint=hint, address=intent.address))
    return Adopted(intent.id, row.id, evidence, row.order_id)
