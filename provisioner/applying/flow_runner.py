"""Runs the flows of one address: sends their calls and journals their facts. Its waits are in server_waits.py.

A call that must not be sent twice goes through `_send_once`: its intent is on disk before, and the ids of its answer
are on disk after (intents.py). Nothing here knows what a flow is for.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import assert_never

from provisioner.applying.address_progress import AddressProgress, EventReporter, new_baseline
from provisioner.applying.first_purchases import purchase_class
from provisioner.applying.intents import IntentJournal
from provisioner.applying.list_snapshot import Detached
from provisioner.applying.ports import ChannelPort
from provisioner.applying.preflight import Preflight
from provisioner.applying.run_context import RunContext
from provisioner.applying.server_waits import ServerWaits
from provisioner.model.change import Change
from provisioner.model.event import EventType
from provisioner.model.flow import (
    Answer,
    Call,
    CallFailed,
    ChargingShown,
    Effect,
    Ended,
    EndsTerm,
    Flow,
    Outcome,
    Remark,
    Remember,
    Reply,
    SentTooLate,
    Step,
    Wait,
)  # fmt: skip
from provisioner.model.journal import Answered, Remembered
from provisioner.model.kind import Kind
from provisioner.model.marker import add_marker
from provisioner.model.purchase_policy import Marker
from provisioner.model.redaction import merge_fields
from provisioner.model.resource import Desired

_ATTEMPTS = 5
"""How often a call is tried while the gateway turns it away. Each attempt has an intent of its own and waits for the
budget again.
"""
_SALT_BYTES = 8


@dataclass(slots=True)
class FlowRunner:
    """Runs the flows of one address. `timeout`, in seconds, bounds all of its waits together. The servers with
    `earlier_ids` had its name when the run began, so none of them is ours.
    """

    context: RunContext
    preflight: Preflight
    kind: Kind
    change: Change
    progress: AddressProgress
    reporter: EventReporter
    timeout: float
    earlier_ids: tuple[str, ...] = ()
    members: tuple[Desired, ...] = ()
    """All that this runner's call buys, its own server first, where it buys for its group. Empty: it buys for itself
    alone.
    """
    waits: ServerWaits = field(init=False)

    def __post_init__(self) -> None:
        self.waits = ServerWaits(self.context, self.kind, self.change, self.progress, self.reporter, self.timeout)

    async def run(self, flow: Flow) -> Ended:
        """Runs a flow to its end. Raises CallFailed, TimedOut, NotAwaited, Detached or StoreError where the flow does
        not handle it.
        """
        answer: Answer = None
        failure: CallFailed | None = None
        try:
            while True:
                step = flow.send(answer) if failure is None else flow.throw(failure)
                answer, failure = None, None
                try:
                    answer = await self._perform(step)
                except CallFailed as failed:
                    failure = failed
        except StopIteration as stop:
            ended: Ended = stop.value
            return ended
        finally:
            flow.close()

    def _perform(self, step: Step) -> Awaitable[Answer]:
        match step:
            case Call():
                return self._send_once(step) if step.effect.is_journaled else self._send(step)
            case Remember():
                return self._remember(step)
            case Wait():
                return self.waits.perform(step)
            case Remark():
                return self._remark(step)
            case ChargingShown():
                return self.waits.note_sale(step)
            case EndsTerm():
                return self._before_term_ends(step)
            case _:
                assert_never(step)

    async def _send(self, call: Call) -> Reply:
        if call.joins and (joint_reply := await self.context.joint_reads.ask(call, self._channel, self._send_over)):
            return joint_reply
        async with self._channel() as channel:
            if call.effect is Effect.REPEATABLE:
                await self.context.lock_wait.until_held(self._require_going)
            reply = await self._send_over(call, channel)
        self.progress.under_way = self.progress.under_way or call.effect is Effect.REPEATABLE
        return reply

    async def _send_over(self, call: Call, channel: ChannelPort) -> Reply:
        sending = channel.send(call, self.context.secrets.reveal)
        return _reply_of(await self.context.interruption.until_second(sending))

    async def _send_once(self, call: Call) -> Reply:
        """Sends a call once. It is sent again only while the gateway turns it away, which proves that it was not
        executed, or where it was not sent in time. Raises CallFailed, Detached, StoreError, and PurchasesStopped where
        nothing more is bought.
        """
        async with self._purchase_turn(call):
            for attempt in range(1, _ATTEMPTS):
                try:
                    return await self._attempt(call, attempt)
                except CallFailed as failed:
                    if failed.outcome is not Outcome.THROTTLED and not isinstance(failed, SentTooLate):
                        raise
            return await self._attempt(call, _ATTEMPTS)

    async def _attempt(self, call: Call, attempt: int) -> Reply:
        """Writes the intent, sends the call and records its answer. The channel is returned before the answer is on
        disk, so that the intent of the next call shares that write.
        """
        intents = IntentJournal(self.context, self.kind, self.change, self.progress)
        async with self._channel() as channel:
            await self._await_budget(call, channel)
            await self.context.lock_wait.until_certain(self._require_going)
            if call.effect is Effect.PURCHASE:
                self.context.first_purchases.check()
                await self._refuse_taken_names()
            call = self._with_marker(call)
            intent = intents.new(call, attempt, members=self.members, earlier_ids=self.earlier_ids)
            dispatch = await intents.write(intent, call)
            interruption, reveal = self.context.interruption, self.context.secrets.reveal
            try:
                dispatch.check()
                reply = _reply_of(await interruption.until_second(channel.send(call, reveal, dispatch)))
                outcome: tuple[Answered, Reply] | CallFailed = intents.read_answer(intent, call, reply), reply
            except CallFailed as failed:
                outcome = failed
        if isinstance(outcome, CallFailed):
            await intents.settle(intent, outcome)
            raise outcome
        reply = await intents.record_answer(intent, *outcome)
        if call.effect is Effect.PURCHASE:
            progress = self.progress
            self.reporter.announce(EventType.BOUGHT, identifier=progress.identifier, order_id=progress.order_id)
        return reply

    @asynccontextmanager
    async def _purchase_turn(self, call: Call) -> AsyncIterator[None]:
        """Holds the turn of a purchase within its class (first_purchases.py). Raises PurchasesStopped where nothing
        more is bought. Any other call needs no turn.
        """
        if call.effect is not Effect.PURCHASE:
            yield
            return
        first_purchases, address = self.context.first_purchases, self.change.address
        await first_purchases.enter(purchase_class(self.kind, self.change, self.context.policy), address)
        try:
            yield
        except BaseException:
            first_purchases.leave(address)
            raise
        first_purchases.note_answer(address)

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[ChannelPort]:
        """Borrows a channel. Raises Detached or StoreError where nothing may be sent any more."""
        async with self.context.pool.borrow() as channel:
            self._require_going()
            self.reporter.start()
            yield channel

    def _require_going(self) -> None:
        if self.context.interruption.requested:
            raise Detached
        self.context.journal.check()

    async def _await_budget(self, call: Call, channel: ChannelPort) -> None:
        """Waits for the account's budget before the intent is written, so that a call in the queue does not look as if
        it might have been sent.
        """
        waiting = await self.context.interruption.until_first(channel.wait_for_budget(call))
        if self.context.interruption.requested:
            raise Detached
        waiting.result()

    async def _refuse_taken_names(self) -> None:
        """Raises NameTaken or NameMayBeTaken: the call's turn may come long after the reading that found
        its name free.
        """
        wanted = self.members or ((self.change.desired,) if self.change.desired else ())
        await self.preflight.refuse_taken_names(self.kind, wanted)

    def _with_marker(self, call: Call) -> Call:
        """Adds a marker to the name, a new one for each attempt, so that attempts can be told apart. Members of a group
        are found by their order instead.
        """
        if self.members or call.effect is not Effect.PURCHASE or self.context.policy.marker is not Marker.NONCE:
            return call
        body, salt = call.body or {}, secrets.token_bytes(_SALT_BYTES)
        name = add_marker(str(body["name"]), lineage=self.context.lineage, salt=salt, longest=self.kind.longest_name)
        return replace(call, body={**body, "name": name})

    async def _remember(self, facts: Remember) -> None:
        desired, progress = self.change.desired, self.progress
        self.context.ids.register(self.change.address, facts.id, facts.order_id)
        progress.identifier, progress.order_id = facts.id or progress.identifier, facts.order_id or progress.order_id
        if facts.declared is not None:
            declared = self.kind.redact(facts.declared, self.context.secrets.fingerprint)
            progress.declared = merge_fields(progress.declared, declared)
        if facts.observed is not None:
            progress.observed = {**progress.observed, **facts.observed}
        baseline = new_baseline(self.kind, self.progress, self.reporter, facts.first_shown)
        refused = None
        if facts.refused is not None and (merged := merge_fields(progress.refused, facts.refused)) != progress.refused:
            refused = progress.refused = merged
        progress.under_way = progress.under_way or bool(facts.pending)
        await self.context.journal.write(
            Remembered(
                address=self.change.address,
                phase=facts.phase,
                id=facts.id,
                order_id=facts.order_id,
                declared=None if facts.declared is None else progress.declared,
                observed=None if facts.observed is None else progress.observed,
                pending=facts.pending,
                baseline=baseline,
                refused=refused,
                sold=facts.sold,
                paid=facts.paid or None,
                labels=dict(desired.labels) if desired else None,
                protected=desired.lifecycle.prevent_destroy if desired else None,
            )
        )

    async def _remark(self, remark: Remark) -> None:
        self.reporter.remark(remark)

    async def _before_term_ends(self, step: EndsTerm) -> None:
        if facts := await self.preflight.before_term_ends(self.change, self.progress.order_id, step):
            await self.context.journal.write(*facts)


def _reply_of(sending: asyncio.Task[Reply]) -> Reply:
    """Returns the reply. Raises CallFailed(UNKNOWN) where a second interruption ended the wait for it: the call may
    have been executed.
    """
    if sending.cancelled():
        raise CallFailed(Outcome.UNKNOWN, "the run was interrupted before the reply came")
    return sending.result()
