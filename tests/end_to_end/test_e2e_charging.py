"""A cloud that sells prepaid though pay-per-use was asked for sells one server, and no more."""

import json
from functools import partial

import pytest
from support.hasty_clock import HastyClock
from support.site import Sandbox, Site

import provisioner.cloud
from provisioner.cloud.clock import Clock
from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

SELLS = {"at": "CreateDevServer", "times": "always", "fault": "sells", "charging_mode": "PRE_PAID"}


@pytest.fixture
def sandbox(server):
    return Sandbox(server.url)


@pytest.fixture
def site(tmp_path, server, sandbox, monkeypatch):
    clock = HastyClock()
    hasty = Clock(monotonic=clock.monotonic, sleep=clock.sleep, chance=lambda: 1.0)
    monkeypatch.setattr(provisioner.cloud, "connect", partial(provisioner.cloud.connect, clock=hasty))
    world = tmp_path / "world.db"
    server.app = front(create_app(world), sandbox.token)
    folder = tmp_path / "site"
    (folder / "state").mkdir(parents=True, mode=0o700)
    site = Site(folder, world, sandbox.url)
    site.write("servers: {pool: {count: 5}}\n")
    yield site
    site.end()


@pytest.mark.parametrize("pays", [False, True])
def test_one_is_sold_recorded_and_said_and_nothing_more_is_sent(site, sandbox, pays):
    sandbox.arm(SELLS | {"pays": pays})
    ran = site.apply()
    assert ran.code == 7
    assert sum(site.purchases.values()) == 1
    assert site.entries("payment") == ({"pool-0": 1} if pays else {})
    assert "the cloud sold this server as PRE_PAID, not POST_PAID" in ran.err + ran.out
    shown = json.dumps(site.state())
    assert shown.count('"order_id": "') == 1


def test_without_the_fault_all_are_bought_pay_per_use(site):
    assert site.apply().code == 0
    assert sum(site.purchases.values()) == 5
    assert site.entries("payment") == {}


@pytest.mark.parametrize("pays", [False, True])
def test_the_next_run_buys_no_other_one_so_until_a_person_says_so(site, sandbox, pays):
    sandbox.arm(SELLS | {"pays": pays})
    site.apply()
    for _ in range(2):
        refused = site.apply()
        assert refused.code == 4
        assert "Error[charging-mismatch]" in refused.text
    assert sum(site.purchases.values()) == 1
    site.apply("--allow", "charging-mismatch")
    assert sum(site.purchases.values()) == 2


def test_other_flavors_are_bought_meanwhile(site, sandbox):
    sandbox.arm(SELLS | {"pays": True})
    site.apply()
    sandbox.ask("DELETE", "faults")
    site.write("servers: {pool: {count: 1}, other: {flavor: Si2.xlarge.4}}\n")
    assert site.apply().code == 0
    assert sum(site.purchases.values()) == 2
