"""A state in a database and a machine that knows nothing else: fresh clones go on from runs that died, stopped or stood still."""

from __future__ import annotations

import json
import shutil
import signal

import pytest
from crash.shared_runs import APPLY, DOUBT_SECONDS, IN_DOUBT, LOCK_LOST, Checkout, SharedRuns

_SERVERS = 12
_PACE = ("--parallelism", "4", "--resolve-timeout", "1s", "--lock-timeout", "60s")


@pytest.mark.crash_whole
def test_a_fresh_clone_plans_no_changes(new_runs):
    runs = new_runs(3)
    assert runs.run(*APPLY).code == 0
    planned = runs.run("plan", "--detailed-exitcode")
    assert (planned.code, "No changes" in planned.out) == (0, True), planned.text
    runs.check()


def _command(how: str, runs: SharedRuns) -> tuple[tuple[str, ...], str]:
    """Returns the arguments of apply, and the plan file that they name."""
    if how == "apply":
        return ("--auto-approve",), ""
    checkout = runs.checkout()
    assert runs.end_of(runs.start_in(checkout, "plan", "--out", "all.plan")).code == 0
    plan = (checkout.workspace.folder / "all.plan").read_text()
    return (("all.plan",), plan) if how == "file" else (("--approved", json.loads(plan)["approval"]), "")


def _checkout(runs: SharedRuns, plan: str) -> Checkout:
    """Returns a fresh clone, with the plan file that a pipeline would hand on."""
    checkout = runs.checkout()
    if plan:
        (checkout.workspace.folder / "all.plan").write_text(plan)
    return checkout


@pytest.mark.parametrize(
    "how", ["approved", *(pytest.param(one, marks=pytest.mark.crash_whole) for one in ("apply", "file"))]
)
def test_a_fresh_clone_goes_on_by_the_same_command_from_a_runner_that_was_killed(new_runs, how):
    runs = new_runs(_SERVERS)
    arguments, plan = _command(how, runs)
    command = ("apply", *arguments, *_PACE)
    first = _checkout(runs, plan)
    killed = runs.start_in(first, *command)
    runs.wait_until(lambda: runs.bought_by(killed) >= 3, "three purchases")
    assert runs.kill(killed)
    runs.end_of(killed)
    shutil.rmtree(first.workspace.folder)
    assert 3 <= len(runs.cloud.purchases()) < _SERVERS

    ended = runs.end_of(runs.start_in(_checkout(runs, plan), *command))
    assert ended.code in {0, IN_DOUBT}, ended.text
    if ended.code == IN_DOUBT:  # a request of the killed run was lost
        runs.cloud.advance(DOUBT_SECONDS)
        ended = runs.end_of(runs.start_in(_checkout(runs, plan), *command))
    assert ended.code == 0, ended.text
    runs.check()
    again = runs.end_of(runs.start_in(_checkout(runs, plan), *command))
    assert again.code == (0 if how == "apply" else 1), again.text
    assert "No changes" in runs.run("plan", "--detailed-exitcode").out
    assert ("No changes" if how == "apply" else "has been carried out before") in again.words
    runs.check()


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.crash_whole)])
def test_a_holder_that_is_asked_to_end_gives_the_lock_to_the_next_at_once(new_runs, number):
    """The lease lasts for longer than this test waits, so it is released."""
    runs = new_runs(_SERVERS, has_short_lease=False)
    first = runs.start(*APPLY)
    runs.wait_until(lambda: runs.bought_by(first) >= 1, "a purchase")
    second = runs.start(*APPLY)
    first.send(number)
    assert runs.end_of(first).code == 8
    assert runs.end_of(second).code == 0
    assert runs.bought_by(second) > 0
    runs.check()


@pytest.mark.crash_whole
def test_who_does_not_wait_refuses_beside_a_live_holder_and_takes_over_from_one_that_stands_still(new_runs):
    runs = new_runs(_SERVERS)
    runs.cloud.to_hold = 4
    first = runs.start(*APPLY)
    runs.wait_until(lambda: runs.cloud.held == 4, "a purchase")
    refused = runs.run("apply", "--auto-approve", "--lock-timeout", "0s")
    assert (refused.code, f"process {first.pid}" in refused.words) == (LOCK_LOST, True), refused.text
    first.send(signal.SIGSTOP)
    runs.cloud.gate.set()
    second = runs.run("apply", "--auto-approve", "--lock-timeout", "0s", "--resolve-timeout", "1s")
    assert second.code in {0, IN_DOUBT}, second.text
    first.send(signal.SIGCONT)
    ended = runs.end_of(first)
    assert ended.code in {LOCK_LOST, IN_DOUBT}, ended.text
    assert "another" in ended.words, ended.text
    assert "Traceback" not in ended.text
    runs.cloud.advance(DOUBT_SECONDS)  # the refused colleague took longer than a request may, so some were lost
    assert runs.run(*APPLY).code == 0
    runs.check()


@pytest.mark.crash_whole
def test_a_purchase_of_a_machine_that_stood_still_for_longer_than_a_doubt_lasts_is_refused_by_its_date(new_runs):
    """Its clocks stood still too, so nothing in it can know. Its requests leave when another run has believed them lost, and
    has bought what they were to buy.
    """
    runs = new_runs(4)
    runs.cloud.to_hold = 4
    first = runs.start(*APPLY)
    runs.wait_until(lambda: runs.cloud.held == 4, "four purchases on their way")
    first.send(signal.SIGSTOP)
    runs.cloud.advance(DOUBT_SECONDS)
    checkout = runs.checkout()
    keys = {name: value for name, value in first.workspace.environment.items() if name.startswith("HW_")}
    checkout.workspace.environment |= keys  # another user's empty list would prove nothing
    second = runs.start_in(checkout, *APPLY)
    assert runs.end_of(second).code == 0
    bought = runs.cloud.purchases()
    runs.cloud.gate.set()
    runs.wait_until(lambda: runs.cloud.let_go == 4, "the four purchases of the machine")
    assert runs.cloud.purchases() == bought
    first.send(signal.SIGCONT)
    assert runs.end_of(first).code in {LOCK_LOST, IN_DOUBT}
    runs.check()
    assert runs.run("plan", "--detailed-exitcode").code == 0
