"""Guards over real HTTP: what is refused moves no money, what is allowed moves what was said. The ledger is the judge."""

from __future__ import annotations

import json

import pytest
from support.fault_proxy import answering, editing, message
from support.process_workspace import ONE, PREPAID, THREE

ONE_PREPAID = f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n"
LARGER = f"servers: {{alpha: {{flavor: Si2.xlarge.4, charging_info: {PREPAID}}}}}\n"
SOLD_OUT = "servers: {alpha: {flavor: sandbox.sold-out}}\n"
VOLUME = "0b5a1d2e-2cdb-4b81-956a-ef68812c6cf7"
ALLOWED = ("--allow", "prepaid-delete")


def test_nothing_is_released_for_a_flavor_that_is_sold_out(workspace, proxy):
    workspace.apply()
    workspace.write(SOLD_OUT)
    for options in ((), ("--replace", "alpha")):
        refused = workspace.run("apply", "--auto-approve", *options)
        assert (refused.code, "Error[sold-out]" in refused.err) == (4, True)
    assert proxy.of("GET", "/dev-servers/flavors")
    assert workspace.ledger_counts("release") == {}
    assert workspace.run_in_process("plan", "--json").code == 4


def test_nothing_is_released_for_a_flavor_that_has_sold_out_since_the_plan_was_made(workspace, proxy):
    workspace.apply()
    workspace.write("servers: {alpha: {flavor: Si2.xlarge.4}}\n")
    assert workspace.run_in_process("plan", "--out", "plan.json").code == 0
    proxy.on(editing(sold_out), method="GET", ending="/flavors", nth=None)
    applied = workspace.run("apply", "plan.json")
    assert (applied.code, "Error[sold-out]" in applied.text) == (4, True), applied.text
    assert (workspace.ledger_counts("release"), workspace.purchases) == ({}, {"alpha": 1})


def sold_out(answer):
    return {**answer, "data": [{**row, "is_sold_out": True} for row in answer["data"]]}


def test_a_catalogue_that_does_not_answer_forbids_nothing(workspace, proxy):
    workspace.apply()
    workspace.write("servers: {alpha: {flavor: Si2.xlarge.4}}\n")
    denied = message("403 Forbidden", b'{"error_code": "APIG.0302", "error_msg": "not allowed"}')
    proxy.on(answering(denied, executed=False), method="GET", ending="/flavors", nth=None)
    assert workspace.run_in_process("apply", "--auto-approve").code == 0
    assert (workspace.ledger_counts("release"), workspace.purchases) == ({"alpha": 1}, {"alpha": 2})


def test_a_paid_term_is_named_before_it_is_given_up(workspace):
    workspace.write(ONE_PREPAID)
    workspace.apply()
    workspace.write(LARGER)
    refused = workspace.run_in_process("plan", "--json")
    (refusal,) = json.loads(refused.out)["refusals"]
    assert (refused.code, refusal["code"]) == (4, "prepaid-replace")
    assert refusal["detail"].startswith("you would lose its term until 20")
    assert "the refund is not known" in refusal["detail"]
    replaced = workspace.run_in_process("apply", "--auto-approve", "--replace", "alpha")
    assert "you would lose its term until 20" in replaced.out
    assert (replaced.code, workspace.ledger_counts("refund"), workspace.purchases) == (0, {"alpha": 1}, {"alpha": 2})


def test_what_is_lost_is_shown_before_anybody_approves(workspace):
    workspace.write(ONE_PREPAID)
    workspace.apply()
    asked = workspace.run("destroy", *ALLOWED)
    assert asked.code == 8
    shown = asked.words
    assert "you would lose its term until 20" in shown
    assert "the refund is not known in advance, because the API publishes no estimate" in shown
    assert workspace.ledger_counts("release") == {}


def test_only_what_was_allowed_and_selected_is_released(workspace):
    workspace.write(THREE)
    workspace.apply()
    assert workspace.run_in_process("destroy", "--auto-approve").code == 4
    assert workspace.run_in_process("destroy", "--auto-approve", "--exclude", "beta").code == 0
    assert workspace.ledger_counts("release") == {"alpha": 1, "gamma": 1}
    assert workspace.run_in_process("destroy", "--auto-approve", "--target", "beta").code == 4
    assert workspace.run_in_process("destroy", "--auto-approve", "--target", "beta", *ALLOWED).code == 0
    assert workspace.ledger_counts("release") == {"alpha": 1, "beta": 1, "gamma": 1}
    assert workspace.ledger_counts("refund") == {"beta": 1}


def test_a_destroy_that_was_killed_goes_on_with_the_same_words(workspace, proxy):
    """The release was taken, and the tool died before it heard: nothing has to be allowed that is on its way already."""
    workspace.write(ONE_PREPAID)
    workspace.apply()
    gate = proxy.gate()
    proxy.on(gate.after, ending="/unsubscribe")
    running = workspace.start("destroy", "--auto-approve", *ALLOWED)
    gate.await_arrival()
    running.kill()
    gate.open()
    again = workspace.run_in_process("destroy", "--auto-approve")
    assert again.code == 0, again.text
    assert (workspace.ledger_counts("release"), workspace.ledger_counts("refund")) == ({"alpha": 1}, {"alpha": 1})


def test_a_run_that_only_adds_asks_the_catalogue_once_and_a_plan_without_work_asks_nobody(workspace, proxy):
    workspace.write(ONE)
    workspace.apply()
    assert len(proxy.of("GET", "/flavors")) == len(proxy.of("GET", "/images")) == 1
    assert workspace.run_in_process("plan").code == 0
    assert len(proxy.of("GET", "/flavors")) == 1
    assert not proxy.of("POST", "/query")


def whole(answer):
    return {**answer, "total": len(answer["data"])}


OTHER_IMAGE = "7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7"
NO_IMAGE = message("400 Bad Request", b'{"error_code": "ModelArts.0104", "error_msg": "the image does not exist"}')


class TestWhatTheCatalogueLacks:
    def complete(self, proxy):
        for ending in ("/flavors", "/images"):
            proxy.on(editing(whole), method="GET", ending=ending, nth=None)
        proxy.on(answering(NO_IMAGE, executed=False), method="GET", ending=f"/images/{OTHER_IMAGE}", nth=None)

    def test_nothing_is_released_for_a_flavor_that_a_complete_catalogue_does_not_list(self, workspace, proxy):
        workspace.apply()
        self.complete(proxy)
        workspace.write("servers: {alpha: {flavor: Si2.larg.4}}\n")
        for options in ((), ("--replace", "alpha")):
            refused = workspace.run_in_process("apply", "--auto-approve", *options)
            assert (refused.code, "Error[not-listed]" in refused.err) == (4, True)
            assert "it has Si2.large.4" in refused.err
        assert workspace.ledger_counts("release") == {}
        assert workspace.run_in_process("apply", "--auto-approve", "--allow", "not-listed").code == 0
        assert workspace.ledger_counts("release") == {"alpha": 1}

    def test_nothing_is_stopped_for_an_image_that_is_nowhere(self, workspace, proxy):
        workspace.apply()
        self.complete(proxy)
        workspace.write(f"servers: {{alpha: {{image_id: {OTHER_IMAGE}}}}}\n")
        refused = workspace.run_in_process("apply", "--auto-approve")
        assert (refused.code, "Error[not-listed]" in refused.err) == (4, True)
        assert not proxy.of("PUT", "/stop")
        assert workspace.ledger_counts("wipe") == {}

    def test_an_image_that_goes_after_the_plan_was_made_stops_nothing_either(self, workspace, proxy):
        workspace.apply()
        workspace.write(f"servers: {{alpha: {{image_id: {OTHER_IMAGE}}}}}\n")
        assert workspace.run_in_process("plan", "--out", "plan.json").code == 0
        self.complete(proxy)
        applied = workspace.run_in_process("apply", "plan.json")
        assert (applied.code, "Error[not-listed]" in applied.text) == (4, True), applied.text
        assert (proxy.of("PUT", "/stop"), workspace.ledger_counts("wipe")) == ([], {})

    def test_a_purchase_alone_is_warned_about(self, workspace, proxy):
        self.complete(proxy)
        workspace.write("servers: {alpha: {flavor: Si2.larg.4}}\n")
        planned = json.loads(workspace.run_in_process("plan", "--json").out)
        assert {one["code"] for one in planned["findings"]} == {"not-listed", "no-state"}
        assert planned["refusals"] == []


class TestLeftovers:
    WITH_DISKS = "servers: {alpha: {data_volume: {type: SSD, size: 500, count: 2}}}\n"

    def test_data_disks_that_outlive_a_server_are_named_before_and_listed_after(self, workspace):
        workspace.write(self.WITH_DISKS)
        workspace.apply()
        planned = json.loads(workspace.run_in_process("plan", "--destroy", "--json").out)
        kept = planned["resource_changes"][0]["leftovers"]
        assert len({one["id"] for one in kept}) == 2
        destroyed = workspace.run_in_process("destroy", "--auto-approve")
        assert destroyed.code == 0
        listed = destroyed.out.split("These remain in the cloud and cost money")[1]
        assert all(f"alpha  {one['what']}" in listed for one in kept)
        told = workspace.run_in_process("history").out
        assert all(one["what"] in told for one in kept)
        later = json.loads(workspace.run_in_process("leftovers", "--json").out)["leftovers"]
        assert [(one["address"], one["id"], one["size_gb"]) for one in later] == [
            ("alpha", one["id"], 500) for one in kept
        ]

    def test_a_disk_that_was_attached_later_outlives_a_prepaid_server_too(self, workspace):
        workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}, volumes: [{VOLUME}]}}}}\n")
        workspace.apply()
        destroyed = workspace.run_in_process("destroy", "--auto-approve", *ALLOWED)
        assert destroyed.code == 0
        listed = destroyed.out.split("These remain in the cloud and cost money")[1]
        assert f"alpha  data disk {VOLUME}" in listed
        assert workspace.ledger_counts("refund") == {"alpha": 1}

    def test_they_are_listed_in_json_too(self, workspace):
        workspace.write(self.WITH_DISKS)
        workspace.apply()
        last = json.loads(workspace.run_in_process("destroy", "--auto-approve", "--json").out.splitlines()[-1])
        assert [one["address"] for one in last["leftovers"]] == ["alpha", "alpha"]

    def test_a_run_that_finds_the_server_gone_lists_them_for_the_one_that_died(self, workspace, proxy, clock):
        workspace.write(self.WITH_DISKS)
        workspace.apply()
        gate = proxy.gate()
        proxy.on(gate.after, method="DELETE", ending="")
        running = workspace.start("destroy", "--auto-approve")
        gate.await_arrival()
        running.kill()
        gate.open()
        clock.advance(60)
        again = workspace.run_in_process("destroy", "--auto-approve")
        assert again.code == 0
        assert "data disk" in again.text
        assert workspace.ledger_counts("release") == {"alpha": 1}


def charged_as(mode, *, order):
    """Every row shows this mode, and none or its own order."""

    def edit(answer):
        rows = [{**row, "charging_mode": mode} for row in answer["data"]]
        return {**answer, "data": rows if order else [{**row, "order_id": None} for row in rows]}

    return edit


class TestAPaidTermThatIsNotShownPlainly:
    @pytest.fixture
    def prepaid(self, workspace):
        workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
        workspace.apply()
        return workspace

    @pytest.mark.parametrize("order", [True, False])
    def test_a_row_of_no_mode_hides_no_order(self, prepaid, proxy, order):
        proxy.on(editing(charged_as("COMMON", order=order)), method="GET", ending="/all", nth=None)
        prepaid.run_in_process("apply", "--refresh-only", "--auto-approve")
        refused = prepaid.run_in_process("destroy", "--auto-approve")
        assert refused.code == 4
        assert "Error[prepaid-delete]" in refused.text
        assert prepaid.ledger_counts("release") == {}

    def test_one_that_became_a_subscription_in_the_console_is_guarded_by_what_its_row_shows(self, workspace, proxy):
        workspace.apply()
        proxy.on(editing(charged_as("PRE_PAID", order=False)), method="GET", ending="/all", nth=None)
        refused = workspace.run_in_process("destroy", "--auto-approve")
        assert refused.code == 4
        assert "Error[prepaid-delete]" in refused.text
        workspace.write("servers: {alpha: {flavor: Si2.xlarge.4}}\n")
        replaced = workspace.run_in_process("apply", "--auto-approve")
        assert replaced.code == 4
        assert "Error[prepaid-replace]" in replaced.text
        assert workspace.ledger_counts("release") == {}
