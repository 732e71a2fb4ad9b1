"""Reads of several flows that differ in one list of ids alone, asked of the cloud together: releases of a thousand servers ask billing
twenty times, not a thousand.

The answer goes to everybody as it is, and each picks his own out of it. Where a joint read fails or is not whole, everybody asks alone: a
refusal may be meant for one id of it, and what a page leaves out is no answer.
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
"""Of the event loop, until whoever asks at the same time has said so."""


@dataclass(eq=False, slots=True)
class _Question:
    call: Call
    answer: asyncio.Future[Reply | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """None: ask alone."""
    is_taken: bool = False


class JointReads:
    def __init__(self) -> None:
        self._waiting: defaultdict[str, list[_Question]] = defaultdict(list)

    async def ask(
        self, call: Call, channel: Callable[[], AbstractAsyncContextManager[ChannelPort]], send: Send
    ) -> Reply | None:
        """None where the caller has to ask alone. `channel` and `send` are the caller's own; whoever gets a channel first sends for all who
        wait by then. Raises what they raise.
        """
        question, alike = _Question(call), self._waiting[_without_ids(call)]
        alike.append(question)
        try:
            for _ in range(_PASSES):
                await asyncio.sleep(0)
            if not question.is_taken:
                async with channel() as borrowed:
                    if not question.is_taken:
                        await self._send(question, alike, borrowed, send)
            return await question.answer
        finally:
            if not question.is_taken:
                alike.remove(question)

    async def _send(self, own: _Question, alike: list[_Question], channel: ChannelPort, send: Send) -> None:
        joint = own.call.joins
        assert joint is not None
        asked = [own, *(each for each in alike if each is not own)][: joint.most]
        for each in asked:
            each.is_taken = True
            alike.remove(each)
        reply: Reply | None = None
        try:
            if len(asked) > 1:
                told = await send(_joined([each.call for each in asked], joint), channel)
                reply = told if joint.is_whole(told) else None
        except CallFailed:
            pass
        finally:
            for each in asked:
                if not each.answer.done():
                    each.answer.set_result(reply)


def _joined(calls: list[Call], joint: Joint) -> Call:
    ids = dict.fromkeys(each for call in calls for each in _ids(call, joint.key))
    return replace(calls[0], body={**(calls[0].body or {}), **joint.more, joint.key: list(ids)}, joins=None)


def _ids(call: Call, key: str) -> list[str]:
    ids = (call.body or {})[key]
    assert isinstance(ids, list), "a list of ids is what is joined"
    return [str(each) for each in ids]


def _without_ids(call: Call) -> str:
    assert call.joins is not None
    body = {key: value for key, value in (call.body or {}).items() if key != call.joins.key}
    return digest([call.service, call.method, call.path, *map(str, sorted(body.items()))])
