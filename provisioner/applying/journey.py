"""One change from its start to its result.

It does what the plan says in the plan's words and re-decides nothing; what may have changed since a saved plan was made is checked
again (precautions.py).
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import assert_never

from provisioner.applying import endings
from provisioner.applying.deposing import is_deposing
from provisioner.applying.driver import Driver
from provisioner.applying.first_purchases import deal_of
from provisioner.applying.group import GroupPurchase
from provisioner.applying.poll import Detached, TimedOut
from provisioner.applying.precautions import Precautions, ShowsAgain
from provisioner.applying.run_context import RunContext
from provisioner.applying.seeking import Search, SeveralFit, StillInDoubt
from provisioner.applying.standing import Standing
from provisioner.applying.turns import Turns
from provisioner.model.change import Action, Change, Mode, Reason
from provisioner.model.diagnostic import ProvisionerError, StoreError
from provisioner.model.event import EventType, Result, ResultType
from provisioner.model.flow import CallFailed, Ended
from provisioner.model.guarding import Allowance
from provisioner.model.journal import RELEASED, Forgotten, Imported, Moved, Remembered
from provisioner.model.redaction import with_fingerprints
from provisioner.model.resource import Desired, Phase, Recorded, Timeouts


class Journey:
    """`group` is the purchase that buys it together with others, where it is not bought by itself."""

    def __init__(
        self,
        context: RunContext,
        precautions: Precautions,
        turns: Turns,
        change: Change,
        *,
        group: GroupPurchase | None = None,
    ) -> None:
        self._turns = turns
        self._group = group
        self._precautions = precautions
        self._context = context
        self._kind = context.catalogue[change.kind]
        self._change = change
        self._driver = self._new_driver(change.recorded)

    async def travel(self) -> Result:
        result: Result | None = None
        try:
            result = await self._result()
        finally:
            self._context.first_purchases.leave(self._change.address)
            self._turns.end(self._change.address, result, self._driver.standing.identifier)
        return result

    async def _result(self) -> Result:
        try:
            await self._precautions.await_turn(self._change)
            ended = await self._get_there()
        except endings.EXPECTED as reason:
            result = endings.broken_off(self._change, self._driver, reason)
        else:
            result = endings.arrived(self._change, self._driver, ended)
        self._announce(result)
        return result

    async def _get_there(self) -> Ended:
        """A purchase whose reply is lost on the way is looked for, and goes on where it is found."""
        try:
            return await self._do()
        except CallFailed as failed:
            if self._driver.standing.doubt is None or self._context.resolve_timeout <= 0:
                raise
            return await self._seek(because=failed)

    async def _do(self) -> Ended:
        change = self._change
        if change.moved_from is not None:
            self._context.journal.check()
        way: Coroutine[None, None, Ended]
        match change.action:
            case Action.CREATE:
                way = self._create(change)
            case Action.RESUME:
                way = self._resume(change)
            case Action.UPDATE | Action.REINSTALL:
                way = self._update(change)
            case Action.DELETE:
                way = self._release(change)
            case Action.REPLACE:
                way = self._replace(change)
            case Action.ADOPT:
                way = self._adopt(change)
            case Action.FORGET | Action.RECORD:
                way = self._write_down(change)
            case Action.PAY | Action.CANCEL:
                way = self._settle_order(change)
            case Action.MOVE | Action.NO_OP:
                return Ended(change.recorded.phase if change.recorded else None)
            case _:
                assert_never(change.action)
        return await way

    async def _create(self, change: Change) -> Ended:
        assert change.desired is not None  # only what is wanted is bought
        await self._precautions.refuse_strangers(self._kind, self._group.wanted if self._group else (change.desired,))
        if is_deposing(change):
            return await self._create_in_place_of(change, change.desired)
        recorded = await self._group.bring(self._driver) if self._group else None
        return await self._driver.drive(self._kind.create(change.desired, recorded, self._context.policy))

    async def _create_in_place_of(self, change: Change, desired: Desired) -> Ended:
        """Where nothing comes of it, the old server gets its address back; when the process dies before that, by the next plan."""
        await self._precautions.before_successor(change.address)
        deposed, scribe = change.address.as_deposed, self._context.journal
        await scribe.write(Moved(change.address, deposed, change.reason is Reason.REQUESTED))
        try:
            return await self._driver.drive(self._kind.create(desired, None, self._context.policy))
        except endings.EXPECTED:
            if not self._driver.standing.is_something:
                with suppress(StoreError):
                    await scribe.write(Moved(deposed, change.address))
            raise

    async def _replace(self, change: Change) -> Ended:
        """Nothing is released while it is open whether the cloud sells as is wanted."""
        deal = deal_of(self._kind, change, self._context.policy)
        await self._context.first_purchases.await_sale(deal, change.address)
        released = await self._release(change)
        if released.phase is not None:
            return released
        self._driver = replace(self._new_driver(None), started=self._driver.started)
        return await self._create(change)

    async def _resume(self, change: Change) -> Ended:
        if change.recorded is None:
            self._driver.standing.doubt = self._context.doubts[change.address]
            return await self._seek()
        assert change.desired is not None  # what is not wanted is released, not resumed
        return await self._follow(change.desired, change.recorded)

    async def _seek(self, *, because: CallFailed | None = None) -> Ended:
        """Raises StillInDoubt when looking does not settle it, `because` saying how the doubt came about. What was bought by one
        call is not looked for: its servers are known by an order, and which that is nobody has said.
        """
        intent = self._driver.standing.doubt
        assert intent is not None  # that is why it is looked for
        if intent.members:
            raise StillInDoubt(None, because)
        self._driver.start()
        search = Search(self._context, self._kind, intent)
        try:
            recorded = await search.adopt(seconds=self._context.resolve_timeout, watch=self._driver.show_progress)
        except (CallFailed, Detached, ProvisionerError, SeveralFit, TimedOut) as reason:
            raise StillInDoubt(reason, because) from reason
        self._driver.standing.learn(recorded)
        self._driver.announce(EventType.ADOPTED, identifier=recorded.id, order_id=recorded.order_id)
        return await self._go_on(recorded)

    async def _go_on(self, recorded: Recorded) -> Ended:
        """From a server that was found: to what the plan is for. Of what is not selected it is enough to know where it is."""
        if not self._context.plan.selects(self._change):
            return Ended(recorded.phase)
        if self._context.plan.mode is Mode.DESTROY and not self._change.let_go:
            if kept := self._kept(recorded):
                return kept
            await self._precautions.refuse_companions(self._kind, recorded, None)
            ended = await self._driver.drive(self._kind.delete(recorded, None))
            return await self._forget(RELEASED) if ended.phase is None else ended
        if self._change.desired is None:
            return Ended(
                Phase.CREATING,
                "it was found and recorded, and is not in the specs any more",
                "apply again: that lets it go" if self._change.let_go else "apply again: that releases it",
            )
        return await self._follow(self._change.desired, recorded)

    def _kept(self, recorded: Recorded) -> Ended | None:
        """What was only a doubt when the guards were asked is not released without their leave."""
        allowed = self._context.plan.allowed
        if recorded.protected and Allowance.PROTECTED not in allowed:
            return Ended(
                Phase.CREATING,
                "it was found and recorded, and is protected by lifecycle.prevent_destroy",
                "apply with prevent_destroy: false first, if it really is to go",
            )
        live = self._context.live.get(recorded.id or "")
        if self._kind.billing.is_prepaid(recorded, live) and Allowance.PREPAID_DELETE not in allowed:
            return Ended(
                Phase.CREATING,
                "it was found and recorded, and is prepaid",
                "if it is to be released before its term ends: --allow prepaid-delete",
            )
        return None

    async def _follow(self, desired: Desired, recorded: Recorded) -> Ended:
        """To the end of what was begun, which need not be what is wanted by now: that is the next plan's to say."""
        changing = recorded.phase is Phase.REINSTALLING or recorded.pending
        ended = await self._driver.drive(
            self._kind.update(desired, recorded, frozenset(), self._context.policy)
            if changing
            else self._kind.create(desired, recorded, self._context.policy)
        )
        if ended.problem or not (others := self._differing(desired, recorded)):
            return ended
        return Ended(ended.phase, f"the specs want another {others} by now", "undo the change, or see plan")

    def _differing(self, desired: Desired, recorded: Recorded) -> str:
        """The fields of the specs that differ from what was bought, but for those that are nobody's business, hidden, or said as sold by now."""
        now = self._kind.lasting(self._kind.redact(desired.fields, self._context.secrets.fingerprint))
        bought = self._kind.lasting(self._driver.standing.declared)
        ignored = {path[0] for path in (*desired.lifecycle.ignore_changes, *self._kind.sensitive())}
        passed_over = ignored | self._driver.standing.refused.keys()
        sold = [
            self._kind.billing.sold_otherwise(recorded, None, specs, self._context.policy) for specs in (None, desired.fields)
        ]
        passed_over |= {"charging_info"} if sold[0] and not sold[1] else set()
        return ", ".join(key for key in sorted({*now, *bought} - passed_over) if now.get(key) != bought.get(key))

    async def _update(self, change: Change) -> Ended:
        assert change.desired is not None and change.recorded is not None  # noqa: PT018 - one fact: both exist
        changed = frozenset(item.path for item in change.fields)
        await self._precautions.before_wipe(change)
        policy = self._context.policy
        return await self._driver.drive(self._kind.update(change.desired, change.recorded, changed, policy))

    async def _release(self, change: Change) -> Ended:
        assert change.recorded is not None  # only what is recorded is released
        await self._precautions.before_release(change)
        live = self._context.live.get(change.recorded.id or "")
        ended = await self._driver.drive(self._kind.delete(change.recorded, live))
        return await self._forget(RELEASED) if ended.phase is None else ended

    async def _settle_order(self, change: Change) -> Ended:
        """What is cancelled leaves nothing, and may be bought anew."""
        assert change.recorded is not None  # only a recorded order is settled
        settle = self._kind.orders.pay if change.action is Action.PAY else self._kind.orders.cancel
        ended = await self._driver.drive(settle(change.recorded))
        return await self._forget("its order is cancelled") if ended.phase is None else ended

    async def _adopt(self, change: Change) -> Ended:
        """A saved plan may be older than the last look: what has gone since is not recorded."""
        recorded = change.recorded
        assert recorded is not None  # it is what will be recorded
        self._precautions.before_adoption(self._kind, recorded, self._context.elsewhere)
        wanted = change.desired.fields if change.desired else {}
        declared = with_fingerprints(recorded.declared, wanted, self._context.secrets.fingerprint)
        recorded = replace(recorded, declared=declared)
        self._driver = self._new_driver(recorded)
        await self._context.journal.write(Imported(recorded, "named by imports in the specs"))
        return await self._update(replace(change, recorded=recorded)) if change.fields else Ended(recorded.phase)

    async def _write_down(self, change: Change) -> Ended:
        """What the plan saw. A saved one may be older than the last look: a server that shows again is not given up."""
        if change.let_go:
            return await self._forget("let go by the specs; nobody has released it")
        recorded = change.recorded
        assert recorded is not None  # only what is recorded can have vanished, or differ from its record
        if change.is_gone and recorded.id in self._context.live:
            raise ShowsAgain
        if change.action is Action.FORGET:
            return await self._forget("gone from the cloud")
        facts = Remembered(change.address, recorded.phase, declared=change.after, observed=change.observed)
        await self._context.journal.write(facts)
        return Ended(recorded.phase)

    async def _forget(self, reason: str) -> Ended:
        forgotten = Forgotten(self._change.address, reason, self._driver.standing.identifier)
        await self._context.journal.write(*self._precautions.left_of_its_order(self._change), forgotten)
        return Ended(None)

    def _new_driver(self, recorded: Recorded | None) -> Driver:
        desired = self._change.desired
        timeouts = desired.timeouts if desired else Timeouts()
        releasing = recorded is not None and self._change.action in {Action.DELETE, Action.REPLACE}
        return Driver(
            context=self._context,
            precautions=self._precautions,
            kind=self._kind,
            change=self._change,
            timeout=timeouts.delete if releasing else timeouts.create,
            standing=Standing.of(recorded),
            earlier_ids=tuple(row.id for row in self._context.by_name.namesakes(desired.name)) if desired else (),
        )

    def _announce(self, result: Result) -> None:
        known = self._driver.standing.identifier if result.type is ResultType.DONE or result.built else None
        self._driver.announce(
            endings.ANNOUNCED_AS[result.type], detail=result.told, identifier=known, built=result.built
        )
