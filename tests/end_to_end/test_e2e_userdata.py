"""The two names of userdata, by a cloud that knows one of them: what took effect stands in its ledger alone."""

import base64

import pytest
from support.site import STACK, Sandbox

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

SPECS = "servers: {alpha: {userdata: '#!/bin/sh\n\n  echo %s'}}\n"
PLACES = ["CreateDevServer", "ChangeDevServerOS", "ReinstallDevServerOS"]


@pytest.fixture
def sandbox(server, world, clock, build_seconds):
    sandbox = Sandbox(server.url)
    server.app = front(create_app(world, build_seconds=build_seconds, clock=clock), sandbox.token)
    return sandbox


def details(site):
    return [row.detail.split("; ")[1] for row in site.ledger if row.kind in {"purchase", "wipe"}]


def write(site, word, field):
    site.write(SPECS % word, stack=f"{STACK}purchase: {{userdata_field: {field}}}\n")


@pytest.mark.parametrize(
    ("field", "purchase", "wipe"),
    [
        ("as-published", "userdata is passed over", "user_data takes effect"),
        ("user_data", "user_data takes effect", "user_data takes effect"),
        ("userdata", "userdata is passed over", "userdata is passed over"),
    ],
)
def test_the_chosen_name_is_sent_at_the_purchase_and_at_a_reinstallation(site, sandbox, field, purchase, wipe):
    sandbox.arm({"at": PLACES, "times": "always", "fault": "spelling", "takes": "user_data", "refused": False})
    write(site, "canary-one", field)
    assert site.apply().code == 0
    write(site, "canary-two", field)
    assert site.apply().code == 0
    assert details(site) == [purchase, wipe]
    for path in (site.folder / "state").iterdir():
        left = path.read_text(errors="replace")
        for word in ("canary-one", "canary-two"):
            assert word not in left
            assert base64.b64encode(f"#!/bin/sh\necho {word}".encode()).decode() not in left


def test_a_cloud_that_refuses_the_name_sells_nothing_and_the_plan_binds_the_choice(site, sandbox):
    sandbox.arm({"at": PLACES, "times": "always", "fault": "spelling", "takes": "user_data", "refused": True})
    write(site, "one", "userdata")
    assert site.here("plan", "--out", "plan.json").code == 0
    assert site.apply().code == 7
    assert site.purchases == {}
    write(site, "one", "user_data")
    assert site.here("plan", "--out", "plan.json").code == 0
    write(site, "one", "userdata")
    stale = site.here("apply", "--auto-approve", "plan.json")
    assert "purchase: in stack.yaml has changed" in stale.text
    write(site, "one", "user_data")
    assert site.here("apply", "--auto-approve", "plan.json").code == 0
    assert details(site) == ["user_data takes effect"]
