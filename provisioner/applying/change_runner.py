"""Runs one change from its start to its result.

It does what the plan says and makes no decision that the plan has made. What may have changed since a saved plan was
made is checked again (preflight.py).
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import assert_never

from provisioner.applying.address_progress import AddressProgress, EventReporter, fields_changed_since_purchase
from provisioner.applying.dependencies import DependencyGate
from provisioner.applying.doubt_resolver import resolve
from provisioner.applying.first_purchases import purchase_class
from provisioner.applying.flow_runner import FlowRunner
from provisioner.applying.group_purchase import GroupPurchase
from provisioner.applying.preflight import Preflight
from provisioner.applying.refusals import ShowsAgain
from provisioner.applying.results import EXPECTED, announce, failed, succeeded
from provisioner.applying.run_context import RunContext
from provisioner.applying.unrecorded_answers import lost_answers
from provisioner.model import change as variants
from provisioner.model.action import Action, Reason
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, StoreError
from provisioner.model.event import EventType, Result, ResultType
from provisioner.model.flow import CallFailed, Ended
from provisioner.model.journal import CANCELLED, GONE, RELEASED, Forgotten, Imported, Moved, Remembered, Settled
from provisioner.model.leftover import Leftover
from provisioner.model.plan import Mode
from provisioner.model.redaction import with_fingerprints
from provisioner.model.resource import Desired, Live, Phase, Recorded, Timeouts
from provisioner.model.state import Intent


class ChangeRunner:
    """Carries out one change. `group` is the purchase that buys its server together with others. None: the server is
    bought on its own.
    """

    def __init__(
        self,
        context: RunContext,
        preflight: Preflight,
        gate: DependencyGate,
        change: Change,
        *,
        group: GroupPurchase | None = None,
    ) -> None:
        self._gate = gate
        self._group = group
        self._preflight = preflight
        self._context = context
        self._kind = context.catalogue[change.kind]
        self._change = change
        self._flow = self._new_flow(change.recorded)

    def lost_answers(self) -> Iterator[Diagnostic]:
        return lost_answers(self._change.address, self._flow.progress)

    async def run(self) -> Result:
        result: Result | None = None
        try:
            try:
                await self._preflight.await_turn(self._change)
                ended = await self._execute()
            except EXPECTED as reason:
                result = failed(self._change, self._flow, reason)
                if result.type is ResultType.NOT_AWAITED:
                    self._context.first_purchases.note_not_awaited(self._change.address)
            else:
                result = succeeded(self._change, self._flow, ended)
            announce(result, self._flow)
        finally:
            self._context.first_purchases.leave(self._change.address)
            self._gate.end(self._change.address, result, self._flow.progress.identifier)
        return result

    async def _execute(self) -> Ended:
        """Runs the steps of the change. When the reply to a purchase is lost, looks for its server and continues with
        that.
        """
        if self._change.moved_from is not None:
            self._context.journal.check()
        try:
            return await self._steps(self._change)
        except CallFailed as failure:
            doubt = self._flow.progress.doubt
            if doubt is None or self._context.resolve_timeout <= 0:
                raise
            return await self._resolve(doubt, cause=failure)

    def _steps(self, change: Change) -> Coroutine[None, None, Ended]:
        steps: Coroutine[None, None, Ended]
        match change:
            case variants.CreateChange():
                steps = self._create(change)
            case variants.ResumeChange():
                steps = self._resume(change.desired, change.recorded)
            case variants.ResolveChange():
                steps = self._resolve(self._context.doubts[change.address])
            case variants.UpdateChange() | variants.ReinstallChange():
                steps = self._update(change, change.recorded)
            case variants.DeleteChange():
                steps = self._release(change)
            case variants.ReplaceChange():
                steps = self._replace(change)
            case variants.ImportChange():
                steps = self._adopt(change)
            case variants.PayChange() | variants.CancelChange():
                steps = self._settle_order(change)
            case variants.ForgetChange() | variants.RecordChange() | variants.MoveChange() | variants.NoOpChange():
                steps = self._send_nothing(change)
            case _:
                assert_never(change)
        return steps

    async def _send_nothing(
        self, change: variants.ForgetChange | variants.RecordChange | variants.MoveChange | variants.NoOpChange
    ) -> Ended:
        match change:
            case variants.ForgetChange():
                return await self._forget(change)
            case variants.RecordChange():
                return await self._record(change)
            case variants.MoveChange() | variants.NoOpChange():
                return Ended(change.recorded.phase if change.recorded else None)

    async def _create(self, change: variants.CreateChange | variants.ReplaceChange) -> Ended:
        await self._preflight.refuse_taken_names(self._kind, self._group.wanted if self._group else (change.desired,))
        if isinstance(change, variants.CreateChange) and change.create_first:
            return await self._create_first(change)
        recorded = await self._group.buy(self._flow) if self._group else None
        return await self._flow.run(self._kind.create(change.desired, recorded, self._context.policy))

    async def _create_first(self, change: variants.CreateChange) -> Ended:
        """Buys the successor of a server that gives up its address (`create_before_destroy`). If nothing is bought, the
        old server gets its address back. If the process dies before that, the next plan gives it back.
        """
        await self._preflight.before_successor(change.address)
        deposed, journal = change.address.as_deposed, self._context.journal
        await journal.write(Moved(change.address, deposed, change.reason is Reason.REQUESTED))
        try:
            return await self._flow.run(self._kind.create(change.desired, None, self._context.policy))
        except EXPECTED:
            if not self._flow.progress.may_exist:
                with suppress(StoreError):
                    await journal.write(Moved(deposed, change.address))
            raise

    async def _replace(self, change: variants.ReplaceChange) -> Ended:
        """Releases the old server, then buys the new one. Nothing is released until a first purchase of its class has
        shown that the cloud charges as was asked for.
        """
        key = purchase_class(self._kind, change, self._context.policy)
        await self._context.first_purchases.enter_release(key, change.address)
        released = await self._release(change)
        if released.phase is not None:
            return released
        self._flow = self._new_flow(None, started=self._flow.reporter.started)
        return await self._create(change)

    async def _resolve(self, intent: Intent, *, cause: CallFailed | None = None) -> Ended:
        """Looks for the server of a purchase in doubt and continues with it. `cause` is the failure that left the
        purchase in doubt in this run. Raises StillInDoubt when looking does not settle it.
        """
        self._flow.progress.doubt, reporter = intent, self._flow.reporter
        recorded = await resolve(self._context, self._kind, intent, reporter, cause=cause)
        self._flow.progress.take_over(recorded)
        reporter.announce(EventType.ADOPTED, identifier=recorded.id, order_id=recorded.order_id)
        return await self._continue_with(recorded)

    async def _continue_with(self, recorded: Recorded) -> Ended:
        """Does with a server that was found what the plan is for. Where the address is not selected, the server is only
        recorded.
        """
        if not self._context.plan.selects(self._change):
            return Ended(recorded.phase)
        if self._context.plan.mode is Mode.DESTROY and not self._change.let_go:
            if kept := self._preflight.kept_after_doubt(self._kind, recorded):
                return kept
            await self._preflight.refuse_shared_order(self._kind, recorded, None)
            ended = await self._flow.run(self._kind.delete(recorded, None))
            if ended.phase is not None:
                return ended
            left = self._kind.leftovers(replace(recorded, observed=self._flow.progress.observed), None)
            return await self._write_forgotten(RELEASED, left)
        if self._change.desired is None:
            return Ended(
                Phase.CREATING,
                "it was found and recorded, and is not in the specs any more",
                "apply again, which forgets it" if self._change.let_go else "apply again, which releases it",
            )
        return await self._resume(self._change.desired, recorded)

    async def _resume(self, desired: Desired, recorded: Recorded) -> Ended:
        """Finishes what was begun. If the specs want something else by now, reports that; the next plan changes it."""
        is_changing = recorded.phase is Phase.REINSTALLING or recorded.pending
        ended = await self._flow.run(
            self._kind.update(desired, recorded, frozenset(), self._context.policy)
            if is_changing
            else self._kind.create(desired, recorded, self._context.policy)
        )
        if ended.problem or not (
            fields := fields_changed_since_purchase(self._context, self._kind, desired, recorded, self._flow.progress)
        ):
            return ended
        return Ended(ended.phase, f"the specs want another {fields} now", "undo the change, or see plan")

    async def _update(
        self, change: variants.UpdateChange | variants.ReinstallChange | variants.ImportChange, recorded: Recorded
    ) -> Ended:
        changed = frozenset(item.path for item in change.fields)
        await self._preflight.before_wipe(change)
        return await self._flow.run(self._kind.update(change.desired, recorded, changed, self._context.policy))

    async def _release(self, change: variants.DeleteChange | variants.ReplaceChange) -> Ended:
        await self._preflight.before_release(change)
        row = self._context.live_row(change.recorded)
        ended = await self._flow.run(self._kind.delete(change.recorded, row))
        how = self._how_it_ended(change.recorded, row)
        return await self._write_forgotten(how, change.leftovers) if ended.phase is None else ended

    def _how_it_ended(self, recorded: Recorded, row: Live | None) -> str:
        """Returns what the history says of a server that is not there any more. It is released only where there was
        something to release: before this run began, or when its flow looked for it.
        """
        if recorded.phase is Phase.DELETING or row is not None:
            return RELEASED
        if not self._flow.progress.was_listed:
            return CANCELLED
        return GONE if recorded.observed else RELEASED

    async def _settle_order(self, change: variants.PayChange | variants.CancelChange) -> Ended:
        """Pays or cancels the order. A cancelled order leaves no record, so that its server may be bought anew."""
        settle = self._kind.orders.pay if isinstance(change, variants.PayChange) else self._kind.orders.cancel
        ended = await self._flow.run(settle(change.recorded))
        return await self._write_forgotten(CANCELLED) if ended.phase is None else ended

    async def _adopt(self, change: variants.ImportChange) -> Ended:
        """Records an existing server. A saved plan may be older than the list, so a server that is gone by now is not
        recorded.
        """
        recorded = change.recorded
        self._preflight.before_adoption(self._kind, recorded, self._context.other_states)
        wanted, fingerprint = change.desired.fields, self._context.secrets.fingerprint
        recorded = replace(recorded, declared=with_fingerprints(recorded.declared, wanted, fingerprint))
        self._flow = self._new_flow(recorded)
        await self._context.journal.write(Imported(recorded, "named by imports in the specs"))
        return await self._update(change, recorded) if change.fields else Ended(recorded.phase)

    async def _forget(self, change: variants.ForgetChange) -> Ended:
        if change.let_go:
            return await self._write_forgotten("removed by the specs; nobody has released it")
        self._refuse_listed(change)
        was_released = change.reason is Reason.UNDER_WAY
        return await self._write_forgotten(*((RELEASED, change.leftovers) if was_released else (GONE,)))

    async def _record(self, change: variants.RecordChange) -> Ended:
        self._refuse_listed(change)
        facts = Remembered(change.address, change.recorded.phase, declared=change.after, observed=change.observed)
        await self._context.journal.write(facts)
        return Ended(change.recorded.phase)

    def _refuse_listed(self, change: variants.ForgetChange | variants.RecordChange) -> None:
        """Raises ShowsAgain if a server that the plan saw as gone is listed again: a saved plan may be older than the
        list.
        """
        if change.is_gone and change.recorded.id in self._context.live:
            raise ShowsAgain

    async def _write_forgotten(self, reason: str, leftovers: tuple[Leftover, ...] | None = None) -> Ended:
        """Writes that the address has no server any more and what the cloud keeps of it, together with what follows from
        that for open releases and for its order.
        """
        identifier = self._flow.progress.identifier
        settled = [Settled(one, "observed", reason) for one in self._context.releases.get(identifier or "", ())]
        forgotten = Forgotten(self._change.address, reason, identifier, leftovers)
        await self._context.journal.write(*self._preflight.note_forgotten(self._change), *settled, forgotten)
        return Ended(None)

    def _new_flow(self, recorded: Recorded | None, *, started: float | None = None) -> FlowRunner:
        desired, context = self._change.desired, self._context
        timeouts = desired.timeouts if desired else Timeouts()
        is_release = recorded is not None and self._change.action in {Action.DELETE, Action.REPLACE}
        return FlowRunner(
            context=context,
            preflight=self._preflight,
            kind=self._kind,
            change=self._change,
            progress=AddressProgress.from_record(recorded),
            reporter=EventReporter(context.listen, context.clock, self._change, started),
            timeout=timeouts.delete if is_release else timeouts.create,
            earlier_ids=tuple(row.id for row in context.by_name.namesakes(desired.name, self._kind)) if desired else (),
        )
