"""What billing leaves out of its answers is unknown and said so, and nothing is decided, paid, released or written for it."""

from __future__ import annotations

import json

import pytest
from support.fault_proxy import editing
from support.process_workspace import PREPAID

RENEWING = PREPAID.replace("}", ", is_auto_renew: true}")
ROWS = {"method": "POST", "ending": "/resources/query", "nth": None}


def without(*names, rows="data"):
    return lambda answer: {**answer, rows: [{key: row[key] for key in row if key not in names} for row in answer[rows]]}


def without_rows(answer):
    return {**answer, "data": [], "total_count": 0}


def without_lines(answer):
    return {key: answer[key] for key in answer if key != "order_line_items"}


@pytest.fixture
def paid(workspace):
    workspace.write(f"servers: {{alpha: {{charging_info: {RENEWING}}}}}\n")
    assert workspace.apply().code == 0
    return workspace


def order_of(workspace):
    return workspace.state()["resources"]["alpha"]["order_id"]


class TestASubscription:
    def test_without_an_expiry_policy_is_not_known_to_renew(self, paid, proxy):
        proxy.on(editing(without("expire_policy")), **ROWS)
        before = paid.state()
        ran = paid.run("expiring", "--within", "60d", "--detailed-exitcode", "--json")
        document = json.loads(ran.out)
        (server,) = document["servers"]
        assert (server["renews"], server["ending"], ran.code) == (None, True, 2)
        assert server["expires_at"] is not None
        assert [one["code"] for one in document["diagnostics"]] == ["expiry-unknown"]
        assert (
            "alpha: billing does not say what happens when its term ends"
            in paid.run_in_process("expiring", "--within", "60d").err
        )
        assert paid.state() == before

    @pytest.mark.parametrize("edited", [without("expire_policy"), without_rows])
    def test_that_does_not_tell_is_no_difference_and_the_plan_says_that_it_does_not_know(self, paid, proxy, edited):
        proxy.on(editing(edited), **ROWS)
        planned = paid.run_in_process("plan", "--detailed-exitcode")
        assert (planned.code, "No changes." in planned.out) == (0, True)
        told = planned.words
        assert "Warning[renewal-unread]: nobody knows whether 1 prepaid server still renews as the specs say" in told

    def test_without_an_end_is_given_up_for_a_term_of_unknown_length(self, paid, proxy):
        proxy.on(editing(without("expire_time")), **ROWS)
        row = paid.run_in_process("expiring").out.splitlines()[1]
        assert row.split()[:3] == ["alpha", paid.outputs["alpha"]["id"], "unknown"]
        refused = paid.run_in_process("plan", "--destroy")
        assert refused.code == 4
        assert paid.ledger_counts("release") == {}

    def test_of_which_billing_knows_nothing_is_not_released_on_a_guess(self, paid, proxy):
        proxy.on(editing(without_rows), **ROWS)
        destroyed = paid.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete")
        assert destroyed.code == 7
        assert "billing does not know it yet" in destroyed.words
        assert (paid.ledger_counts("release"), paid.ledger_counts("refund")) == ({}, {})
        assert "unsubscribe it in the console" in destroyed.words
        proxy.clear()
        assert paid.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete").code == 0
        assert (paid.ledger_counts("release"), paid.ledger_counts("refund")) == ({"alpha": 1}, {"alpha": 1})

    @pytest.mark.parametrize("leaving", [("destroy",), ("apply",)])
    def test_that_it_never_knows_is_released_in_the_console_and_its_record_dropped(self, paid, proxy, console, leaving):
        proxy.on(editing(without_rows), **ROWS)
        console.unsubscribe(paid.outputs["alpha"]["id"])
        paid.write("servers: {}\n")
        refused = paid.run_in_process(*leaving, "--auto-approve", "--allow", "prepaid-delete")
        assert refused.code == 4
        assert "--allow vanished" in refused.words
        assert paid.run_in_process(*leaving, "--auto-approve", "--allow", "vanished").code == 0
        assert paid.state()["resources"] == {}


class TestAnOrder:
    @pytest.mark.parametrize(
        "edited", [without_lines, without("period_type", "period_num", "subscription_num", rows="order_line_items")]
    )
    def test_without_its_lines_or_what_they_say_is_shown_with_what_is_known(self, paid, proxy, edited):
        proxy.on(editing(edited), method="GET", ending=order_of(paid), nth=None)
        before = paid.state()
        shown = paid.run("orders", "show", "alpha")
        assert shown.code == 0
        assert "613.20 CNY" in shown.out
        assert "for 1 month" not in shown.out
        if edited is without_lines:
            assert "billing does not say what was ordered" in shown.out
        assert paid.run_in_process("orders", "list").code == 0
        assert paid.run_in_process("plan", "--detailed-exitcode").code == 0
        assert paid.state() == before

    def test_without_its_lines_is_paid_all_the_same_and_once(self, workspace, proxy):
        workspace.write(
            "servers: {alpha: {charging_info: {charging_mode: PRE_PAID, period_type: MONTH, period_num: 1}}}\n"
        )
        assert workspace.apply().code == 7
        proxy.on(editing(without_lines), method="GET", ending=order_of(workspace), nth=None)
        assert workspace.run_in_process("orders", "pay", "alpha", "--auto-approve").code == 0
        assert workspace.apply().code == 0
        assert workspace.ledger_counts("payment") == {"alpha": 1}
