"""Checks of the way to the cloud: each endpoint with its proxy and TLS, and this machine's clock against the cloud's.

To each endpoint one request goes, `GET /` without credentials. Any answer shows that the way is open.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from provisioner.model.check import CheckResult, doubtful, failed, passed
from provisioner.model.flow import Service
from provisioner.model.time_text import format_time
from provisioner.workflow.check_runner import CheckRunner, in_daemon_thread
from provisioner.workflow.configuration import without_password
from provisioner.workflow.workspace import Workspace

if TYPE_CHECKING:
    from provisioner.cloud import Endpoints
    from provisioner.web import HttpAnswer

_TOPIC: Final = "connection"
_WARN: Final = 60_000
_FAIL: Final = 600_000
"""Differences of clocks in milliseconds. The gateway refuses requests that are 15 minutes off."""
_UNAVAILABLE: Final = range(500, 600)
_PROXY_WANTS_A_PASSWORD: Final = 407


@dataclass
class NetworkExamination:
    """What the endpoints answered. `difference` is by how many milliseconds the cloud's clock is ahead of ours."""

    workspace: Workspace
    region: str
    difference: int | None = None
    undated: list[str] = field(default_factory=list)

    async def check(self, runner: CheckRunner, endpoints: Endpoints) -> None:
        await asyncio.gather(*(self._check_endpoint(runner, service, endpoints) for service in Service))
        needs = (endpoint_check(Service.MODELARTS),)
        await runner.run("clock", "cloud", self._examine_clock, needs=needs)

    async def _check_endpoint(self, runner: CheckRunner, service: Service, endpoints: Endpoints) -> None:
        async def examine() -> CheckResult:
            return await self._examine_endpoint(service, endpoints.url(service))

        _, name = endpoint_check(service).split("/")
        # The identity service is not always asked, and billing only for what is prepaid: signing in and the permissions tell.
        await runner.run(_TOPIC, name, examine, stops=service is Service.MODELARTS)

    async def _examine_endpoint(self, service: Service, url: str) -> CheckResult:
        from provisioner.web import NoAnswer, is_loopback
        from provisioner.web.proxies import choose_proxies

        proxy = None if is_loopback(url) else choose_proxies((url,), self.workspace.environ).get(url)
        way = f"{url} ({self._origin(service, url)})"
        if proxy is not None:
            way += f", through the proxy that {proxy.variable} names ({without_password(proxy.url)})"
        started = time.monotonic()
        try:
            answer = await self._request(url, proxy.url if proxy else url)
        except NoAnswer as failure:
            hint = (
                "Check the network, the region, the variables PROVISIONER_ENDPOINT_*, and the proxy where one is named."
            )
            return failed("cloud-unreachable", f"{way} does not answer: {failure.reason}", hint=hint)
        milliseconds = (time.monotonic() - started) * 1000
        self._note_time(service, answer)
        return _judge(answer, way, f"answered in {milliseconds:.0f} ms")

    async def _request(self, url: str, first_hop: str) -> HttpAnswer:
        from provisioner.web import HttpNetwork, HttpRequest, HttpTimeouts, NetworkSettings, NoAnswer

        parts = urlsplit(first_hop)
        try:  # here a name server that hangs can be given up
            await in_daemon_thread(lambda: socket.getaddrinfo(parts.hostname, parts.port or 443))
        except (OSError, UnicodeError):
            host = without_password(first_hop)
            raise NoAnswer(f"the name in {host} does not resolve", may_have_left=False) from None
        agent = f"provisioner/{self.workspace.version}"
        network = HttpNetwork(NetworkSettings(base_urls=(url,), user_agent=agent, timeouts=HttpTimeouts(silence=10)))
        async with network.transport() as transport:
            return await transport.exchange(HttpRequest("GET", f"{url}/", {}, only_reads=True))

    def _origin(self, service: Service, url: str) -> str:
        if self.workspace.settings.endpoints.get(service.value):
            return f"by PROVISIONER_ENDPOINT_{service.value.upper()}"
        from provisioner.cloud import region_endpoints

        is_vendors = url == region_endpoints(
            self.region, international=self.workspace.settings.site == "international"
        ).url(service)
        return f"of region {self.region}" if is_vendors else "by a variable of the vendor's tools"

    def _note_time(self, service: Service, answer: HttpAnswer) -> None:
        if answer.headers.get("age", "0").strip() != "0":
            self.undated.append("come from a cache, as their Age header says")
        elif answer.server_time is None:
            self.undated.append("carry no Date header that can be read")
        elif service is Service.MODELARTS or self.difference is None:
            self.difference = answer.server_time - time.time_ns() // 1_000_000

    async def _examine_clock(self) -> CheckResult:
        if self.difference is None:
            why = self.undated[0] if self.undated else "have not come"
            hint = "Something on the way, such as a proxy or a cache, changes the answers. Have it pass on the cloud's Date."
            return doubtful("cloud-undated", f"the clocks cannot be compared: the cloud's answers {why}", hint=hint)
        return judge_clock(self.difference, time.time_ns() // 1_000_000)


def endpoint_check(service: Service) -> str:
    """Return the topic and name of the check of an endpoint."""
    return f"{_TOPIC}/endpoint-{service.value}"


def judge_clock(difference: int, now: int) -> CheckResult:
    """Judge by how many milliseconds the cloud's clock is ahead of this machine's, which says `now`."""
    seconds = abs(difference) // 1000
    if abs(difference) < _WARN:
        return passed(f"this machine's clock and the cloud's differ by {seconds} s")
    direction = "behind" if difference > 0 else "ahead of"
    found = f"this machine's clock is {seconds} s {direction} the cloud's: {format_time(now)} here, {format_time(now + difference)} there"
    hint = "Correct this machine's clock (NTP). The cloud refuses requests that are more than 15 minutes off."
    return (failed if abs(difference) >= _FAIL else doubtful)("clocks-differ", found, hint=hint)


def _judge(answer: HttpAnswer, way: str, speed: str) -> CheckResult:
    if answer.status == _PROXY_WANTS_A_PASSWORD:
        hint = "Write user and password into the proxy's URL, or except this host with NO_PROXY."
        return failed("cloud-unreachable", f"{way}: the proxy wants a password (status 407)", hint=hint)
    if answer.status in _UNAVAILABLE:
        hint = "Run this again in some minutes. If it stays, look at the vendor's status page, and at the proxy."
        return doubtful("cloud-error", f"{way} answers with status {answer.status}", hint=hint)
    return passed(f"{way} {speed}")
