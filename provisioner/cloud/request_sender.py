"""Sends authenticated requests, turns answers that are no success into failures, and retries where that is harmless.

`RequestSender.send` enforces the rule that everything else relies on: a purchase and a destructive call are sent
exactly once, whatever happens.
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
    """Sends the requests of one worker. All senders of a run share the authentication and the budget."""

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
        """Send `request` and return the complete answer, which has a 2xx status. Raises Failure.

        A request that may be sent only once does not wait for the budget here: its caller did so before journaling it.
        """
        if request.is_repeatable:
            return retry(
                lambda: self._send_with_renewal(request),
                self._clock,
                answered=lambda: self._transport.has_answered(request.origin),
            )
        return self._send_once(request)

    async def _send_with_renewal(self, request: Request) -> HttpAnswer:
        """Send the request, and once more when its token had expired early.

        More attempts could get the account locked.
        """
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
        if request.dispatch is not None:
            request.dispatch.check()  # last: a new key may have been fetched meanwhile
        sent_at = self._clock.monotonic()
        try:
            answer = await self._transport.exchange(_http_request(request, headers))
        except NoAnswer as nothing:
            self._log(request, sent_at, f"no answer ({nothing.reason})", None)
            raise no_answer(request, nothing) from None
        if answer.is_success:
            self._times[request.service].observe(*answer.trusted_time)
        self._log(request, sent_at, str(answer.status), request_id_of(answer, self._mask))
        if not answer.is_success:
            raise self._refused(request, answer, headers, sent_at=sent_at)
        self._budget.succeeded(request.service, sent_at=sent_at)
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

    def _log(self, request: Request, sent_at: float, outcome: str, request_id: str | None) -> None:
        """Log method, URL and outcome. Headers and bodies are never logged, at any level."""
        milliseconds = (self._clock.monotonic() - sent_at) * 1000
        _LOGGER.debug("%s %s: %s, %.0f ms, request %s", request.method, request.url, outcome, milliseconds, request_id)


def _http_request(request: Request, headers: Mapping[str, str]) -> HttpRequest:
    return HttpRequest(request.method, request.url, headers, request.body, only_reads=request.effect is Effect.READ)
