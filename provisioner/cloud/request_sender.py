"""Sends requests with proof of who sends them, judges the answers, and tries again where that is harmless.

The rule that everything else rests on stands in `send`: a purchase and a destructive call are sent once, whatever happens.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Mapping
from typing import Final

from provisioner.cloud.authentication import Authentication
from provisioner.cloud.clock import Clock
from provisioner.cloud.failures import Failure, no_answer, refusal, request_id_of, unreadable_answer
from provisioner.cloud.request import Request
from provisioner.cloud.request_budget import RequestBudget
from provisioner.cloud.retry_policy import retry
from provisioner.cloud.server_time import ServerTime
from provisioner.model.flow import Effect, Service
from provisioner.model.mask import Mask
from provisioner.web import HttpAnswer, HttpRequest, HttpTransport, NoAnswer

_LOGGER: Final = logging.getLogger("provisioner.cloud")


class RequestSender:
    """One worker's; the authentication and the budget are shared by all lines of a run."""

    def __init__(
        self,
        transport: HttpTransport,
        authentication: Authentication,
        *,
        budget: RequestBudget,
        clock: Clock,
        mask: Mask,
        times: Mapping[Service, ServerTime],
    ) -> None:
        self._transport = transport
        self._authentication = authentication
        self._budget = budget
        self._clock = clock
        self._mask = mask
        self._times = times

    def send(self, request: Request) -> Coroutine[None, None, HttpAnswer]:
        """A whole answer with a 2xx status. Raises Failure.

        What may be sent only once waits for no turn here: its sender has done so before it was journaled.
        """
        if request.is_repeatable:
            return retry(
                lambda: self._send_with_renewal(request),
                self._clock,
                answered=lambda: self._transport.has_answered(request.origin),
            )
        return self._send_once(request)

    async def _send_with_renewal(self, request: Request) -> HttpAnswer:
        """Once more when the token had ended early; twice would only invite a lock."""
        await self._budget.acquire(request.service)
        try:
            return await self._send_once(request)
        except Failure as failure:
            if not failure.renewed:
                raise
        await self._budget.acquire(request.service)
        return await self._send_once(request)

    async def _send_once(self, request: Request) -> HttpAnswer:
        headers = await self._authentication.headers(request)
        for secret in (*request.secrets, *self._authentication.secrets):
            self._mask.add(secret)
        begun = self._clock.monotonic()
        try:
            answer = await self._transport.exchange(_http_request(request, headers))
        except NoAnswer as nothing:
            self._log(request, begun, f"no answer ({nothing.reason})", None)
            raise no_answer(request, nothing) from None
        if answer.is_success:
            self._times[request.service].observe(*answer.trusted_time)
        self._log(request, begun, str(answer.status), request_id_of(answer, self._mask))
        if not answer.is_success:
            raise self._refused(request, answer, headers, sent_at=begun)
        self._budget.succeeded(request.service, sent_at=begun)
        if answer.fault:
            raise unreadable_answer(request, answer, answer.fault, mask=self._mask)
        return answer

    def _refused(self, request: Request, answer: HttpAnswer, sent: Mapping[str, str], *, sent_at: float) -> Failure:
        failure = refusal(
            request,
            answer,
            advice=self._authentication.advice,
            now=self._clock.now(),
            mask=self._mask,
        )
        if failure.is_unauthenticated:
            failure.renewed = self._authentication.renew(sent)
        if failure.is_throttled:
            self._budget.throttled(
                request.service, sent_at=sent_at, limit=failure.limit, retry_after=failure.retry_after
            )
        return failure

    def _log(self, request: Request, begun: float, outcome: str, request_id: str | None) -> None:
        """Neither headers nor bodies, whatever the level."""
        milliseconds = (self._clock.monotonic() - begun) * 1000
        _LOGGER.debug("%s %s: %s, %.0f ms, request %s", request.method, request.url, outcome, milliseconds, request_id)


def _http_request(request: Request, headers: Mapping[str, str]) -> HttpRequest:
    return HttpRequest(request.method, request.url, headers, request.body, only_reads=request.effect is Effect.READ)
