"""Two runs at once on one state: one works, the other says who does, waits or goes; and a plan in between tells the truth."""

import pytest
from support.site import THREE


@pytest.fixture
def at_work(site, proxy):
    """An apply that has sent its first purchase and waits for the answer, and the gate that holds it back."""
    site.write(THREE)
    gate = proxy.gate()
    proxy.on(gate.after)
    running = site.start("apply", "--auto-approve", "--parallelism", "1")
    gate.await_arrival()
    yield running, gate
    gate.open()
    running.end()


class TestTwoAtOnce:
    def test_the_second_names_the_first_and_sends_nothing(self, site, proxy, at_work):
        running, gate = at_work
        sent = len(proxy.exchanges)
        refused = site.run("apply", "--auto-approve")
        assert refused.code == 5
        assert f"process {running.process.pid}" in refused.err
        assert "`apply`" in refused.err
        assert "--lock-timeout" in refused.err
        assert site.here("destroy", "--auto-approve").code == 5
        assert len(proxy.exchanges) == sent
        gate.open()
        assert running.end().code == 0
        assert site.purchases == {"alpha": 1, "beta": 1, "gamma": 1}

    def test_the_second_waits_if_told_to_and_finds_nothing_to_do(self, site, at_work):
        running, gate = at_work
        patient = site.start("apply", "--auto-approve", "--lock-timeout", "60s")
        patient.await_error(f"process {running.process.pid}")
        gate.open()
        assert running.end().code == 0
        ended = patient.end()
        assert (ended.code, ended.out) == (0, "No changes. Your servers match the specs.\n")
        assert site.purchases == {"alpha": 1, "beta": 1, "gamma": 1}

    def test_waiting_ends_when_its_time_is_up(self, site, at_work):
        assert site.run("apply", "--auto-approve", "--lock-timeout", "1s").code == 5

    def test_a_race_from_the_start_buys_once(self, site):
        site.write(THREE)
        racers = [site.start("apply", "--auto-approve", "--lock-timeout", "60s") for _ in range(3)]
        assert [racer.end().code for racer in racers] == [0, 0, 0]
        assert site.purchases == {"alpha": 1, "beta": 1, "gamma": 1}

    def test_environments_do_not_wait_for_each_other(self, site, at_work):
        (site.folder / "specs" / "environments").mkdir()
        (site.folder / "specs" / "environments" / "prod.yaml").write_text("{}\n")
        site.write('servers: {alpha: {name: "{{ env }}-alpha"}}\n')
        assert site.here("apply", "--auto-approve", "-e", "prod").code == 0
        assert site.purchases["prod-alpha"] == 1


class TestLookingMeanwhile:
    def test_a_plan_calls_it_in_flight_and_no_doubt(self, site, at_work):
        planned = site.here("plan", "--detailed-exitcode")
        assert planned.code == 2
        assert "in-flight" in planned.text
        assert "in-doubt" not in planned.text

    def test_what_is_recorded_is_shown_as_in_flight(self, site, at_work):
        assert "alpha: in flight" in site.here("show").out
        assert site.here("state", "list").out == "alpha\n"

    def test_a_plan_made_meanwhile_is_stale_afterwards(self, site, at_work):
        running, gate = at_work
        assert site.here("plan", "--out", "meanwhile.json").code == 0
        gate.open()
        running.end()
        refused = site.here("apply", "meanwhile.json")
        assert (refused.code, site.purchases) == (1, {"alpha": 1, "beta": 1, "gamma": 1})
        assert "stale" in refused.err


class TestTheDead:
    def test_a_killed_process_leaves_no_lock_and_its_flight_becomes_a_doubt(self, site, at_work):
        running, _ = at_work
        running.kill()
        assert (site.folder / "state" / "test.lock").exists()
        assert site.here("plan", "--detailed-exitcode").code == 6
        assert site.apply().code == 0
        assert site.purchases == {"alpha": 1, "beta": 1, "gamma": 1}
