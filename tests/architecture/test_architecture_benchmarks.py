"""Tests of the benchmarks' meters: they have to measure the program alone, not the process that measures."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from benchmarks.cloud import SERVERS, World
from benchmarks.peer import Peer, find_peer
from benchmarks.processes import environment, measure


def test_a_small_program_has_a_small_peak_whatever_this_process_holds(tmp_path):
    ballast = bytearray(200 * 2**20)
    ballast[:: 2**12] = b"x" * len(ballast[:: 2**12])
    assert measure([sys.executable, "-c", "pass"], directory=tmp_path, environ=environment()).megabytes < 40


def test_what_is_measured_may_keep_its_compiled_modules(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    given = environment()
    assert "PYTHONDONTWRITEBYTECODE" not in given
    assert given["PYTHONPYCACHEPREFIX"]


def test_a_program_that_fails_is_told_with_its_words(tmp_path):
    with pytest.raises(RuntimeError, match="exited 3\nsorry"):
        measure(
            [sys.executable, "-c", "import sys; sys.stderr.write('sorry'); sys.exit(3)"],
            directory=tmp_path,
            environ=environment(),
        )


def test_the_cloud_that_answers_at_once_lists_what_was_bought_and_forgets_what_was_released():
    async def live() -> list[int]:
        world = World()
        world._bought, world._row = {"id": ""}, {"id": "", "status": "RUNNING"}
        bought = [json.loads((await world.answer("POST", SERVERS, [], b'{"name": "a"}'))[1])["id"] for _ in range(3)]
        pages = [
            json.loads((await world.answer("GET", f"{SERVERS}/all?limit=2&offset={offset}", [], b""))[1])
            for offset in (0, 2)
        ]
        assert [row["id"] for page in pages for row in page["data"]] == bought
        await world.answer("DELETE", f"{SERVERS}/{bought[0]}", [], b"")
        return [page["total"] for page in pages] + [
            json.loads((await world.answer("GET", SERVERS, [], b""))[1])["total"]
        ]

    assert asyncio.run(live()) == [3, 3, 2]


def test_terraform_is_measured_only_where_binary_and_provider_are_named(monkeypatch, tmp_path):
    monkeypatch.delenv("BENCH_TERRAFORM", raising=False)
    assert "BENCH_TERRAFORM" in find_peer()
    monkeypatch.setenv("BENCH_TERRAFORM", sys.executable)
    monkeypatch.setenv("BENCH_TERRAFORM_PROVIDER", str(tmp_path / "none"))
    assert "is no folder" in find_peer()
    monkeypatch.setenv("BENCH_TERRAFORM_PROVIDER", str(tmp_path))
    assert isinstance(find_peer(), Peer)
