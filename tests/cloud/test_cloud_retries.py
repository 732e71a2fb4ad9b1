"""Reads and repeatable calls are tried again, patiently and not for ever."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cloud import Clock
from provisioner.cloud.failures import Failure
from provisioner.cloud.retry_policy import MAX_ATTEMPTS, MAX_ELAPSED, retry
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Reply, Service

Act = Callable[[], httpx.Response]


def answer(status: int, **headers: str | bytes) -> Act:
    return lambda: httpx.Response(
        status, json={"total": 0}, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def trouble(failure: Exception) -> Act:
    def act() -> httpx.Response:
        raise failure

    return act


class Torn(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"total"'
        raise httpx.RemoteProtocolError("peer closed connection")


GOOD = answer(200)


class Script:
    """Plays its acts in order and keeps the requests."""

    def __init__(self, *acts: Act) -> None:
        self.acts = iter(acts)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return next(self.acts)()


def read(connect_to, handler, effect: Effect = Effect.READ) -> Reply:
    async def conversation() -> Reply:
        async with connect_to(handler) as cloud, cloud.channel() as channel:
            return await channel.send(Call(Service.MODELARTS, "GET", "/x", effect), lambda _: None)

    return asyncio.run(conversation())


@pytest.mark.parametrize("effect", [Effect.READ, Effect.REPEATABLE])
@pytest.mark.parametrize(
    "act",
    [
        trouble(httpx.ConnectError("refused")),
        trouble(httpx.ConnectTimeout("slow")),
        trouble(httpx.ReadTimeout("slow")),
        trouble(httpx.ReadError("reset")),
        trouble(httpx.RemoteProtocolError("closed")),
        answer(429),
        answer(500),
        answer(503),
        lambda: httpx.Response(200, stream=Torn()),
    ],
)
def test_passing_trouble_is_waited_out(connect_to, time, effect: Effect, act: Act) -> None:
    assert read(connect_to, Script(act, GOOD), effect).body == {"total": 0}
    assert time.slept == [1.0]


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409])
def test_a_clear_answer_is_taken_as_it_is(connect_to, time, status: int) -> None:
    with pytest.raises(CallFailed):
        read(connect_to, Script(answer(status)))
    assert time.slept == []


def test_the_fifth_failure_is_the_last(connect_to, time) -> None:
    script = Script(*[answer(503)] * 9)
    with pytest.raises(CallFailed) as failed:
        read(connect_to, script)
    assert (failed.value.status, len(script.requests)) == (503, MAX_ATTEMPTS)
    assert time.slept == [1.0, 2.0, 4.0, 8.0]


def test_every_try_is_signed_at_its_own_time(connect_to) -> None:
    script = Script(answer(503), GOOD)
    read(connect_to, script)
    first, second = (request.headers["x-sdk-date"] for request in script.requests)
    assert (first, second) == ("20260101T120000Z", "20260101T120001Z")
    assert len({request.headers["authorization"] for request in script.requests}) == 2


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("-5", 1.0),
        ("soon", 1.0),
        ("\u0665", 1.0),
        ("9" * 400, 60.0),
        ("Thu, 01 Jan 2026 13:00:09 GMT", 9.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1.0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 60.0),
    ],
)
def test_the_servers_wish_is_honoured_within_reason(connect_to, time, asked: str, waited: float) -> None:
    # The server's clock is an hour ahead: a date means what it means there.
    act = answer(429, Retry_After=asked.encode(), Date=b"Thu, 01 Jan 2026 13:00:00 GMT")
    read(connect_to, Script(act, GOOD))
    assert sum(time.slept) == waited


def test_patience_ends_after_a_minute(connect_to, time) -> None:
    script = Script(*[answer(429, Retry_After="3600")] * 9)
    with pytest.raises(CallFailed):
        read(connect_to, script)
    assert sum(time.slept) == 60.0


@given(
    st.lists(st.none() | st.floats(min_value=0, allow_nan=False), max_size=8),
    st.floats(min_value=0, max_value=1, exclude_max=True),
    st.floats(min_value=0, max_value=200),
)
def test_tries_and_waits_are_bounded_whatever_the_server_says(
    wishes: list[float | None], chance: float, duration: float
) -> None:
    """Duration: seconds that each try takes."""
    slept: list[float] = []
    tries = 0
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    async def attempt() -> str:
        nonlocal tries, now
        tries += 1
        now += duration
        if tries <= len(wishes):
            raise Failure(Outcome.REFUSED, "no", transient=True, retry_after=wishes[tries - 1])
        return "done"

    clock = Clock(now=lambda: now, monotonic=lambda: now, sleep=sleep, chance=lambda: chance)
    try:
        assert asyncio.run(retry(attempt, clock)) == "done"
    except Failure:
        assert tries == MAX_ATTEMPTS or now >= MAX_ELAPSED
    assert tries <= MAX_ATTEMPTS
    assert all(0 < seconds <= MAX_ELAPSED for seconds in slept)
    assert sum(slept) <= 2 * MAX_ELAPSED
