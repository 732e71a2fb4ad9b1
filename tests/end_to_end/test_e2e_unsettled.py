"""A release, a reinstallation or a cancelled subscription whose answer cannot be used: it may have happened, and it is no purchase.

Everything that looks calls it `unsettled` and exits 2; the next apply settles it before it does anything else. Judged by the ledger.
"""

import json

import pytest
from support.site import PREPAID, Sandbox, Site

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

ERROR = {"fault": "answer", "status": 200, "code": "ModelArts.0113", "message": "no"}
ALLOWED = ("--allow", "prepaid-delete")
LEAVE = ("--auto-approve", *ALLOWED)

CALLS = {
    "release": ("DeleteDevServer", "servers: {alpha: {}, beta: {}}\n", "servers: {beta: {}}\n"),
    "unsubscription": (
        "CancelResourcesSubscription",
        f"servers: {{alpha: {{charging_info: {PREPAID}}}, beta: {{}}}}\n",
        "servers: {beta: {}}\n",
    ),
    "reinstallation": (
        "ReinstallDevServerOS",
        "servers: {alpha: {}, beta: {}}\n",
        "servers: {alpha: {key_pair_name: other}, beta: {}}\n",
    ),
}


@pytest.fixture
def sandbox(server):
    return Sandbox(server.url)


@pytest.fixture
def site(tmp_path, server, sandbox):
    world = tmp_path / "world.db"
    server.app = front(create_app(world, build_seconds=0.0), sandbox.token)
    (tmp_path / "site" / "state").mkdir(parents=True, mode=0o700)
    site = Site(tmp_path / "site", world, sandbox.url)
    yield site
    site.end()


@pytest.fixture(params=CALLS)
def unsettled(site, sandbox, request):
    operation, before, after = CALLS[request.param]
    site.write(before)
    assert site.apply().code == 0
    site.write(after)
    sandbox.arm(ERROR | {"at": operation, "executed": False})
    applied = site.here("apply", *LEAVE)
    assert applied.code == 7
    said = " ".join(applied.text.split())
    assert ("the outcome of its re" in said, "run apply again: it looks at what became of it" in said) == (True, True)
    return site


def test_whatever_looks_calls_it_unsettled_and_exits_2(unsettled):
    for command in (("plan", *ALLOWED), ("drift",), ("plan", "--destroy", *ALLOWED), ("plan", "--refresh-only")):
        looked = unsettled.here(*command, "--detailed-exitcode")
        assert looked.code == 2, command
        assert "Warning[unsettled]: alpha: the outcome of a re" in looked.text
        assert "in-doubt" not in looked.text
        assert unsettled.here(*command).code == 0, command
    drift = json.loads(unsettled.here("drift", "--json").out)
    assert (drift["in_doubt"], drift["unsettled"], drift["not_compared"]) == (False, True, 1)
    shown = json.loads(unsettled.here("show", "--json").out)
    assert (shown["in_doubt"], [one["address"] for one in shown["unsettled"]]) == ([], ["alpha"])
    assert json.loads(unsettled.here("state", "show", "alpha", "--json").out)["unsettled"]["address"] == "alpha"
    assert "alpha: unsettled, the outcome of a re" in unsettled.here("show").out
    assert "unsettled" in unsettled.here("history", "alpha").out


def test_a_saved_plan_waits_until_it_is_settled(unsettled):
    refused = unsettled.here("plan", *ALLOWED, "--out", "plan.json")
    assert refused.code == 1
    assert "Error[unsettled]: the plan was not saved to plan.json" in " ".join(refused.err.split())
    assert not (unsettled.folder / "plan.json").exists()


def test_what_a_person_would_change_by_hand_waits_for_it_too(unsettled):
    before = unsettled.state()
    for command, code in (
        (("state", "rm", "alpha"), "address-unsettled"),
        (("resolve", "alpha", "--absent"), "not-in-doubt"),
    ):
        refused = unsettled.here(*command)
        assert (refused.code, f"Error[{code}]" in refused.err) == (1, True)
        assert "it looks at what became of it before it does anything else" in " ".join(refused.err.split())
    assert unsettled.state() == before


def test_the_next_apply_settles_it(unsettled):
    assert unsettled.here("apply", *LEAVE).code == 0
    assert unsettled.state()["intents"] == {}
    assert max(unsettled.purchases.values()) == 1


def test_destroy_settles_it_too(unsettled):
    assert unsettled.here("destroy", *LEAVE).code == 0
    assert (unsettled.state()["intents"], unsettled.entries("release")) == ({}, {"alpha": 1, "beta": 1})


def test_a_plan_that_was_saved_before_it_is_refused_and_sends_nothing(site, sandbox):
    site.write("servers: {alpha: {}, beta: {}}\n")
    assert site.apply().code == 0
    site.write("servers: {beta: {}}\n")
    assert site.here("plan", "--out", "before.json").code == 0
    sandbox.arm(ERROR | {"at": "DeleteDevServer", "executed": False})
    assert site.apply().code == 7
    refused = site.here("apply", "before.json")
    assert refused.code == 1
    assert "Error[unsettled]: alpha: the outcome of an earlier release" in " ".join(refused.err.split())
    assert site.entries("release") == {}


def test_a_purchase_in_doubt_beside_it_is_what_counts(site, sandbox):
    site.write("servers: {alpha: {}}\n")
    assert site.apply().code == 0
    site.write("servers: {beta: {}}\n")
    sandbox.arm(
        ERROR | {"at": "DeleteDevServer", "executed": False}, ERROR | {"at": "CreateDevServer", "executed": False}
    )
    assert site.apply("--resolve-timeout", "0s").code == 6
    looked = site.here("plan", "--detailed-exitcode")
    assert looked.code == 6
    assert ("Warning[unsettled]: alpha" in looked.text, "Warning[in-doubt]: beta" in looked.text) == (True, True)
    assert site.here("plan", "--out", "plan.json").code == 6


@pytest.mark.parametrize("before", ["{}", f"{{charging_info: {PREPAID}}}"])
@pytest.mark.parametrize("after", ["servers: {beta: {}}\n", "servers: {alpha: {flavor: Si2.xlarge.4}, beta: {}}\n"])
def test_a_release_that_was_carried_out_is_planned_as_the_next_apply_settles_it_and_not_as_a_loss(
    site, sandbox, before, after
):
    site.write(f"servers: {{alpha: {before}, beta: {{}}}}\n")
    assert site.apply().code == 0
    site.write(after)
    lost = {"fault": "reset", "executed": True, "at": ["DeleteDevServer", "CancelResourcesSubscription"]}
    sandbox.arm(lost)
    is_wanted = "alpha" in after
    allowed = ("--replace", "alpha") if is_wanted else ("--allow", "prepaid-delete")
    assert site.here("apply", "--auto-approve", *allowed).code == 7
    looked = site.here("plan", "--detailed-exitcode")
    assert looked.code == 2
    assert "is not listed any more: the next apply records it as released" in " ".join(looked.text.split())
    assert "vanished" not in looked.text
    work = json.loads(site.here("plan", "--json").out)["resource_changes"]
    assert [one["address"] for one in work if one["change"]["actions"] == ["create"]] == (
        ["alpha"] if is_wanted else []
    )
    assert site.apply().code == 0
    assert (site.entries("release"), site.purchases) == ({"alpha": 1}, {"alpha": 1 + is_wanted, "beta": 1})
    assert site.here("plan", "--detailed-exitcode").code == 0


def test_whoever_wants_a_server_again_whose_release_may_still_arrive_is_told(site, sandbox):
    site.write("servers: {alpha: {}, beta: {}}\n")
    assert site.apply().code == 0
    site.write("servers: {beta: {}}\n")
    sandbox.arm({"at": "DeleteDevServer", "fault": "reset", "executed": False})
    assert site.here("apply", *LEAVE).code == 7
    site.write("servers: {alpha: {}, beta: {}}\n")
    back = site.here("apply", "--auto-approve")
    said = " ".join(back.text.split())
    assert (back.code, "Warning[unsettled]: alpha" in said, "should it arrive late" in said) == (0, True, True)
    assert "unsettled" not in site.here("apply", "--auto-approve").text
    assert site.entries("release") == {}


def test_the_advice_after_an_incomplete_destroy_buys_nothing(site, sandbox):
    """`run apply again` there settled the release and bought the server again, as the specs still want it."""
    site.write("servers: {alpha: {}}\n")
    assert site.apply().code == 0
    sandbox.arm({"at": "DeleteDevServer", "fault": "reset", "executed": True})
    lost = site.here("destroy", "--auto-approve")
    said = " ".join(lost.text.split())
    assert (lost.code, "run destroy again: it looks" in said, "run apply" in said) == (7, True, False)
    planned = " ".join(site.here("plan").text.split())
    assert "Where that was destroy, run destroy" in planned
    assert "run apply: it looks" not in planned
    assert "help: run destroy: it looks" in " ".join(site.here("plan", "--destroy").text.split())
    assert site.here("destroy", "--auto-approve").code == 0
    assert (site.purchases, site.entries("release")) == ({"alpha": 1}, {"alpha": 1})


def test_a_destroy_whose_purchase_is_in_doubt_is_not_told_to_apply(site, sandbox):
    site.write("servers: {alpha: {}}\n")
    sandbox.arm({"at": "CreateDevServer", "fault": "reset", "executed": False})
    assert site.apply("--resolve-timeout", "0").code == 6
    destroyed = site.here("destroy", "--auto-approve", "--resolve-timeout", "0")
    said = " ".join(destroyed.text.split())
    assert (destroyed.code, "run destroy again: it finds and releases" in said) == (6, True)
    assert ("run apply" in said, "apply buys it" in said) == (False, False)
