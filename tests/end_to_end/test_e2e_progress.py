"""Following a run, and what no run waits for, from a second process that takes no lock and writes nothing."""

import json
import signal

import pytest
from support.fault_proxy import resetting
from support.process_workspace import THREE

BUILD_SECONDS = 300.0


@pytest.fixture
def at_work(workspace, proxy):
    """An apply that has sent its first purchase and waits for the answer, and the gate that holds it back."""
    workspace.write(THREE)
    gate = proxy.gate()
    proxy.on(gate.after)
    running = workspace.start("apply", "--auto-approve", "--parallelism", "1", "--reason", "rollout of v2")
    gate.await_arrival()
    yield running, gate
    gate.open()
    running.end()


def written(workspace) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workspace.folder / "state").glob("test.*")}


class TestARunAtWork:
    def test_it_is_shown_with_its_reason_and_how_far_it_is(self, workspace, at_work):
        before = written(workspace)
        shown = workspace.run("progress")
        assert (shown.code, shown.err) == (7, "")
        assert ' is at work: apply ("rollout of v2"), since ' in shown.out
        assert shown.out.endswith(", 0 of 3 done, 1 under way\n")
        assert written(workspace) == before

    def test_it_is_followed_until_it_ends(self, workspace, at_work):
        running, gate = at_work
        follower = workspace.start("progress", "--wait")
        follower.wait_for_stderr("0 of 3 done, 1 under way")
        gate.open()
        assert running.end().code == 0
        after = written(workspace)
        ended = follower.end()
        assert (ended.code, ended.out) == (0, "Nothing is under way.\n")
        for name in ("alpha", "beta", "gamma"):
            assert f"{name}: Creation complete after " in ended.err
        assert "alpha: Creating..." not in ended.err, "that was before it began to follow"
        assert written(workspace) == after
        assert workspace.purchases == {"alpha": 1, "beta": 1, "gamma": 1}

    def test_a_stream_has_the_run_its_events_and_a_summary(self, workspace, at_work):
        running, gate = at_work
        follower = workspace.start("progress", "--wait", "--json")
        follower.wait_for_stdout('"run_progress"')
        gate.open()
        running.end()
        documents = [json.loads(line) for line in follower.end().out.splitlines()]
        types = [one["type"] for one in documents]
        assert (types[0], types[1], types[-1]) == ("version", "run_progress", "progress_summary")
        assert {"apply_start", "bought", "apply_complete"} < {*types}
        run = documents[1]
        assert (run["holder"]["reason"], run["progress"]["planned"]) == ("rollout of v2", {"create": 3})
        assert (run["progress"]["done"], run["progress"]["under_way"], run["progress"]["sent"]) == (0, 1, 1)
        assert (documents[-1]["exit_code"], documents[-1]["servers"], documents[-1]["holder"]) == (0, [], None)

    def test_an_interruption_ends_the_follower_alone(self, workspace, at_work):
        running, gate = at_work
        follower = workspace.start("progress", "--wait")
        follower.wait_for_stderr("0 of 3 done")
        follower.process.send_signal(signal.SIGINT)
        assert follower.end().code == 8
        gate.open()
        assert running.end().code == 0

    def test_a_time_out_ends_it_as_well(self, workspace, at_work):
        assert workspace.run("progress", "--wait", "--timeout", "0s").code == 7


@pytest.mark.parametrize("build_seconds", [BUILD_SECONDS])
class TestWhatNoRunWaitsFor:
    @pytest.fixture
    def left_building(self, workspace):
        """An apply has ended while its server is being built, as it was told to."""
        ended = workspace.run_in_process("apply", "--auto-approve", "--no-wait")
        assert (ended.code, "`provisioner progress --wait`" in ended.words) == (7, True), ended.text
        return workspace

    def test_what_a_killed_apply_has_left_is_shown_from_its_journal(self, workspace):
        running = workspace.start("apply", "--auto-approve")
        running.wait_for_stderr("Bought [id=")
        running.kill()
        shown = workspace.run("progress")
        assert shown.code == 7
        assert "1 building." in shown.out

    def test_a_server_that_is_built_is_awaited_and_left_for_apply_to_record(self, left_building, clock):
        before = written(left_building)
        shown = left_building.run("progress")
        assert shown.code == 7
        assert "building" in shown.out
        assert "CREATING" in shown.out
        assert "`provisioner progress --wait` does" in shown.out
        waiting = left_building.start("progress", "--wait")
        waiting.wait_for_stderr("Waiting: 1 building")
        clock.advance(BUILD_SECONDS + 1)
        ended = waiting.end()
        assert ended.code == 0
        assert "1 ready." in ended.out
        assert "is not recorded yet: `provisioner apply` records it." in ended.out
        assert written(left_building) == before
        assert left_building.apply().code == 0
        assert left_building.run("progress").out == "Nothing is under way.\n"
        assert sum(left_building.purchases.values()) == 1

    def test_without_credentials_the_record_is_shown(self, left_building):
        stack = left_building.folder / "specs" / "stack.yaml"
        stack.write_text(stack.read_text().replace("cloud: sandbox", "cloud: huaweicloud"))
        shown = left_building.run("progress")
        assert shown.code == 7
        assert "the cloud was not asked" in " ".join(shown.err.split())
        assert "building" in shown.out
        refused = left_building.run("progress", "--wait")
        assert (refused.code, refused.out) == (1, "")


def test_a_purchase_in_doubt_is_not_waited_for(workspace, proxy):
    proxy.on(resetting(executed=False), name="alpha")
    assert workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    for flags in ((), ("--wait",)):
        shown = workspace.run_in_process("progress", *flags)
        assert shown.code == 6
        assert "1 in doubt." in shown.out
        assert "`provisioner apply` looks for what became of the purchases in doubt." in shown.out
