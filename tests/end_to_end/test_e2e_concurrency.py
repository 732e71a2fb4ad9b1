"""Two runs at once on one state: one works, the other says who does, waits or goes; and a plan in between tells the truth."""

import pytest
from support.process_workspace import THREE


@pytest.fixture
def at_work(workspace, proxy):
    """An apply that has sent its first purchase and waits for the answer, and the gate that holds it back."""
    workspace.write(THREE)
    gate = proxy.gate()
    proxy.on(gate.after)
    running = workspace.start("apply", "--auto-approve", "--parallelism", "1")
    gate.await_arrival()
    yield running, gate
    gate.open()
    running.end()


class TestTwoAtOnce:
    def test_the_second_names_the_first_and_sends_nothing(self, workspace, proxy, at_work):
        running, gate = at_work
        sent = len(proxy.exchanges)
        refused = workspace.run("apply", "--auto-approve")
        assert refused.code == 5
        assert f"process {running.process.pid}" in refused.err
        assert "`apply`" in refused.err
        assert "--lock-timeout" in refused.err
        assert workspace.run_in_process("destroy", "--auto-approve").code == 5
        assert len(proxy.exchanges) == sent
        gate.open()
        assert running.end().code == 0
        assert workspace.purchases == {"alpha": 1, "beta": 1, "gamma": 1}

    def test_the_second_waits_if_told_to_and_finds_nothing_to_do(self, workspace, at_work):
        running, gate = at_work
        patient = workspace.start("apply", "--auto-approve", "--lock-timeout", "60s")
        patient.wait_for_stderr("is at work: apply, since ")
        gate.open()
        assert running.end().code == 0
        ended = patient.end()
        assert (ended.code, ended.out) == (0, "No changes. Your servers match the specs.\n")
        assert workspace.purchases == {"alpha": 1, "beta": 1, "gamma": 1}

    def test_waiting_ends_when_its_time_is_up(self, workspace, at_work):
        assert workspace.run("apply", "--auto-approve", "--lock-timeout", "1s").code == 5

    def test_a_race_from_the_start_buys_once(self, workspace):
        workspace.write(THREE)
        racers = [workspace.start("apply", "--auto-approve", "--lock-timeout", "60s") for _ in range(3)]
        assert [racer.end().code for racer in racers] == [0, 0, 0]
        assert workspace.purchases == {"alpha": 1, "beta": 1, "gamma": 1}

    def test_environments_do_not_wait_for_each_other(self, workspace, at_work):
        (workspace.folder / "specs" / "environments").mkdir()
        (workspace.folder / "specs" / "environments" / "prod.yaml").write_text("{}\n")
        workspace.write('servers: {alpha: {name: "{{ env }}-alpha"}}\n')
        arguments = ("-e", "prod", "--allow", "no-state")  # there were no environments when the other run began
        assert workspace.run_in_process("apply", "--auto-approve", *arguments).code == 0
        assert workspace.purchases["prod-alpha"] == 1


class TestLookingMeanwhile:
    def test_a_plan_calls_it_in_flight_and_no_doubt(self, workspace, at_work):
        planned = workspace.run_in_process("plan", "--detailed-exitcode")
        assert planned.code == 2
        assert "in-flight" in planned.text
        assert "in-doubt" not in planned.text

    def test_what_is_recorded_is_shown_as_in_flight(self, workspace, at_work):
        assert "alpha: in flight" in workspace.run_in_process("show").out
        assert workspace.run_in_process("state", "list").out == "alpha\n"

    def test_a_plan_made_meanwhile_is_stale_afterwards(self, workspace, at_work):
        running, gate = at_work
        assert workspace.run_in_process("plan", "--out", "meanwhile.json").code == 0
        gate.open()
        running.end()
        refused = workspace.run_in_process("apply", "meanwhile.json")
        assert (refused.code, workspace.purchases) == (4, {"alpha": 1, "beta": 1, "gamma": 1})
        assert "plan-overtaken" in refused.err


class TestTheDead:
    def test_a_killed_process_leaves_no_lock_and_its_flight_becomes_a_doubt(self, workspace, at_work):
        running, _ = at_work
        running.kill()
        assert (workspace.folder / "state" / "test.lock").exists()
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 6
        assert workspace.apply().code == 0
        assert workspace.purchases == {"alpha": 1, "beta": 1, "gamma": 1}
