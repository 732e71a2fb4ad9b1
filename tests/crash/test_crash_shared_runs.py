"""Eight runs of one state in a database. Whoever holds the lock is killed, or suspended for longer than its lease."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from functools import partial

import pytest
from crash.ledger_checks import require
from crash.lock_takers import cut_off_past_lease, suspend_past_lease
from crash.shared_cloud import SharedCloud
from crash.shared_runs import DOUBT_SECONDS, SharedRuns
from support import network_namespaces
from support.fork_server import ForkServer
from support.network_namespaces import NETWORK, NetworkNamespace
from support.postgres_server import PostgresServer, missing, skip_or_fail
from support.postgres_stores import close_backends, new_url
from support.process_workspace import SandboxServer

_RUNS = 8


def _disturb(runs: SharedRuns, *, kills: int, suspensions: int, seed: int) -> tuple[int, int]:
    """Kills and suspends holders in an order drawn from `seed`. Returns how many it met."""
    chance = random.Random(seed)  # noqa: S311 - to be drawn again the same
    suspend = partial(suspend_past_lease, runs)
    events = [runs.kill] * kills + [suspend] * suspensions
    chance.shuffle(events)
    met = {runs.kill: 0, suspend: 0}
    for left in range(len(events), 0, -1):
        event = events[left - 1]
        share = (runs.servers - len(runs.cloud.purchases())) // left
        while not event(runs.buying_holder(chance.randint(0, share))):
            require(not runs.is_all_bought, "nothing is left to be bought")
        met[event] += 1
    return met[runs.kill], met[suspend]


def _settle(runs: SharedRuns) -> None:
    """Lets the runs end; passes the quiet period, and lets one more run buy what is known now not to be bought."""
    runs.finish()
    runs.cloud.advance(DOUBT_SECONDS)
    done = runs.run("apply", "--auto-approve", "--lock-timeout", "60s")
    assert done.code == 0, done.text
    runs.check()
    assert runs.run("plan", "--detailed-exitcode").code == 0
    assert runs.run("history", "--verify").code == 0
    assert "No changes" in runs.run("apply", "--auto-approve").out


def _chaos(runs: SharedRuns, counters, *, alive: int, kills: int, suspensions: int, seed: int) -> None:
    began, runs.replaces = time.monotonic(), True
    for _ in range(alive):
        runs.start()
    killed, suspended = _disturb(runs, kills=kills, suspensions=suspensions, seed=seed)
    doubts = len(runs.state.intents)
    _settle(runs)
    counters.points, counters.kinds = killed + suspended, 2
    counters.runs, counters.deaths = sum(runs.codes.values()), killed
    print(  # noqa: T201 - figures for docs/reliability.md
        f"\n{runs.servers} servers, {killed} holders killed, {suspended} suspended, {doubts} purchases in doubt then, "
        f"{runs.late} carried out late, exit codes {dict(runs.codes)}, {time.monotonic() - began:.0f} s"
    )


@pytest.mark.crash_part("shared state")
def test_a_few_runs_of_which_the_holder_is_killed_and_suspended(new_runs, counters):
    _chaos(new_runs(16), counters, alive=2, kills=2, suspensions=1, seed=1)


@pytest.mark.crash_whole
@pytest.mark.crash_part("shared state")
def test_eight_runs_of_which_the_holder_is_killed_and_suspended(new_runs, counters):
    _chaos(new_runs(500), counters, alive=_RUNS, kills=20, suspensions=5, seed=1)


@pytest.fixture
def separate(folder):
    """Two network namespaces, and runs in both. The cloud is on the loopback of each, the database behind their links."""
    if reason := missing():
        skip_or_fail(reason)
    if reason := network_namespaces.missing():
        pytest.skip(reason)
    with ExitStack() as stack:
        namespaces = [NetworkNamespace(), NetworkNamespace()]
        for one in namespaces:
            stack.callback(one.remove)
        database = PostgresServer()
        stack.callback(database.remove)
        addresses = ",".join(["127.0.0.1", *(one.machine for one in namespaces)])
        database.create(max_connections="100", listen_addresses=addresses)
        with (database.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NETWORK} md5\n")
        database.start()
        stack.callback(database.stop)
        stack.callback(close_backends)
        listeners = [one.listen() for one in namespaces]
        cloud_server = SandboxServer(*listeners)
        stack.callback(cloud_server.end)
        cloud_server.app = cloud = SharedCloud(folder, seconds_a_purchase=1.0)
        url = new_url(database)
        places = []
        for one, listener in zip(namespaces, listeners, strict=True):
            fork_server = ForkServer(one.command)
            stack.callback(fork_server.end)
            endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
            places.append((fork_server, endpoint, url.replace("127.0.0.1", one.machine)))
        runs = SharedRuns(folder, cloud, url, 160, places)
        stack.callback(runs.end)
        yield runs, namespaces


@pytest.mark.crash_whole
@pytest.mark.crash_part("shared state")
def test_runs_in_two_networks_of_which_one_is_cut_off_from_the_database(separate, counters):
    runs, namespaces = separate
    runs.replaces = True
    for _ in range(_RUNS):
        runs.start()
    cuts = [(5.0, True), (5.0, False), (8.0, False), (17.0, True)]
    began = time.monotonic()
    for seconds, silently in cuts:
        while True:
            require(not runs.is_all_bought, "nothing is left to be bought")
            run = runs.buying_holder(3)
            link = namespaces[runs.place(run)]
            if cut_off_past_lease(runs, run, partial(link.cut, silently=silently), link.heal, seconds=seconds):
                break
    _settle(runs)
    counters.points, counters.kinds, counters.runs = len(cuts), 2, sum(runs.codes.values())
    print(  # noqa: T201 - figures for docs/reliability.md
        f"\n{runs.servers} servers, {len(cuts)} cuts, {runs.late} purchases carried out late, exit codes {dict(runs.codes)}, {time.monotonic() - began:.0f} s"
    )
