"""A prepaid server in its grace period, over real HTTP: nothing is sent for it, and a renewal in the console lets it go on."""

from __future__ import annotations

import pytest
from support.site import PREPAID, Site

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

DAY = 24 * 3600


@pytest.fixture
def site(tmp_path, server, sandbox):
    world = tmp_path / "world" / "world.db"
    server.app = front(create_app(world, build_seconds=0.0), sandbox.token)
    (tmp_path / "site" / "state").mkdir(parents=True, mode=0o700)
    site = Site(tmp_path / "site", world, sandbox.url)
    yield site
    site.end()


def test_nothing_is_sent_for_a_server_whose_term_is_over(site, sandbox):
    site.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
    assert site.apply().code == 0
    ledger = len(site.ledger)
    sandbox.advance(35 * DAY)
    idle = site.here("apply", "--auto-approve")
    assert idle.code == 0
    assert "Warning[expired]" in idle.out + idle.err
    site.write(f"servers: {{alpha: {{name: omega, power: stopped, charging_info: {PREPAID}}}}}\n")
    refused = site.here("apply", "--auto-approve")
    assert (refused.code, "term-ended" in refused.out + refused.err) == (4, True)
    released = site.here("destroy", "--auto-approve", "--allow", "prepaid-delete")
    assert (released.code, "term-ended" in released.out + released.err) == (4, True)
    assert len(site.ledger) == ledger
    assert site.here("apply", "--auto-approve", "--allow", "term-ended").code == 0


def test_its_release_is_one_question_and_one_allowance(site, sandbox):
    """What the cloud then refuses is the cloud's word, and nothing is lost or released by it."""
    site.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
    site.apply()
    sandbox.advance(35 * DAY)
    refused = site.here("destroy", "--auto-approve")
    assert refused.code == 4
    assert refused.text.count("Error[") == 1
    assert "Error[term-ended]" in refused.text
    assert "Warning[expired]" not in refused.text
    assert site.entries("release") == {}
    ran = site.here("destroy", "--auto-approve", "--allow", "term-ended")
    assert "Error[prepaid-delete]" not in ran.text
    assert (ran.code, site.entries("release")) == (7, {})
