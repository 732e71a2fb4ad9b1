"""Drift over real HTTP: what a person does in the console is shown, recorded when that is wanted, and paid for by nobody."""

import json

import pytest
import yaml
from support.fault_proxy import resetting
from support.process_workspace import STACK, THREE

OTHER_IMAGE = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
OS_IMAGE = "7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7"
PAY_PER_USE = "servers: {alpha: {}, beta: {}, gamma: {lifecycle: {ignore_changes: [name]}}}\n"


@pytest.fixture
def ids(workspace):
    workspace.write(PAY_PER_USE)
    assert workspace.apply().code == 0
    return {address: facts["id"] for address, facts in workspace.outputs.items()}


@pytest.fixture
def drifted(workspace, console, ids):
    """alpha is stopped and renamed, beta gone, gamma renamed, which its specs accept."""
    console.stop(ids["alpha"])
    console.rename(ids["alpha"], "alpha-by-hand")
    console.delete(ids["beta"])
    console.rename(ids["gamma"], "gamma-by-hand")
    return workspace


def changing(proxy) -> list[str]:
    return [each.method for each in proxy.exchanges if each.method != "GET" and "/auth/" not in each.target]


def test_nothing_changed_is_no_drift(workspace, ids):
    looked = workspace.run("drift", "--detailed-exitcode")
    assert (looked.code, looked.out) == (0, "No drift. 3 servers as recorded.\n")
    planned = workspace.run_in_process("plan", "--refresh-only", "--detailed-exitcode")
    assert planned.code == 0
    assert "The cloud shows what is recorded." in planned.out


def test_drift_shows_what_was_changed_and_changes_nothing(drifted, proxy):
    before, sent = drifted.journal_records, len(changing(proxy))
    looked = drifted.run("drift", "--detailed-exitcode")
    assert looked.code == 2
    assert '~ name   = "alpha" -> "alpha-by-hand"' in looked.out
    assert '~ status = "RUNNING" -> "STOPPED"' in looked.out
    assert "Warning[vanished]: beta" in looked.out
    assert "gamma" not in looked.out
    assert looked.out.splitlines()[-1] == "Drift: 1 changed, 1 gone, 1 finding."
    assert "`provisioner apply --refresh-only` only records it" in looked.err
    assert drifted.run_in_process("drift").code == 0
    assert (drifted.journal_records, len(changing(proxy))) == (before, sent)


@pytest.mark.parametrize(
    "selection",
    [("--target", "alpha"), ("--exclude", "beta", "--exclude", "gamma"), ("--selector", "team=vision")],
    ids=lambda each: each[0],
)
def test_drift_of_a_part_names_what_it_leaves_out(drifted, selection):
    drifted.write(PAY_PER_USE.replace("alpha: {}", "alpha: {labels: {team: vision}}"))
    looked = drifted.run_in_process("drift", "--detailed-exitcode", *selection)
    assert looked.code == 2
    assert '~ status = "RUNNING" -> "STOPPED"' in looked.out
    assert "Left out by --" in looked.out
    document = json.loads(drifted.run_in_process("drift", "--json", *selection).out)
    assert [one["address"] for one in document["drift"]] == ["alpha"]
    assert [one["address"] for one in document["left_out"]] == ["beta"]
    assert "No drift. 1 server as recorded." in drifted.run_in_process("drift", "--target", "gamma").out


def test_a_declared_power_that_drifted_is_shown_once(workspace, console):
    workspace.write("servers: {alpha: {power: running}}\n")
    workspace.apply()
    console.stop(workspace.outputs["alpha"]["id"])
    for command in (("drift",), ("plan", "--refresh-only")):
        shown = workspace.run_in_process(*command).out
        assert '~ power = "running" -> "stopped"' in shown
        assert "status" not in shown
    assert '~ power = "stopped" -> "running" # changed outside of the specs' in workspace.run_in_process("plan").out
    assert workspace.apply("--refresh-only").code == 0
    assert workspace.state()["resources"]["alpha"]["observed"]["status"] == "STOPPED"


def test_drift_is_a_document(drifted, ids):
    document = json.loads(drifted.run_in_process("drift", "--json").out)
    assert (document["drifted"], document["in_doubt"], document["servers"]) == (True, False, 3)
    alpha, beta = document["drift"]
    assert (alpha["address"], alpha["id"], alpha["gone"]) == ("alpha", ids["alpha"], False)
    assert {"path": ["status"], "before": "RUNNING", "after": "STOPPED"}.items() <= alpha["fields"][1].items()
    assert (beta["address"], beta["gone"]) == ("beta", True)
    assert [finding["code"] for finding in document["findings"]] == ["vanished"]


def test_a_refresh_records_it_and_buys_changes_and_releases_nothing(drifted, proxy):
    ledger, sent = drifted.ledger, len(changing(proxy))
    applied = drifted.run("apply", "--refresh-only", "--auto-approve", "--reason", "the console was used")
    assert applied.code == 0
    assert applied.out.splitlines()[-1] == "Apply --refresh-only complete! Servers: 2 recorded."
    assert drifted.ledger == ledger
    assert len(changing(proxy)) == sent
    resources = drifted.state()["resources"]
    assert resources["alpha"]["declared"]["name"] == "alpha-by-hand"
    assert resources["alpha"]["observed"]["status"] == "STOPPED"
    assert resources["beta"]["observed"]["status"] == "DELETED"
    assert resources["gamma"]["declared"]["name"] == "gamma"
    again = drifted.run_in_process("apply", "--refresh-only", "--auto-approve")
    assert again.code == 0
    history = drifted.run_in_process("history").out
    assert "apply --refresh-only by " in history
    assert "noticed" in history
    assert drifted.run_in_process("history", "--verify").code == 0


def test_what_is_gone_is_not_bought_by_the_apply_after_it(drifted):
    drifted.run_in_process("apply", "--refresh-only", "--auto-approve")
    assert drifted.apply().code == 7  # beta is wanted and not there
    assert drifted.purchases == {"alpha": 1, "beta": 1, "gamma": 1}
    assert drifted.apply("--replace", "beta").code == 0
    assert drifted.purchases == {"alpha": 1, "beta": 2, "gamma": 1}


def test_a_saved_refresh_is_carried_out_once_and_not_after_the_state_has_moved(drifted):
    assert drifted.run_in_process("plan", "--refresh-only", "--out", "plan.json").code == 0
    assert drifted.run_in_process("plan", "--refresh-only", "--expires", "3h", "--out", "stale.json").code == 0
    shown = drifted.run_in_process("show", "plan.json")
    assert "Refresh: 2 to record." in shown.out
    assert drifted.run("apply", "plan.json").code == 0
    for plan, code, problem in (("plan.json", 1, "plan-used"), ("stale.json", 4, "plan-differs")):
        refused = drifted.run_in_process("apply", plan)
        assert (refused.code, problem in refused.err) == (code, True), refused.text
    assert drifted.purchases == {"alpha": 1, "beta": 1, "gamma": 1}


def test_nobody_is_asked_for_nothing_and_without_a_yes_nothing_is_recorded(drifted):
    before = drifted.state()
    refused = drifted.run("apply", "--refresh-only")
    assert refused.code == 8
    assert "--auto-approve" in refused.err
    assert drifted.state() == before


def test_an_image_changed_outside_and_a_server_bought_twice_are_shown(workspace, console, ids):
    console.stop(ids["alpha"])
    console.change_image(ids["alpha"], OTHER_IMAGE)
    console.buy({**yaml.safe_load(STACK)["defaults"], "name": "gamma"})
    looked = workspace.run_in_process("drift", "--detailed-exitcode")
    assert looked.code == 2
    assert f'-> "{OTHER_IMAGE}"' in looked.out
    assert "Warning[namesake]" in looked.out


def test_an_image_changed_outside_is_wiped_by_nobody_until_a_person_names_the_address(workspace, console, ids):
    console.stop(ids["alpha"])
    console.change_image(ids["alpha"], OTHER_IMAGE)
    wiped = [row.kind for row in workspace.ledger].count("wipe")
    for _ in range(3):
        applied = workspace.run("apply", "--auto-approve")
        assert applied.code == 0
        assert "Warning[unconfirmed]: alpha" in applied.out + applied.err
    assert [row.kind for row in workspace.ledger].count("wipe") == wiped
    assert workspace.run("plan", "--reinstall", "alpha", "--out", "wipe.plan").code == 0
    assert workspace.run("apply", "wipe.plan", "--auto-approve").code == 0
    assert [row.kind for row in workspace.ledger].count("wipe") == wiped + 1
    assert workspace.run_in_process("drift", "--detailed-exitcode").code == 0


def test_a_system_that_cannot_be_put_on_is_put_on_again_by_name_only(workspace):
    workspace.write("servers: {alpha: {flavor: sandbox.os-fails}}\n")
    assert workspace.apply().code == 0
    workspace.write(f"servers: {{alpha: {{flavor: sandbox.os-fails, image_id: {OS_IMAGE}}}}}\n")
    assert "apply --reinstall" in (failed := workspace.run("apply", "--auto-approve")).out + failed.err
    workspace.run("apply", "--auto-approve")
    assert [row.kind for row in workspace.ledger].count("wipe") == 1
    workspace.run("apply", "--auto-approve", "--reinstall", "alpha")
    assert [row.kind for row in workspace.ledger].count("wipe") == 2
    assert [row.kind for row in workspace.ledger].count("release") == 0


def test_only_a_finding_is_something_too(workspace, console, ids):
    console.buy({**yaml.safe_load(STACK)["defaults"], "name": "gamma"})
    looked = workspace.run_in_process("drift", "--detailed-exitcode")
    assert looked.code == 2
    assert looked.out.splitlines()[-1] == "No drift. 3 servers as recorded. 1 finding above."


def test_a_purchase_in_doubt_is_6_and_is_neither_bought_nor_looked_for(workspace, proxy):
    workspace.write(THREE)
    proxy.on(resetting(executed=False), name="alpha")
    assert workspace.apply("--resolve-timeout", "0").code == 6
    purchases = workspace.purchases
    looked = workspace.run_in_process("drift", "--detailed-exitcode")
    assert looked.code == 6
    assert "Warning[in-doubt]: alpha" in looked.out
    assert "1 server under way or in doubt not compared." in looked.out
    assert json.loads(workspace.run_in_process("drift", "--json").out)["in_doubt"] is True
    assert workspace.run_in_process("drift").code == 0
    assert workspace.run_in_process("plan", "--refresh-only", "--detailed-exitcode").code == 6
    assert workspace.run_in_process("plan", "--refresh-only", "--out", "plan.json").code == 6
    assert workspace.run_in_process("apply", "--refresh-only", "--auto-approve").code == 6
    assert workspace.purchases == purchases


def test_a_refresh_adopts_what_was_bought_and_goes_no_further(workspace, proxy):
    """Its reply was lost: the server is ours and costs money, so it is recorded; what is to become of it is apply's to do."""
    proxy.on(resetting(executed=True), name="alpha")
    assert workspace.apply("--resolve-timeout", "0").code == 6
    sent = len(changing(proxy))
    assert workspace.run_in_process("apply", "--refresh-only", "--auto-approve").code == 0
    assert len(changing(proxy)) == sent
    assert workspace.state()["resources"]["alpha"]["phase"] == "creating"
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1}


@pytest.mark.parametrize("other", [["--destroy"], ["--replace", "alpha"]])
@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_two_ways_of_planning_exclude_each_other(workspace, verb, other):
    refused = workspace.run_in_process(verb, "--refresh-only", *other)
    assert refused.code == 1
    assert other[0] in refused.err
    assert not workspace.ledger


def test_a_saved_plan_says_itself_what_it_is_for(drifted):
    drifted.run_in_process("plan", "--refresh-only", "--out", "plan.json")
    refused = drifted.run_in_process("apply", "plan.json", "--refresh-only")
    assert refused.code == 1
    assert "a saved plan says what to do" in refused.err


def test_before_the_first_apply_there_is_nothing_to_compare(workspace):
    looked = workspace.run_in_process("drift", "--detailed-exitcode")
    assert (looked.code, "No drift" in looked.out) == (4, False)
    looked = workspace.run_in_process("drift", "--detailed-exitcode", "--allow", "no-state")
    assert (looked.code, "No drift. 0 servers as recorded.\n" in looked.out) == (0, True)
    assert workspace.run_in_process("apply", "--refresh-only", "--auto-approve").code == 4
    assert workspace.run_in_process("apply", "--refresh-only", "--auto-approve", "--allow", "no-state").code == 0
    assert not (workspace.folder / "state" / "test.json").exists()


def test_the_state_of_another_stack_is_not_compared(drifted):
    path = drifted.folder / "specs" / "stack.yaml"
    path.write_text(path.read_text().replace("stack: test", "stack: other"))
    (drifted.folder / "state" / "test.json").rename(drifted.folder / "state" / "other.json")
    (drifted.folder / "state" / "test.journal").rename(drifted.folder / "state" / "other.journal")
    looked = drifted.run_in_process("drift")
    assert looked.code == 1
    assert "state-foreign" in looked.err
