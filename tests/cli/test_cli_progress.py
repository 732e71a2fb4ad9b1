"""`progress`: what it says and exits with, whatever is under way, and how it goes on when another run begins."""

import json
from contextlib import ExitStack

import pytest
from support.builders import a_recorded, an_address, an_intent
from support.memory_backend import MemoryBackend, Place

from provisioner.cli.exit_codes import of_progress
from provisioner.model.flow import Effect
from provisioner.model.identity import Identity
from provisioner.model.journal import Answered, Imported, Intended, Remembered, RunEnded, RunStarted
from provisioner.model.resource import Phase
from provisioner.model.under_way import ServerStage, ServerUnderWay
from provisioner.store import LockHolder, StateStore, open_store
from provisioner.store.shared_store import SharedStore
from provisioner.workflow import state_places
from provisioner.workflow.progress import ProgressResult
from provisioner.workflow.system_clock import SystemClock

HOLDER = LockHolder("ana@laptop", 1, "laptop", "apply", 1_700_000_000_000, "ab12")


def server(stage: ServerStage) -> ServerUnderWay:
    return ServerUnderWay(an_address(), stage)


@pytest.mark.parametrize(
    ("stages", "code"),
    [
        ((), 0),
        ((ServerStage.READY, ServerStage.RELEASED), 0),
        ((ServerStage.READY, ServerStage.BUILDING), 7),
        ((ServerStage.ORDERED,), 7),
        ((ServerStage.AWAITING_PAYMENT,), 7),
        ((ServerStage.REINSTALLING,), 7),
        ((ServerStage.RELEASING,), 7),
        ((ServerStage.UNFINISHED,), 7),
        ((ServerStage.UNSETTLED,), 7),
        ((ServerStage.FAILED,), 7),
        ((ServerStage.FAILED, ServerStage.IN_DOUBT), 6),
        ((ServerStage.IN_DOUBT,), 6),
    ],
)
def test_what_progress_exits_with(stages, code) -> None:
    servers = tuple(map(server, stages))
    assert of_progress(ProgressResult("here", None, None, servers)) == code
    assert of_progress(ProgressResult("here", HOLDER, None, servers)) == (code or 7), "a run at work is under way"


def test_every_stage_has_an_exit_code() -> None:
    assert all(of_progress(ProgressResult("here", None, None, (server(stage),))) in {0, 6, 7} for stage in ServerStage)


def test_nothing_is_under_way_after_an_apply(applied) -> None:
    ran = applied.run("progress")
    assert (ran.code, ran.text) == (0, "Nothing is under way.\n")
    assert applied.run("progress", "--wait").code == 0


def test_before_anything_is_recorded_the_place_may_be_the_wrong_one(cli) -> None:
    cli.assert_fails("progress", code="no-state")


def test_wait_and_no_follow_contradict_each_other(applied) -> None:
    ran = applied.run("progress", "--wait", "--no-follow")
    assert (ran.code, "leave --no-follow out" in ran.stderr_text) == (1, True)


@pytest.fixture
def left_open(applied):
    """Runs have ended and left something under way, in doubt and awaiting payment. The cloud knows nothing of it."""
    building = a_recorded("building", phase=Phase.CREATING, observed={})
    paying = a_recorded("unpaid", phase=Phase.AWAITING_PAYMENT, id=None, order_id="CS7", observed={})
    with open_store(applied.state, "demo").write(command="apply", who="ana@laptop", timeout=0) as session:
        session.append(
            [
                RunStarted("run-1", "apply", "ana@laptop", "0.1.0"),
                Imported(building, "named by ana"),
                Imported(paying, "named by ana"),
                Intended(an_intent("doubtful")),
                RunEnded("run-1", "ended"),
            ]
        )
        session.checkpoint()
    return applied


def test_each_kind_of_open_thing_is_named_with_what_to_do(left_open) -> None:
    ran = left_open.run("progress")
    assert ran.code == 6, ran.text
    for address, stage in (("building", "building"), ("unpaid", "awaiting payment"), ("doubtful", "in doubt")):
        assert any(line.startswith(address) and stage in line for line in ran.out.splitlines()), ran.out
    assert "1 awaiting payment, 1 building, 1 in doubt." in ran.out
    for hint in ("progress --wait", "orders list", "looks for what became of the purchases in doubt"):
        assert hint in ran.out
    assert "CS7" in ran.out
    assert "since" in ran.out


def test_the_summary_of_a_stream_has_every_server(left_open) -> None:
    ran = left_open.run("progress", "--json")
    version, summary = ran.lines
    assert (version["type"], summary["type"], summary["exit_code"], summary["cloud_read"]) == (
        "version",
        "progress_summary",
        6,
        True,
    )
    assert {one["address"]: one["stage"] for one in summary["servers"]} == {
        "building": "building",
        "unpaid": "awaiting_payment",
        "doubtful": "in_doubt",
    }
    assert summary["counts"]["building"] == 1
    assert all(one["since"] for one in summary["servers"])


@pytest.fixture
def passing_time(monkeypatch):
    """Time passes at once. `at` holds what happens once so many seconds have passed."""

    class Time:
        def __init__(self) -> None:
            self.seconds, self.at = 0.0, {}

        async def sleep(self, seconds: float) -> None:
            self.seconds += seconds
            for moment in sorted(one for one in self.at if one <= self.seconds):
                self.at.pop(moment)()

    passing = Time()
    monkeypatch.setattr(SystemClock, "sleep", lambda _clock, seconds: passing.sleep(seconds))
    monkeypatch.setattr(SystemClock, "monotonic", lambda _clock: passing.seconds)
    monkeypatch.setattr(StateStore, "wait", lambda _store, _seconds: None)
    return passing


def test_a_wait_ends_at_its_time_out(left_open, passing_time) -> None:
    ran = left_open.run("progress", "--wait", "--timeout", "1m")
    assert ran.code == 6
    assert 60 <= passing_time.seconds < 62
    assert "Waiting: 1 building... " in ran.err, "it waits for what ends by itself, and for nothing else"


def test_a_run_that_begins_while_it_waits_is_followed_to_its_end(left_open, passing_time) -> None:
    run = ExitStack()

    def begin() -> None:
        store = open_store(left_open.state, "demo")
        writing = store.write(command="apply", who="bob@build", timeout=0, reason="goes on")
        session = run.enter_context(writing)
        session.append([RunStarted("run-2", "apply", "bob@build", "0.1.0", planned={"resume": 1})])
        run.callback(session.checkpoint)
        passing_time.at[passing_time.seconds + 10] = lambda: session.append(
            [Remembered(an_address("building"), Phase.READY, observed={"status": "RUNNING"})]
        )
        passing_time.at[passing_time.seconds + 20] = run.close

    passing_time.at[30.0] = begin
    ran = left_open.run("progress", "--wait", "--json")
    assert ran.code == 6, "the doubt stays"
    assert passing_time.seconds < 60
    runs = [one for one in ran.lines if one["type"] == "run_progress"]
    assert [one["message"] if "message" in one else one["progress"]["done"] for one in runs][-1] == 1
    assert runs[0]["holder"]["reason"] == "goes on"
    assert [one["hook"]["resource"]["addr"] for one in ran.lines if one["type"] == "apply_complete"] == ["building"]
    assert "building" not in {one["address"] for one in ran.lines[-1]["servers"]}


def test_a_failing_list_is_read_again_while_it_waits_and_is_an_error_in_the_end(
    left_open, passing_time, monkeypatch
) -> None:
    asked = []
    monkeypatch.setattr("provisioner.workflow.progress.read_cloud", lambda *_, **__: asked.append(1) or failing())
    left_open.assert_fails("progress", "--wait", code="cloud-unreachable")
    assert len(asked) == 5
    ran = left_open.run("progress")
    assert ran.code == 6
    assert "Warning[cloud-unreachable]: the cloud was not asked: no route" in ran.stderr_text


async def failing():
    from provisioner.model.diagnostic import CloudError, error

    raise CloudError(error("cloud-unreachable", "no route", hint="look at the network"))


def test_from_another_machine_it_reads_the_journal_alone(cli, monkeypatch) -> None:
    """Two stores of one place, as two machines have them: the state itself is read once, and then only the new records."""
    place = Place()
    stores = [StateStore(SharedStore(MemoryBackend(place), "demo", checkpoint_after=0)) for _ in range(2)]
    monkeypatch.setattr(state_places, "open_store", lambda *_, **__: stores[1])
    identity = Identity("account", "project", "cn-north-4")
    with stores[0].write(command="apply", who="ana@laptop", timeout=0, reason="rollout") as session:
        session.create("demo", None, identity=identity)
        assert cli.run("progress").out.endswith(", nothing is begun yet\n")
        session.append([RunStarted("run-1", "apply", "ana@laptop", "0.1.0", planned={"create": 2})])
        session.append([Intended(an_intent("one")), Answered("intent-for-one", 200, id="id-1")])
        ran = cli.run("progress")
        assert ran.code == 7
        assert 'ana@laptop is at work: apply ("rollout"), since ' in ran.out
        assert ran.out.endswith(", 0 of 2 done, 1 under way\n")
        reads = []
        place.before_step = lambda _label, log, step: reads.append((log, step))
        watch, holder = stores[1].watch_run(), stores[1].holder()
        watch.progress(holder)
        reads.clear()
        watch._looked_at = None
        session.append([Remembered(an_address("one"), Phase.READY)])
        reads.clear()
        assert watch.progress(holder).ready == 1
        assert reads == [("journal", "read")]


def test_a_release_whose_answer_is_lost_is_unsettled(applied) -> None:
    release = an_intent("gateway", id="r-1", effect=Effect.DESTRUCTIVE, target_id="id-1")
    with open_store(applied.state, "demo").write(command="destroy", who="ana@laptop", timeout=0) as session:
        session.append([Intended(release)])
    ran = applied.run("progress", "--json")
    assert ran.code == 7
    assert [(one["stage"], one["id"]) for one in json.loads(ran.out.splitlines()[-1])["servers"]] == [
        ("unsettled", "id-1")
    ]
