"""Sends what must not be sent twice, and makes it survive a death on any of these lines.

The intent is on disk before the call is sent, and the ids of its answer before anything else is done with them. An outcome
that is not known leaves a purchase's intent open: nothing here closes it by guessing (docs/decisions/0001, 0008).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, assert_never

from provisioner.applying.poll import Detached
from provisioner.applying.ports import Channel
from provisioner.applying.precautions import Precautions
from provisioner.applying.run_context import RunContext
from provisioner.applying.standing import Standing
from provisioner.model.change import Change
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Reply
from provisioner.model.journal import Answered, Intended, Settled
from provisioner.model.kind import Kind
from provisioner.model.marker import marked
from provisioner.model.outcome import bought
from provisioner.model.purchasing import Marker
from provisioner.model.redaction import laid_over, secrets_in
from provisioner.model.resource import Desired
from provisioner.model.resource_id import resource_id
from provisioner.model.state import Intent, Member

Borrow: TypeAlias = Callable[[], AbstractAsyncContextManager[Channel]]
Exchange: TypeAlias = Callable[[Call, Channel], Awaitable[Reply]]

_ID = re.compile(r"[-a-zA-Z0-9]{1,64}")
_ATTEMPTS = 5
"""Of a call that the gateway turns away each time; each is an intent of its own, and waits for its own turn."""
_SALT_BYTES = 8
_STALE_AFTER = 10.0
"""Seconds from the note to the sending, after which another note is written: silence is counted from its time."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """For one address, or for the `members` that one purchase buys. `earlier_ids` bore its name when the run began, so none of
    them is ours.
    """

    context: RunContext
    precautions: Precautions
    kind: Kind
    change: Change
    standing: Standing
    earlier_ids: tuple[str, ...]
    members: tuple[Desired, ...]
    borrow: Borrow
    exchange: Exchange

    async def send(self, call: Call) -> Reply:
        """Again only while the gateway turns it away: then it provably was not executed. Raises CallFailed, Detached."""
        for attempt in range(1, _ATTEMPTS):
            try:
                return await self._attempt(call, attempt)
            except CallFailed as failed:
                if failed.outcome is not Outcome.THROTTLED:
                    raise
        return await self._attempt(call, _ATTEMPTS)

    async def _attempt(self, call: Call, attempt: int) -> Reply:
        """The channel is free before the answer is on disk, so that the note of whoever borrows it next shares the write."""
        async with self.borrow() as channel:
            await self._take_turn(call, channel)
            if call.effect is Effect.PURCHASE:
                self.context.first_purchases.check()
                await self._refuse_strangers()
            call = self._marked(call)
            intent = self._intent(call, attempt)
            await self._note(intent, call)
            answer = await self._answer(intent, call, channel)
        if isinstance(answer, CallFailed):
            await self._settle(intent, answer)
            raise answer
        return await self._record(intent, *answer)

    async def _refuse_strangers(self) -> None:
        """Raises NameTaken or MayBeTaken: its turn may have come long after the look that found its name free."""
        wanted = self.members or ((self.change.desired,) if self.change.desired else ())
        await self.precautions.refuse_strangers(self.kind, wanted)

    async def _note(self, intent: Intent, call: Call) -> None:
        """On disk when it returns, and to be sent at once. Raises Detached or CallFailed when it is not sent after all."""
        for _, reference in secrets_in(call.body or {}):
            self.context.secrets.reveal(reference)
        noted_at = self.context.clock.monotonic()
        await self.context.journal.write(Intended(intent))
        if self.context.interruption.requested:
            await self._withdraw(intent, "the run was interrupted before it was sent")
            raise Detached
        if self.context.clock.monotonic() - noted_at > _STALE_AFTER:
            await self._withdraw(intent, "too long after it was noted")
            raise CallFailed(Outcome.THROTTLED, "this machine stood still before it was sent")

    async def _answer(self, intent: Intent, call: Call, channel: Channel) -> tuple[Answered, Reply] | CallFailed:
        try:
            reply = await self.exchange(call, channel)
            return self._learnt(intent, call, reply), reply
        except CallFailed as failed:
            return failed

    async def _withdraw(self, intent: Intent, why: str) -> None:
        await self.context.journal.write(Settled(intent.id, "not_sent", why))

    async def _take_turn(self, call: Call, channel: Channel) -> None:
        """Before the intent is written: what only queues must not look as if it might have been sent."""
        turn = await self.context.interruption.until_first(channel.turn(call))
        if self.context.interruption.requested:
            raise Detached
        turn.result()

    def _marked(self, call: Call) -> Call:
        """A marker for each attempt, so that each could be told from the others. Members are found by their order instead."""
        if self.members or call.effect is not Effect.PURCHASE or self.context.policy.marker is not Marker.NONCE:
            return call
        assert call.body is not None  # a purchase says what it buys
        salt = secrets.token_bytes(_SALT_BYTES)
        name = marked(str(call.body["name"]), lineage=self.context.lineage, salt=salt, longest=self.kind.longest_name)
        return replace(call, body={**call.body, "name": name})

    def _intent(self, call: Call, attempt: int) -> Intent:
        desired, standing = self.change.desired, self.standing
        fingerprint = self.context.secrets.fingerprint
        purchase = call.effect is Effect.PURCHASE
        assert not purchase or desired is not None  # only what is wanted is bought
        body = self.kind.redact(call.body or {}, fingerprint)
        target = standing.order_id if call.effect.is_told_by_its_order else standing.identifier
        return Intent(
            id=secrets.token_hex(16),
            address=self.change.address,
            kind=self.kind.name,
            attempt=attempt,
            effect=call.effect,
            name=str(body["name"]) if purchase else self._known_as(),
            request={"service": call.service, "method": call.method, "path": call.path, "body": body},
            declared=self.kind.redact(call.declares, fingerprint),
            sent_at=self.context.clock.now(),
            server_time=self.context.server_time(),
            who=self.context.who,
            sender=self.context.sender,
            labels=desired.labels if desired else {},
            earlier_ids=self.earlier_ids,
            target_id=None if purchase else target,  # as the flow found it, which may be after the record
            protected=bool(desired and desired.lifecycle.prevent_destroy),
            members=tuple(
                Member(one.address, one.name, one.labels, bool(one.lifecycle.prevent_destroy))
                for one in (self.members if purchase else ())
            ),
        )

    def _known_as(self) -> str:
        if self.standing.recorded is not None:
            return self.standing.recorded.name
        return self.change.desired.name if self.change.desired else ""

    def _learnt(self, intent: Intent, call: Call, reply: Reply) -> Answered:
        """Raises CallFailed(UNKNOWN) when a purchase succeeded and what the reply says of it cannot be believed."""
        body = reply.object()
        facts = {key: value for key in call.learns if isinstance(value := body.get(key), str) and _ID.fullmatch(value)}
        if "id" in facts:
            facts["id"] = resource_id(facts["id"])
        if call.learns and not facts:
            message = f"the cloud answered {reply.status} without " + " or ".join(call.learns)
            raise CallFailed(Outcome.UNKNOWN, message, status=reply.status, request_id=reply.request_id)
        if intent.effect is Effect.PURCHASE and (identifier := facts.get("id")) in self.context.listed_ids:
            message = f"the cloud answered with {identifier}, which was there before"
            raise CallFailed(Outcome.UNKNOWN, message, status=reply.status, request_id=reply.request_id)
        if intent.members:
            self.context.ids.take_together(intent.names, facts["order_id"])
        else:
            self.context.ids.take(self.change.address, *facts.values())
        return Answered(intent.id, reply.status, reply.request_id, facts.get("id"), facts.get("order_id"))

    async def _record(self, intent: Intent, answered: Answered, reply: Reply) -> Reply:
        """The reply as the flow may use it: with the ids that are recorded, and with no malformed one beside them."""
        if intent.effect is not Effect.PURCHASE:
            self.standing.under_way = True
            if intent.effect is Effect.WIPE:
                self.standing.declared = laid_over(self.standing.declared, intent.declared)
            await self.context.journal.write(answered)
            return reply
        self.standing.bought = bought(intent, identifier=answered.id, order_id=answered.order_id)
        self.standing.learn(self.standing.bought[0])
        self.standing.unrecorded = True
        await self.context.journal.write(answered)
        self.standing.unrecorded = False
        return replace(reply, body={**reply.object(), "id": answered.id, "order_id": answered.order_id})

    async def _settle(self, intent: Intent, failed: CallFailed) -> None:
        """Closes the intent where it provably did nothing, or where what it did can always be read. A purchase, a release or a
        wipe of unknown outcome stays open.
        """
        outcome: Literal["not_sent", "refused", "observed"]
        match failed.outcome:
            case Outcome.UNKNOWN:
                self.standing.under_way = True
                if intent.effect is Effect.PURCHASE:
                    await self._leave_open(intent)
                elif not intent.effect.is_told_by_its_order:
                    self.standing.unsettled = intent
                if not intent.effect.is_told_by_its_order:
                    return
                outcome = "observed"
            case Outcome.NOT_SENT:
                outcome = "not_sent"
            case Outcome.REFUSED | Outcome.THROTTLED:
                outcome = "refused"
            case _:
                assert_never(failed.outcome)
        evidence = f"the order tells what became of it: {failed.message}" if outcome == "observed" else failed.message
        await self.context.journal.write(
            Settled(intent.id, outcome, evidence, failed.status, failed.code, failed.request_id)
        )

    async def _leave_open(self, intent: Intent) -> None:
        """Noted again, with the time: it may have been sent long after it was noted first."""
        noted = replace(intent, unknown_since=self.context.server_time())
        self.standing.doubt = replace(noted, listed=tuple(sorted(self.context.listed_ids)))
        await self.context.journal.write(Intended(noted))
