"""Guards over real HTTP: what is refused moves no money, what is allowed moves what was said. The ledger is the judge."""

from __future__ import annotations

import json

import pytest
from support.fault_proxy import answering, editing, message
from support.site import ONE, PREPAID, THREE

ONE_PREPAID = f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n"
LARGER = f"servers: {{alpha: {{flavor: Si2.xlarge.4, charging_info: {PREPAID}}}}}\n"
SOLD_OUT = "servers: {alpha: {flavor: sandbox.sold-out}}\n"
VOLUME = "0b5a1d2e-2cdb-4b81-956a-ef68812c6cf7"
ALLOWED = ("--allow", "prepaid-delete")


def test_nothing_is_released_for_a_flavor_that_is_sold_out(site, proxy):
    site.apply()
    site.write(SOLD_OUT)
    for options in ((), ("--replace", "alpha")):
        refused = site.run("apply", "--auto-approve", *options)
        assert (refused.code, "Error[sold-out]" in refused.err) == (4, True)
    assert proxy.of("GET", "/dev-servers/flavors")
    assert site.entries("release") == {}
    assert site.here("plan", "--json").code == 4


def test_nothing_is_released_for_a_flavor_that_has_sold_out_since_the_plan_was_made(site, proxy):
    site.apply()
    site.write("servers: {alpha: {flavor: Si2.xlarge.4}}\n")
    assert site.here("plan", "--out", "plan.json").code == 0
    proxy.on(editing(sold_out), method="GET", ending="/flavors", nth=None)
    applied = site.run("apply", "plan.json")
    assert applied.code == 7
    assert "nothing was released" in " ".join(applied.text.split())
    assert (site.entries("release"), site.purchases) == ({}, {"alpha": 1})


def sold_out(answer):
    return {**answer, "data": [{**row, "is_sold_out": True} for row in answer["data"]]}


def test_a_catalogue_that_does_not_answer_forbids_nothing(site, proxy):
    site.apply()
    site.write("servers: {alpha: {flavor: Si2.xlarge.4}}\n")
    denied = message("403 Forbidden", b'{"error_code": "APIG.0302", "error_msg": "not allowed"}')
    proxy.on(answering(denied, executed=False), method="GET", ending="/flavors", nth=None)
    assert site.here("apply", "--auto-approve").code == 0
    assert (site.entries("release"), site.purchases) == ({"alpha": 1}, {"alpha": 2})


def test_a_paid_term_is_named_before_it_is_given_up(site):
    site.write(ONE_PREPAID)
    site.apply()
    site.write(LARGER)
    refused = site.here("plan", "--json")
    (refusal,) = json.loads(refused.out)["refusals"]
    assert (refused.code, refusal["code"]) == (4, "prepaid-replace")
    assert refusal["detail"].startswith("lost: its term until 20")
    assert "what comes back of its price is not known" in refusal["detail"]
    replaced = site.here("apply", "--auto-approve", "--replace", "alpha")
    assert "lost: its term until 20" in replaced.out
    assert (replaced.code, site.entries("refund"), site.purchases) == (0, {"alpha": 1}, {"alpha": 2})


def test_what_is_lost_is_shown_before_anybody_approves(site):
    site.write(ONE_PREPAID)
    site.apply()
    asked = site.run("destroy", *ALLOWED)
    assert asked.code == 8
    shown = " ".join(asked.text.split())
    assert "lost: its term until 20" in shown
    assert "what comes back of its price is not known before: the API publishes no estimate" in shown
    assert site.entries("release") == {}


def test_only_what_was_allowed_and_selected_is_released(site):
    site.write(THREE)
    site.apply()
    assert site.here("destroy", "--auto-approve").code == 4
    assert site.here("destroy", "--auto-approve", "--exclude", "beta").code == 0
    assert site.entries("release") == {"alpha": 1, "gamma": 1}
    assert site.here("destroy", "--auto-approve", "--target", "beta").code == 4
    assert site.here("destroy", "--auto-approve", "--target", "beta", *ALLOWED).code == 0
    assert site.entries("release") == {"alpha": 1, "beta": 1, "gamma": 1}
    assert site.entries("refund") == {"beta": 1}


def test_a_destroy_that_was_killed_goes_on_with_the_same_words(site, proxy):
    """The release was taken, and the tool died before it heard: nothing has to be allowed that is on its way already."""
    site.write(ONE_PREPAID)
    site.apply()
    gate = proxy.gate()
    proxy.on(gate.after, ending="/unsubscribe")
    running = site.start("destroy", "--auto-approve", *ALLOWED)
    gate.await_arrival()
    running.kill()
    gate.open()
    again = site.here("destroy", "--auto-approve")
    assert again.code == 0, again.text
    assert (site.entries("release"), site.entries("refund")) == ({"alpha": 1}, {"alpha": 1})


def test_a_run_that_only_adds_asks_the_catalogue_once_and_a_plan_without_work_asks_nobody(site, proxy):
    site.write(ONE)
    site.apply()
    assert len(proxy.of("GET", "/flavors")) == len(proxy.of("GET", "/images")) == 1
    assert site.here("plan").code == 0
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

    def test_nothing_is_released_for_a_flavor_that_a_complete_catalogue_does_not_list(self, site, proxy):
        site.apply()
        self.complete(proxy)
        site.write("servers: {alpha: {flavor: Si2.larg.4}}\n")
        for options in ((), ("--replace", "alpha")):
            refused = site.here("apply", "--auto-approve", *options)
            assert (refused.code, "Error[not-listed]" in refused.err) == (4, True)
            assert "it has Si2.large.4" in refused.err
        assert site.entries("release") == {}
        assert site.here("apply", "--auto-approve", "--allow", "not-listed").code == 0
        assert site.entries("release") == {"alpha": 1}

    def test_nothing_is_stopped_for_an_image_that_is_nowhere(self, site, proxy):
        site.apply()
        self.complete(proxy)
        site.write(f"servers: {{alpha: {{image_id: {OTHER_IMAGE}}}}}\n")
        refused = site.here("apply", "--auto-approve")
        assert (refused.code, "Error[not-listed]" in refused.err) == (4, True)
        assert not proxy.of("PUT", "/stop")
        assert site.entries("wipe") == {}

    def test_an_image_that_goes_after_the_plan_was_made_stops_nothing_either(self, site, proxy):
        site.apply()
        site.write(f"servers: {{alpha: {{image_id: {OTHER_IMAGE}}}}}\n")
        assert site.here("plan", "--out", "plan.json").code == 0
        self.complete(proxy)
        applied = site.here("apply", "plan.json")
        assert applied.code == 7
        assert "nothing was stopped or wiped" in " ".join(applied.text.split())
        assert (proxy.of("PUT", "/stop"), site.entries("wipe")) == ([], {})

    def test_a_purchase_alone_is_warned_about(self, site, proxy):
        self.complete(proxy)
        site.write("servers: {alpha: {flavor: Si2.larg.4}}\n")
        planned = json.loads(site.here("plan", "--json").out)
        assert [one["code"] for one in planned["findings"]] == ["not-listed"]
        assert planned["refusals"] == []


class TestLeftovers:
    WITH_DISKS = "servers: {alpha: {data_volume: {type: SSD, size: 500, count: 2}}}\n"

    def test_data_disks_that_outlive_a_server_are_named_before_and_listed_after(self, site):
        site.write(self.WITH_DISKS)
        site.apply()
        planned = json.loads(site.here("plan", "--destroy", "--json").out)
        kept = planned["resource_changes"][0]["leftovers"]
        assert len({one["id"] for one in kept}) == 2
        destroyed = site.here("destroy", "--auto-approve")
        assert destroyed.code == 0
        listed = destroyed.out.split("Kept by the cloud, and billed on")[1]
        assert all(f"alpha  {one['what']}" in listed for one in kept)

    def test_a_disk_that_was_attached_later_outlives_a_prepaid_server_too(self, site):
        site.write(f"servers: {{alpha: {{charging_info: {PREPAID}, volumes: [{VOLUME}]}}}}\n")
        site.apply()
        destroyed = site.here("destroy", "--auto-approve", *ALLOWED)
        assert destroyed.code == 0
        listed = destroyed.out.split("Kept by the cloud, and billed on")[1]
        assert f"alpha  data disk {VOLUME}" in listed
        assert site.entries("refund") == {"alpha": 1}

    def test_they_are_listed_in_json_too(self, site):
        site.write(self.WITH_DISKS)
        site.apply()
        last = json.loads(site.here("destroy", "--auto-approve", "--json").out.splitlines()[-1])
        assert [one["address"] for one in last["leftovers"]] == ["alpha", "alpha"]

    def test_a_run_that_finds_the_server_gone_lists_them_for_the_one_that_died(self, site, proxy, clock):
        site.write(self.WITH_DISKS)
        site.apply()
        gate = proxy.gate()
        proxy.on(gate.after, method="DELETE", ending="")
        running = site.start("destroy", "--auto-approve")
        gate.await_arrival()
        running.kill()
        gate.open()
        clock.advance(60)
        again = site.here("destroy", "--auto-approve")
        assert again.code == 0
        assert "data disk" in again.text
        assert site.entries("release") == {"alpha": 1}


def charged_as(mode, *, order):
    """Every row shows this mode, and none or its own order."""

    def edit(answer):
        rows = [{**row, "charging_mode": mode} for row in answer["data"]]
        return {**answer, "data": rows if order else [{**row, "order_id": None} for row in rows]}

    return edit


class TestAPaidTermThatIsNotShownPlainly:
    @pytest.fixture
    def prepaid(self, site):
        site.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
        site.apply()
        return site

    @pytest.mark.parametrize("order", [True, False])
    def test_a_row_of_no_mode_hides_no_order(self, prepaid, proxy, order):
        proxy.on(editing(charged_as("COMMON", order=order)), method="GET", ending="/all", nth=None)
        prepaid.here("apply", "--refresh-only", "--auto-approve")
        refused = prepaid.here("destroy", "--auto-approve")
        assert refused.code == 4
        assert "Error[prepaid-delete]" in refused.text
        assert prepaid.entries("release") == {}

    def test_one_that_became_a_subscription_in_the_console_is_guarded_by_what_its_row_shows(self, site, proxy):
        site.apply()
        proxy.on(editing(charged_as("PRE_PAID", order=False)), method="GET", ending="/all", nth=None)
        refused = site.here("destroy", "--auto-approve")
        assert refused.code == 4
        assert "Error[prepaid-delete]" in refused.text
        site.write("servers: {alpha: {flavor: Si2.xlarge.4}}\n")
        replaced = site.here("apply", "--auto-approve")
        assert replaced.code == 4
        assert "Error[prepaid-replace]" in replaced.text
        assert site.entries("release") == {}
