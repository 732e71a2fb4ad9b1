"""Sends the calls of one worker: each yields its reply, or a failure that states the call's outcome."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.failures import find_masked_error, request_id_of, unreadable_answer
from provisioner.cloud.request import Request, Reveal, encode
from provisioner.cloud.request_budget import RequestBudget
from provisioner.cloud.request_sender import RequestSender
from provisioner.model.canonical import JsonValue, parse_json
from provisioner.model.flow import Call, Dispatch, Reply
from provisioner.model.identity import Identity
from provisioner.model.mask import Mask
from provisioner.model.secret import Secret, SecretReference
from provisioner.web import HttpAnswer

_MAX_DEPTH: Final = 64
"""The deepest nesting of an answer's JSON that is accepted."""


class Channel:
    """One worker's connection to the cloud."""

    def __init__(
        self, sender: RequestSender, endpoints: Endpoints, identity: Identity | None, budget: RequestBudget, mask: Mask
    ) -> None:
        self._sender = sender
        self._mask = mask
        self._endpoints = endpoints
        self._identity = identity
        self._budget = budget

    async def wait_for_budget(self, call: Call) -> None:
        """Wait until the request budget has room for `call`.

        Callers do this before they journal a call that is sent once.
        """
        await self._budget.acquire(call.service)

    async def send(self, call: Call, reveal: Reveal, dispatch: Dispatch | None = None) -> Reply:
        """Send `call` and return its reply. Raises CallFailed.

        Reads and repeatable calls wait for the request budget and are tried up to five times; all others are sent at
        once and exactly once. `dispatch` binds one of these to its intent.
        """
        request = encode(call, endpoints=self._endpoints, identity=self._identity, reveal=reveal)
        if dispatch is not None:
            request = replace(request, dispatch=dispatch)
        return _to_reply(request, await self._sender.send(request), self._mask)

    async def ask(self, call: Call) -> Reply:
        """Send a query, which never holds a secret, and return its reply. Raises CallFailed."""
        return await self.send(call, _no_secrets)


def _no_secrets(reference: SecretReference) -> Secret:
    raise AssertionError(f"a question holds a secret: {reference}")


def _to_reply(request: Request, answer: HttpAnswer, mask: Mask) -> Reply:
    try:
        body = parse_json(answer.body) if answer.body else None
    except ValueError:
        raise unreadable_answer(request, answer, "it is not JSON", mask=mask) from None
    if _is_too_deep(body):
        raise unreadable_answer(request, answer, f"its JSON is nested more than {_MAX_DEPTH} deep", mask=mask)
    if (found := find_masked_error(body, mask)) is not None:
        raise unreadable_answer(
            request, answer, f"it has the status of a success and tells of an error: {found}", mask=mask
        )
    if mask.may_occur_in(answer.body):
        body = mask.clean(body)
    return Reply(answer.status, body, request_id_of(answer, mask), answer.server_time)


def _is_too_deep(body: JsonValue) -> bool:
    """Whether `body` is nested deeper than a writer can serialize later.

    It walks level by level, so that no depth exhausts the stack.
    """
    level = [body]
    for _ in range(_MAX_DEPTH):
        children = (
            node.values() if isinstance(node, dict) else node for node in level if isinstance(node, dict | list)
        )
        level = [child for group in children for child in group if isinstance(child, dict | list)]
        if not level:
            return False
    return True
