"""Journals the calls that must not be sent twice, so that the process may die on any line.

The intent is on disk before the call is sent, and the ids of its answer are on disk before anything else is done with
them. If the outcome of a purchase is not known, its intent stays open: nothing here closes it by guessing
(docs/decisions/0001, 0008).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, assert_never

from provisioner.applying.address_progress import AddressProgress, UnrecordedAnswer
from provisioner.applying.list_snapshot import Detached
from provisioner.applying.run_context import RunContext
from provisioner.model.canonical import JsonObject
from provisioner.model.change import Change
from provisioner.model.diagnostic import StoreError
from provisioner.model.flow import LONGEST_CHANGE, Call, CallFailed, Dispatch, Effect, Outcome, Reply, SentTooLate
from provisioner.model.journal import Answered, Forgotten, Intended, Settled
from provisioner.model.kind import Kind
from provisioner.model.lookalikes import are_forms_of_one
from provisioner.model.outcome import purchase_records
from provisioner.model.purchase_policy import Prepaid
from provisioner.model.redaction import find_secrets, merge_fields
from provisioner.model.resource import Desired, Live
from provisioner.model.resource_id import resource_id
from provisioner.model.state import Intent, Member

_ID = re.compile(r"[-a-zA-Z0-9]{1,64}")
_STALE_AFTER = 10.0
"""How many seconds after its intent a call may still be sent. Later it needs a new intent, because the quiet period of
a doubt is counted from the time of the intent.
"""


@dataclass(frozen=True, slots=True)
class IntentJournal:
    """Writes the intents of one change, and the outcome of each."""

    context: RunContext
    kind: Kind
    change: Change
    progress: AddressProgress

    def new(self, call: Call, attempt: int, *, members: tuple[Desired, ...], earlier_ids: tuple[str, ...]) -> Intent:
        """Returns a new intent for the address, or for the `members` that one purchase buys. The servers with
        `earlier_ids` had its name when the run began.
        """
        desired, progress = self.change.desired, self.progress
        fingerprint = self.context.secrets.fingerprint
        is_purchase = call.effect is Effect.PURCHASE
        body = self.kind.redact(call.body or {}, fingerprint)
        target_id = progress.order_id if call.effect.targets_order else progress.identifier
        return Intent(
            id=secrets.token_hex(16),
            address=self.change.address,
            kind=self.kind.name,
            attempt=attempt,
            effect=call.effect,
            name=str(body["name"]) if is_purchase else self._current_name(),
            request={"service": call.service, "method": call.method, "path": call.path, "body": body},
            declared=self.kind.redact(call.declares, fingerprint),
            sent_at=self.context.clock.now(),
            server_time=self.context.server_time(),
            who=self.context.who,
            sender=self.context.sender,
            approval=self.context.approval,
            contents=self.kind.content_texts(call.declares, self.context.hide),
            labels=desired.labels if desired else {},
            earlier_ids=earlier_ids,
            target_id=None if is_purchase else target_id,  # as the flow knows it, which may be newer than the record
            protected=bool(desired and desired.lifecycle.prevent_destroy),
            members=tuple(
                Member(one.address, one.name, one.labels, bool(one.lifecycle.prevent_destroy))
                for one in (members if is_purchase else ())
            ),
        )

    async def write(self, intent: Intent, call: Call) -> Dispatch:
        """Writes the intent. It is on disk when this returns, and the call must be sent at once, with the result. Raises
        Detached where the call must not be sent.
        """
        # A secret that can't be read fails here, before anything is written.
        for _, reference in find_secrets(call.body or {}):
            self.context.secrets.reveal(reference)
        began_at = self.context.clock.monotonic()
        await self.context.journal.write(Intended(intent))
        if self.context.interruption.requested:
            await self._withdraw(intent, "the run was interrupted before it was sent")
            raise Detached
        must_be_signed = intent.effect is Effect.PURCHASE and self.context.has_lease
        return Dispatch(intent.server_time, must_be_signed, partial(self._require_in_time, began_at))

    def _require_in_time(self, began_at: float) -> None:
        if self.context.clock.monotonic() - began_at > _STALE_AFTER:
            raise SentTooLate("this machine stood still, or its journal was slow, before it was sent")
        if self.context.ledger.seconds_left() <= LONGEST_CHANGE:
            raise SentTooLate("the lock may have ended before its answer came")

    def read_answer(self, intent: Intent, call: Call, reply: Reply) -> Answered:
        """Reads the ids from the reply. Raises CallFailed(UNKNOWN) if a purchase succeeded and its reply cannot be
        believed.
        """
        body = reply.object()
        facts = {
            key: value for key in call.id_fields if isinstance(value := body.get(key), str) and _ID.fullmatch(value)
        }
        if "id" in facts:
            facts["id"] = resource_id(facts["id"])
        if call.id_fields and not facts:
            message = f"the cloud answered {reply.status} without " + " or ".join(call.id_fields)
            raise CallFailed(Outcome.UNKNOWN, message, status=reply.status, request_id=reply.request_id)
        if intent.effect is Effect.PURCHASE and (message := self._contradiction(intent, facts, body)):
            raise CallFailed(Outcome.UNKNOWN, message, status=reply.status, request_id=reply.request_id)
        if intent.members:
            self.context.ids.register_order(intent.names, facts["order_id"])
        else:
            self.context.ids.register(self.change.address, *facts.values())
        return Answered(intent.id, reply.status, reply.request_id, facts.get("id"), facts.get("order_id"))

    def _contradiction(self, intent: Intent, facts: Mapping[str, str], body: JsonObject) -> str:
        """Returns why the reply cannot be the answer to this purchase, or "". An id that comes with another name is
        kept for the doubt.

        An order that this run would pay, or that brings several servers, is believed only together with the name that
        was sent: no row would show before the payment that the order is somebody else's.
        """
        identifier, order_id, name = facts.get("id"), facts.get("order_id"), body.get("name")
        if identifier in self.context.listed_ids:
            return f"the cloud answered with {identifier}, which existed before"
        if order_id in self.context.known_orders:
            return f"the cloud answered with {order_id}, which existed before"
        if not isinstance(name, str) or not name.strip():
            needs_name = bool(intent.members) or self.context.policy.prepaid is Prepaid.TWO_STEP
            return f"the cloud answered with order {order_id} and no name" if order_id and needs_name else ""
        is_numbered = bool(intent.members) and name.casefold().startswith(intent.name.casefold())
        if is_numbered or are_forms_of_one(name, intent.name):
            return ""
        self.progress.answered_id = identifier or ""
        return f"the cloud answered with {name!r} in place of {intent.name!r}"

    async def reopen(self, intent: Intent, row: Live) -> CallFailed:
        """Puts the purchase in doubt again, because the row of the server that its answer named shows that it is
        somebody else's. Returns an error that says so.
        """
        message = f"the cloud answered with {row.id}, and lists that as {row.name!r}"
        progress = self.progress
        self.context.ids.unregister(self.change.address, progress.identifier, progress.order_id)
        progress.identifier = progress.order_id = None
        progress.bought, progress.answered_id = (), row.id
        reopened = self._in_doubt(intent)
        forgotten = Forgotten(self.change.address, f"{message}: the outcome of its purchase is not known", None)
        # In this order: a death may tear the write between the two, and the first alone must not forget the purchase.
        await self.context.journal.write(Intended(reopened), forgotten)
        return CallFailed(Outcome.UNKNOWN, message)

    async def record_answer(self, intent: Intent, answered: Answered, reply: Reply) -> Reply:
        """Writes the answer. Returns the reply as the flow may use it: with the ids that are recorded, and without
        malformed ones.
        """
        if intent.effect is not Effect.PURCHASE:
            self.progress.under_way = True
            if intent.effect is Effect.WIPE:
                self.progress.declared = merge_fields(self.progress.declared, intent.declared)
            await self._write_outcome(intent, answered)
            return reply
        self.progress.bought = purchase_records(intent, identifier=answered.id, order_id=answered.order_id)
        self.progress.take_over(self.progress.bought[0])
        self.progress.unverified_purchase = None if intent.members else intent
        await self._write_outcome(intent, answered)
        return replace(reply, body={**reply.object(), "id": answered.id, "order_id": answered.order_id})

    async def settle(self, intent: Intent, failed: CallFailed) -> None:
        """Closes the intent if the call provably did nothing, or if what it did can always be read. The intent of a
        purchase, a release or a wipe stays open if the outcome is not known.
        """
        outcome: Literal["not_sent", "refused", "observed"]
        match failed.outcome:
            case Outcome.UNKNOWN:
                self.progress.under_way = True
                if intent.effect is Effect.PURCHASE:
                    await self._leave_open(intent)
                elif not intent.effect.targets_order:
                    self.progress.unsettled = intent
                if not intent.effect.targets_order:
                    return
                outcome = "observed"
            case Outcome.NOT_SENT:
                outcome = "not_sent"
            case Outcome.REFUSED | Outcome.THROTTLED:
                outcome = "refused"
            case _:
                assert_never(failed.outcome)
        evidence = f"the order shows the outcome: {failed.message}" if outcome == "observed" else failed.message
        await self._write_outcome(
            intent, Settled(intent.id, outcome, evidence, failed.status, failed.code, failed.request_id)
        )

    async def _leave_open(self, intent: Intent) -> None:
        """Writes the intent again with the present time, because the call may have been sent long after the intent was
        first written.
        """
        await self.context.journal.write(Intended(self._in_doubt(intent)))

    def _in_doubt(self, intent: Intent) -> Intent:
        """Returns the intent as it is written to the journal. The one kept in memory also holds what was listed before,
        which the journal has already.
        """
        written = replace(intent, unknown_since=self.context.server_time(), answered_id=self.progress.answered_id)
        context = self.context
        self.progress.doubt = replace(
            written,
            listed=tuple(sorted(context.listed_ids)),
            all_listed=not context.gaps,
            listed_orders=tuple(sorted(context.known_orders)),
        )
        return written

    async def _withdraw(self, intent: Intent, why: str) -> None:
        await self._write_outcome(intent, Settled(intent.id, "not_sent", why))

    async def _write_outcome(self, intent: Intent, answer: Answered | Settled) -> None:
        """Writes the outcome of a call. Raises StoreError, and then the progress says what is known and where it is
        kept.
        """
        self.progress.unrecorded = UnrecordedAnswer(intent, answer)
        try:
            await self.context.journal.write(answer)
        except StoreError as failure:
            self.progress.unrecorded = UnrecordedAnswer(intent, answer, failure.kept_in)
            raise
        self.progress.unrecorded = None

    def _current_name(self) -> str:
        if self.progress.recorded is not None:
            return self.progress.recorded.name
        return self.change.desired.name if self.change.desired else ""
