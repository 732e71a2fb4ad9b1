"""A row that shows the old key pair for ever after our own reinstallation: the disk is wiped once, by the ledger's word."""

from __future__ import annotations

import json

import pytest
from support.site import ONE, Sandbox, Site

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

SHOWING = ["ListAllDevServers", "ListDevServers", "ShowDevServer"]
OLD_KEY = {"at": SHOWING, "times": "always", "fault": "rewrite", "server": "alpha", "rows": {"key_pair_name": "ops"}}
LOST = {"at": "ReinstallDevServerOS", "fault": "reset", "executed": True}
REKEYED = "servers: {alpha: {key_pair_name: another}}\n"


@pytest.fixture
def sandbox(server):
    return Sandbox(server.url)


@pytest.fixture
def site(tmp_path, server, sandbox, build_seconds):
    world = tmp_path / "world" / "world.db"
    server.app = front(create_app(world, build_seconds=build_seconds), sandbox.token)
    (tmp_path / "site" / "state").mkdir(parents=True, mode=0o700)
    site = Site(tmp_path / "site", world, sandbox.url)
    site.write(ONE)
    yield site
    site.end()


def wipes(site):
    return [row.detail for row in site.ledger if row.kind == "wipe"]


@pytest.mark.parametrize("reply", ["heard", "lost"])
def test_a_key_pair_that_is_never_shown_is_put_on_once(site, sandbox, reply):
    site.apply()
    site.write(REKEYED)
    sandbox.arm(OLD_KEY, *([LOST] if reply == "lost" else []))
    planned = json.loads(site.here("plan", "--json").out)
    assert [one["code"] for one in planned["findings"]] == ["system-disk-changes"]
    codes = [site.here("apply", "--auto-approve").code for _ in range(3)]
    assert codes == ([0, 0, 0] if reply == "heard" else [7, 0, 0])
    assert (wipes(site), site.purchases) == (["reinstallos"], {"alpha": 1})

    looked = site.here("plan", "--detailed-exitcode")
    assert (looked.code, "Warning[unconfirmed]: alpha" in looked.text) == (2, True)
    assert "apply --reinstall 'alpha'" in looked.text
    sandbox.ask("DELETE", "faults")
    assert site.here("plan", "--detailed-exitcode").code == 0
