"""A release, a reinstallation or a cancelled subscription whose answer cannot be used: it may have happened, and it is no purchase.

Everything that looks calls it `unsettled` and exits 2; the next apply settles it before it does anything else. Judged by the ledger.
"""

import json

import pytest
from support.process_workspace import PREPAID, ProcessWorkspace

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
def workspace(tmp_path, server, sandbox):
    sandbox_db = tmp_path / "world.db"
    server.app = front(create_app(sandbox_db, build_seconds=0.0), sandbox.token)
    (tmp_path / "workspace" / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(tmp_path / "workspace", sandbox_db, sandbox.url)
    yield workspace
    workspace.end()


@pytest.fixture(params=CALLS)
def unsettled(workspace, sandbox, request):
    operation, before, after = CALLS[request.param]
    workspace.write(before)
    assert workspace.apply().code == 0
    workspace.write(after)
    sandbox.arm(ERROR | {"at": operation, "executed": False})
    applied = workspace.run_in_process("apply", *LEAVE)
    assert applied.code == 7
    said = applied.words
    assert (
        "the outcome of its re" in said,
        "run `provisioner apply` again, which first finds out what happened" in said,
    ) == (True, True)
    return workspace


def test_whatever_looks_calls_it_unsettled_and_exits_2(unsettled):
    for command in (("plan", *ALLOWED), ("drift",), ("plan", "--destroy", *ALLOWED), ("plan", "--refresh-only")):
        looked = unsettled.run_in_process(*command, "--detailed-exitcode")
        assert looked.code == 2, command
        assert "Warning[unsettled]: alpha: the outcome of a re" in looked.text
        assert "in-doubt" not in looked.text
        assert unsettled.run_in_process(*command).code == 0, command
    drift = json.loads(unsettled.run_in_process("drift", "--json").out)
    assert (drift["in_doubt"], drift["unsettled"], drift["not_compared"]) == (False, True, 1)
    shown = json.loads(unsettled.run_in_process("show", "--json").out)
    assert (shown["in_doubt"], [one["address"] for one in shown["unsettled"]]) == ([], ["alpha"])
    assert (
        json.loads(unsettled.run_in_process("state", "show", "alpha", "--json").out)["unsettled"]["address"] == "alpha"
    )
    assert "alpha: unsettled, the outcome of a re" in unsettled.run_in_process("show").out
    assert "unsettled" in unsettled.run_in_process("history", "alpha").out


def test_a_saved_plan_waits_until_it_is_settled(unsettled):
    refused = unsettled.run_in_process("plan", *ALLOWED, "--out", "plan.json")
    assert refused.code == 1
    assert "Error[unsettled]: the plan was not saved to plan.json" in " ".join(refused.err.split())
    assert not (unsettled.folder / "plan.json").exists()


def test_what_a_person_would_change_by_hand_waits_for_it_too(unsettled):
    before = unsettled.state()
    for command, code in (
        (("state", "rm", "alpha"), "address-unsettled"),
        (("resolve", "alpha", "--absent"), "not-in-doubt"),
    ):
        refused = unsettled.run_in_process(*command)
        assert (refused.code, f"Error[{code}]" in refused.err) == (1, True)
        assert "which first finds out what happened" in " ".join(refused.err.split())
    assert unsettled.state() == before


def test_the_next_apply_settles_it(unsettled):
    assert unsettled.run_in_process("apply", *LEAVE).code == 0
    assert unsettled.state()["intents"] == {}
    assert max(unsettled.purchases.values()) == 1


def test_destroy_settles_it_too(unsettled):
    assert unsettled.run_in_process("destroy", *LEAVE).code == 0
    assert (unsettled.state()["intents"], unsettled.ledger_counts("release")) == ({}, {"alpha": 1, "beta": 1})


def test_a_plan_that_was_saved_before_it_is_refused_and_sends_nothing(workspace, sandbox):
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    assert workspace.apply().code == 0
    workspace.write("servers: {beta: {}}\n")
    assert workspace.run_in_process("plan", "--out", "before.json").code == 0
    sandbox.arm(ERROR | {"at": "DeleteDevServer", "executed": False})
    assert workspace.apply().code == 7
    refused = workspace.run_in_process("apply", "before.json")
    assert refused.code == 4
    assert "Error[plan-overtaken]: alpha: it was worked on by apply" in " ".join(refused.err.split())
    assert workspace.ledger_counts("release") == {}


def test_a_purchase_in_doubt_beside_it_is_what_counts(workspace, sandbox):
    workspace.write("servers: {alpha: {}}\n")
    assert workspace.apply().code == 0
    workspace.write("servers: {beta: {}}\n")
    sandbox.arm(
        ERROR | {"at": "DeleteDevServer", "executed": False}, ERROR | {"at": "CreateDevServer", "executed": False}
    )
    assert workspace.apply("--resolve-timeout", "0s").code == 6
    looked = workspace.run_in_process("plan", "--detailed-exitcode")
    assert looked.code == 6
    assert ("Warning[unsettled]: alpha" in looked.text, "Warning[in-doubt]: beta" in looked.text) == (True, True)
    assert workspace.run_in_process("plan", "--out", "plan.json").code == 6


@pytest.mark.parametrize("before", ["{}", f"{{charging_info: {PREPAID}}}"])
@pytest.mark.parametrize("after", ["servers: {beta: {}}\n", "servers: {alpha: {flavor: Si2.xlarge.4}, beta: {}}\n"])
def test_a_release_that_was_carried_out_is_planned_as_the_next_apply_settles_it_and_not_as_a_loss(
    workspace, sandbox, before, after
):
    workspace.write(f"servers: {{alpha: {before}, beta: {{}}}}\n")
    assert workspace.apply().code == 0
    workspace.write(after)
    lost = {"fault": "reset", "executed": True, "at": ["DeleteDevServer", "CancelResourcesSubscription"]}
    sandbox.arm(lost)
    is_wanted = "alpha" in after
    allowed = ("--replace", "alpha") if is_wanted else ("--allow", "prepaid-delete")
    assert workspace.run_in_process("apply", "--auto-approve", *allowed).code == 7
    looked = workspace.run_in_process("plan", "--detailed-exitcode")
    assert looked.code == 2
    assert "is not listed any more: the next apply records it as released" in looked.words
    assert "vanished" not in looked.text
    work = json.loads(workspace.run_in_process("plan", "--json").out)["resource_changes"]
    assert [one["address"] for one in work if one["change"]["actions"] == ["create"]] == (
        ["alpha"] if is_wanted else []
    )
    assert workspace.apply().code == 0
    assert (workspace.ledger_counts("release"), workspace.purchases) == (
        {"alpha": 1},
        {"alpha": 1 + is_wanted, "beta": 1},
    )
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_whoever_wants_a_server_again_whose_release_may_still_arrive_is_told(workspace, sandbox):
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    assert workspace.apply().code == 0
    workspace.write("servers: {beta: {}}\n")
    sandbox.arm({"at": "DeleteDevServer", "fault": "reset", "executed": False})
    assert workspace.run_in_process("apply", *LEAVE).code == 7
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    back = workspace.run_in_process("apply", "--auto-approve")
    said = back.words
    assert (back.code, "Warning[unsettled]: alpha" in said, "if it arrives late" in said) == (0, True, True)
    assert "unsettled" not in workspace.run_in_process("apply", "--auto-approve").text
    assert workspace.ledger_counts("release") == {}


def test_the_advice_after_an_incomplete_destroy_buys_nothing(workspace, sandbox):
    """`run apply again` there settled the release and bought the server again, as the specs still want it."""
    workspace.write("servers: {alpha: {}}\n")
    assert workspace.apply().code == 0
    sandbox.arm({"at": "DeleteDevServer", "fault": "reset", "executed": True})
    lost = workspace.run_in_process("destroy", "--auto-approve")
    said = lost.words
    assert (
        lost.code,
        "run `provisioner destroy` again, which first finds out" in said,
        "run `provisioner apply`" in said,
    ) == (7, True, False)
    planned = workspace.run_in_process("plan").words
    assert "If that was destroy, run `provisioner destroy`" in planned
    assert "run `provisioner apply`, which" not in planned
    assert (
        "help: run `provisioner destroy`, which first finds out" in workspace.run_in_process("plan", "--destroy").words
    )
    assert workspace.run_in_process("destroy", "--auto-approve").code == 0
    assert (workspace.purchases, workspace.ledger_counts("release")) == ({"alpha": 1}, {"alpha": 1})


def test_a_destroy_whose_purchase_is_in_doubt_is_not_told_to_apply(workspace, sandbox):
    workspace.write("servers: {alpha: {}}\n")
    sandbox.arm({"at": "CreateDevServer", "fault": "reset", "executed": False})
    assert workspace.apply("--resolve-timeout", "0").code == 6
    destroyed = workspace.run_in_process("destroy", "--auto-approve", "--resolve-timeout", "0")
    said = destroyed.words
    assert (destroyed.code, "run `provisioner destroy` again; it finds and releases" in said) == (6, True)
    assert ("run `provisioner apply`" in said, "apply buys it" in said) == (False, False)
