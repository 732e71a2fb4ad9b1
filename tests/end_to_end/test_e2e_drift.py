"""Drift over real HTTP: what a person does in the console is shown, recorded when that is wanted, and paid for by nobody."""

import json

import pytest
import yaml
from support.fault_proxy import resetting
from support.site import STACK, THREE

OTHER_IMAGE = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
OS_IMAGE = "7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7"
PAY_PER_USE = "servers: {alpha: {}, beta: {}, gamma: {lifecycle: {ignore_changes: [name]}}}\n"


@pytest.fixture
def ids(site):
    site.write(PAY_PER_USE)
    assert site.apply().code == 0
    return {address: facts["id"] for address, facts in site.outputs.items()}


@pytest.fixture
def drifted(site, console, ids):
    """alpha is stopped and renamed, beta gone, gamma renamed, which its specs accept."""
    console.stop(ids["alpha"])
    console.rename(ids["alpha"], "alpha-by-hand")
    console.delete(ids["beta"])
    console.rename(ids["gamma"], "gamma-by-hand")
    return site


def changing(proxy) -> list[str]:
    return [each.method for each in proxy.exchanges if each.method != "GET" and "/auth/" not in each.target]


def test_nothing_changed_is_no_drift(site, ids):
    looked = site.run("drift", "--detailed-exitcode")
    assert (looked.code, looked.out) == (0, "No drift. 3 servers as recorded.\n")
    planned = site.here("plan", "--refresh-only", "--detailed-exitcode")
    assert planned.code == 0
    assert "The cloud shows what is recorded." in planned.out


def test_drift_shows_what_was_changed_and_changes_nothing(drifted, proxy):
    before, sent = drifted.whole_records, len(changing(proxy))
    looked = drifted.run("drift", "--detailed-exitcode")
    assert looked.code == 2
    assert '~ name   = "alpha" -> "alpha-by-hand"' in looked.out
    assert '~ status = "RUNNING" -> "STOPPED"' in looked.out
    assert "Warning[vanished]: beta" in looked.out
    assert "gamma" not in looked.out
    assert looked.out.splitlines()[-1] == "Drift: 1 changed, 1 gone, 1 finding."
    assert "apply --refresh-only only records it" in looked.err
    assert drifted.here("drift").code == 0
    assert (drifted.whole_records, len(changing(proxy))) == (before, sent)


@pytest.mark.parametrize(
    "selection",
    [("--target", "alpha"), ("--exclude", "beta", "--exclude", "gamma"), ("--selector", "team=vision")],
    ids=lambda each: each[0],
)
def test_drift_of_a_part_names_what_it_leaves_out(drifted, selection):
    drifted.write(PAY_PER_USE.replace("alpha: {}", "alpha: {labels: {team: vision}}"))
    looked = drifted.here("drift", "--detailed-exitcode", *selection)
    assert looked.code == 2
    assert '~ status = "RUNNING" -> "STOPPED"' in looked.out
    assert "Left out by --" in looked.out
    document = json.loads(drifted.here("drift", "--json", *selection).out)
    assert [one["address"] for one in document["drift"]] == ["alpha"]
    assert [one["address"] for one in document["left_out"]] == ["beta"]
    assert "No drift. 1 server as recorded." in drifted.here("drift", "--target", "gamma").out


def test_a_declared_power_that_drifted_is_shown_once(site, console):
    site.write("servers: {alpha: {power: running}}\n")
    site.apply()
    console.stop(site.outputs["alpha"]["id"])
    for command in (("drift",), ("plan", "--refresh-only")):
        shown = site.here(*command).out
        assert '~ power = "running" -> "stopped"' in shown
        assert "status" not in shown
    assert '~ power = "stopped" -> "running" # changed outside of the specs' in site.here("plan").out
    assert site.apply("--refresh-only").code == 0
    assert site.state()["resources"]["alpha"]["observed"]["status"] == "STOPPED"


def test_drift_is_a_document(drifted, ids):
    document = json.loads(drifted.here("drift", "--json").out)
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
    again = drifted.here("apply", "--refresh-only", "--auto-approve")
    assert again.code == 0
    history = drifted.here("history").out
    assert "apply --refresh-only by " in history
    assert "noticed" in history
    assert drifted.here("history", "--verify").code == 0


def test_what_is_gone_is_not_bought_by_the_apply_after_it(drifted):
    drifted.here("apply", "--refresh-only", "--auto-approve")
    assert drifted.apply().code == 7  # beta is wanted and not there
    assert drifted.purchases == {"alpha": 1, "beta": 1, "gamma": 1}
    assert drifted.apply("--replace", "beta").code == 0
    assert drifted.purchases == {"alpha": 1, "beta": 2, "gamma": 1}


def test_a_saved_refresh_is_carried_out_once_and_not_after_the_state_has_moved(drifted):
    assert drifted.here("plan", "--refresh-only", "--out", "plan.json").code == 0
    assert drifted.here("plan", "--refresh-only", "--out", "stale.json").code == 0
    shown = drifted.here("show", "plan.json")
    assert "Refresh: 2 to record." in shown.out
    assert drifted.run("apply", "plan.json").code == 0
    for plan in ("plan.json", "stale.json"):
        refused = drifted.here("apply", plan)
        assert refused.code == 1
        assert "plan-used" in refused.err or "plan-stale" in refused.err
    assert drifted.purchases == {"alpha": 1, "beta": 1, "gamma": 1}


def test_nobody_is_asked_for_nothing_and_without_a_yes_nothing_is_recorded(drifted):
    before = drifted.state()
    refused = drifted.run("apply", "--refresh-only")
    assert refused.code == 8
    assert "--auto-approve" in refused.err
    assert drifted.state() == before


def test_an_image_changed_outside_and_a_server_bought_twice_are_shown(site, console, ids):
    console.stop(ids["alpha"])
    console.change_image(ids["alpha"], OTHER_IMAGE)
    console.buy({**yaml.safe_load(STACK)["defaults"], "name": "gamma"})
    looked = site.here("drift", "--detailed-exitcode")
    assert looked.code == 2
    assert f'-> "{OTHER_IMAGE}"' in looked.out
    assert "Warning[namesake]" in looked.out


def test_an_image_changed_outside_is_wiped_by_nobody_until_a_person_names_the_address(site, console, ids):
    console.stop(ids["alpha"])
    console.change_image(ids["alpha"], OTHER_IMAGE)
    wiped = [row.kind for row in site.ledger].count("wipe")
    for _ in range(3):
        applied = site.run("apply", "--auto-approve")
        assert applied.code == 0
        assert "Warning[unconfirmed]: alpha" in applied.out + applied.err
    assert [row.kind for row in site.ledger].count("wipe") == wiped
    assert site.run("plan", "--reinstall", "alpha", "--out", "wipe.plan").code == 0
    assert site.run("apply", "wipe.plan", "--auto-approve").code == 0
    assert [row.kind for row in site.ledger].count("wipe") == wiped + 1
    assert site.here("drift", "--detailed-exitcode").code == 0


def test_a_system_that_cannot_be_put_on_is_put_on_again_by_name_only(site):
    site.write("servers: {alpha: {flavor: sandbox.os-fails}}\n")
    assert site.apply().code == 0
    site.write(f"servers: {{alpha: {{flavor: sandbox.os-fails, image_id: {OS_IMAGE}}}}}\n")
    assert "apply --reinstall" in (failed := site.run("apply", "--auto-approve")).out + failed.err
    site.run("apply", "--auto-approve")
    assert [row.kind for row in site.ledger].count("wipe") == 1
    site.run("apply", "--auto-approve", "--reinstall", "alpha")
    assert [row.kind for row in site.ledger].count("wipe") == 2
    assert [row.kind for row in site.ledger].count("release") == 0


def test_only_a_finding_is_something_too(site, console, ids):
    console.buy({**yaml.safe_load(STACK)["defaults"], "name": "gamma"})
    looked = site.here("drift", "--detailed-exitcode")
    assert looked.code == 2
    assert looked.out.splitlines()[-1] == "No drift. 3 servers as recorded. 1 finding above."


def test_a_purchase_in_doubt_is_6_and_is_neither_bought_nor_looked_for(site, proxy):
    site.write(THREE)
    proxy.on(resetting(executed=False), name="alpha")
    assert site.apply("--resolve-timeout", "0").code == 6
    purchases = site.purchases
    looked = site.here("drift", "--detailed-exitcode")
    assert looked.code == 6
    assert "Warning[in-doubt]: alpha" in looked.out
    assert "1 server under way or in doubt not compared." in looked.out
    assert json.loads(site.here("drift", "--json").out)["in_doubt"] is True
    assert site.here("drift").code == 0
    assert site.here("plan", "--refresh-only", "--detailed-exitcode").code == 6
    assert site.here("plan", "--refresh-only", "--out", "plan.json").code == 6
    assert site.here("apply", "--refresh-only", "--auto-approve").code == 6
    assert site.purchases == purchases


def test_a_refresh_adopts_what_was_bought_and_goes_no_further(site, proxy):
    """Its reply was lost: the server is ours and costs money, so it is recorded; what is to become of it is apply's to do."""
    proxy.on(resetting(executed=True), name="alpha")
    assert site.apply("--resolve-timeout", "0").code == 6
    sent = len(changing(proxy))
    assert site.here("apply", "--refresh-only", "--auto-approve").code == 0
    assert len(changing(proxy)) == sent
    assert site.state()["resources"]["alpha"]["phase"] == "creating"
    assert site.apply().code == 0
    assert site.purchases == {"alpha": 1}


@pytest.mark.parametrize("other", [["--destroy"], ["--replace", "alpha"]])
@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_two_ways_of_planning_exclude_each_other(site, verb, other):
    refused = site.here(verb, "--refresh-only", *other)
    assert refused.code == 1
    assert other[0] in refused.err
    assert not site.ledger


def test_a_saved_plan_says_itself_what_it_is_for(drifted):
    drifted.here("plan", "--refresh-only", "--out", "plan.json")
    refused = drifted.here("apply", "plan.json", "--refresh-only")
    assert refused.code == 1
    assert "a saved plan says what to do" in refused.err


def test_before_the_first_apply_there_is_no_drift(site):
    looked = site.here("drift", "--detailed-exitcode")
    assert (looked.code, looked.out) == (0, "No drift. 0 servers as recorded.\n")
    assert site.here("apply", "--refresh-only", "--auto-approve").code == 0
    assert not (site.folder / "state" / "test.json").exists()


def test_the_state_of_another_stack_is_not_compared(drifted):
    path = drifted.folder / "specs" / "stack.yaml"
    path.write_text(path.read_text().replace("stack: test", "stack: other"))
    (drifted.folder / "state" / "test.json").rename(drifted.folder / "state" / "other.json")
    (drifted.folder / "state" / "test.journal").rename(drifted.folder / "state" / "other.journal")
    looked = drifted.here("drift")
    assert looked.code == 1
    assert "state-foreign" in looked.err
