"""The real code in the worlds of test_protocol_model_lease.py: runs of apply on machines that share a state.

Whatever machine stands still at whatever step, with its clocks or without, and is taken over by another one, or dies, or is cut off
from the store: nothing is bought twice, no answer is lost, and who takes over is not disturbed. `make test` takes a few worlds,
`make crash` many of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import islice, product
from pathlib import Path

import pytest
from support.depth import DEEP
from support.emulated_cloud import RequestFault
from support.invariants import Violation
from support.lease_simulation import LeaseSimulation, LeaseWorld, Pause
from support.shared_workspace import Append, Stopped

STEPS = 70
"""More than any run has."""
REQUESTS = (None, RequestFault.REPLY_LOST, RequestFault.LATE, RequestFault.LOST)


def play(world: LeaseWorld) -> LeaseSimulation:
    place = Path("/dev/shm")  # noqa: S108 - a disk that costs nothing, where there is one
    with tempfile.TemporaryDirectory(prefix="lease-", dir=place if place.is_dir() else None) as folder:
        return LeaseSimulation(Path(folder), world).simulate()


@cache
def steps_without_trouble(*, is_begun: bool) -> tuple[str, ...]:
    return tuple(play(LeaseWorld(STEPS + 100, is_begun=is_begun)).steps)


def step_of(name: str, occurrence: int = 0, *, is_begun: bool = False) -> int:
    """Return the number of the step of that name, the n-th one, in a run without trouble."""
    steps = steps_without_trouble(is_begun=is_begun)
    return [number for number, step in enumerate(steps) if step == name][occurrence]


def every(stride: int, worlds: Iterator[LeaseWorld], *, deep: int = 1) -> Iterator[LeaseWorld]:
    """Yields every `stride`-th world; with TEST_DEPTH=deep every `deep`-th one, as far as `make crash` can afford it."""
    return islice(worlds, 0, None, deep if DEEP else stride)


def pauses() -> Iterator[LeaseWorld]:
    for step, pause, stopped, request, begun in product(
        range(STEPS), (Pause.TAKE_OVER, Pause.QUIET), Stopped, REQUESTS, (False, True)
    ):
        yield LeaseWorld(step, pause, stopped, request, is_begun=begun)


def deaths() -> Iterator[LeaseWorld]:
    for step, request, begun in product(range(STEPS), REQUESTS, (False, True)):
        yield LeaseWorld(step, Pause.DEATH, request=request, is_begun=begun)


def lost_appends() -> Iterator[LeaseWorld]:
    for step, append, number, stopped, begun in product(
        range(STEPS), Append, range(1, 7), (Stopped.NONE, Stopped.ALL), (False, True)
    ):
        yield LeaseWorld(step, Pause.TAKE_OVER, stopped, None, append, number, is_begun=begun)


def cuts() -> Iterator[LeaseWorld]:
    for step, request, begun in product(range(STEPS), REQUESTS, (False, True)):
        yield LeaseWorld(step, request=request, is_cut_off=True, is_begun=begun)


def overlaps() -> Iterator[LeaseWorld]:
    """The first machine holds the lock when it stands still, and goes on while its successor has read the state and is at work."""
    for step, goes_on_at, stopped in product(range(5, STEPS), range(8, STEPS), (Stopped.NONE, Stopped.ALL)):
        yield LeaseWorld(step, stopped=stopped, is_begun=True, goes_on_at=goes_on_at)


WORLDS = {
    "overlaps": lambda: every(4001, overlaps(), deep=31),
    "pauses": lambda: every(1117, pauses(), deep=3),
    "deaths": lambda: every(293, deaths()),
    "lost appends": lambda: every(2521, lost_appends(), deep=7),
    "cuts": lambda: every(293, cuts()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_the_real_code_is_faultless_in_every_world(name):
    violations = []
    for world in WORLDS[name]():
        try:
            play(world)
        except Violation as violation:
            violations.append(f"{world}: {violation}")
    assert violations == []


@pytest.mark.parametrize("stopped", Stopped, ids=lambda one: one.name)
def test_who_stands_still_between_intent_and_purchase_for_longer_than_the_quiet_period_buys_nothing(stopped):
    """Where only the seconds stood still, the request's own time is right: only the intent's time in its signature tells."""
    step = step_of("before purchase a") - 1
    ran = play(LeaseWorld(step, Pause.QUIET, stopped, RequestFault.LATE if stopped is Stopped.ELAPSED else None))
    assert ran.reached == "after append journal"


def test_an_answer_that_arrives_after_the_take_over_is_known_to_the_next_run():
    ran = play(LeaseWorld(step_of("after purchase a"), stopped=Stopped.ALL))
    logs = ran.workspace.place.of("demo").logs
    assert logs["late"].count(b'"answered"') == 1
    assert logs["journal"].count(b'"answered"') + logs["journal"].count(b'"adopted"') == 1


def test_who_is_cut_off_from_the_store_after_its_purchase_prints_the_answer():
    ran = play(LeaseWorld(step_of("after purchase a"), is_cut_off=True))
    assert ran.first is not None
    (bought,) = ran.workspace.cloud.purchases
    assert bought.row.server_id in ran.first.text


class TestTheseWorldsCanFail:
    def test_where_a_purchase_is_signed_with_the_present_time(self, monkeypatch):
        """Its own clock is right, although it stood still for longer than the quiet period."""
        monkeypatch.setattr(
            "provisioner.cloud.authentication.Signer._date", lambda signer, _request: signer._clock.utc()
        )
        step = step_of("before purchase a") - 1
        with pytest.raises(Violation, match="bought twice"):
            play(LeaseWorld(step, Pause.QUIET, Stopped.ELAPSED, RequestFault.LATE))

    def test_where_nobody_is_fenced_off(self, monkeypatch):
        """The former holder appends while its successor makes its plan, and throws it out."""
        monkeypatch.setattr("provisioner.store.lease.append_fence", lambda *_, **__: True)
        step = step_of("before append journal", is_begun=True)
        world = LeaseWorld(step, stopped=Stopped.ALL, is_begun=True, goes_on_at=step - 2)
        with pytest.raises(Violation, match="who took over ended"):
            play(world)

    def test_where_an_answer_after_the_take_over_is_not_kept(self, monkeypatch):
        monkeypatch.setattr("provisioner.store.session.Session._keep_late", lambda *_: False)
        ran = play(LeaseWorld(step_of("after purchase a"), stopped=Stopped.ALL))
        assert not ran.workspace.place.of("demo").logs.get("late")

    def test_where_a_conflict_is_made_good(self, monkeypatch):
        """Appends go behind whatever stands there: two purchases of one address."""
        from support.shared_workspace import SteppedLog

        from provisioner.store.chain import single_lines
        from provisioner.store.contract import Conflict

        append = SteppedLog.append

        def rebase(log, after, batch, **details):
            try:
                return append(log, after, batch, **details)
            except Conflict:
                if log._name != "journal":
                    raise
                lines = list(single_lines(log._kept.logs["journal"]))
                log._kept.logs["journal"] += batch
                return type(after)(lines[-1].sequence + batch.count(b"\n"), batch[-67:-3].decode())

        monkeypatch.setattr(SteppedLog, "append", rebase)
        step = step_of("before append journal", 2)
        with pytest.raises(Exception, match=r"bought twice|journal"):
            play(LeaseWorld(step, Pause.QUIET, Stopped.ALL))
