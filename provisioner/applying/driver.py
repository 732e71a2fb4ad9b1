"""Drives one flow of one address, and makes it survive a death between any two of its steps.

A purchase or destructive call is journaled before it is sent, and its ids before anything else is done with the reply. An
outcome that is not known leaves the intent open: nothing here closes it by guessing (docs/decisions/0001).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from typing import assert_never

from provisioner.applying.interruption import run_until
from provisioner.applying.poll import Detached, TimedOut
from provisioner.applying.ports import Channel
from provisioner.applying.workshop import Workshop
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
    Flow,
    Outcome,
    Remark,
    Remember,
    Reply,
    Step,
    Wait,
)  # fmt: skip
from provisioner.model.journal import Answered, Intended, Remembered, Settled
from provisioner.model.kind import Kind
from provisioner.model.redaction import secrets_in
from provisioner.model.resource import Live, Phase, Recorded
from provisioner.model.state import Intent

_ID = re.compile(r"[-a-zA-Z0-9]{1,64}")
_SECONDS_BETWEEN_SIGNS_OF_LIFE = 10.0
_ATTEMPTS = 5
"""Of a call that the gateway turns away each time; each is an intent of its own, and waits for its own turn."""


@dataclass(slots=True)
class Driver:
    """One address's way through its flows. `earlier_ids` bore its name when the run began, so none of them is ours."""

    workshop: Workshop
    kind: Kind
    change: Change
    timeout: float
    recorded: Recorded | None = None
    """What the flow starts from: None for a purchase, also for one that replaces."""
    earlier_ids: tuple[str, ...] = ()
    declared: JsonObject = field(default_factory=dict)
    identifier: str | None = None
    order_id: str | None = None
    under_way: bool = False
    """The cloud has, or may have, something to finish that this run or an earlier one asked for."""
    unrecorded: bool = False
    """Bought, and the ids are not yet known to be on disk."""
    doubt: Intent | None = None
    """The intent of this run whose outcome is not known."""
    _started: float | None = None
    _deadline: float | None = None
    _last_sign: tuple[float, str] | None = None

    def __post_init__(self) -> None:
        if self.recorded is not None:
            self.declared = self.recorded.declared
            self.identifier, self.order_id = self.recorded.id, self.recorded.order_id
            self.under_way = self.recorded.phase not in {Phase.READY, Phase.FAILED}

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
            case _:
                assert_never(step)
        return None

    async def _call(self, call: Call) -> Reply:
        async with self.workshop.pool.borrow() as channel:
            if self.workshop.interruption.requested:
                raise Detached
            self.workshop.scribe.check()
            self._start()
            if call.effect in {Effect.PURCHASE, Effect.DESTRUCTIVE}:
                return await self._send_once(call, channel)
            return await self._exchange(call, channel)

    def _start(self) -> None:
        if self._started is None:
            self._started = self.workshop.clock.monotonic()
            self.announce(EventType.STARTED)

    async def _send_once(self, call: Call, channel: Channel) -> Reply:
        """Again only while the gateway turns it away: then it provably was not executed."""
        for attempt in range(1, _ATTEMPTS):
            try:
                return await self._attempt(call, channel, attempt)
            except CallFailed as failed:
                if failed.outcome is not Outcome.THROTTLED:
                    raise
        return await self._attempt(call, channel, _ATTEMPTS)

    async def _attempt(self, call: Call, channel: Channel, attempt: int) -> Reply:
        await self._take_turn(call, channel)
        for _, reference in secrets_in(call.body or {}):
            self.workshop.secrets.reveal(reference)
        intent = self._intent(call, attempt)
        await self.workshop.scribe.write(Intended(intent))
        if self.workshop.interruption.requested:
            await self.workshop.scribe.write(
                Settled(intent.id, "not_sent", "the run was interrupted before it was sent")
            )
            raise Detached
        try:
            reply = await self._exchange(call, channel)
            answered = self._learnt(intent, call, reply)
        except CallFailed as failed:
            await self._settle(intent, failed)
            raise
        self.under_way = True
        if call.effect is Effect.DESTRUCTIVE:
            await self.workshop.scribe.write(answered)
            return reply
        return await self._bought(intent, answered, reply)

    def _learnt(self, intent: Intent, call: Call, reply: Reply) -> Answered:
        """Raises CallFailed(UNKNOWN) when a purchase succeeded and what the reply says of it cannot be believed."""
        body = reply.object()
        facts = {key: value for key in call.learns if isinstance(value := body.get(key), str) and _ID.fullmatch(value)}
        if call.learns and not facts:
            message = f"the cloud answered {reply.status} without " + " or ".join(call.learns)
            raise CallFailed(Outcome.UNKNOWN, message, status=reply.status, request_id=reply.request_id)
        if facts.get("id") in self.earlier_ids:
            message = f"the cloud answered with {facts['id']}, which was there before"
            raise CallFailed(Outcome.UNKNOWN, message, status=reply.status, request_id=reply.request_id)
        self.workshop.claims.take(self.change.address, *facts.values())
        return Answered(intent.id, reply.status, reply.request_id, facts.get("id"), facts.get("order_id"))

    async def _bought(self, intent: Intent, answered: Answered, reply: Reply) -> Reply:
        """The reply as the flow may use it: with the ids that are recorded, and with no malformed one beside them."""
        self.identifier, self.order_id, self.declared = answered.id, answered.order_id, intent.declared
        self.unrecorded = True
        await self.workshop.scribe.write(answered)
        self.unrecorded = False
        self.announce(EventType.BOUGHT, identifier=answered.id, order_id=answered.order_id)
        return replace(reply, body={**reply.object(), "id": answered.id, "order_id": answered.order_id})

    async def _take_turn(self, call: Call, channel: Channel) -> None:
        """Before the intent is written: what only queues must not look as if it might have been sent."""
        turn = await run_until(self.workshop.interruption.soft(), channel.turn(call))
        if self.workshop.interruption.requested:
            raise Detached
        turn.result()

    def _intent(self, call: Call, attempt: int) -> Intent:
        desired, recorded = self.change.desired, self.recorded
        fingerprint = self.workshop.secrets.fingerprint
        purchase = call.effect is Effect.PURCHASE
        assert not purchase or desired is not None  # only what is wanted is bought
        return Intent(
            id=secrets.token_hex(16),
            address=self.change.address,
            kind=self.kind.name,
            attempt=attempt,
            effect=call.effect,
            name=desired.name if purchase and desired else recorded.name if recorded else "",
            request={
                "service": call.service,
                "method": call.method,
                "path": call.path,
                "body": self.kind.redact(call.body or {}, fingerprint),
            },
            declared=self.kind.redact(desired.fields, fingerprint) if purchase and desired else {},
            sent_at=self.workshop.clock.now(),
            server_time=self.workshop.server_clock.now(),
            who=self.workshop.who,
            labels=desired.labels if desired else {},
            earlier_ids=self.earlier_ids,
            target_id=None if purchase else self.identifier,  # as the flow found it, which may be after the record
            protected=desired.lifecycle.prevent_destroy if desired else False,
        )

    async def _settle(self, intent: Intent, failed: CallFailed) -> None:
        """Closes the intent where it provably did nothing; an unknown outcome leaves it open."""
        if failed.outcome is Outcome.UNKNOWN:
            self.doubt, self.under_way = intent, True
            return
        settled = Settled(intent.id, "refused", failed.message, failed.status, failed.code, failed.request_id)
        await self.workshop.scribe.write(
            replace(settled, outcome="not_sent") if failed.outcome is Outcome.NOT_SENT else settled
        )

    async def _exchange(self, call: Call, channel: Channel) -> Reply:
        """A second interruption stops waiting for the reply; what it did is then not known."""
        sending = await run_until(self.workshop.interruption.hard(), channel.send(call, self.workshop.secrets.reveal))
        if sending.cancelled():
            raise CallFailed(Outcome.UNKNOWN, "the run was interrupted before the reply came")
        reply = sending.result()
        self.workshop.server_clock.hear(reply)
        return reply

    async def _remember(self, facts: Remember) -> None:
        desired = self.change.desired
        self.workshop.claims.take(self.change.address, facts.id, facts.order_id)
        self.identifier, self.order_id = facts.id or self.identifier, facts.order_id or self.order_id
        if facts.declared is not None:
            self.declared = {**self.declared, **self.kind.redact(facts.declared, self.workshop.secrets.fingerprint)}
        await self.workshop.scribe.write(
            Remembered(
                address=self.change.address,
                phase=facts.phase,
                id=facts.id,
                order_id=facts.order_id,
                declared=None if facts.declared is None else self.declared,
                observed=facts.observed,
                labels=dict(desired.labels) if desired else None,
                protected=desired.lifecycle.prevent_destroy if desired else None,
            )
        )

    async def _wait(self, wait: Wait) -> Live | None:
        self._start()
        if self._deadline is None:
            self._deadline = self.workshop.clock.monotonic() + self.timeout
        if self.workshop.clock.monotonic() >= self._deadline:
            raise TimedOut
        return await self.workshop.poll.wait(wait, deadline=self._deadline, watch=self._show_progress)

    def _show_progress(self, row: Live | None) -> None:
        """A sign of life when the status changes, and every ten seconds while it does not."""
        now, status = self.workshop.clock.monotonic(), row.status if row else "not listed"
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
    ) -> None:
        address = self.change.address
        self.workshop.listen(
            Event(
                event,
                address,
                self.change.action,
                detail=detail,
                id=identifier,
                order_id=order_id,
                elapsed=0.0 if self._started is None else self.workshop.clock.monotonic() - self._started,
                diagnostic=warning(remark.code, f"{address}: {remark.summary}", hint=remark.hint, address=address)
                if remark
                else None,
            )
        )
