"""One budget for all workers: nothing is held back until the cloud refuses, and then everybody waits as it wishes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cloud import Clock
from provisioner.cloud.failures import Limit
from provisioner.cloud.request_budget import LONGEST_PAUSE, REPORT_FROM, RequestBudget
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Service

READ = Call(Service.MODELARTS, "GET", "/x", Effect.READ)
PURCHASE = Call(Service.MODELARTS, "POST", "/x", Effect.PURCHASE, body={"name": "a"})
GATEWAY = "The throttling threshold has been reached: policy user over ratelimit,limit:{},time:{}"


def too_many(message: str = "slow down", code: str = "APIG.0308", **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(429, json={"error_code": code, "error_msg": message}, headers=names)


def good() -> httpx.Response:
    return httpx.Response(200, json={"id": "x"})


class Gateway:
    """Answers with its script and then with success; remembers when each request came."""

    def __init__(self, time, *script: httpx.Response) -> None:
        self.time = time
        self.script = list(script)
        self.arrivals: list[float] = []

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.arrivals.append(self.time.seconds)
        return self.script.pop(0) if self.script else good()


def converse(connect_to, gateway, *work: Callable[..., Awaitable[None]], waiting=None) -> None:
    """Each on a channel of its own, one after the other, because time only moves while somebody sleeps."""

    async def conversation() -> None:
        async with connect_to(gateway, **({"on_wait": waiting} if waiting else {})) as cloud:
            for each in work:
                async with cloud.channel() as channel:
                    await each(channel)

    asyncio.run(conversation())


async def read(channel) -> None:
    await channel.send(READ, lambda _: None)


async def buy(channel) -> None:
    await channel.wait_for_budget(PURCHASE)
    await channel.send(PURCHASE, lambda _: None)


async def buy_in_vain(channel) -> None:
    with pytest.raises(CallFailed):
        await buy(channel)


def test_nothing_is_held_back_while_nothing_is_refused(connect_to, time) -> None:
    converse(connect_to, Gateway(time), *[read] * 50, *[buy] * 50)
    assert time.slept == []


def test_what_one_worker_was_told_holds_for_the_others(connect_to, time) -> None:
    gateway = Gateway(time, too_many(Retry_After="7"))
    converse(connect_to, gateway, buy_in_vain, buy, read)
    first, second, third = gateway.arrivals
    assert (second - first, third - first) == (7, 7)


def test_another_service_goes_on(connect_to, time) -> None:
    async def ask_billing(channel) -> None:
        await channel.send(Call(Service.BILLING, "GET", "/x", Effect.READ), lambda _: None)

    converse(connect_to, Gateway(time, too_many(Retry_After="7")), buy_in_vain, ask_billing)
    assert time.slept == []


def test_a_limit_that_the_gateway_names_is_kept_from_then_on(connect_to, time) -> None:
    gateway = Gateway(time, too_many(GATEWAY.format(100, "1 minute")))
    converse(connect_to, gateway, *[read] * 300)
    after = gateway.arrivals[1:]
    for begin in after:
        assert sum(begin <= arrival < begin + 60 for arrival in after) <= 100
    assert after[-1] - after[0] < 300 / 100 * 60 * 1.2, "and it is used"


def test_a_whole_window_is_waited_for_before_a_purchase_is_given_up(connect_to, time) -> None:
    """Nobody says when the minute began: the pauses grow until one has certainly passed."""
    gateway = Gateway(time, *[too_many(GATEWAY.format(10, "1 minute"))] * 4)
    converse(connect_to, gateway, *[buy_in_vain] * 4, buy)
    assert gateway.arrivals[-1] - gateway.arrivals[0] > 60
    assert gateway.arrivals[1] - gateway.arrivals[0] < 10


def test_refusals_without_a_word_are_answered_by_longer_and_longer_pauses(connect_to, time) -> None:
    gateway = Gateway(time, too_many(), too_many(), too_many())
    converse(connect_to, gateway, *[buy_in_vain] * 3, buy, buy)
    assert time.slept == [1.0, 2.0, 4.0]


def test_refusals_of_what_was_on_its_way_already_do_not_lengthen_the_pause(time) -> None:
    budget = RequestBudget(time.clock(), lambda _: None)
    for sent_at in (time.seconds, *[time.seconds - 1] * 9):
        budget.throttled(Service.MODELARTS, sent_at=sent_at, limit=None, retry_after=None)
    asyncio.run(budget.acquire(Service.MODELARTS))
    assert time.slept == [1.0]


@pytest.mark.parametrize(
    "told", ["limit:0,time:1 minute", "limit:x,time:1 minute", "limit:9", "no words", "limit:99,time:1 day"]
)
def test_a_message_without_a_limit_teaches_nothing(connect_to, time, told: str) -> None:
    converse(connect_to, Gateway(time, too_many(told)), buy_in_vain, *[buy] * 20)
    assert time.slept == [1.0]


def test_an_answer_to_an_earlier_request_does_not_end_the_trouble(time) -> None:
    budget = RequestBudget(time.clock(), lambda _: None)
    for _ in range(3):
        asyncio.run(budget.acquire(Service.MODELARTS))
        budget.throttled(Service.MODELARTS, sent_at=time.seconds, limit=None, retry_after=None)
        budget.succeeded(Service.MODELARTS, sent_at=time.seconds - 1)
    assert time.slept == [1.0, 2.0]


def test_a_long_wait_is_counted_down(connect_to, time) -> None:
    told: list[float] = []
    converse(connect_to, Gateway(time, too_many(Retry_After="35")), buy_in_vain, read, waiting=told.append)
    assert told == [35.0, 25.0, 15.0, 5.0]


def test_a_short_wait_is_not_worth_a_word(connect_to, time) -> None:
    told: list[float] = []
    converse(connect_to, Gateway(time, too_many(Retry_After="4")), buy_in_vain, read, waiting=told.append)
    assert (told, time.slept) == ([], [4.0])


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (too_many(), Outcome.THROTTLED),
        (too_many(code="APIGW.0308"), Outcome.THROTTLED),
        (too_many(code="ModelArts.9999"), Outcome.REFUSED),
        (httpx.Response(503, json={"error_code": "APIG.0308", "error_msg": "x"}), Outcome.UNKNOWN),
    ],
)
def test_only_the_gateways_own_429_says_that_no_service_saw_the_call(connect_to, time, response, outcome) -> None:
    async def conversation() -> CallFailed:
        async with connect_to(Gateway(time, response)) as cloud, cloud.channel() as channel:
            with pytest.raises(CallFailed) as failed:
                await channel.send(PURCHASE, lambda _: None)
            return failed.value

    assert asyncio.run(conversation()).outcome is outcome


def test_a_purchase_that_is_turned_away_is_not_sent_again_by_this_room(connect_to, time) -> None:
    gateway = Gateway(time, too_many())
    converse(connect_to, gateway, buy_in_vain)
    assert len(gateway.arrivals) == 1


def test_workers_queue_in_the_order_of_asking_and_one_that_gives_up_blocks_nobody(time) -> None:
    went: list[int] = []

    async def conversation() -> None:
        budget = RequestBudget(time.clock(), lambda _: None)
        budget.throttled(
            Service.MODELARTS, sent_at=time.seconds, limit=Limit(requests=60, seconds=60.0), retry_after=None
        )

        async def work(number: int) -> None:
            await budget.acquire(Service.MODELARTS)
            went.append(number)

        workers = [asyncio.ensure_future(work(number)) for number in range(5)]
        workers[1].cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    asyncio.run(conversation())
    assert went == [0, 2, 3, 4]


@given(
    st.lists(
        st.tuples(
            st.none() | st.builds(Limit, st.integers(60, 1000), st.sampled_from([1.0, 60.0, 3600.0])),
            st.none() | st.floats(min_value=0),
        ),
        max_size=6,
    ),
    st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_whatever_the_cloud_says_every_turn_comes_and_long_waits_are_told(refusals, chance: float) -> None:
    now, told, slept = 1_000_000.0, [], []

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    async def conversation() -> None:
        clock = Clock(now=lambda: now, monotonic=lambda: now, sleep=sleep, chance=lambda: chance)
        budget = RequestBudget(clock, told.append)
        for limit, retry_after in refusals:
            await budget.acquire(Service.MODELARTS)
            budget.throttled(Service.MODELARTS, sent_at=now, limit=limit, retry_after=retry_after)
        before = now
        await budget.acquire(Service.MODELARTS)
        slowest = max((limit.seconds / (0.9 * limit.requests) for limit, _ in refusals if limit), default=0.0)
        assert now - before <= max(LONGEST_PAUSE, slowest) + 1

    asyncio.run(conversation())
    assert all(seconds >= REPORT_FROM for seconds in told)
    assert all(seconds > 0 for seconds in slept)


@pytest.mark.parametrize(
    ("date", "told"), [("Thu, 01 Jan 2026 13:00:00 GMT", 1_767_272_400_000), ("yesterday", None), (None, None)]
)
def test_the_clouds_clock_is_known_from_any_answer_that_tells_it(connect_to, date, told) -> None:
    async def conversation() -> int | None:
        headers = {"Date": date} if date else {}
        async with connect_to(lambda _: httpx.Response(200, json={}, headers=headers)) as cloud:
            async with cloud.channel() as channel:
                await read(channel)
            return cloud.time().earliest()

    assert asyncio.run(conversation()) == told


@pytest.mark.parametrize("step", [-86_400.0, 86_400.0])
def test_whoever_sets_this_machines_clock_moves_nobodys_quiet_period(connect_to, time, step) -> None:
    wall = time.seconds

    async def conversation() -> int | None:
        nonlocal wall
        clock = replace(time.clock(), now=lambda: wall)
        answer = httpx.Response(200, json={}, headers={"Date": "Thu, 01 Jan 2026 13:00:00 GMT"})
        async with connect_to(lambda _: answer, clock=clock) as cloud:
            async with cloud.channel() as channel:
                await read(channel)
            wall += step
            time.seconds += 60.0
            return cloud.time().earliest()

    assert asyncio.run(conversation()) == 1_767_272_400_000 + 60_000
