"""Combines reads of several flows that differ only in a list of ids into one request: the releases of a thousand
servers ask billing twenty times instead of a thousand times.

Every flow gets the whole reply and picks out what is about its own ids. If a joint read fails or is incomplete, every
flow asks on its own: a refusal may be about one of the ids only, and an id that a page leaves out is not answered.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from provisioner.applying.ports import ChannelPort
from provisioner.model.canonical import digest
from provisioner.model.flow import Call, CallFailed, Joint, Reply

Send: TypeAlias = Callable[[Call, ChannelPort], Awaitable[Reply]]

_PASSES: Final = 4
"""How many passes of the event loop a read waits for others to join it."""


@dataclass(eq=False, slots=True)
class _Question:
    call: Call
    answer: asyncio.Future[Reply | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Holds None if the flow has to ask on its own."""
    is_taken: bool = False


class JointReads:
    """Joins the reads of all flows of a run."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, list[_Question]] = defaultdict(list)

    async def ask(
        self, call: Call, channel: Callable[[], AbstractAsyncContextManager[ChannelPort]], send: Send
    ) -> Reply | None:
        """Returns the joint reply, or None if the caller has to ask on its own. The first caller that gets a channel
        sends for all that wait by then. `channel` borrows a channel and `send` sends over it; what they raise is raised
        here.
        """
        question, waiting = _Question(call), self._waiting[_key(call)]
        waiting.append(question)
        try:
            for _ in range(_PASSES):
                await asyncio.sleep(0)
            if not question.is_taken:
                async with channel() as borrowed:
                    if not question.is_taken:
                        await self._send(question, waiting, borrowed, send)
            return await question.answer
        finally:
            if not question.is_taken:
                waiting.remove(question)

    async def _send(self, own: _Question, waiting: list[_Question], channel: ChannelPort, send: Send) -> None:
        """Sends one request for `own` and as many of the waiting questions as may share it, and answers all of them."""
        joint = own.call.joins
        assert joint is not None
        batch = [own, *(each for each in waiting if each is not own)][: joint.max_ids]
        for each in batch:
            each.is_taken = True
            waiting.remove(each)
        shared: Reply | None = None
        try:
            if len(batch) > 1:
                reply = await send(_join([each.call for each in batch], joint), channel)
                shared = reply if joint.is_complete(reply) else None
        except CallFailed:
            pass
        finally:
            for each in batch:
                if not each.answer.done():
                    each.answer.set_result(shared)


def _join(calls: list[Call], joint: Joint) -> Call:
    ids = dict.fromkeys(each for call in calls for each in _ids(call, joint.key))
    return replace(calls[0], body={**(calls[0].body or {}), **joint.extra, joint.key: list(ids)}, joins=None)


def _ids(call: Call, key: str) -> list[str]:
    ids = (call.body or {})[key]
    assert isinstance(ids, list), "only lists of ids are joined"
    return [str(each) for each in ids]


def _key(call: Call) -> str:
    """Returns a digest of the call without its ids: calls with the same digest can be joined."""
    assert call.joins is not None
    body = {key: value for key, value in (call.body or {}).items() if key != call.joins.key}
    return digest([call.service, call.method, call.path, *map(str, sorted(body.items()))])
