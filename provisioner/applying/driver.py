"""Drives one flow of one address: sends its calls, writes down its facts, waits for what it waits for.

What must not be sent twice goes through dispatch.py. It does not know what a flow is for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

from provisioner.applying.dispatch import Dispatch
from provisioner.applying.first_purchases import deal_of
from provisioner.applying.poll import Detached, TimedOut
from provisioner.applying.ports import Channel
from provisioner.applying.precautions import Precautions
from provisioner.applying.run_context import RunContext
from provisioner.applying.standing import Standing
from provisioner.model.canonical import JsonObject
from provisioner.model.change import Change
from provisioner.model.diagnostic import warning
from provisioner.model.event import Event, EventType
from provisioner.model.flow import (
    Answer,
    Call,
    CallFailed,
    Effect,
    Ended,
    EndsTerm,
    Flow,
    Outcome,
    Remark,
    Remember,
    Reply,
    Sold,
    Step,
    Wait,
)  # fmt: skip
from provisioner.model.journal import Remembered
from provisioner.model.kind import Kind
from provisioner.model.redaction import at, laid_over, leaves
from provisioner.model.resource import Desired, Live

_SECONDS_BETWEEN_SIGNS_OF_LIFE = 10.0
_UNSEEN = Remark(
    "charging-unseen",
    "the cloud shows neither a charging mode nor an order of it, so how it is charged is not known",
    "look at it in the console; the others of its flavor are bought all the same",
)


@dataclass(slots=True)
class Driver:
    """One address's way through its flows. `earlier_ids` bore its name when the run began, so none of them is ours."""

    context: RunContext
    precautions: Precautions
    kind: Kind
    change: Change
    timeout: float
    standing: Standing = field(default_factory=Standing)
    earlier_ids: tuple[str, ...] = ()
    members: tuple[Desired, ...] = ()
    """Where it buys for others of its group, too: all of them, itself the first."""
    started: float | None = None
    """By the clock that only goes forward; None until it has announced that it begins."""
    _deadline: float | None = None
    _last_sign: tuple[float, str] | None = None

    async def drive(self, flow: Flow) -> Ended:
        """Raises CallFailed, TimedOut, Detached or StoreError when the flow itself has no answer to it."""
        answer: Answer = None
        failure: CallFailed | None = None
        try:
            while True:
                step = flow.send(answer) if failure is None else flow.throw(failure)
                answer, failure = None, None
                try:
                    answer = await self._take(step)
                except CallFailed as failed:
                    failure = failed
        except StopIteration as stop:
            ended: Ended = stop.value
            return ended
        finally:
            flow.close()

    async def _take(self, step: Step) -> Answer:
        match step:
            case Call():
                return await self._call(step)
            case Remember():
                await self._remember(step)
            case Wait():
                return await self._wait(step)
            case Remark():
                self.announce(EventType.NOTICE, remark=step)
            case Sold():
                self._note_sale(step)
            case EndsTerm():
                if facts := await self.precautions.before_end(self.change, self.standing.order_id, step):
                    await self.context.journal.write(*facts)
            case _:
                assert_never(step)
        return None

    async def _call(self, call: Call) -> Reply:
        if call.effect is Effect.PURCHASE:
            return await self._purchase(call)
        if call.effect.is_journaled:
            return await self._dispatch(call)
        async with self._channel() as channel:
            reply = await self._exchange(call, channel)
        self.standing.under_way = self.standing.under_way or call.effect is Effect.REPEATABLE
        return reply

    async def _purchase(self, call: Call) -> Reply:
        """In its turn among those that are alike (first_purchases.py). Raises PurchasesStopped where nothing more is bought."""
        first, address = self.context.first_purchases, self.change.address
        await first.enter(deal_of(self.kind, self.change, self.context.policy), address)
        try:
            reply = await self._dispatch(call)
        except BaseException:
            first.leave(address)
            raise
        first.sent(address)
        return reply

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[Channel]:
        """Where nothing may be sent any more, nothing is begun. Raises Detached or StoreError then."""
        async with self.context.pool.borrow() as channel:
            if self.context.interruption.requested:
                raise Detached
            self.context.journal.check()
            self.start()
            yield channel

    async def _dispatch(self, call: Call) -> Reply:
        standing = self.standing
        dispatch = Dispatch(
            context=self.context,
            precautions=self.precautions,
            kind=self.kind,
            change=self.change,
            standing=standing,
            earlier_ids=self.earlier_ids,
            members=self.members,
            borrow=self._channel,
            exchange=self._exchange,
        )
        reply = await dispatch.send(call)
        if call.effect is Effect.PURCHASE:
            self.announce(EventType.BOUGHT, identifier=standing.identifier, order_id=standing.order_id)
        return reply

    def start(self) -> None:
        if self.started is None:
            self.started = self.context.clock.monotonic()
            self.announce(EventType.STARTED)

    async def _exchange(self, call: Call, channel: Channel) -> Reply:
        """A second interruption stops waiting for the reply; what it did is then not known."""
        sending = await self.context.interruption.until_second(channel.send(call, self.context.secrets.reveal))
        if sending.cancelled():
            raise CallFailed(Outcome.UNKNOWN, "the run was interrupted before the reply came")
        return sending.result()

    async def _remember(self, facts: Remember) -> None:
        desired = self.change.desired
        self.context.ids.take(self.change.address, facts.id, facts.order_id)
        standing = self.standing
        standing.identifier, standing.order_id = facts.id or standing.identifier, facts.order_id or standing.order_id
        if facts.declared is not None:
            declared = self.kind.redact(facts.declared, self.context.secrets.fingerprint)
            standing.declared = laid_over(standing.declared, declared)
        if facts.observed is not None:
            standing.observed = {**standing.observed, **facts.observed}
        baseline = self._baseline(facts.first_shown)
        refused = None
        if facts.refused is not None and (now := laid_over(standing.refused, facts.refused)) != standing.refused:
            refused = standing.refused = now
        standing.under_way = standing.under_way or bool(facts.pending)
        await self.context.journal.write(
            Remembered(
                address=self.change.address,
                phase=facts.phase,
                id=facts.id,
                order_id=facts.order_id,
                declared=None if facts.declared is None else standing.declared,
                observed=None if facts.observed is None else standing.observed,
                pending=facts.pending,
                baseline=baseline,
                refused=refused,
                sold=facts.sold,
                paid=facts.paid or None,
                labels=dict(desired.labels) if desired else None,
                protected=desired.lifecycle.prevent_destroy if desired else None,
            )
        )

    def _baseline(self, shown: JsonObject | None) -> JsonObject | None:
        """Said once, by the run that sees it first."""
        if shown is None or not (baseline := self.kind.baseline(self.standing.declared, shown)):
            return None
        fields = "; ".join(
            f"{'.'.join(path)} is {now!r} and {at(self.standing.declared, path)!r} was declared"
            for path, now in leaves(baseline)
        )
        remark = Remark(
            "shown-otherwise",
            f"its first row shows otherwise what was bought: {fields}",
            "look at it in the console; if it is the same in another spelling, nothing is to be done. No later plan says so again",
        )
        self.announce(EventType.NOTICE, remark=remark)
        return baseline

    async def _wait(self, wait: Wait) -> Live | None:
        self.start()
        if self._deadline is None:
            self._deadline = self.context.clock.monotonic() + self.timeout
        if self.context.clock.monotonic() >= self._deadline:
            raise TimedOut
        choose = partial(self._choose, wait)
        return await self.context.poll.wait(wait, choose, deadline=self._deadline, watch=self.show_progress)

    def _choose(self, wait: Wait, rows: Sequence[Live]) -> Live | None:
        """None of those that only billing says are ours, and another state holds."""
        told = tuple(row for row in rows if row.id in wait.ids)
        claimed = self.context.elsewhere(told) if told else ()
        return self.context.ids.choose(self.change.address, [row for row in rows if row.id not in claimed])

    def _note_sale(self, sold: Sold) -> None:
        is_news = self.context.first_purchases.sold(self.change.address, as_wanted=sold.as_wanted)
        if sold.as_wanted is None and is_news:
            self.announce(EventType.NOTICE, remark=_UNSEEN)

    @property
    def last_shown(self) -> str:
        """What the last look of a wait showed of it; empty before the first."""
        return self._last_sign[1] if self._last_sign else ""

    def show_progress(self, row: Live | None) -> None:
        """A sign of life when the status changes, and every ten seconds while it does not."""
        now, status = self.context.clock.monotonic(), row.status if row else "not listed"
        then, before = self._last_sign or (now, status)
        self._last_sign = self._last_sign or (now, status)
        if status != before or now - then >= _SECONDS_BETWEEN_SIGNS_OF_LIFE:
            self._last_sign = (now, status)
            self.announce(EventType.WAITING, detail=status)

    def announce(
        self,
        event: EventType,
        *,
        detail: str = "",
        identifier: str | None = None,
        order_id: str | None = None,
        remark: Remark | None = None,
        built: bool = False,
    ) -> None:
        address = self.change.address
        self.context.listen(
            Event(
                event,
                address,
                self.change.action,
                detail=detail,
                id=identifier,
                order_id=order_id,
                built=built,
                elapsed=0.0 if self.started is None else self.context.clock.monotonic() - self.started,
                diagnostic=warning(remark.code, f"{address}: {remark.summary}", hint=remark.hint, address=address)
                if remark
                else None,
            )
        )
