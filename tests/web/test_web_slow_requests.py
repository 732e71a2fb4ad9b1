"""Whoever watches is told what a run is waiting for, one line at a time, and nothing once nothing is waited for."""

from __future__ import annotations

import asyncio

from provisioner.web.slow_requests import SlowRequestWatch

INTERVAL = 0.001


def told_while(play, *, news: int) -> list[tuple[str, float]]:
    """What is told until so much has been."""
    told: list[tuple[str, float]] = []
    now = 0.0
    enough = asyncio.Event()

    def hear(line: str, seconds: float) -> None:
        nonlocal now
        told.append((line, seconds))
        now += 10
        if len(told) == news:
            enough.set()

    async def conversation() -> None:
        watch = SlowRequestWatch(lambda: now, INTERVAL, hear)

        def passes(seconds: float) -> None:
            nonlocal now
            now += seconds

        async with asyncio.timeout(10):
            await play(watch, passes, enough)

    asyncio.run(conversation())
    return told


def test_the_oldest_of_many_is_told_of_again_and_again():
    async def play(watch, passes, enough):
        with watch.waiting("GET /first"), watch.waiting("GET /second"):
            passes(10)
            await enough.wait()

    assert told_while(play, news=3) == [("GET /first", 10), ("GET /first", 20), ("GET /first", 30)]


def test_when_the_oldest_is_answered_the_next_one_is_told_of():
    async def play(watch, passes, enough):
        first = watch.waiting("GET /first")
        first.__enter__()
        with watch.waiting("GET /second"):
            passes(10)
            first.__exit__(None, None, None)
            await enough.wait()

    assert told_while(play, news=1) == [("GET /second", 10)]


def test_nothing_is_told_of_what_is_answered_at_once():
    async def play(watch, passes, _enough):
        for _ in range(3):
            with watch.waiting("GET /quick"):
                pass
            await asyncio.sleep(2 * INTERVAL)

    assert told_while(play, news=1) == []


def test_many_quick_requests_are_told_of_as_one_long_reading():
    told = []

    async def conversation():
        loop = asyncio.get_running_loop()
        enough = asyncio.Event()

        def reading(line, count, seconds):
            told.append((line, count, seconds >= INTERVAL))
            if len(told) == 2:
                enough.set()

        watch = SlowRequestWatch(loop.time, INTERVAL * 20, lambda *_: None, reading)
        async with asyncio.timeout(10):
            while not enough.is_set():
                with watch.waiting("GET /pages"):
                    await asyncio.sleep(INTERVAL)

    asyncio.run(conversation())
    (first, some, long), (_, more, _) = told
    assert (first, long) == ("GET /pages", True)
    assert more > some > 1


def test_no_reading_is_told_of_once_there_are_no_requests():
    told = []

    async def conversation():
        watch = SlowRequestWatch(
            asyncio.get_running_loop().time, INTERVAL, lambda *_: None, lambda *word: told.append(word)
        )
        with watch.waiting("GET /one"):
            pass
        await asyncio.sleep(5 * INTERVAL)
        told.clear()
        await asyncio.sleep(5 * INTERVAL)

    asyncio.run(conversation())
    assert told == []
